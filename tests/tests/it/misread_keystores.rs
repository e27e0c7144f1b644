//! A keystore that is wrong is one error, and none about the aliases in keystores that are right.

use palisade::config::Sources;
use palisade::{Registry, Server, StandardRegistry};
use palisade_test::ca::TestCa;

const BASE: &str = "palisade.listeners.main.tls.key-alias=us\n\
    palisade.upstream.url=https://localhost\n\
    palisade.upstream.tls.key-alias=us\n\
    palisade.endpoints[0].webservices=Payments\n\
    palisade.endpoints[0].interceptors=Acme\n\
    palisade.interceptors.Acme.request.decryption.enabled=true\n\
    palisade.interceptors.Acme.request.decryption.key-alias=us\n\
    palisade.interceptors.Acme.response.signature.enabled=true\n\
    palisade.interceptors.Acme.response.signature.key-alias=us\n\
    palisade.client.interceptors.Acme.request.signature.enabled=true\n\
    palisade.client.interceptors.Acme.request.signature.key-alias=us\n";

const KEYS: &str = "palisade.keystores.us.location=us.pem\n";

/// The errors of that configuration, one a line.
fn errors(properties: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let ca = TestCa::new("Test Root");
    ca.server(&["localhost"]).write_pem(folder.path(), "us");
    std::fs::write(folder.path().join("application.properties"), properties).unwrap();
    let loaded = Server::load(Sources::new(folder.path()), Registry::standard());
    let errors = loaded.err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_keystore_that_is_wrong_makes_no_alias_wrong() {
    assert_eq!(errors(&format!("{BASE}{KEYS}")), [""; 0]);
    let cases = [
        ("palisade.keystores.them.location=gone.pem", "keystores.them."),
        (
            "palisade.keystores.them.location=application.properties",
            "keystores.them.",
        ),
        ("palisade.keystores.them.locatoin=us.pem", "keystores.them.locat"),
        ("palisade.keystores.us.pasword=secret", "keystores.us.pasword"),
        (
            "palisade.keystores.us.password=ENC(AAAA)",
            "keystores.us.password",
        ),
        (
            "blueriq.security.keystore.location=us.pem\nblueriq.security.keystore.password=ENC(AAAA)",
            "security.keystore.password",
        ),
        ("palisade.keystors.them.location=us.pem", "palisade.keystors"),
    ];
    for (line, key) in cases {
        let errors = errors(&format!("{BASE}{KEYS}{line}\n"));
        assert!(!errors.is_empty(), "{line}");
        assert!(
            errors.iter().all(|error| error.contains(key)),
            "{line}: {errors:#?}"
        );
    }
    let misspelt = errors(&format!("{BASE}palisade.keystors.us.location=us.pem\n"));
    assert_eq!(misspelt.len(), 1, "{misspelt:#?}");
}

#[test]
fn what_is_wrong_beside_a_keystore_is_told_with_it_and_once() {
    let errors = errors(
        "palisade.keystores.us.location=gone.pem\n\
         palisade.endpoints[0].webservices=Payments\n\
         palisade.endpoints[0].interceptors=Acme,Missing\n\
         palisade.interceptors.Acme.request.decryption.enabled=true\n\
         palisade.interceptors.Acme.response.signature.enabled=true\n",
    );
    let of = |key: &str| errors.iter().filter(|error| error.contains(key)).count();
    assert_eq!(of("keystores.us.location"), 1, "{errors:#?}");
    assert_eq!(of("endpoints[0].interceptors"), 1, "{errors:#?}");
    assert_eq!(of("request.decryption.key-alias"), 1, "{errors:#?}");
    assert_eq!(of("response.signature.key-alias"), 1, "{errors:#?}");
    assert_eq!(errors.len(), 4, "{errors:#?}");
}

#[test]
fn an_alias_that_is_wrong_beside_keystores_that_are_right_is_told() {
    let errors = errors(&format!(
        "{}{KEYS}",
        BASE.replace(
            "response.signature.key-alias=us",
            "response.signature.key-alias=uss"
        )
    ));
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors.concat().contains("there is no alias `uss`"), "{errors:#?}");
}
