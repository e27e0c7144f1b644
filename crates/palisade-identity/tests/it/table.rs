//! The two-way table through the stage: who is known in every cell, and who is not.

use palisade_identity::TwoWayMode::{self, Default, Exclusive, Force};
use rstest::rstest;

use crate::common::{Brings, PASSWORD, in_mode, key, shown};

const MISSING: &str = "401 credentials-missing";
const INVALID: &str = "401 credentials-invalid";
const REQUIRED: &str = "403 client-certificate-required";
const NOT_ACCEPTED: &str = "403 client-certificate-not-accepted";

fn basic(user: &str) -> Brings {
    Brings::basic(user, PASSWORD)
}

#[rstest]
// The mode default: either will do, and a certificate beside credentials says nothing.
#[case::default_nothing(Default, Brings::nothing(), MISSING)]
#[case::default_credentials(Default, basic("alice"), "alice acme basic")]
#[case::default_wrong_credentials(Default, Brings::basic("alice", "wrong"), INVALID)]
#[case::default_certificate_of_a_user(Default, Brings::certificate("alice"), "alice acme certificate")]
#[case::default_certificate_of_a_tenant(Default, Brings::certificate("acme"), "acme acme certificate")]
#[case::default_certificate_of_an_inactive_user(Default, Brings::certificate("carol"), NOT_ACCEPTED)]
#[case::default_certificate_of_nobody(Default, Brings::certificate("stranger"), NOT_ACCEPTED)]
#[case::default_both(Default, basic("alice").and_certificate("alice"), "alice acme basic")]
#[case::default_both_and_the_certificate_is_anothers(
    Default,
    basic("bob").and_certificate("alice"),
    "bob globex basic"
)]
#[case::default_both_and_the_certificate_is_nobodys(
    Default,
    basic("bob").and_certificate("stranger"),
    "bob globex basic"
)]
#[case::default_both_and_wrong_credentials(
    Default,
    Brings::basic("alice", "wrong").and_certificate("alice"),
    INVALID
)]
// The mode force, where certificates are asked for.
#[case::force_nothing(Force, Brings::nothing(), REQUIRED)]
#[case::force_credentials(Force, basic("alice"), REQUIRED)]
#[case::force_wrong_credentials(Force, Brings::basic("alice", "wrong"), REQUIRED)]
#[case::force_certificate(Force, Brings::certificate("alice"), "alice acme certificate")]
#[case::force_certificate_of_nobody(Force, Brings::certificate("stranger"), NOT_ACCEPTED)]
#[case::force_both_the_users(
    Force,
    basic("alice").and_certificate("alice"),
    "alice acme basic+certificate"
)]
#[case::force_both_the_tenants_though_the_user_has_one(
    Force,
    basic("alice").and_certificate("acme"),
    "alice acme basic+certificate"
)]
#[case::force_both_the_tenants(Force, basic("dave").and_certificate("acme"), "dave acme basic+certificate")]
#[case::force_both_anothers(Force, basic("dave").and_certificate("alice"), NOT_ACCEPTED)]
#[case::force_both_another_tenants(Force, basic("bob").and_certificate("acme"), NOT_ACCEPTED)]
#[case::force_both_nobodys(Force, basic("alice").and_certificate("stranger"), NOT_ACCEPTED)]
#[case::force_both_wrong_credentials(
    Force,
    Brings::basic("alice", "wrong").and_certificate("alice"),
    INVALID
)]
#[case::force_both_by_key(
    Force,
    Brings::key(key().text().expose()).and_certificate("alice"),
    "alice acme api-key+certificate"
)]
// The mode force, where none are asked for.
#[case::force_unasked_nothing(Force, Brings::nothing().where_none_is_asked_for(), MISSING)]
#[case::force_unasked_credentials(Force, basic("bob").where_none_is_asked_for(), "bob globex basic")]
#[case::force_unasked_wrong_credentials(
    Force,
    Brings::basic("bob", "wrong").where_none_is_asked_for(),
    INVALID
)]
// The mode exclusive, everywhere.
#[case::exclusive_nothing(Exclusive, Brings::nothing(), REQUIRED)]
#[case::exclusive_credentials(Exclusive, basic("alice"), REQUIRED)]
#[case::exclusive_certificate(Exclusive, Brings::certificate("acme"), "acme acme certificate")]
#[case::exclusive_both(
    Exclusive,
    basic("alice").and_certificate("alice"),
    "alice acme basic+certificate"
)]
#[case::exclusive_both_anothers(Exclusive, basic("bob").and_certificate("alice"), NOT_ACCEPTED)]
#[case::exclusive_unasked_nothing(Exclusive, Brings::nothing().where_none_is_asked_for(), REQUIRED)]
#[case::exclusive_unasked_credentials(Exclusive, basic("alice").where_none_is_asked_for(), REQUIRED)]
#[tokio::test]
async fn every_cell_knows_whom_it_should(
    #[case] mode: TwoWayMode,
    #[case] brings: Brings,
    #[case] expected: &str,
) {
    assert_eq!(shown(&in_mode(mode).layer(), &brings).await, expected);
}

#[tokio::test]
async fn a_route_that_may_be_nameless_still_refuses_what_is_not_good() {
    let optional = crate::common::builder()
        .allow_unauthenticated()
        .build()
        .unwrap()
        .layer();
    for (brings, expected) in [
        (Brings::nothing(), "nobody"),
        (basic("alice"), "alice acme basic"),
        (Brings::basic("alice", "wrong"), INVALID),
        (Brings::certificate("stranger"), NOT_ACCEPTED),
        (
            Brings::nothing().and("x-on-behalf-of", "alice"),
            "403 on-behalf-of-not-allowed",
        ),
    ] {
        assert_eq!(shown(&optional, &brings).await, expected, "{brings:?}");
    }
}

#[tokio::test]
async fn where_certificates_are_no_way_to_sign_in_one_is_as_good_as_none() {
    let passwords = palisade_identity::Authentication::builder()
        .fixed_directory(crate::common::snapshot())
        .accept_basic()
        .build()
        .unwrap()
        .layer();
    assert_eq!(shown(&passwords, &Brings::certificate("alice")).await, MISSING);
    let both = basic("alice").and_certificate("stranger");
    assert_eq!(shown(&passwords, &both).await, "alice acme basic");
}
