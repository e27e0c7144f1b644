//! Differences that are known, by classes: `tests/openapi/differences.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::trials::Trial;
use super::verdicts::{Other, Verdict};

/// A class of differences, with its reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Class {
    #[serde(rename = "class")]
    name: String,
    /// The other validator.
    other: String,
    /// What we say.
    ours: Side,
    /// In what the requests differ from a good one: any of these, or anything where the list is missing.
    labels: Option<Vec<String>>,
    /// What it is that differs: one of these sets of words, all of which must be there; a word after `!` must not.
    #[serde(default)]
    about: Vec<String>,
    /// What one of the operation's parameters is, likewise.
    #[serde(default)]
    parameters: Vec<String>,
    /// What stands in their reason, where they refuse.
    #[serde(default)]
    saying: Option<String>,
    /// The only operations it happens in, as `POST /books`.
    #[serde(default)]
    operations: Vec<String>,
    /// Why it is so, and right.
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Side {
    Accept,
    Refuse,
}

impl Class {
    fn holds(&self, trial: &Trial, other: Other, ours: &Verdict, theirs: &Verdict) -> bool {
        let side = if ours.is_accepted() {
            Side::Accept
        } else {
            Side::Refuse
        };
        let says =
            |text: &String| matches!(theirs, Verdict::Refused(reason) if reason.contains(text.as_str()));
        self.other == other.name()
            && self.ours == side
            && self
                .labels
                .as_ref()
                .is_none_or(|labels| labels.contains(&trial.label))
            && (self.about.is_empty() || is_one_of(&self.about, &trial.about))
            && (self.parameters.is_empty()
                || trial
                    .parameters
                    .iter()
                    .any(|words| is_one_of(&self.parameters, words)))
            && (self.operations.is_empty() || self.operations.contains(&trial.operation))
            && self.saying.as_ref().is_none_or(says)
    }
}

/// Whether something is what one of those sets of words says.
fn is_one_of(sets: &[String], words: &[String]) -> bool {
    let mut sets = sets.iter();
    sets.any(|set| {
        set.split(' ').all(|word| match word.strip_prefix('!') {
            Some(word) => !words.iter().any(|known| known == word),
            None => words.iter().any(|known| known == word),
        })
    })
}

/// All classes, and how often each occurred.
#[derive(Debug)]
pub(crate) struct Known {
    classes: Vec<Class>,
    counts: BTreeMap<usize, usize>,
}

impl Known {
    pub(crate) fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi/differences.json");
        let classes: Vec<Class> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for class in &classes {
            assert!(class.reason.len() > 20, "{} has no reason", class.name);
        }
        Self {
            classes,
            counts: BTreeMap::new(),
        }
    }

    /// Counts a difference. Whether it is of a class: the first that holds it.
    pub(crate) fn count(&mut self, trial: &Trial, other: Other, ours: &Verdict, theirs: &Verdict) -> bool {
        let found = self
            .classes
            .iter()
            .position(|class| class.holds(trial, other, ours, theirs));
        if let Some(found) = found {
            *self.counts.entry(found).or_default() += 1;
        }
        found.is_some()
    }

    /// The classes that never occurred.
    pub(crate) fn unused(&self) -> Vec<&str> {
        let unused = self
            .classes
            .iter()
            .enumerate()
            .filter(|(nth, _)| !self.counts.contains_key(nth));
        unused.map(|(_, class)| &*class.name).collect()
    }
}

impl std::fmt::Display for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (nth, class) in self.classes.iter().enumerate() {
            let count = self.counts.get(&nth).copied().unwrap_or_default();
            writeln!(f, "{count:5} {}: {}", class.other, class.name)?;
        }
        Ok(())
    }
}
