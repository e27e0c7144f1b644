//! The table of attacks names tests that are there.

use std::collections::BTreeSet;
use std::path::Path;

use super::{read, root};

/// The names of all functions of the tests of message security.
fn functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![root().join("crates/palisade-jose/tests/it")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let behind = text
                .lines()
                .filter_map(|line| line.trim_start().split_once("fn "));
            names.extend(behind.filter_map(|(_, rest)| Some(rest.split_once('(')?.0.to_owned())));
        }
    }
    names
}

#[test]
fn every_attack_of_the_threat_model_has_a_test() {
    let page = read(Path::new("docs/guide/threat-model.md"));
    let table = page.split("| attack | what it meets | test |").nth(1).unwrap();
    let rows: Vec<&str> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
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
