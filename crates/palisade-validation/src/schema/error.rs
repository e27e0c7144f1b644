//! What is wrong with a schema itself, told at start.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ReferencingError, ValidationError};
use serde_json::Value;

use super::keyword::PATTERN;
use super::place::{Position, locate};
use super::source::{ABOVE, Document, FOLDER, SourceError};
use super::violation::{escape, quote};
use crate::pattern::Pattern;

/// How many characters of one problem are told.
const MAX_PROBLEM: usize = 400;

/// Why there is no schema: at least one reason.
#[derive(Debug, Clone)]
pub struct SchemaErrors {
    /// The reasons.
    pub list: Vec<SchemaError>,
    /// The files that were looked at: a change of any of them is worth another attempt.
    pub files: Vec<PathBuf>,
}

impl fmt::Display for SchemaErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.list.iter().enumerate() {
            write!(f, "{}{error}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl Error for SchemaErrors {}

/// One thing that is wrong with a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// The file, or the URI of a document that came without one; empty for a schema that has neither.
    pub document: String,
    /// Where in the file.
    pub position: Option<Position>,
    /// Where in the document: a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.document)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if !self.document.is_empty() {
            f.write_str(": ")?;
        }
        if !self.pointer.is_empty() {
            write!(f, "at `{}`: ", self.pointer)?;
        }
        f.write_str(&self.problem)
    }
}

/// A document in which something may be wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) uri: &'a str,
    pub(super) json: &'a Value,
    pub(super) file: Option<&'a Document>,
}

impl<'a> Known<'a> {
    pub(super) fn file(uri: &'a str, file: &'a Document) -> Self {
        Self {
            uri,
            json: &file.json,
            file: Some(file),
        }
    }

    pub(super) fn error(self, pointer: &str, problem: &str) -> SchemaError {
        let mut problem = problem.to_owned();
        if let Some((end, _)) = problem.char_indices().nth(MAX_PROBLEM) {
            problem.truncate(end);
            problem.push('…');
        }
        SchemaError {
            document: self
                .file
                .map_or_else(|| self.uri.to_owned(), |file| file.path.display().to_string()),
            position: self.file.map(|file| locate(&file.text, pointer)),
            pointer: pointer.to_owned(),
            problem,
        }
    }
}

/// What the crate says of a schema that it cannot compile. `documents` begins with the schema itself.
pub(super) fn from_build(error: &ValidationError<'_>, documents: &[Known<'_>]) -> SchemaError {
    if let ValidationErrorKind::Referencing(reference) = error.kind() {
        return from_reference(reference, documents);
    }
    let pointer = error.schema_path().as_str();
    let uri = error
        .absolute_keyword_location()
        .and_then(|uri| uri.as_str().split('#').next());
    let is_there = |document: &&Known<'_>| document.json.pointer(pointer) == Some(error.instance());
    // The crate does not always tell in which document it is, but the value it is about.
    let document = documents
        .iter()
        .filter(is_there)
        .find(|document| Some(document.uri) == uri)
        .or_else(|| documents.iter().find(is_there))
        .or_else(|| {
            documents
                .iter()
                .find(|document| document.json.pointer(pointer).is_some())
        })
        .or_else(|| documents.first())
        .copied()
        .unwrap_or(NONE);
    match error.kind() {
        ValidationErrorKind::Format { format } if format == "regex" => {
            document.error(pointer, &not_linear(document.json.pointer(pointer)))
        }
        ValidationErrorKind::Custom { keyword, .. } if keyword == PATTERN => {
            document.error(pointer, &not_linear(document.json.pointer(pointer)))
        }
        _ => document.error(pointer, &error.to_string()),
    }
}

/// What is said of a schema that is not even at hand.
const NONE: Known<'static> = Known {
    uri: "",
    json: &Value::Null,
    file: None,
};

/// Finds the patterns in `patternProperties` whose work cannot be bounded: the crate matches these itself.
pub(super) fn unbounded_names(document: Known<'_>) -> Vec<SchemaError> {
    const KEYWORD: &str = "patternProperties";
    let mut errors = Vec::new();
    let mut open = vec![(String::new(), document.json)];
    while let Some((pointer, value)) = open.pop() {
        let patterns = value.get(KEYWORD).and_then(Value::as_object);
        for pattern in patterns.into_iter().flat_map(|patterns| patterns.keys()) {
            // What cannot be compiled is found where it is compiled, if ever.
            if Pattern::ecma(pattern).is_ok_and(|compiled| !compiled.is_linear()) {
                let problem = format!(
                    "the pattern {} would take too much work to match with each name of a member: it must have fewer or \
                     smaller counted repetitions, and no word boundaries",
                    quote(pattern)
                );
                errors.push(document.error(&format!("{pointer}/{KEYWORD}"), &problem));
            }
        }
        match value {
            Value::Array(items) => open.extend(
                items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| (format!("{pointer}/{at}"), item)),
            ),
            Value::Object(members) => open.extend(
                members
                    .iter()
                    .map(|(name, member)| (format!("{pointer}/{}", escape(name)), member)),
            ),
            _ => {}
        }
    }
    errors
}

/// Why a pattern cannot be used.
fn not_linear(pattern: Option<&Value>) -> String {
    let patterns = match pattern {
        Some(Value::String(pattern)) => vec![pattern.as_str()],
        Some(Value::Object(members)) => members.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let reason = patterns
        .into_iter()
        .find_map(|pattern| regex::Regex::new(pattern).err());
    let reason = reason.map(|error| error.to_string());
    let reason = reason
        .as_deref()
        .and_then(|text| text.lines().last())
        .map(|line| line.strip_prefix("error: ").unwrap_or(line));
    format!(
        "must be a regular expression that is matched in linear time, without look-around and backreferences (several \
         conditions are several patterns under `allOf`): {}",
        reason.unwrap_or("it is none of ECMA 262")
    )
}

fn from_reference(error: &ReferencingError, documents: &[Known<'_>]) -> SchemaError {
    let (target, problem) = match error {
        ReferencingError::Unretrievable { uri, source } => {
            let shown = [FOLDER, ABOVE]
                .iter()
                .find_map(|base| uri.strip_prefix(base))
                .unwrap_or(uri);
            let source_error = source.downcast_ref::<SourceError>();
            if let Some(SourceError::NotJson { .. }) = source_error {
                let path = source_error.and_then(SourceError::path);
                return SchemaError {
                    document: path.map(|path| path.display().to_string()).unwrap_or_default(),
                    position: source_error.and_then(SourceError::position),
                    pointer: String::new(),
                    problem: source.to_string(),
                };
            }
            (uri.as_str(), format!("`{shown}` {source}"))
        }
        ReferencingError::PointerToNowhere { pointer } => {
            (pointer.as_str(), format!("`{pointer}` leads to nothing"))
        }
        ReferencingError::NoSuchAnchor { anchor } => {
            (anchor.as_str(), format!("there is no anchor `{anchor}`"))
        }
        ReferencingError::UnknownSpecification { specification } => (
            specification.as_str(),
            format!("`{specification}` is none of the drafts 4, 6, 7, 2019-09 and 2020-12"),
        ),
        other => ("", other.to_string()),
    };
    let place = |leads: &dyn Fn(&str, &str) -> bool| {
        documents
            .iter()
            .find_map(|document| Some((document, reference_to(document.json, target, leads)?)))
    };
    place(&|reference, target| reference.trim_end_matches('#') == target)
        .or_else(|| place(&leads_to))
        .or_else(|| place(&|reference, target| last(document_of(reference)) == last(target)))
        .or_else(|| Some((documents.first()?, String::new())))
        .map_or_else(
            || NONE.error("", &problem),
            |(document, pointer)| document.error(&pointer, &problem),
        )
}

/// Where in a document something refers to `target`, the end of a URI or of its fragment.
fn reference_to(document: &Value, target: &str, leads: &dyn Fn(&str, &str) -> bool) -> Option<String> {
    const KEYWORDS: [&str; 4] = ["$ref", "$dynamicRef", "$recursiveRef", "$schema"];
    let target = target.trim_end_matches('#');
    if target.is_empty() {
        return None;
    }
    let mut open = vec![(String::new(), document)];
    while let Some((pointer, value)) = open.pop() {
        match value {
            Value::Array(items) => {
                open.extend(
                    items
                        .iter()
                        .enumerate()
                        .map(|(at, item)| (format!("{pointer}/{at}"), item))
                        .rev(),
                );
            }
            Value::Object(members) => {
                for keyword in KEYWORDS {
                    let reference = members.get(keyword).and_then(Value::as_str);
                    if reference.is_some_and(|reference| leads(reference, target)) {
                        return Some(format!("{pointer}/{keyword}"));
                    }
                }
                open.extend(members.iter().rev().map(|(name, member)| {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    (format!("{pointer}/{name}"), member)
                }));
            }
            _ => (),
        }
    }
    None
}

fn leads_to(reference: &str, target: &str) -> bool {
    let fragment = reference.split_once('#').map_or("", |(_, fragment)| fragment);
    let document = document_of(reference);
    let plain = document
        .rsplit("../")
        .next()
        .unwrap_or(document)
        .trim_start_matches("./");
    (!plain.is_empty() && target.ends_with(plain)) || (!fragment.is_empty() && target.ends_with(fragment))
}

fn document_of(reference: &str) -> &str {
    reference.split('#').next().unwrap_or(reference)
}

fn last(path: &str) -> Option<&str> {
    path.rsplit('/').next().filter(|name| !name.is_empty())
}
