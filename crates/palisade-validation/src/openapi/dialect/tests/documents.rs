//! Documents that people wrote.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::super::{Direction, Schemas};
use crate::openapi::document::{Document, Version};
use crate::schema::Formats;

fn load(name: &str) -> Document {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/openapi")).join(name);
    Document::load(&path).unwrap_or_else(|errors| panic!("{errors}"))
}

#[rstest]
#[case("3.0/petstore.yaml", Version::V3_0)]
#[case("3.0/petstore.json", Version::V3_0)]
#[case("3.0/discriminators.yaml", Version::V3_0)]
#[case("3.0/discriminators.json", Version::V3_0)]
#[case("3.0/schema-circular.yaml", Version::V3_0)]
#[case("3.0/circular-paths.yaml", Version::V3_0)]
#[case("3.0/uspto.yaml", Version::V3_0)]
#[case("3.0/link-example.yaml", Version::V3_0)]
#[case("3.1/petstore.yaml", Version::V3_1)]
#[case("3.1/petstore.json", Version::V3_1)]
#[case("3.1/webhooks.yaml", Version::V3_1)]
#[case("3.1/schema-types.yaml", Version::V3_1)]
fn every_schema_of_a_document_compiles(#[case] name: &str, #[case] version: Version) {
    let document = load(name);
    assert_eq!(document.version(), version);
    assert!(document.schemas().count() > 2);
    for direction in [Direction::Request, Direction::Response] {
        let schemas = Schemas::new(&document, direction, Formats::Assert).unwrap();
        for (node, _) in document.schemas() {
            let compiled = schemas.compile(node);
            assert!(compiled.is_ok(), "{}", compiled.unwrap_err());
        }
    }
}

#[rstest]
#[case("3.0/petstore")]
#[case("3.0/discriminators")]
#[case("3.1/petstore")]
fn a_document_is_the_same_in_yaml_and_in_json(#[case] name: &str) {
    let [yaml, json] = ["yaml", "json"].map(|extension| load(&format!("{name}.{extension}")));
    assert_eq!(yaml.root().value(), json.root().value());
    let places =
        |document: &Document| -> Vec<String> { document.schemas().map(|(node, _)| node.pointer()).collect() };
    assert_eq!(places(&yaml), places(&json));
}

#[rstest]
#[case(json!({"name": "a", "photoUrls": []}), &[])]
#[case(json!({"id": 1, "name": "a", "photoUrls": ["b"], "status": "sold", "tags": [{"id": 2}], "category": {"name": "c"}}), &["| readOnly | must not have the member `id`, which is read-only"])]
#[case(json!({"name": "a"}), &["| required | must have the member `photoUrls`"])]
#[case(json!({"name": 1, "photoUrls": [2], "status": "gone"}), &[
    "/name | type | must be a string",
    "/photoUrls/0 | type | must be a string",
    "/status | enum | must be one of `[\"available\",\"pending\",\"sold\"]`",
])]
#[case(json!({"name": "a", "photoUrls": [], "category": {"id": 1e30}}), &["/category/id | format | must be in the format `int64`"])]
fn pets_are_what_the_petstore_says(#[case] pet: Value, #[case] expected: &[&str]) {
    for name in ["3.0/petstore.yaml", "3.0/petstore.json", "3.1/petstore.yaml"] {
        let document = load(name);
        let schemas = Schemas::new(&document, Direction::Request, Formats::Assert).unwrap();
        let post = document
            .root()
            .get("paths")
            .unwrap()
            .get("/pet")
            .unwrap()
            .get("post")
            .unwrap();
        let body = post.get("requestBody").unwrap().get("content").unwrap();
        let schema = schemas
            .compile(body.get("application/json").unwrap().get("schema").unwrap())
            .unwrap();
        let told = schema.check(&pet).err().map(|told| told.list).unwrap_or_default();
        let mut told: Vec<String> = told
            .iter()
            .map(|told| {
                format!("{} | {} | {}", told.pointer, told.keyword, told.message)
                    .trim_start()
                    .to_owned()
            })
            .collect();
        let mut expected = expected.to_vec();
        told.sort();
        expected.sort_unstable();
        assert_eq!(told, expected, "{name}");
    }
}

#[test]
fn a_large_document_is_read_in_whole() {
    let text = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/openapi/3.0/petstore.json"
    ));
    let mut value: Value = serde_json::from_str(&text.unwrap()).unwrap();
    let item = value["paths"]["/pet/findByStatus"].clone();
    for n in 0..500 {
        let mut item = item.clone();
        item["get"]["operationId"] = json!(format!("operation{n}"));
        value["paths"][format!("/pets/{n}")] = item;
    }
    let folder = super::folder(&[("api.json", &value.to_string())]);
    let document = Document::load(&folder.path().join("api.json")).unwrap();
    assert!(document.schemas().count() > 500);
    let last = document.root().get("paths").unwrap().get("/pets/499").unwrap();
    assert_eq!(last.pointer(), "/paths/~1pets~1499");
}

/// What a document may have in a place where something else is expected.
fn anything() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(-1),
        json!("text"),
        json!("object"),
        json!([]),
        json!(["a"]),
        json!({}),
        json!({"$ref": "#/components/schemas/user"}),
        json!({"$ref": "#/components/schemas"}),
        json!({"$ref": "#"}),
        json!({"$ref": "#/paths/~12.0~1users~1{username}/get/parameters/0"}),
        json!({"$ref": 1}),
        json!({"$id": "a", "$anchor": "b", "$dynamicRef": "#b", "allOf": [{"$ref": "#"}]}),
        json!({"type": "object", "readOnly": true, "required": ["a"], "properties": {"a": {"readOnly": true}}}),
        json!({"schema": {"not": {}}}),
    ])
}

/// Every place in a value.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (nth, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{nth}"), into);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(member, &format!("{at}/{name}"), into);
            }
        }
        _ => (),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_document_with_anything_anywhere_compiles_or_is_told_with_its_place(
        is_new: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), anything()), 1..4),
    ) {
        let mut value = load("3.0/link-example.yaml").root().value().clone();
        if is_new {
            value["openapi"] = json!("3.1.0");
        }
        for (place, other) in changes {
            let mut all = Vec::new();
            pointers(&value, "", &mut all);
            let place = place.get(&all);
            if let Some(there) = value.pointer_mut(place) {
                *there = other;
            }
        }
        let folder = super::folder(&[("api.json", &value.to_string())]);
        let errors = match Document::load(&folder.path().join("api.json")) {
            Err(errors) => errors.list,
            Ok(document) => {
                let schemas = Schemas::new(&document, Direction::Request, Formats::Assert);
                let compiled = schemas.map(|schemas| {
                    document.schemas().filter_map(|(node, _)| schemas.compile(node).err()).flat_map(|errors| errors.list).collect()
                });
                compiled.unwrap_or_else(|errors| errors.list)
            }
        };
        for error in errors {
            prop_assert!(error.position.is_some(), "{error}");
            prop_assert!(value.pointer(&error.pointer).is_some(), "{error}");
        }
    }
}
