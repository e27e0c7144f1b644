//! One file of a document.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::json;
use super::yaml::{self, Mark, Marks};
use crate::schema::place::locate;
use crate::schema::source::{SourceError, read_text};
use crate::schema::{Position, SchemaError};

/// How many characters of one problem are told.
const MAX_PROBLEM: usize = 400;

/// A file, read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) uri: String,
    pub(super) json: Value,
    text: String,
    slots: Vec<Slot>,
    /// By slot; none for JSON, where places are looked for when they are asked for.
    marks: Vec<Mark>,
}

/// Where a value belongs. Slots are in the order of a walk by levels, so that children stand side by side.
#[derive(Debug, Clone)]
struct Slot {
    parent: u32,
    /// The slot of its first child.
    first: u32,
    step: Step,
}

/// Which child of its parent a value is.
#[derive(Debug, Clone)]
enum Step {
    Item(u32),
    Member(Box<str>),
}

impl File {
    /// Reads a file of JSON or YAML: by its extension, or by its first character where that says nothing.
    pub(super) fn read(path: PathBuf, uri: String) -> Result<Self, SchemaError> {
        let text = read_text(&path).map_err(|error| unreadable(&path, &error))?;
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let extension = path.extension().map(OsStr::to_ascii_lowercase);
        let is_json = match extension.as_deref().and_then(OsStr::to_str) {
            Some("json") => true,
            Some("yaml" | "yml") => false,
            _ => text.trim_start().starts_with(['{', '[']),
        };
        let (json, marks) = if is_json {
            let json = json::read(&text).map_err(|error| SchemaError {
                document: path.display().to_string(),
                position: Some(error.position),
                pointer: String::new(),
                problem: format!("is not JSON as it is read here: {}", error.problem),
            })?;
            (json, None)
        } else {
            let (json, marks) = yaml::read(&text).map_err(|error| SchemaError {
                document: path.display().to_string(),
                position: Some(position(&text, error.mark)),
                pointer: String::new(),
                problem: format!("is not YAML as it is read here: {}", error.problem),
            })?;
            (json, Some(marks))
        };
        let (slots, marks) = slots(&json, marks.as_ref());
        Ok(Self {
            path,
            uri,
            json,
            text,
            slots,
            marks,
        })
    }

    /// The slot of the `nth` child.
    pub(super) fn child(&self, slot: usize, nth: usize) -> usize {
        let first = self.slots.get(slot).map_or(0, |slot| slot.first as usize);
        first + nth
    }

    /// The slot that contains a slot; none for the root.
    pub(super) fn parent(&self, slot: usize) -> Option<usize> {
        (slot > 0).then_some(self.slots.get(slot)?.parent as usize)
    }

    /// The value in a slot.
    pub(super) fn value(&self, slot: usize) -> Option<&Value> {
        self.way(slot).try_fold(&self.json, |value, step| match step {
            Step::Item(nth) => value.get(*nth as usize),
            Step::Member(name) => value.get(&**name),
        })
    }

    /// The JSON Pointer of a slot.
    pub(super) fn pointer(&self, slot: usize) -> String {
        let mut pointer = String::new();
        for step in self.way(slot) {
            pointer.push('/');
            match step {
                Step::Item(nth) => pointer.push_str(&nth.to_string()),
                Step::Member(name) => pointer.push_str(&escape(name)),
            }
        }
        pointer
    }

    /// The slot that a JSON Pointer leads to from another.
    pub(super) fn descend(&self, from: usize, pointer: &str) -> Option<usize> {
        let mut slot = from;
        let mut value = self.value(from)?;
        if pointer.is_empty() {
            return Some(slot);
        }
        for token in pointer.strip_prefix('/')?.split('/') {
            let nth;
            (nth, value) = match value {
                Value::Array(items) => {
                    let is_index = !(token.is_empty() || token.len() > 1 && token.starts_with('0'))
                        && token.bytes().all(|byte| byte.is_ascii_digit());
                    let nth = token.parse().ok().filter(|_| is_index)?;
                    (nth, items.get(nth)?)
                }
                Value::Object(members) => {
                    let name = token.replace("~1", "/").replace("~0", "~");
                    let member = members.get(&name)?;
                    (members.keys().position(|other| *other == name)?, member)
                }
                _ => return None,
            };
            slot = self.child(slot, nth);
        }
        Some(slot)
    }

    /// The slot that a JSON Pointer leads to, or the last one on the way.
    pub(super) fn nearest(&self, pointer: &str) -> usize {
        let mut pointer = pointer;
        loop {
            if let Some(slot) = self.descend(0, pointer) {
                return slot;
            }
            pointer = pointer.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }

    /// That something is wrong with the value in a slot.
    pub(super) fn error(&self, slot: usize, mut problem: String) -> SchemaError {
        let pointer = self.pointer(slot);
        if let Some((end, _)) = problem.char_indices().nth(MAX_PROBLEM) {
            problem.truncate(end);
            problem.push('…');
        }
        let place = match self.marks.get(slot) {
            Some(mark) => position(&self.text, *mark),
            None => locate(&self.text, &pointer),
        };
        SchemaError {
            document: self.path.display().to_string(),
            position: Some(place),
            pointer,
            problem,
        }
    }

    /// The steps from the root to a slot.
    fn way(&self, slot: usize) -> impl Iterator<Item = &Step> {
        let mut way = Vec::new();
        let mut at = slot;
        while let Some(Slot { parent, step, .. }) = self.slots.get(at).filter(|_| at > 0) {
            way.push(step);
            at = *parent as usize;
        }
        way.into_iter().rev()
    }
}

/// Why a file cannot be had, as an error of its own.
fn unreadable(path: &Path, error: &SourceError) -> SchemaError {
    SchemaError {
        document: path.display().to_string(),
        position: None,
        pointer: String::new(),
        problem: error.to_string(),
    }
}

/// A name as a token of a JSON Pointer (RFC 6901 section 3).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A place in bytes.
fn position(text: &str, mark: Mark) -> Position {
    let line = text
        .split('\n')
        .nth(mark.line.saturating_sub(1))
        .unwrap_or_default();
    let before: usize = line.chars().take(mark.characters).map(char::len_utf8).sum();
    Position {
        line: mark.line,
        column: before + 1,
    }
}

fn slots(root: &Value, marks: Option<&Marks>) -> (Vec<Slot>, Vec<Mark>) {
    let mut slots = vec![Slot {
        parent: 0,
        first: 0,
        step: Step::Item(0),
    }];
    let mut open = VecDeque::from([(root, marks)]);
    let mut places = Vec::new();
    let mut at = 0;
    while let Some((value, marks)) = open.pop_front() {
        places.extend(marks.map(|marks| marks.mark));
        let first = short(slots.len());
        if let Some(slot) = slots.get_mut(at) {
            slot.first = first;
        }
        let children: Vec<(Step, &Value)> = match value {
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(nth, item)| (Step::Item(short(nth)), item)).collect()
            }
            Value::Object(members) => {
                let members = members.iter();
                members
                    .map(|(name, member)| (Step::Member(name.as_str().into()), member))
                    .collect()
            }
            _ => Vec::new(),
        };
        for (nth, (step, child)) in children.into_iter().enumerate() {
            slots.push(Slot {
                parent: short(at),
                first: 0,
                step,
            });
            open.push_back((child, marks.and_then(|marks| marks.children.get(nth))));
        }
        at += 1;
    }
    (slots, places)
}

/// A count that a file's size bounds far below 32 bits.
fn short(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
