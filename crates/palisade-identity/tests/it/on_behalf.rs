//! Tenants that act for their users.

use palisade_identity::TwoWayMode::{Default, Exclusive, Force};
use rstest::rstest;

use crate::common::{Brings, PASSWORD, ask, in_mode, shown};

const NOT_ALLOWED: &str = "403 on-behalf-of-not-allowed";

#[rstest]
#[case::a_user_of_the_tenant(Brings::certificate("acme"), "dave", "dave acme certificate+on-behalf-of")]
#[case::a_user_with_a_certificate(
    Brings::certificate("acme"),
    "alice",
    "alice acme certificate+on-behalf-of"
)]
#[case::an_inactive_user(Brings::certificate("acme"), "carol", NOT_ALLOWED)]
#[case::a_user_of_another_tenant(Brings::certificate("acme"), "bob", NOT_ALLOWED)]
#[case::nobody(Brings::certificate("acme"), "mallory", NOT_ALLOWED)]
#[case::no_name(Brings::certificate("acme"), "", NOT_ALLOWED)]
#[case::another_case(Brings::certificate("acme"), "Dave", NOT_ALLOWED)]
#[case::the_tenant_itself(Brings::certificate("acme"), "acme", NOT_ALLOWED)]
#[case::by_a_users_certificate(Brings::certificate("alice"), "dave", NOT_ALLOWED)]
#[case::by_a_users_certificate_for_the_user(Brings::certificate("alice"), "alice", NOT_ALLOWED)]
#[case::beside_credentials(Brings::basic("alice", PASSWORD), "alice", NOT_ALLOWED)]
#[case::beside_wrong_credentials(Brings::basic("alice", "wrong"), "alice", NOT_ALLOWED)]
#[case::beside_both(
    Brings::basic("alice", PASSWORD).and_certificate("acme"),
    "dave",
    NOT_ALLOWED
)]
#[case::without_anything(Brings::nothing(), "dave", NOT_ALLOWED)]
#[case::by_a_stranger(
    Brings::certificate("stranger"),
    "dave",
    "403 client-certificate-not-accepted"
)]
#[tokio::test]
async fn only_a_tenants_certificate_alone_acts_for_its_active_users(
    #[case] brings: Brings,
    #[case] name: &str,
    #[case] expected: &str,
) {
    let brings = brings.and("x-on-behalf-of", name);
    for mode in [Default, Force, Exclusive] {
        assert_eq!(shown(&in_mode(mode).layer(), &brings).await, expected, "{mode:?}");
    }
}

#[tokio::test]
async fn two_names_are_none() {
    let brings = Brings::certificate("acme")
        .and("x-on-behalf-of", "dave")
        .and("x-on-behalf-of", "dave");
    assert_eq!(shown(&in_mode(Default).layer(), &brings).await, NOT_ALLOWED);
}

#[tokio::test]
async fn a_tenant_is_told_from_a_user_and_who_is_acted_for_has_their_own_roles() {
    let layer = in_mode(Default).layer();
    let tenant = ask(&layer, &Brings::certificate("acme")).await.principal.unwrap();
    assert!(tenant.is_tenant && tenant.roles.is_empty());
    let acting = Brings::certificate("acme").and("x-on-behalf-of", "alice");
    let user = ask(&layer, &acting).await.principal.unwrap();
    assert!(!user.is_tenant && user.has_role("clerk"));
}
