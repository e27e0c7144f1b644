use std::fs;
use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::{Compiler, Draft, Formats, Schema, SchemaErrors};
use super::told;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load(folder: &TempDir) -> Result<(Schema, Vec<String>), SchemaErrors> {
    let (schema, files) = Schema::load(&folder.path().join("api/order.json"), Formats::Assert)?;
    Ok((
        schema,
        files.iter().map(|file| below(folder.path(), file)).collect(),
    ))
}

fn below(folder: &Path, file: &Path) -> String {
    file.strip_prefix(folder).unwrap().display().to_string()
}

/// What is told at start, without the path of the folder.
fn refused(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let told = load(&folder).unwrap_err().to_string();
    told.replace(&format!("{}/", folder.path().display()), "")
}

#[rstest]
#[case::plain(r#"{"properties": {"to": {"$ref": "common/address.json"}}}"#)]
#[case::fragment(r#"{"properties": {"to": {"$ref": "./common/all%20kinds.json#/$defs/address"}}}"#)]
#[case::its_own_id(r#"{"$id": "https://example.com/schemas/order.json", "properties": {"to": {"$ref": "common/address.json"}}}"#)]
#[case::whole_uri(r#"{"$id": "https://example.com/schemas/order.json", "properties": {"to": {"$ref": "https://example.com/schemas/common/address.json"}}}"#)]
#[case::draft_4(r#"{"$schema": "http://json-schema.org/draft-04/schema#", "id": "https://example.com/schemas/order.json", "properties": {"to": {"$ref": "common/address.json"}}}"#)]
fn references_lead_to_files_below_the_folder(#[case] order: &str) {
    let folder = folder(&[
        ("api/order.json", order),
        (
            "api/common/address.json",
            r#"{"required": ["street"], "properties": {"zip": {"$ref": "zip.json"}}}"#,
        ),
        (
            "api/common/all kinds.json",
            r#"{"$defs": {"address": {"$ref": "address.json"}}}"#,
        ),
        (
            "api/common/zip.json",
            r#"{"type": "string", "pattern": "^[0-9]{5}$"}"#,
        ),
    ]);
    let (schema, files) = load(&folder).unwrap();
    assert!(files.contains(&"api/order.json".to_owned()), "{files:?}");
    assert!(files.contains(&"api/common/address.json".to_owned()), "{files:?}");
    assert!(files.contains(&"api/common/zip.json".to_owned()), "{files:?}");
    assert!(
        schema
            .check(&json!({"to": {"street": "x", "zip": "12345"}}))
            .is_ok()
    );
    assert_eq!(
        told(schema.check(&json!({"to": {"zip": "1234"}}))),
        [
            "/to | required | must have the member `street`",
            "/to/zip | pattern | must match the pattern `^[0-9]{5}$`"
        ]
    );
}

#[test]
fn files_may_refer_to_each_other_in_circles() {
    let folder = folder(&[
        (
            "api/order.json",
            r#"{"properties": {"parts": {"items": {"$ref": "part.json"}}}}"#,
        ),
        (
            "api/part.json",
            r#"{"required": ["name"], "properties": {"of": {"$ref": "order.json"}}}"#,
        ),
    ]);
    let (schema, files) = load(&folder).unwrap();
    assert_eq!(files, ["api/order.json", "api/part.json"]);
    assert!(
        schema
            .check(&json!({"parts": [{"name": 1, "of": {"parts": [{"name": 1}]}}]}))
            .is_ok()
    );
    assert!(
        schema
            .check(&json!({"parts": [{"name": 1, "of": {"parts": [{}]}}]}))
            .is_err()
    );
}

#[test]
fn bundled_ids_and_anchors_are_found_without_a_file() {
    let folder = folder(&[(
        "api/order.json",
        r##"{"$id": "https://example.com/order", "items": {"$ref": "item"}, "minItems": 1,
            "$defs": {"item": {"$id": "item", "$ref": "#number", "$defs": {"x": {"$anchor": "number", "type": "number"}}}}}"##,
    )]);
    let (schema, files) = load(&folder).unwrap();
    assert_eq!(files, ["api/order.json"]);
    assert!(schema.check(&json!([1])).is_ok());
    assert!(schema.check(&json!(["a"])).is_err());
}

#[rstest]
#[case::remote(
    r#"{"properties": {"a": {"$ref": "https://elsewhere.example/a.json#/b"}}}"#,
    "`https://elsewhere.example/a.json` is neither",
    "at `/properties/a/$ref`"
)]
#[case::other_host(
    r#"{"$id": "https://example.com/s/order.json", "$ref": "https://example.com/t/a.json"}"#,
    "`https://example.com/t/a.json` is neither",
    "at `/$ref`"
)]
#[case::parent(r#"{"$ref": "../secret.json"}"#, "is neither", "at `/$ref`")]
#[case::parent_encoded(r#"{"$ref": "a/%2e%2e/%2E%2E/secret.json"}"#, "is neither", "at `/$ref`")]
#[case::slash_encoded(r#"{"$ref": "..%2Fsecret.json"}"#, "is neither", "at `/$ref`")]
#[case::absolute(r#"{"$ref": "/secret.json"}"#, "is neither", "at `/$ref`")]
#[case::file(
    r#"{"$ref": "file:///etc/passwd"}"#,
    "`file:///etc/passwd` is neither",
    "at `/$ref`"
)]
#[case::query(r#"{"$ref": "a.json?x"}"#, "is neither", "at `/$ref`")]
#[case::dialect(
    r#"{"$schema": "https://example.com/dialect"}"#,
    "`https://example.com/dialect` is none of the drafts",
    "at `/$schema`"
)]
#[case::missing(
    r#"{"$ref": "gone.json"}"#,
    "`gone.json` cannot be read",
    "api/order.json:1:10: at `/$ref`"
)]
#[case::link(r#"{"$ref": "link.json"}"#, "`link.json` is a link that leaves", "at `/$ref`")]
#[case::nowhere(r##"{"$ref": "#/$defs/a"}"##, "`/$defs/a` leads to nothing", "at `/$ref`")]
#[case::anchor(r##"{"$ref": "#there"}"##, "there is no anchor `there`", "at `/$ref`")]
#[case::in_another(
    r#"{"$ref": "other.json"}"#,
    "`https://elsewhere.example/b` is neither",
    "api/other.json:2:11: at `/items/$ref`"
)]
#[case::broken(r#"{"$ref": "broken.json"}"#, "is not JSON", "api/broken.json:2:3: ")]
fn what_is_not_there_is_named_at_start(#[case] order: &str, #[case] problem: &str, #[case] place: &str) {
    let files = [
        ("api/order.json", order),
        (
            "api/other.json",
            "{\"items\":\n {\"$ref\": \"https://elsewhere.example/b\"}}",
        ),
        ("api/broken.json", "{\n  oops}"),
        ("secret.json", "{}"),
    ];
    let folder = folder(&files);
    std::os::unix::fs::symlink(
        folder.path().join("secret.json"),
        folder.path().join("api/link.json"),
    )
    .unwrap();
    let told = load(&folder).unwrap_err().to_string();
    let told = told.replace(&format!("{}/", folder.path().display()), "");
    assert!(told.contains(problem), "{told}");
    assert!(told.contains(place), "{told}");
}

#[test]
fn links_within_the_folder_are_followed() {
    let folder = folder(&[
        ("api/..data/a.json", r#"{"type": "null"}"#),
        ("api/order.json", r#"{"$ref": "a.json"}"#),
    ]);
    std::os::unix::fs::symlink("..data/a.json", folder.path().join("api/a.json")).unwrap();
    let (schema, files) = load(&folder).unwrap();
    assert_eq!(files, ["api/a.json", "api/order.json"]);
    assert!(schema.check(&Value::Null).is_ok());
}

#[test]
fn errors_of_a_schema_are_told_all_at_once_with_file_and_line() {
    let told = refused(&[(
        "api/order.json",
        "{\n  \"type\": \"strin\",\n  \"properties\": {\n    \"a\": {\"minLength\": -1}\n  },\n  \"required\": \"a\"\n}",
    )]);
    for expected in [
        "api/order.json:2:11: at `/type`: ",
        "api/order.json:4:24: at `/properties/a/minLength`: ",
        "api/order.json:6:15: at `/required`: ",
    ] {
        assert!(told.contains(expected), "{told}");
    }
    let told = refused(&[
        ("api/order.json", r#"{"$ref": "other.json"}"#),
        ("api/other.json", "{\"$defs\":\n {\"x\": {\"items\": 5}}}"),
    ]);
    assert!(
        told.starts_with("api/other.json:2:18: at `/$defs/x/items`: "),
        "{told}"
    );
}

#[rstest]
#[case::look_ahead("a(?=b)", "look-around")]
#[case::look_behind("(?<=a)b", "look-around")]
#[case::backreference(r"(a)\\1", "backreferences")]
fn patterns_that_take_more_than_linear_time_are_refused_at_start(
    #[case] pattern: &str,
    #[case] reason: &str,
) {
    for (schema, pointer) in [
        (
            format!("{{\"properties\":\n{{\"a\": {{\"pattern\": \"{pattern}\"}}}}}}"),
            "/properties/a/pattern",
        ),
        (
            format!("{{\"patternProperties\":\n {{\"{pattern}\": {{}}}}}}"),
            "/patternProperties",
        ),
    ] {
        let told = refused(&[("api/order.json", &schema)]);
        assert!(told.starts_with("api/order.json:2:"), "{told}");
        assert!(told.contains(pointer), "{told}");
        assert!(told.contains("in linear time"), "{told}");
        assert!(told.contains(reason), "{told}");
    }
}

#[rstest]
#[case("^x-", None)]
#[case("^[a-zA-Z0-9._-]+$", None)]
#[case("^[a-z]{1,64}(/[a-z0-9-]{1,64})?$", None)]
#[case("^([1-5](?:[0-9]{2}|XX))$", None)]
#[case("^([A-Z]{1,16},?){1,1000}$", Some("counted repetitions"))]
#[case(r"\\bname\\b", Some("word boundaries"))]
fn a_pattern_of_names_that_is_not_linear_is_refused_at_start(
    #[case] pattern: &str,
    #[case] reason: Option<&str>,
) {
    let schema = format!("{{\"$defs\":\n {{\"a~\": {{\"patternProperties\": {{\"{pattern}\": {{}}}}}}}}}}");
    let files = [("api/order.json", schema.as_str())];
    match reason {
        None => assert!(load(&folder(&files)).is_ok()),
        Some(reason) => {
            let told = refused(&files);
            assert!(told.starts_with("api/order.json:2:"), "{told}");
            assert!(told.contains("at `/$defs/a~0/patternProperties`: "), "{told}");
            assert!(told.contains(reason), "{told}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_or_no_schema_is_an_error() {
    assert!(refused(&[]).starts_with("api/order.json: cannot be read: "));
    assert!(refused(&[("api/order.json", "{\n \"a\": }")]).starts_with("api/order.json:2:7: is not JSON: "));
    assert!(refused(&[("api/order.json", "[]")]).starts_with("api/order.json:1:1: "));
    assert!(refused(&[("api/order.json", "a: 1")]).starts_with("api/order.json:1:1: is not JSON"));
}

#[test]
fn schemas_of_one_document_are_compiled_one_by_one() {
    let document = json!({
        "openapi": "3.1.0",
        "components": {"schemas": {
            "Node": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}, "name": {"type": "string"}}},
            "Bad": {"pattern": "(?!a)"}
        }}
    });
    let uri = "document:///openapi.json".to_owned();
    let compiler = Compiler::new(Draft::Draft202012, Formats::Assert, vec![(uri.clone(), document)]).unwrap();
    let schema = compiler
        .compile(
            &json!({"$ref": "openapi.json#/components/schemas/Node"}),
            "document:///request",
        )
        .unwrap();
    assert_eq!(
        told(schema.check(&json!({"next": {"next": {"name": 1}}}))),
        ["/next/next/name | type | must be a string"]
    );
    let told = compiler
        .compile(
            &json!({"$ref": "openapi.json#/components/schemas/Bad"}),
            "document:///r",
        )
        .unwrap_err();
    assert!(
        told.to_string()
            .starts_with("document:///openapi.json: at `/components/schemas/Bad/pattern`: "),
        "{told}"
    );
    let told = compiler
        .compile(&json!({"$ref": "https://example.com/a"}), "document:///r")
        .unwrap_err();
    assert!(
        told.to_string().contains("`https://example.com/a` is neither"),
        "{told}"
    );
}
