//! The table of two-way TLS, cell by cell: whom the handler sees, or how the request is refused.

use super::world::Credentials::{self, ApiKey, Basic, Bearer, Nothing, WrongPassword};
use super::world::MODES;

/// Whose certificate is shown: none; the caller's own, the one of the caller's tenant, a colleague's, that of a user of another
/// tenant, and one that is registered for nobody.
pub(crate) const CERTIFICATES: [Option<&str>; 6] = [
    None,
    Some("alice"),
    Some("acme"),
    Some("carol"),
    Some("bob"),
    Some("stranger"),
];

/// A row: credentials, and the answer for each certificate.
pub(crate) type Row = (Credentials, [&'static str; 6]);

const MISSING: &str = "401 credentials-missing";
const INVALID: &str = "401 credentials-invalid";
const REQUIRED: &str = "403 client-certificate-required";
const NOT_ACCEPTED: &str = "403 client-certificate-not-accepted";

const ALICE: &str = "alice of acme by certificate";
const ACME: &str = "tenant acme of acme by certificate";
const CAROL: &str = "carol of acme by certificate";
const BOB: &str = "bob of globex by certificate";

/// Mode `default`: either will do, and beside credentials a certificate is not looked at.
#[rustfmt::skip]
const DEFAULT: [Row; 5] = [
    (Nothing,       [MISSING, ALICE, ACME, CAROL, BOB, NOT_ACCEPTED]),
    (Basic,         ["alice of acme by basic"; 6]),
    (Bearer,        ["alice of acme by bearer"; 6]),
    (ApiKey,        ["alice of acme by api-key"; 6]),
    (WrongPassword, [INVALID; 6]),
];

/// Mode `force` where the listener asks for certificates, and `exclusive` everywhere.
#[rustfmt::skip]
const DEMANDED: [Row; 5] = [
    (Nothing,       [REQUIRED, ALICE, ACME, CAROL, BOB, NOT_ACCEPTED]),
    (Basic,         [REQUIRED, "alice of acme by basic+certificate", "alice of acme by basic+certificate", NOT_ACCEPTED, NOT_ACCEPTED, NOT_ACCEPTED]),
    (Bearer,        [REQUIRED, "alice of acme by bearer+certificate", "alice of acme by bearer+certificate", NOT_ACCEPTED, NOT_ACCEPTED, NOT_ACCEPTED]),
    (ApiKey,        [REQUIRED, "alice of acme by api-key+certificate", "alice of acme by api-key+certificate", NOT_ACCEPTED, NOT_ACCEPTED, NOT_ACCEPTED]),
    (WrongPassword, [REQUIRED, INVALID, INVALID, INVALID, INVALID, INVALID]),
];

/// Where the listener asks for certificates, by whatever way they come.
pub(crate) fn where_asked(mode: &str) -> [Row; 5] {
    match mode {
        "default" => DEFAULT,
        "force" | "exclusive" => DEMANDED,
        _ => panic!("{mode} is no mode"),
    }
}

/// Where it does not: whatever a client would show, nothing is seen of it.
pub(crate) fn where_not_asked(mode: &str) -> [Row; 5] {
    let rows = match mode {
        "default" | "force" => DEFAULT,
        "exclusive" => DEMANDED,
        _ => panic!("{mode} is no mode"),
    };
    rows.map(|(credentials, [none, ..])| (credentials, [none; 6]))
}

/// Where it asks, and what clients claim is not believed.
pub(crate) fn where_nothing_is_believed(mode: &str) -> [Row; 5] {
    where_asked(mode).map(|(credentials, [none, ..])| (credentials, [none; 6]))
}

/// Holds every cell of every mode against the answers; what differs is told at once.
pub(crate) fn hold(
    rows: fn(&str) -> [Row; 5],
    mut answer: impl FnMut(&str, Credentials, Option<&str>) -> String,
) {
    let mut wrong = Vec::new();
    for mode in MODES {
        for (credentials, expected) in rows(mode) {
            for (certificate, expected) in CERTIFICATES.into_iter().zip(expected) {
                let answer = answer(mode, credentials, certificate);
                if answer != expected {
                    wrong.push(format!(
                        "{mode}, {credentials:?}, {certificate:?}: {answer}, expected {expected}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
