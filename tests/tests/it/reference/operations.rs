//! `guide/operations.md` is written by hand; the names in its tables are those in the code.

use std::collections::BTreeSet;
use std::path::Path;

use super::source;

/// The texts between `start` and a quotation mark, in every crate that ships.
fn names(start: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in source::all()
        .iter()
        .filter(|source| source.krate != "palisade-test")
    {
        for rest in source.text.split(start).skip(1) {
            names.insert(rest.split('"').next().unwrap_or_default().to_owned());
        }
    }
    names
}

/// What stands in backticks in the rows of the page and starts so.
fn told(start: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/operations.md");
    let page = std::fs::read_to_string(path).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2))
        .filter_map(|code| code.strip_prefix(start))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_page_of_operations_names_every_metric() {
    let metrics: BTreeSet<String> = names("\"palisade_")
        .into_iter()
        .filter(|name| {
            ["_total", "_seconds", "_entries", "_open", "_version"]
                .iter()
                .any(|end| name.ends_with(end))
        })
        .collect();
    assert!(!metrics.is_empty());
    assert_eq!(
        told("palisade_"),
        metrics,
        "guide/operations.md and the metrics differ"
    );
}

#[test]
fn the_page_of_operations_names_every_target_of_the_log() {
    let targets = names("target: \"palisade::");
    assert!(!targets.is_empty());
    assert_eq!(
        told("palisade::"),
        targets,
        "guide/operations.md and the targets of the log differ"
    );
}
