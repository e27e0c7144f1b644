//! What the prose calls by name exists: statuses with their codes, findings, keys.

use std::collections::BTreeSet;
use std::path::Path;

use super::{blocks, pages, read};

/// The texts between backticks.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The first cell of every row of the tables of a page.
fn rows(page: &str) -> BTreeSet<String> {
    let text = read(Path::new(page));
    text.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Pages that are written by hand, without their blocks.
fn prose() -> Vec<(String, String)> {
    pages()
        .into_iter()
        .filter(|page| !page.starts_with("docs/reference"))
        .map(|page| (page.display().to_string(), blocks(&read(&page)).1))
        .collect()
}

#[test]
fn a_status_with_a_code_is_a_refusal_of_the_code() {
    let refusals = read(Path::new("docs/reference/refusals.md"));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (page, text) in prose() {
        let words: Vec<&str> = text.split_whitespace().collect();
        for pair in words.windows(2) {
            let [status, code] = pair else { continue };
            let status = status.trim_start_matches('(');
            let is_status = status.len() == 3
                && status
                    .parse::<u16>()
                    .is_ok_and(|status| (400..600).contains(&status));
            let Some(code) = codes(code).next().filter(|_| is_status) else {
                continue;
            };
            count += 1;
            if !refusals.contains(&format!("| `{code}` | {status} |")) {
                wrong.push(format!("{page}: {status} {code}"));
            }
        }
    }
    assert!(wrong.is_empty(), "no refusal is like these: {wrong:#?}");
    assert!(count > 20, "the book names only {count} refusals");
}

#[test]
fn a_finding_that_is_named_exists() {
    let findings = rows("docs/reference/findings.md");
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (page, text) in prose() {
        for paragraph in text
            .split("\n\n")
            .filter(|paragraph| paragraph.contains("finding"))
        {
            for code in paragraph
                .split("(`")
                .skip(1)
                .filter_map(|rest| rest.split_once('`'))
                .map(|(code, _)| code)
                .filter(|code| code.contains('-') && code.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            {
                count += 1;
                if !findings.contains(code) {
                    wrong.push(format!("{page}: {code}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "no finding has these codes: {wrong:#?}");
    assert!(count > 8, "the book names only {count} findings");
}

#[test]
fn a_key_that_is_named_exists() {
    let settings = read(Path::new("docs/reference/settings.md"));
    let known: Vec<String> = codes(&settings)
        .filter(|code| code.starts_with("palisade."))
        .map(generic)
        .collect();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (page, text) in prose() {
        for code in codes(&text).filter(|code| code.starts_with("palisade.")) {
            let (key, _) = code.split_once('=').unwrap_or((code, ""));
            let key = generic(key.trim_end_matches('.'));
            // A part of a key names all that stand below it.
            let exists = known.iter().any(|known| {
                known
                    .strip_prefix(&key)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            });
            count += 1;
            if !exists && !key.contains("<stage>") {
                wrong.push(format!("{page}: {code}"));
            }
        }
    }
    assert!(wrong.is_empty(), "no setting is called so: {wrong:#?}");
    assert!(count > 30, "the book names only {count} keys");
}

/// A key with its own names and indices taken out: `palisade.listeners.main.bind` as `palisade.listeners.<>.bind`.
fn generic(key: &str) -> String {
    let named = [
        "listeners",
        "keystores",
        "interceptors",
        "sni",
        "justify",
        "key-passwords",
    ];
    let mut words: Vec<String> = Vec::new();
    let mut rest = key.to_owned();
    while let Some((before, behind)) = rest.split_once('[') {
        let (inside, after) = behind.split_once(']').unwrap_or((behind, ""));
        let is_index = inside == "N" || inside == "…" || inside.parse::<usize>().is_ok();
        rest = if is_index {
            format!("{before}{after}")
        } else {
            format!("{before}.<>{after}")
        };
    }
    for word in rest.split('.') {
        let is_name = words
            .last()
            .is_some_and(|previous| named.contains(&previous.as_str()));
        let keeps = word.starts_with("<stage") || !(is_name || word.starts_with('<'));
        words.push(if keeps { word.to_owned() } else { "<>".to_owned() });
    }
    words.join(".")
}
