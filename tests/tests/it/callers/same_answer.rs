//! Whoever is refused learns nothing from how: neither from the answer nor from the work that was done for it.

use rstest::rstest;

use super::client::{Answer, Ask};
use super::pki::fingerprint;
use super::world::{PASSWORD, Server, WRONG_PASSWORD, World, basic};

const VERIFICATIONS: &str = "palisade_password_verifications_total";

/// Everything but what names the exchange, and the time.
fn without_names(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let id = answer.field("x-request-id").unwrap();
    assert_eq!(answer.body.matches(id).count(), 1);
    let fields = answer
        .fields
        .iter()
        .filter(|(name, _)| name != "x-request-id" && name != "date");
    (
        answer.status,
        fields.cloned().collect(),
        answer.body.replace(id, "<id>"),
    )
}

/// Erin is not active, and frank has no password. Grace is not active and has none.
fn world() -> World {
    let mut world = World::new();
    world.set("palisade.users.frank.tenant", "acme");
    world.set("palisade.users.frank.roles", "clerk");
    world.set("palisade.users.grace.active", "false");
    world
}

fn ask(field: (&'static str, String)) -> Ask {
    Ask::get("/default/x").with_all(&[field])
}

#[test]
fn wrong_user_wrong_password_inactive_user_and_unknown_key_get_the_same_answer() {
    let world = world();
    let server = world.start();
    let mut connection = world.tls(None).connect(server.at("asks")).unwrap();
    let refused = [
        basic("mallory", WRONG_PASSWORD),
        basic("mallory", PASSWORD),
        basic("alice", WRONG_PASSWORD),
        basic("alice", ""),
        basic("Alice", PASSWORD),
        basic("", ""),
        basic("erin", PASSWORD),
        basic("erin", WRONG_PASSWORD),
        basic("frank", PASSWORD),
        basic("grace", PASSWORD),
        ("authorization", "Basic !".to_owned()),
        ("authorization", "Basic".to_owned()),
        ("x-api-key", "plsd_unknown".to_owned()),
        ("x-api-key", "plsd_erin".to_owned()),
        ("x-api-key", String::new()),
        ("x-api-key", format!("{}A", world.api_key)),
        ("x-api-key", fingerprint(world.api_key.as_bytes())),
    ];
    let answers = refused.map(|field| connection.ask(&ask(field)).unwrap());
    let (first, rest) = answers.split_first().unwrap();
    assert_eq!(first.shown(), "401 credentials-invalid");
    for answer in rest {
        assert_eq!(without_names(answer), without_names(first));
    }
}

/// How often a password was verified for a request, once the answer is there.
fn work(server: &Server, mut request: impl FnMut() -> String, expected: &str) -> u64 {
    let before = server.counter(VERIFICATIONS);
    assert_eq!(request(), expected);
    server.counter(VERIFICATIONS) - before
}

#[rstest]
#[case::a_good_password("alice", PASSWORD, "alice of acme by basic")]
#[case::a_wrong_password("alice", WRONG_PASSWORD, "401 credentials-invalid")]
#[case::an_unknown_user("mallory", PASSWORD, "401 credentials-invalid")]
#[case::an_inactive_user("erin", PASSWORD, "401 credentials-invalid")]
#[case::an_inactive_user_with_a_wrong_password("erin", WRONG_PASSWORD, "401 credentials-invalid")]
#[case::a_user_without_a_password("frank", PASSWORD, "401 credentials-invalid")]
#[case::an_inactive_user_without_a_password("grace", PASSWORD, "401 credentials-invalid")]
#[case::no_name_and_no_password("", "", "401 credentials-invalid")]
fn every_pair_of_user_and_password_is_worth_one_verification(
    #[case] user: &str,
    #[case] password: &str,
    #[case] expected: &str,
) {
    let world = world();
    let server = world.start();
    let mut connection = world.tls(None).connect(server.at("asks")).unwrap();
    let ask = ask(basic(user, password));
    assert_eq!(work(&server, || connection.shown(&ask), expected), 1);
    // The verdict is known, whatever it was: for as long as it is kept, and on other connections too.
    for _ in 0..3 {
        assert_eq!(work(&server, || connection.shown(&ask), expected), 0);
    }
    let tls = world.tls(Some("bob"));
    let elsewhere = || tls.ask(server.at("asks"), &ask).unwrap().shown();
    assert_eq!(work(&server, elsewhere, expected), 0);
    // Ten minutes later it is not.
    server.clock.advance(std::time::Duration::from_secs(601));
    assert_eq!(work(&server, || connection.shown(&ask), expected), 1);
}

#[test]
fn verdicts_of_one_user_and_password_are_not_taken_for_anothers() {
    let world = world();
    let server = world.start();
    let mut connection = world.tls(None).connect(server.at("asks")).unwrap();
    for (user, password, expected) in [
        ("alice", PASSWORD, "alice of acme by basic"),
        ("erin", PASSWORD, "401 credentials-invalid"),
        ("mallory", PASSWORD, "401 credentials-invalid"),
        ("alice", WRONG_PASSWORD, "401 credentials-invalid"),
        // As one text these are those of the first row.
        ("alic", "e:Correct-Horse-7", "401 credentials-invalid"),
    ] {
        let ask = ask(basic(user, password));
        assert_eq!(work(&server, || connection.shown(&ask), expected), 1, "{user}");
    }
}

/// Keys, tokens and certificates are looked up; what cannot be read is refused: none of it is slow.
#[test]
fn nothing_but_a_password_costs_a_verification() {
    let world = world();
    let server = world.start();
    let mut connection = world.tls(Some("alice")).connect(server.at("asks")).unwrap();
    for field in [
        ("x-api-key", "plsd_unknown".to_owned()),
        ("x-api-key", world.api_key.clone()),
        ("authorization", "Bearer e30.e30.AAAA".to_owned()),
        ("authorization", "Basic !".to_owned()),
        ("x-nothing", "at-all".to_owned()),
    ] {
        connection.ask(&ask(field)).unwrap();
    }
    // In a mode that demands a certificate of others, nobody without one makes us work.
    let without = world.tls(None);
    for mode in ["force", "exclusive"] {
        let ask = Ask::get(&format!("/{mode}/x")).with_all(&[basic("alice", PASSWORD)]);
        assert_eq!(
            without.ask(server.at("asks"), &ask).unwrap().shown(),
            "403 client-certificate-required"
        );
    }
    assert_eq!(server.counter(VERIFICATIONS), 0);
}
