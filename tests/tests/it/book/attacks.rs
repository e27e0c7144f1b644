//! What the book says by name is in the crates: the tests of attacks on message security, and the reasons in the log.

use std::collections::BTreeSet;
use std::path::Path;

use super::{read, root};

/// The files below a folder of a crate.
fn texts(folder: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut folders = vec![root().join("crates").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                texts.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    texts
}

/// The rows of the table with that head.
fn rows<'a>(page: &'a str, head: &str) -> Vec<&'a str> {
    let table = page.split(head).nth(1).unwrap();
    let rows = table.lines().skip(2);
    rows.take_while(|line| line.starts_with('|')).collect()
}

/// The names of all functions of the tests.
fn functions() -> BTreeSet<String> {
    let texts = texts("palisade-jose/tests/it");
    let lines = texts.iter().flat_map(|text| text.lines());
    let behind = lines.filter_map(|line| line.trim_start().split_once("fn "));
    behind
        .filter_map(|(_, rest)| Some(rest.split_once('(')?.0.to_owned()))
        .collect()
}

#[test]
fn every_attack_of_the_threat_model_has_a_test() {
    let page = read(Path::new("docs/guide/threat-model.md"));
    let rows = rows(&page, "| attack | what it meets | test |");
    assert!(rows.len() > 20);
    let functions = functions();
    for row in rows {
        let cell = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap();
        let tests: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test in {row}");
        for test in tests {
            assert!(functions.contains(test), "no test is called {test}");
        }
    }
}

#[test]
fn every_reason_that_operators_are_told_of_is_one_that_is_logged() {
    for (page, folder) in [
        ("docs/guide/message-security.md", "palisade-jose/src"),
        ("docs/guide/authentication.md", "palisade-identity/src"),
    ] {
        let page = read(Path::new(page));
        let rows = rows(&page, "| the log says | what it means |");
        assert!(rows.len() > 5);
        let source = texts(folder).concat();
        for row in rows {
            let reason = row.split('`').nth(1).unwrap();
            // What was found stands for itself, and a reason may be made of two parts.
            let parts = reason.split(['…', ':']).map(str::trim);
            for part in parts.filter(|part| !part.is_empty()) {
                assert!(source.contains(part), "nothing says \"{part}\"");
            }
        }
    }
}
