//! Typed settings from the tree, with every error of a subtree at once.
//!
//! A failing value is reported, taken out, and the rest is read again until nothing fails. A field that is missing, or
//! whose value was taken out although it is required, is filled with a neutral value on the next reading so that the
//! fields behind it are still checked; what was filled in never reaches the caller, because the whole is an error.

mod access;
mod deserializer;
mod fault;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::key::{Key, Segment};
use crate::tree::{Kind, Node};
use crate::{Error, Errors};
use deserializer::Reading;
use fault::{Fault, Problem};

/// What is done about a value that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fix {
    /// It is left out.
    Remove,
    /// A neutral value stands in its place.
    Fill,
}

/// Every fix so far.
pub(crate) type Fixes = BTreeMap<Key, Fix>;

/// The most errors reported of one subtree: each costs a reading of the whole.
const MOST: usize = 500;

/// Reads the subtree of `root` at `key`.
pub(crate) fn read<T: DeserializeOwned>(root: &Node, key: &Key) -> Result<Option<T>, Errors> {
    read_without(root, key, Fixes::new())
}

/// Reads the subtree of `root` at `key` as if only `names` stood directly below it.
pub(crate) fn read_some<T: DeserializeOwned>(
    root: &Node,
    key: &Key,
    names: &[&str],
) -> Result<Option<T>, Errors> {
    let present = root.find(key).map(Node::names).unwrap_or_default();
    let (wanted, others): (Vec<&str>, Vec<&str>) = present.into_iter().partition(|name| names.contains(name));
    if wanted.is_empty() && !others.is_empty() {
        return Ok(None);
    }
    read_without(
        root,
        key,
        others
            .into_iter()
            .map(|name| (key.name(name), Fix::Remove))
            .collect(),
    )
}

/// Reads a subtree in which some values are left out from the start.
fn read_without<T: DeserializeOwned>(root: &Node, key: &Key, mut fixes: Fixes) -> Result<Option<T>, Errors> {
    let Some(node) = root.find(key) else {
        return Ok(None);
    };
    let mut errors = Errors::new();
    let mut unusable = Vec::new();
    node.leaves(key, &mut |leaf, node| {
        if let Some(error) = &node.fault
            && !is_left_out(&fixes, leaf)
        {
            errors.push((**error).clone());
            unusable.push(leaf.clone());
        }
    });
    fixes.extend(unusable.into_iter().map(|leaf| (leaf, Fix::Remove)));
    if fixes.contains_key(key) {
        return Err(errors);
    }
    loop {
        let fault = match T::deserialize(Reading {
            node: Some(node),
            key: key.clone(),
            fixes: &fixes,
        }) {
            Ok(value) => return errors.into_result(Some(value)),
            Err(fault) => fault,
        };
        if errors.len() >= MOST {
            let message = format!("expected fewer than {MOST} errors here; there may be more");
            errors.push(self::at(root, key, message));
            return Err(errors);
        }
        let at = fault.key.clone().unwrap_or_else(|| key.clone());
        let (fix, report) = remedy(&fixes, key, at, &fault);
        if report {
            errors.push(describe(root, &fault, key));
        }
        match fix {
            Some((at, fix)) if fixes.get(&at) != Some(&fix) => fixes.insert(at, fix),
            _ => return Err(errors),
        };
    }
}

fn is_left_out(fixes: &Fixes, leaf: &Key) -> bool {
    let mut at = Some(leaf.clone());
    while let Some(key) = at {
        if fixes.contains_key(&key) {
            return true;
        }
        at = key.parent();
    }
    false
}

/// What to do about a fault, and whether it is news.
fn remedy(fixes: &Fixes, root: &Key, at: Key, fault: &Fault) -> (Option<(Key, Fix)>, bool) {
    // A fault at or below a value that was filled in: the group that needs the value is given up.
    let mut filled = Some(at.clone());
    while let Some(key) = filled {
        if fixes.get(&key) == Some(&Fix::Fill) {
            return (give_up(&key, root), false);
        }
        filled = key.parent();
    }
    let missing = matches!(fault.problem, Problem::Missing);
    match (fixes.get(&at), missing) {
        (_, true) => {
            let report = !fixes.contains_key(&at);
            (Some((at, Fix::Fill)), report)
        }
        (None, false) if at == *root => (None, true),
        (None, false) => (Some((at, Fix::Remove)), true),
        (Some(_), false) => (give_up(&at, root), true),
    }
}

fn give_up(key: &Key, root: &Key) -> Option<(Key, Fix)> {
    let parent = key.parent()?;
    (parent != *root && parent.below(root).is_some()).then_some((parent, Fix::Remove))
}

/// The error for a fault.
fn describe(root: &Node, fault: &Fault, fallback: &Key) -> Error {
    let key = fault.key.as_ref().unwrap_or(fallback);
    let (node, depth) = root.nearest(key);
    let is_whole = depth == key.segments().len();
    let mut error = at(root, key, String::new());
    error.found = None;
    match &fault.problem {
        Problem::Missing => "a value is required here".clone_into(&mut error.message),
        Problem::Unknown { known } => {
            error.message = if known.is_empty() {
                "unknown key".to_owned()
            } else {
                format!("unknown key; expected one of {}", known.join(", "))
            };
            if let Some(Segment::Name(name)) = key.last() {
                error = error.nearest(name, known.iter().copied());
            }
        }
        Problem::Variant { known, found } => {
            error.message = format!("expected one of {}", known.join(", "));
            if !node.secret {
                error = error.nearest(found.trim(), known.iter().copied());
            }
            error.found = shown(node, is_whole, fault).map(Into::into);
        }
        Problem::Expected(expected) => {
            error.message = format!("expected {}", without_secrets(node, expected));
            error.found = shown(node, is_whole, fault).map(Into::into);
        }
        Problem::Other(_) if node.secret => "expected another value".clone_into(&mut error.message),
        Problem::Other(message) => {
            error.message = without_secrets(node, message);
            let repeats = node
                .text()
                .is_some_and(|text| !text.is_empty() && message.contains(text.as_str()));
            error.found = if repeats {
                None
            } else {
                shown(node, is_whole, fault).map(Into::into)
            };
        }
    }
    error
}

fn shown(node: &Node, is_whole: bool, fault: &Fault) -> Option<String> {
    match &fault.element {
        Some(_) if node.secret => Some(crate::redact::MASK.to_owned()),
        Some(element) => Some(crate::redact::quoted(element)),
        None if is_whole => node.shown(),
        None => None,
    }
}

/// A message of a type's own, in which no secret below the node it is about is quoted.
fn without_secrets(node: &Node, message: &str) -> String {
    let mut message = message.to_owned();
    node.leaves(&Key::default(), &mut |_, leaf| {
        if let (true, Kind::Text(text)) = (leaf.secret, &leaf.kind)
            && !text.is_empty()
        {
            message = message.replace(text.as_str(), crate::redact::MASK);
        }
    });
    crate::redact::mask_urls(&message)
}

/// How deep a group of keys is that lends its place to a setting missing from it: `palisade.listeners.main` does, and
/// `palisade.listeners` or `palisade` would point at something else.
const LENDS_ITS_PLACE: usize = 3;

/// An error about a key, with its place and the value found there.
pub(crate) fn at(root: &Node, key: &Key, message: String) -> Error {
    let (node, depth) = root.nearest(key);
    let (above, below) = key.segments().split_at_checked(depth).unwrap_or_default();
    let known: Key = above.iter().cloned().collect();
    let is_value = !matches!(node.kind, Kind::Table(_));
    let is_near = below.is_empty() || is_value || depth >= LENDS_ITS_PLACE;
    let name = match node.written(&known).filter(|_| is_near) {
        Some(written) => {
            let mut name = Key::parse(&written).unwrap_or(known);
            for segment in below {
                name.push(segment.clone());
            }
            name.to_string()
        }
        None => key.to_string(),
    };
    let mut error = Error::new(name, message);
    error.origin = (depth > 0 && is_near).then(|| node.origin.clone());
    error.found = if below.is_empty() {
        node.shown().map(Into::into)
    } else {
        None
    };
    error
}
