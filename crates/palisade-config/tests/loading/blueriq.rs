//! Property files in Blueriq's names.

use std::path::Path;

use palisade_config::{Config, to_native};
use rstest::rstest;

use crate::fixture::{Fixture, list, text};

/// The example of Blueriq's documentation, with what a runtime's own file has beside it.
const EXAMPLE: &str = "\
# REST services
blueriq.baas.rest.endpoints[0].webservices=MyRestService,MyRestService2
blueriq.baas.rest.endpoints[0].operations=MyOperation,MyOperation2
blueriq.baas.rest.endpoints[0].interceptors=MyInterceptor1
blueriq.baas.rest.endpoints[1].webservices=MyRestService
blueriq.baas.rest.endpoints[1].interceptors=MyInterceptor2
blueriq.baas.soap.endpoints[0].webservices=MySoapService
blueriq.baas.soap.endpoints[0].soap-actions=urn:pay
blueriq.baas.soap.endpoints[0].interceptors=MyInterceptor2
blueriq.baas.soap.endpoints[1].interceptors=MyInterceptor1
blueriq.rest.interceptor.server.security.MyInterceptor1.request.decryption.enabled=true
blueriq.rest.interceptor.server.security.MyInterceptor1.request.decryption.key-alias=${alias}
blueriq.rest.interceptor.client.security.Out.request.signature.enabled=true
blueriq.security.keystore.location=file://keystore.p12
blueriq.security.keystore.password=ENC(abc)
blueriq.properties.encryption.password=pw
blueriq.connection.database.url=jdbc:x
blueriq.security.auth-providers.local.type=form
spring.datasource.url=jdbc:y
alias=server-${blueriq.environment}
blueriq.environment=test
";

fn load(text: &str) -> Config {
    Fixture::properties(text).config()
}

fn without_encryption() -> String {
    EXAMPLE.replace("ENC(abc)", "changeit")
}

#[test]
fn the_documented_example_loads_unchanged() {
    let config = load(&without_encryption());
    let group = |index: usize, name: &str| list(&config, &format!("palisade.endpoints[{index}].{name}"));
    assert_eq!(config.len("palisade.endpoints"), 4);
    assert_eq!(group(0, "webservices"), ["MyRestService", "MyRestService2"]);
    assert_eq!(group(0, "operations"), ["MyOperation", "MyOperation2"]);
    assert_eq!(group(1, "interceptors"), ["MyInterceptor2"]);
    assert_eq!(group(2, "soap-actions"), ["urn:pay"]);
    assert_eq!(group(3, "soap-actions"), [""; 0]);
    assert_eq!(config.blueriq().rest_groups, 0..2);
    assert_eq!(config.blueriq().soap_groups, 2..4);
    assert_eq!(config.blueriq().undeclared_interceptors, ["MyInterceptor2"]);
    let alias = "palisade.interceptors.MyInterceptor1.request.decryption.key-alias";
    assert_eq!(text(&config, alias).unwrap(), "server-test");
    assert_eq!(
        config.origin(alias).unwrap().to_string(),
        "application.properties:12"
    );
    let outbound = config.get::<bool>("palisade.client.interceptors.Out.request.signature.enabled");
    assert_eq!(outbound.unwrap(), Some(true));
    assert_eq!(
        text(&config, "palisade.keystores.blueriq.location").unwrap(),
        "file://keystore.p12"
    );
    assert_eq!(
        config.value("palisade.keystores.blueriq.password").unwrap(),
        "***"
    );
}

#[test]
fn errors_name_the_key_as_it_was_written() {
    let config = load(
        "blueriq.rest.interceptor.server.security.A.ip-filter.alow=x\nblueriq.baas.rest.endpoints[0].operations=y",
    );
    let unknown = config.unknown("palisade.interceptors.A.ip-filter", &["allow", "deny"]);
    assert_eq!(
        unknown.to_string(),
        "application.properties:1: blueriq.rest.interceptor.server.security.A.ip-filter.alow: \
         unknown key; expected one of allow, deny (did you mean \"allow\"?)"
    );
    let error = config
        .error("palisade.endpoints[0].operations", "nothing")
        .to_string();
    assert_eq!(
        error,
        "application.properties:2: blueriq.baas.rest.endpoints[0].operations: expected nothing, found \"y\""
    );
    let missing = config
        .complaint("palisade.endpoints[0].interceptors", "is missing")
        .to_string();
    assert_eq!(
        missing,
        "application.properties:2: blueriq.baas.rest.endpoints[0].interceptors: is missing"
    );
}

#[test]
fn the_lists_for_rest_and_soap_are_replaced_apart_from_each_other() {
    let config = Fixture::properties(&without_encryption())
        .env("BLUERIQ__BAAS__REST__ENDPOINTS__0__WEBSERVICES", "Other")
        .env(
            "BLUERIQ__REST__INTERCEPTOR__SERVER__SECURITY__MYINTERCEPTOR1__REQUEST__DECRYPTION__KEY_ALIAS",
            "env",
        )
        .config();
    assert_eq!(list(&config, "palisade.endpoints[0].webservices"), ["Other"]);
    assert!(!config.contains("palisade.endpoints[0].interceptors"));
    assert_eq!(config.blueriq().soap_groups, 1..3);
    assert_eq!(
        list(&config, "palisade.endpoints[1].webservices"),
        ["MySoapService"]
    );
    let alias = "palisade.interceptors.MyInterceptor1.request.decryption.key-alias";
    assert_eq!(text(&config, alias).unwrap(), "env");
}

#[test]
fn a_native_variable_overrides_a_blueriq_file() {
    let variable = "PALISADE__INTERCEPTORS__MYINTERCEPTOR2__IP_FILTER__ALLOW";
    let config = Fixture::properties(&without_encryption())
        .env(variable, "10.0.0.0/8")
        .config();
    assert_eq!(
        list(&config, "palisade.interceptors.MyInterceptor2.ip-filter.allow"),
        ["10.0.0.0/8"]
    );
}

#[rstest]
#[case(
    "blueriq.baas.rest.endpoint[0].webservices=A",
    "blueriq.baas.rest.endpoint[0].webservices: unknown key (did you mean \"blueriq.baas.rest.endpoints\"?)"
)]
#[case(
    "blueriq.rest.interceptor.server.securty.A.x=1",
    "blueriq.rest.interceptor.server.securty.A.x: unknown key (did you mean \"blueriq.rest.interceptor.server.security\"?)"
)]
#[case(
    "blueriq.baasrest.endpoints[0].webservices=A",
    "blueriq.baasrest.endpoints[0].webservices: unknown key (did you mean \"blueriq.baas.rest.endpoints\"?)"
)]
#[case(
    "bluriq.baas.rest.endpoints[0].webservices=A",
    "bluriq.baas.rest.endpoints[0].webservices: unknown first name (did you mean \"blueriq\"?)"
)]
#[case(
    "blueriq.baas.rest.endpoints[0].webservice=A",
    "blueriq.baas.rest.endpoints[0].webservice: unknown key; expected one of webservices, operations, interceptors (did you mean \"webservices\"?)"
)]
#[case(
    "blueriq.baas.soap.endpoints[0].operations=A",
    "blueriq.baas.soap.endpoints[0].operations: unknown key; expected one of webservices, soap-actions, interceptors"
)]
#[case(
    "blueriq.baas.rest.endpoints=A",
    "blueriq.baas.rest.endpoints: expected an index and a key, as in endpoints[0].webservices"
)]
#[case(
    "blueriq.properties.encryption.pasword=x",
    "blueriq.properties.encryption.pasword: unknown key; expected one of password, iterations (did you mean \"password\"?)"
)]
fn a_misspelt_key_is_refused(#[case] line: &str, #[case] error: &str) {
    let fixture = Fixture::properties(&format!("palisade.x=1\n{line}"));
    assert_eq!(fixture.errors(), format!("application.properties:2: {error}"));
    if line.starts_with("blueriq.properties") {
        return;
    }
    let native = to_native(Path::new("f"), line.as_bytes());
    assert_eq!(native.errors.to_string(), format!("f:1: {error}"));
}

#[test]
fn groups_under_both_kinds_of_name_are_refused() {
    let fixture =
        Fixture::properties("palisade.endpoints[0].name=a\nblueriq.baas.soap.endpoints[0].interceptors=B");
    assert_eq!(
        fixture.errors(),
        "application.properties:1: palisade.endpoints: expected endpoint groups under one kind of name; \
         application.properties:2 has them under blueriq.baas"
    );
    let twice =
        Fixture::properties("palisade.keystores.blueriq.location=a\nblueriq.security.keystore.location=b");
    assert_eq!(
        twice.errors(),
        "application.properties:2: blueriq.security.keystore.location: expected once; \
         palisade.keystores.blueriq.location (application.properties:1) sets the same"
    );
}

#[test]
fn a_native_file_made_from_it_loads_as_the_same_configuration() {
    let source = without_encryption();
    let native = to_native(Path::new("application.properties"), source.as_bytes());
    assert!(native.errors.is_empty(), "{}", native.errors);
    let (theirs, ours) = (load(&source), load(&native.text));
    let values = |config: &Config| {
        let mut values: Vec<_> = config
            .entries("palisade")
            .into_iter()
            .filter(|entry| entry.key != "palisade.unmatched" && entry.value != "an empty list")
            .map(|entry| (entry.key, entry.value))
            .collect();
        values.sort();
        values
    };
    assert_eq!(values(&theirs), values(&ours));
    assert_eq!(text(&ours, "palisade.unmatched").unwrap(), "allow");
    assert!(native.text.contains("# application.properties:8: blueriq.baas.soap.endpoints[0].soap-actions\npalisade.endpoints[2].soap-actions=urn:pay\n"), "{}", native.text);
    assert!(
        !native.text.contains("jdbc"),
        "only what is referred to comes along: {}",
        native.text
    );
}

#[test]
fn encrypted_values_and_placeholders_are_kept_as_they_are() {
    let source = "blueriq.security.keystore.password=ENC(abc==)\nblueriq.security.keystore.location=${blueriq.security.keystore.password:x}${HOME}\n";
    let native = to_native(Path::new("f"), source.as_bytes());
    assert!(
        native
            .text
            .contains("\npalisade.keystores.blueriq.password=ENC(abc==)\n")
    );
    assert!(
        native.text.contains(
            "\npalisade.keystores.blueriq.location=${palisade.keystores.blueriq.password:x}${HOME}\n"
        )
    );
}

#[test]
fn native_keys_in_the_file_come_along() {
    let source = b"palisade.unmatched=deny\nblueriq.baas.rest.endpoints[7].interceptors=A\n";
    let native = to_native(Path::new("f"), source);
    assert!(native.errors.is_empty());
    let expected = "\n# f:2: blueriq.baas.rest.endpoints[7].interceptors\npalisade.endpoints[0].interceptors=A\n\
                    \n# f:1: palisade.unmatched\npalisade.unmatched=deny\n";
    assert_eq!(native.text, expected);
}
