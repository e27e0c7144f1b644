//! The table of dependencies in the decisions is that of the manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

use super::{read, root};

const PAGE: &str = "docs/decisions/0005-dependencies.md";

/// Each library that ships, with the crates of ours that use it.
fn shipped() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let packages = metadata.packages.iter().filter(|package| {
        package.manifest_path.as_str().contains("/crates/") && *package.name != "palisade-test"
    });
    for package in packages {
        for edge in &package.dependencies {
            if edge.kind != DependencyKind::Development && !edge.name.starts_with("palisade") {
                let crates = users.entry(edge.name.clone()).or_default();
                crates.insert(package.name.to_string());
            }
        }
    }
    users
}

/// The names in a cell.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_table_of_dependencies_is_that_of_the_manifests() {
    let page = read(Path::new(PAGE));
    let table = page.split("| need | crates | kept in |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut told: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        let [_, _, crates, users, _] = cells.as_slice() else {
            panic!("not three cells: {row}");
        };
        for name in names(crates) {
            let several = users.trim() == "several";
            let twice = told.insert(name, (!several).then(|| names(users)));
            assert!(twice.is_none(), "{row} names a crate again");
        }
    }
    let shipped = shipped();
    let known: BTreeSet<&String> = shipped.keys().collect();
    assert_eq!(
        told.keys().collect::<BTreeSet<_>>(),
        known,
        "{PAGE} and the manifests differ"
    );
    for (name, users) in &shipped {
        // "Several" is for those that are too many to list.
        match told.get(name) {
            Some(Some(told)) => assert_eq!(told, users, "{PAGE}: who uses {name}"),
            _ => assert!(users.len() > 1, "{PAGE}: {name} has one user alone"),
        }
    }
}
