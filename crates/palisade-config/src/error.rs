//! Configuration errors: all of them at once, each with its key, its place and what was expected.

use std::fmt;

use serde::Serialize;

use crate::Origin;

/// One thing that is wrong with the configuration.
///
/// Shown as `application.properties:12: palisade.unmatched: expected deny or allow, found "denny" (did you mean
/// "deny"?)`. It never holds a secret: [`found`](Self::found) is `***` for those.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Error {
    /// Where the value was written; absent when nothing was written that could be pointed at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The key as the operator wrote it; empty when the fault is not about one key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// What was expected, or what is wrong.
    pub message: String,
    /// The value found, `***` for a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Box<str>>,
    /// The nearest known name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Box<str>>,
    /// Whether it follows from something that is missing, and says nothing where the reason for that is told.
    #[serde(skip)]
    pub is_consequence: bool,
}

impl Error {
    /// An error about `key`.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            origin: None,
            key: key.into(),
            message: message.into(),
            found: None,
            nearest: None,
            is_consequence: false,
        }
    }

    /// An error about the configuration as a whole.
    pub fn general(message: impl Into<String>) -> Self {
        Self::new("", message)
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Says what was found. The caller answers for it not being a secret.
    #[must_use]
    pub fn found(mut self, shown: impl Into<Box<str>>) -> Self {
        self.found = Some(shown.into());
        self
    }

    /// Says which known name may have been meant: the nearest of `known`, if one is near.
    #[must_use]
    pub fn nearest<'a>(mut self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        self.nearest = nearest(name, known).map(Box::from);
        self
    }
}

/// The name in `known` nearest to `name`, when it is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let limit = (name.chars().count() / 3).max(2);
    known
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| {
            *distance <= limit && *distance < candidate.chars().count().min(name.len())
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        if let Some(found) = &self.found {
            write!(f, ", found {found}")?;
        }
        if let Some(nearest) = &self.nearest {
            write!(f, " (did you mean \"{nearest}\"?)")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Every error found so far; shown one a line, sorted by file and line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
#[must_use = "errors that are dropped switch a check off"]
pub struct Errors(Vec<Error>);

impl Errors {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one.
    pub fn push(&mut self, error: Error) {
        self.0.push(error);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Every error, in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.0.iter()
    }

    /// Sorts by file and line, variables and the command line behind the files, and drops repetitions.
    pub fn sorted(mut self) -> Self {
        self.0.sort_by(|a, b| order(a).cmp(&order(b)));
        self.0.dedup();
        self
    }

    /// Without those that only follow from others: for who tells the others.
    pub fn causes(mut self) -> Self {
        self.0.retain(|error| !error.is_consequence);
        self
    }

    /// The value that was collected, or every error.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

fn order(error: &Error) -> (bool, Option<&Origin>, &str) {
    (error.origin.is_none(), error.origin.as_ref(), &error.key)
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<_> = self.0.iter().collect();
        sorted.sort_by(|a, b| order(a).cmp(&order(b)));
        sorted.dedup();
        for (position, error) in sorted.into_iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}

impl Extend<Error> for Errors {
    fn extend<I: IntoIterator<Item = Error>>(&mut self, errors: I) {
        self.0.extend(errors);
    }
}

impl FromIterator<Error> for Errors {
    fn from_iter<I: IntoIterator<Item = Error>>(errors: I) -> Self {
        Self(errors.into_iter().collect())
    }
}

impl IntoIterator for Errors {
    type Item = Error;
    type IntoIter = std::vec::IntoIter<Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a Error;
    type IntoIter = std::slice::Iter<'a, Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, line: u32) -> Origin {
        Origin::File {
            path: name.into(),
            line,
        }
    }

    #[test]
    fn errors_are_shown_one_a_line_sorted_by_file_and_line_without_repetitions() {
        let errors: Errors = [
            Error::general("nothing to point at"),
            Error::new("b", "second").at(file("b.properties", 2)),
            Error::new("a", "tenth")
                .at(file("a.properties", 10))
                .found("\"x\""),
            Error::new("a", "second")
                .at(file("a.properties", 2))
                .nearest("alow", ["allow", "deny"]),
            Error::new("b", "second").at(file("b.properties", 2)),
            Error::new("e", "variable").at(Origin::Environment {
                variable: "PALISADE__E".into(),
            }),
        ]
        .into_iter()
        .collect();
        let expected = "a.properties:2: a: second (did you mean \"allow\"?)\na.properties:10: a: tenth, found \"x\"\n\
                        b.properties:2: b: second\nenvironment variable PALISADE__E: e: variable\nnothing to point at";
        assert_eq!(errors.to_string(), expected);
        assert_eq!(errors.sorted().len(), 5);
    }

    #[test]
    fn an_error_serialises_with_its_place_as_text() {
        let error = Error::new("palisade.x", "expected y")
            .at(file("application.properties", 3))
            .found("\"z\"");
        let json = serde_json::to_value(error).unwrap();
        let expected = serde_json::json!({
            "origin": "application.properties:3", "key": "palisade.x", "message": "expected y", "found": "\"z\"",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        assert_eq!(nearest("ip-fliter", ["headers", "ip-filter"]), Some("ip-filter"));
        assert_eq!(nearest("IP-Filter", ["headers", "ip-filter"]), Some("ip-filter"));
        assert_eq!(nearest("burst", ["requests", "per"]), None);
        assert_eq!(nearest("x", ["a", "b"]), None);
    }
}
