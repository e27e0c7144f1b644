//! What answers say of limits, read as draft-ietf-httpapi-ratelimit-headers-11 writes it.

use std::collections::BTreeMap;

use serde_json::Value;
use sfv::{BareItem, Item, List, ListEntry, Parser};

use crate::callers::client::Answer;

/// A policy, and how the caller stands with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Told {
    pub(crate) quota: i64,
    pub(crate) window: Option<i64>,
    pub(crate) unit: Option<String>,
    /// Parameters of our own.
    pub(crate) others: BTreeMap<String, i64>,
    /// What is left, where the answer says so.
    pub(crate) left: Option<i64>,
    pub(crate) resets_in: Option<i64>,
}

/// What an answer says, by the names of policies.
pub(crate) fn told(answer: &Answer) -> BTreeMap<String, Told> {
    let mut all = BTreeMap::new();
    for item in list(answer, "ratelimit-policy") {
        let mut told = Told::default();
        let mut has_quota = false;
        for (key, value) in &item.params {
            match (key.as_str(), value) {
                // Section 3.1: non-negative, positive, and one of a registry.
                ("q", BareItem::Integer(quota)) => {
                    (told.quota, has_quota) = (at_least(0, (*quota).into()), true);
                }
                ("w", BareItem::Integer(window)) => told.window = Some(at_least(1, (*window).into())),
                ("qu", BareItem::String(unit)) => {
                    let unit = unit.as_str().to_owned();
                    assert!(
                        ["requests", "content-bytes", "concurrent-requests"].contains(&&*unit),
                        "{unit}"
                    );
                    told.unit = Some(unit);
                }
                (name, BareItem::Integer(value)) if name.starts_with("palisade-") => {
                    told.others.insert(name.to_owned(), (*value).into());
                }
                other => panic!("{other:?} is nothing of the draft: {answer:?}"),
            }
        }
        assert!(has_quota, "q is required: {answer:?}");
        let once = all.insert(name_of(&item), told);
        assert_eq!(once, None, "a policy is told twice: {answer:?}");
    }
    for item in list(answer, "ratelimit") {
        let told = all.get_mut(&name_of(&item));
        let told = told.unwrap_or_else(|| panic!("a policy that is not told: {answer:?}"));
        assert_eq!(told.left, None, "a standing is told twice: {answer:?}");
        for (key, value) in &item.params {
            match (key.as_str(), value) {
                // Section 4.1.
                ("r", BareItem::Integer(left)) => told.left = Some(at_least(0, (*left).into())),
                ("t", BareItem::Integer(seconds)) => told.resets_in = Some(at_least(0, (*seconds).into())),
                other => panic!("{other:?} is nothing of the draft: {answer:?}"),
            }
        }
        assert!(told.left.is_some(), "r is required: {answer:?}");
    }
    all
}

/// What is left of a policy.
#[track_caller]
pub(crate) fn left(answer: &Answer, policy: &str) -> i64 {
    let all = told(answer);
    let told = all.get(policy);
    told.and_then(|told| told.left)
        .unwrap_or_else(|| panic!("nothing is told of {policy}: {answer:?}"))
}

/// `Retry-After` in seconds, as whoever is refused has to be told.
#[track_caller]
pub(crate) fn retry_after(answer: &Answer) -> i64 {
    let all: Vec<&str> = answer.all("retry-after").collect();
    let [seconds] = all[..] else {
        panic!("one Retry-After: {answer:?}")
    };
    at_least(1, seconds.parse().unwrap())
}

/// Asserts a refusal by limits: status and code, the policies that were violated, and no standing of theirs that contradicts.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, code: &str, violated: &[&str]) {
    assert_eq!(answer.shown(), format!("429 {code}"), "{answer:?}");
    let document = answer.json();
    let names: Vec<&str> = document["violated-policies"]
        .as_array()
        .unwrap_or_else(|| panic!("{document:#}"))
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(names, violated, "{document:#}");
    let told = told(answer);
    for name in violated {
        if let Some(told) = told.get(*name) {
            assert_eq!(told.left, Some(0), "{name}: {answer:?}");
        }
    }
}

fn list(answer: &Answer, field: &str) -> Vec<Item> {
    // RFC 9651 section 4.2: lines of one field are one list.
    let lines: Vec<&str> = answer.all(field).collect();
    let list: List = Parser::new(&lines.join(", "))
        .parse()
        .unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    let items = list.into_iter().map(|entry| match entry {
        ListEntry::Item(item) => item,
        ListEntry::InnerList(_) => panic!("an inner list: {answer:?}"),
    });
    items.collect()
}

fn name_of(item: &Item) -> String {
    match &item.bare_item {
        BareItem::String(name) => name.as_str().to_owned(),
        other => panic!("the name of a policy is a string, not {other:?}"),
    }
}

#[track_caller]
fn at_least(least: i64, number: i64) -> i64 {
    assert!(number >= least, "{number} is less than {least}");
    number
}
