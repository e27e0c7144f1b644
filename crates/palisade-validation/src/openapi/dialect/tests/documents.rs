//! Documents that people wrote.

use std::fs;
use std::path::PathBuf;

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
#[case(json!({"name": "a"}), &["| required | must have the member `\"photoUrls\"`"])]
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
