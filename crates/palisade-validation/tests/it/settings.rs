//! What operators write, and what they are told of mistakes.

use rstest::rstest;

use crate::common::{World, compile, compile_all};

fn complaints(settings: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("bad.json"), "{\"type\": \"objekt\"}")
        .expect("the file can be written");
    std::fs::write(
        folder.path().join("remote.json"),
        "{\"$ref\": \"https://example.org/order.json\"}",
    )
    .expect("the file can be written");
    compile(folder.path(), settings)
        .expect_err("it is wrong")
        .to_string()
}

#[rstest]
#[case("validation.content-types=json", "content-types", "a media type")]
#[case("validation.content-types=", "content-types", "")]
#[case("validation.max-body=much", "max-body", "bytes")]
#[case("validation.json.max-depth=0", "json.max-depth", "1")]
#[case("validation.json.maxdepth=1", "json.maxdepth", "max-depth")]
#[case("validation.query.a.pattern=(", "query.a.pattern", "")]
#[case("validation.query.a.type=text", "query.a.type", "integer")]
#[case("validation.response=maybe", "response", "enforce")]
#[case("validation.schema=none.json", "schema", "none.json")]
#[case("validation.schema=bad.json", "schema", "bad.json:1")]
#[case("validation.schema=remote.json", "schema", "https://example.org/order.json")]
#[case("validation.openapi=api.json", "openapi", "OpenAPI")]
#[cfg_attr(
    not(feature = "xsd"),
    case("validation.schema=order.xsd", "schema", "without the feature `xsd`")
)]
#[cfg_attr(
    feature = "xsd",
    case("validation.schema=order.xsd", "schema", "order.xsd: cannot be read")
)]
fn a_mistake_is_told_with_its_key(#[case] settings: &str, #[case] key: &str, #[case] expected: &str) {
    let complaints = complaints(settings);
    assert!(
        complaints.contains(&format!("palisade.interceptors.V.validation.{key}")),
        "{complaints}"
    );
    assert!(complaints.contains(expected), "{complaints}");
}

#[rstest]
#[case("validation.content-types=application/json", &[])]
#[case("validation.max-body=1 MiB", &["validation-any-media-type"])]
#[case(
    "validation.content-types=application/json\nvalidation.json.duplicate-keys=allow",
    &["validation-duplicate-keys"]
)]
fn what_is_unwise_is_a_finding(#[case] settings: &str, #[case] codes: &[&str]) {
    let world = World::of(settings);
    let policy = world.policy();
    let found: Vec<&str> = policy
        .findings()
        .iter()
        .map(|finding| finding.code.as_ref())
        .collect();
    assert_eq!(found, codes);
}

#[rstest]
#[case("palisade.endpoints[0].paths=/orders/{id}", &[])]
#[case("palisade.endpoints[0].paths=/orders,/orders/{*id}", &[])]
#[case("palisade.endpoints[0].paths=/orders/{ID}", &["path.id"])]
#[case("palisade.endpoints[0].webservices=orders", &["path.id"])]
#[case(
    "palisade.endpoints[0].webservices=orders\npalisade.endpoints[1].paths=/x/{id}\npalisade.endpoints[1].interceptors=V",
    &[]
)]
#[case(
    "palisade.endpoints[0].webservices=orders\npalisade.endpoints[1].paths=/x/{id}\npalisade.endpoints[1].interceptors=W\n\
     palisade.interceptors.W.validation.content-types=text/xml",
    &["path.id"]
)]
fn a_rule_for_a_parameter_that_no_path_has_is_a_finding(#[case] groups: &str, #[case] keys: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "palisade.endpoints[0].interceptors=V\n{groups}\n\
         palisade.interceptors.V.validation.content-types=application/json\n\
         palisade.interceptors.V.validation.path.id.type=uuid\n"
    );
    let policy = compile_all(folder.path(), &text).expect("it is sound");
    let found: Vec<(&str, &str)> = policy
        .findings()
        .iter()
        .map(|finding| (finding.code.as_ref(), finding.key.as_deref().unwrap_or_default()))
        .collect();
    let keys = keys
        .iter()
        .map(|key| format!("palisade.interceptors.V.validation.{key}"));
    let keys: Vec<String> = keys.collect();
    let expected: Vec<(&str, &str)> = keys
        .iter()
        .map(|key| ("validation-path-parameter-unknown", key.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_files_of_a_schema_are_watched() {
    let world = World::with_files(
        "validation.schema=order.json",
        &[("order.json", "{\"$ref\": \"line.json\"}"), ("line.json", "{}")],
    );
    let policy = world.policy();
    let names: Vec<_> = policy
        .files()
        .iter()
        .filter_map(|path| path.file_name())
        .collect();
    assert!(
        names.contains(&"order.json".as_ref()) && names.contains(&"line.json".as_ref()),
        "{names:?}"
    );
}
