//! The reference pages of the book are written from the code, and a test fails when one of them lags behind.
//!
//! With `UPDATE=1` in the environment the tests write the pages anew.

mod codes;
mod command;
mod operations;
mod reader;
mod settings;
mod source;

use std::path::PathBuf;

/// The first lines of every page.
fn opening(title: &str, about: &str) -> String {
    format!(
        "# {title}\n\n<!-- Written by a test from the code: UPDATE=1 cargo test -p palisade-tests reference -->\n\n{about}\n"
    )
}

/// Compares a page with what the code says, or writes it.
fn check_page(name: &str, expected: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/reference")
        .join(name);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = found
        .lines()
        .zip(expected.lines())
        .enumerate()
        .find(|(_, (found, expected))| found != expected);
    if let Some((line, (found, expected))) = differing {
        panic!(
            "docs/reference/{name}:{} lags behind the code; UPDATE=1 writes it anew\n  page: {found}\n  code: {expected}",
            line + 1
        );
    }
    assert!(
        found == expected,
        "docs/reference/{name} lags behind the code; UPDATE=1 writes it anew"
    );
}

/// A text inside a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
