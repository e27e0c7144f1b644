//! The JSON-Schema-Test-Suite, through our layer and through the crate alone.

use std::collections::BTreeMap;
use std::fs;

use palisade_core::settings::ByteSize;
use serde::Deserialize;
use serde_json::Value;

use super::super::instance::{Effort, Metered};
use super::super::{Compiler, Draft, Formats, Schema};
use crate::JsonSettings;
use crate::json::{self, JsonLimits, Tree};

const SUITE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/vectors/json-schema-test-suite"
);

/// The cases of one schema.
#[derive(Deserialize)]
struct Case {
    file: String,
    description: String,
    schema: Value,
    tests: Vec<(String, Value, bool)>,
}

#[derive(Deserialize)]
struct Remote {
    uri: String,
    schema: Value,
}

fn lines<T: for<'de> Deserialize<'de>>(name: &str) -> Vec<T> {
    let text = fs::read_to_string(format!("{SUITE}/{name}.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// By case, the reason why the verdict differs, or why there is none.
fn exclusions() -> BTreeMap<String, String> {
    let text = fs::read_to_string(format!("{SUITE}/exclusions.json")).unwrap();
    let by_reason: BTreeMap<String, Vec<String>> = serde_json::from_str(&text).unwrap();
    by_reason
        .into_iter()
        .flat_map(|(reason, cases)| cases.into_iter().map(move |case| (case, reason.clone())))
        .collect()
}

#[test]
fn the_test_suite_passes_but_for_the_exclusions_and_agrees_with_the_crate_alone() {
    let drafts = [
        ("draft4", Draft::Draft4),
        ("draft6", Draft::Draft6),
        ("draft7", Draft::Draft7),
        ("draft2019-09", Draft::Draft201909),
        ("draft2020-12", Draft::Draft202012),
    ];
    let excluded = exclusions();
    let mut differences = Vec::new();
    let mut seen = 0;
    let mut read = 0;
    for (name, draft) in drafts {
        // It has a `$id` in `$defs`, which the drafts before 2019-09 do not know.
        let is_of = |remote: &Remote| {
            !["draft4", "draft6", "draft7"].contains(&name)
                || !remote.uri.ends_with("/nested-absolute-ref-to-string.json")
        };
        let remotes: Vec<(String, Value)> = lines("remotes")
            .into_iter()
            .filter(is_of)
            .map(|remote: Remote| (remote.uri, remote.schema))
            .collect();
        let asserting = Compiler::new(draft, Formats::Assert, remotes.clone()).unwrap();
        let annotating = Compiler::new(draft, Formats::Annotate, remotes.clone()).unwrap();
        for case in lines::<Case>(name) {
            // The file says of every format that it is a note.
            let formats = if case.file == "format" {
                Formats::Annotate
            } else {
                Formats::Assert
            };
            let compiler = if formats == Formats::Assert {
                &asserting
            } else {
                &annotating
            };
            let ours = compiler.compile(&case.schema, "schema:///case");
            let alone = alone(draft, formats, &remotes, &case.schema);
            for (description, instance, expected) in &case.tests {
                seen += 1;
                let verdict = ours.as_ref().map(|schema| schema.check(instance).is_ok());
                read += u32::from(
                    ours.as_ref()
                        .is_ok_and(|schema| is_same_of_a_text(schema, instance)),
                );
                let crates = alone.as_ref().map(|schema| schema.is_valid(instance));
                if verdict.as_ref().ok() != Some(expected) || crates.as_ref().ok() != verdict.as_ref().ok() {
                    let case = format!("{name} | {} | {} | {description}", case.file, case.description);
                    let told =
                        format!("{case}: expected {expected}, ours {verdict:?}, the crate alone {crates:?}");
                    differences.push((case, told));
                }
            }
        }
    }
    let unexpected: Vec<&str> = differences
        .iter()
        .filter(|(case, _)| !excluded.contains_key(case))
        .map(|(_, told)| told.as_str())
        .collect();
    assert!(
        unexpected.is_empty(),
        "{} of {seen}:\n{}",
        unexpected.len(),
        unexpected.join("\n")
    );
    let stale: Vec<&String> = excluded
        .keys()
        .filter(|case| !differences.iter().any(|(other, _)| other == *case))
        .collect();
    assert!(stale.is_empty(), "excluded without need: {stale:#?}");
    assert!(seen > 7_000, "only {seen} cases");
    assert!(read > 7_000, "only {read} cases as texts");
}

/// Whether an instance is one that bodies may be, and what is told of it as a body.
fn is_same_of_a_text(schema: &Schema, instance: &Value) -> bool {
    let text = instance.to_string();
    let limits = JsonLimits::compile(&JsonSettings::default(), ByteSize::mib(1)).unwrap();
    let Ok(tree) = json::read(text.as_bytes(), &limits) else {
        return false;
    };
    assert_eq!(schema.check_tree(&tree), schema.check(instance), "{text}");
    true
}

/// The crate must cope with an instance that seems to shrink while it is walked.
#[test]
fn every_keyword_comes_to_an_end_wherever_the_steps_run_out() {
    for (name, draft) in [
        ("draft4", Draft::Draft4),
        ("draft2019-09", Draft::Draft201909),
        ("draft2020-12", Draft::Draft202012),
    ] {
        let compiler = Compiler::new(draft, Formats::Assert, Vec::new()).unwrap();
        for case in lines::<Case>(name) {
            let Ok(schema) = compiler.compile(&case.schema, "schema:///case") else {
                continue;
            };
            for (_, instance, expected) in &case.tests {
                let tree = Tree::from(instance);
                for steps in 0.. {
                    let effort = Effort::of_steps(&tree, steps);
                    let is_valid = schema.validator.is_valid(Metered::root(&tree, &effort));
                    let is_enough = !effort.is_spent();
                    let effort = Effort::of_steps(&tree, steps);
                    let errors = schema.validator.iter_errors(Metered::root(&tree, &effort));
                    let trusted = errors
                        .filter(|error| Effort::is_trusted(error.instance()))
                        .count();
                    if is_enough && schema.check(instance).is_ok() {
                        assert!(is_valid, "{}: {}", case.file, case.description);
                    }
                    assert!(
                        trusted == 0 || !*expected || case.file == "format",
                        "{}: {}",
                        case.file,
                        case.description
                    );
                    if is_enough || steps > 40 {
                        break;
                    }
                }
            }
        }
    }
}

/// The crate as it comes, with its own reader of instances and its own engine for patterns.
fn alone(
    draft: Draft,
    formats: Formats,
    remotes: &[(String, Value)],
    schema: &Value,
) -> Result<jsonschema::Validator, String> {
    let mut registry = jsonschema::Registry::new().draft(draft);
    for (uri, remote) in remotes {
        let resource = draft.detect(remote).create_resource(remote.clone());
        registry = registry
            .add(uri.as_str(), resource)
            .map_err(|error| error.to_string())?;
    }
    let registry = registry.prepare().map_err(|error| error.to_string())?;
    let mut options = jsonschema::options()
        .offline()
        .with_registry(&registry)
        .with_base_uri("schema:///case")
        .should_validate_formats(formats == Formats::Assert);
    if draft.detect(schema) != Draft::Unknown {
        options = options.with_draft(draft.detect(schema));
    }
    options.build(schema).map_err(|error| error.to_string())
}
