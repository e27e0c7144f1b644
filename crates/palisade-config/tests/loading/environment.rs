//! Environment variables.

use rstest::rstest;

use crate::fixture::{Fixture, text};

#[rstest]
#[case(
    "PALISADE__INTERCEPTORS__MYINTERCEPTOR1__IP_FILTER__ALLOW",
    "palisade.interceptors.MyInterceptor1.ip-filter.allow"
)]
#[case(
    "PALISADE__INTERCEPTORS__NAMED__IP_FILTER__ALLOW",
    "palisade.interceptors.Named.ip-filter.allow"
)]
#[case(
    "PALISADE__INTERCEPTORS__NEW__IP_FILTER__ALLOW",
    "palisade.interceptors.new.ip-filter.allow"
)]
#[case(
    "PALISADE__LISTENERS__MAIN__TLS__SNI__API_EXAMPLE_COM__KEY_ALIAS",
    "palisade.listeners.main.tls.sni[api.example.com].key-alias"
)]
#[case("PALISADE__USERS__ANN_B__ROLES", "palisade.users.Ann_B.roles")]
#[case("PALISADE__USERS__42__ROLES", "palisade.users.42.roles")]
#[case("PALISADE__OTHER__0__NAME", "palisade.other[0].name")]
#[case("palisade__unmatched", "palisade.unmatched")]
fn variables_find_declared_names_without_regard_to_case(#[case] variable: &str, #[case] key: &str) {
    let fixture = Fixture::properties(
        "palisade.interceptors.MyInterceptor1.ip-filter.allow=10.0.0.0/8\npalisade.endpoints[0].interceptors=MyInterceptor1, Named\n\
         palisade.listeners.main.tls.sni[api.example.com].key-alias=x\npalisade.users.Ann_B.tenant=x",
    )
    .env(variable, "0007");
    let config = fixture.config();
    assert_eq!(text(&config, key).unwrap(), "0007");
    assert_eq!(
        config.origin(key).unwrap().to_string(),
        format!("environment variable {variable}")
    );
}

#[test]
fn a_variable_that_fits_two_declared_names_is_refused() {
    let fixture = Fixture::properties("palisade.users.ann.tenant=x\npalisade.users.ANN.tenant=y")
        .env("PALISADE__USERS__ANN__TENANT", "z");
    let errors = fixture.errors();
    assert!(
        errors.contains("palisade.users.ann") && errors.contains("palisade.users.ANN"),
        "{errors}"
    );
    let fixture = Fixture::properties("palisade.x=1")
        .env("PALISADE__X", "1")
        .env("palisade__x", "2");
    assert_eq!(
        fixture.errors(),
        "environment variable palisade__x: palisade.x: expected once; environment variable PALISADE__X sets the same"
    );
}

#[test]
fn other_variables_only_serve_placeholders() {
    let fixture = Fixture::properties("palisade.a=${HOST_NAME}\npalisade.b=${HOME_X:none}")
        .env("HOST_NAME", "h")
        .env("PALISADE_SERVICE_HOST", "10.0.0.1")
        .env("PALISADE_LISTENERS_0_BIND", "x")
        .env("BLUERIQ_BAAS_REST_ENDPOINTS_0_WEBSERVICES", "x")
        .env("BLUERIQ_HOME", "x");
    let config = fixture.config();
    assert_eq!(text(&config, "palisade.a").unwrap(), "h");
    assert_eq!(text(&config, "palisade.b").unwrap(), "none");
    assert_eq!(config.names("palisade"), ["a", "b"]);
    let codes: Vec<_> = config
        .findings()
        .iter()
        .map(|finding| finding.code.as_ref())
        .collect();
    assert_eq!(
        codes,
        ["environment-variable-ignored", "environment-variable-ignored"]
    );
}
