//! The JSON-Schema-Test-Suite as Schema Objects.

use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Direction, Schemas};
use super::folder;
use crate::openapi::document::Document;
use crate::schema::{Compiler, Draft, Formats};

#[derive(Deserialize)]
struct Case {
    file: String,
    description: String,
    schema: Value,
    tests: Vec<(String, Value, bool)>,
}

fn cases(name: &str) -> Vec<Case> {
    let suite = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/json-schema-test-suite"
    );
    let text = fs::read_to_string(format!("{suite}/{name}.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A document that refers to a schema, in a file of its own so that `#` is the schema.
fn document(version: &str, schema: &Value) -> Result<Document, Vec<String>> {
    let api = json!({
        "openapi": version, "info": {"title": "a", "version": "1"}, "paths": {},
        "components": {"schemas": {"A": {"$ref": "case.json"}}}
    });
    let folder = folder(&[("api.json", &api.to_string()), ("case.json", &schema.to_string())]);
    Document::load(&folder.path().join("api.json"))
        .map_err(|errors| errors.list.into_iter().map(|error| error.problem).collect())
}

/// How many cases gave a verdict, and which files had cases that are no Schema Objects, each with a reason.
fn run(name: &str, version: &str, draft: Draft, prepare: fn(&mut Value)) -> (usize, Vec<String>) {
    let mut seen = 0;
    let mut skipped = Vec::new();
    let mut differences = Vec::new();
    for mut case in cases(name) {
        prepare(&mut case.schema);
        let formats = if case.file == "format" {
            Formats::Annotate
        } else {
            Formats::Assert
        };
        let label = format!("{} | {}", case.file, case.description);
        let document = match document(version, &case.schema) {
            Ok(document) => document,
            Err(problems) => {
                skipped.push(format!("{label}: {}", problems.join("; ")));
                continue;
            }
        };
        let plain = Compiler::new(draft, formats, Vec::new()).unwrap();
        let plain = plain.compile(&case.schema, "schema:///case").unwrap();
        for direction in [Direction::Request, Direction::Response] {
            let schemas = Schemas::new(&document, direction, formats).unwrap();
            let components = document.root().raw("components").unwrap();
            let schema = components.raw("schemas").unwrap().raw("A").unwrap();
            let ours = schemas.compile(schema).unwrap();
            for (test, instance, _) in &case.tests {
                seen += 1;
                let [ours, plain] =
                    [&ours, &plain].map(|schema| schema.check(instance).map_err(|told| told.list));
                if ours != plain {
                    differences.push(format!("{label} | {test}: {ours:?}, and {plain:?}"));
                }
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{}:\n{}",
        differences.len(),
        differences.join("\n")
    );
    (seen, skipped)
}

#[test]
fn draft_4_gives_the_same_through_openapi_3_0_where_that_has_its_keywords() {
    let (seen, skipped) = run("draft4", "3.0.3", Draft::Draft4, |_| ());
    let reasons = [
        "is a keyword of JSON Schema that OpenAPI 3.0 does not have",
        "is no keyword of a Schema Object",
        "must be one of",
        "must be a Schema Object",
        "documents elsewhere are never fetched",
        "leads to nothing",
        "must not be empty",
    ];
    for skipped in &skipped {
        assert!(reasons.iter().any(|reason| skipped.contains(reason)), "{skipped}");
    }
    assert!(seen > 500, "only {seen}, without {skipped:#?}");
}

#[test]
fn draft_2020_12_gives_the_same_through_openapi_3_1() {
    let with = |_: &mut Value| ();
    let without = |schema: &mut Value| {
        if let Some(members) = schema.as_object_mut() {
            members.remove("$schema");
        }
    };
    for prepare in [with as fn(&mut Value), without] {
        let (seen, skipped) = run("draft2020-12", "3.1.0", Draft::Draft202012, prepare);
        let reasons = [
            "documents elsewhere are never fetched",
            "leads to nothing",
            "is none of the drafts 4, 6, 7, 2019-09 and 2020-12",
        ];
        for skipped in &skipped {
            assert!(reasons.iter().any(|reason| skipped.contains(reason)), "{skipped}");
        }
        assert!(seen > 2_000, "only {seen}, without {skipped:#?}");
    }
}
