//! Writing what a Blueriq file says under native names.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use super::{REST_GROUPS, ROOTS, SOAP_GROUPS, Translated, check_group_key, near_root, translate};
use crate::key::{Key, Segment};
use crate::properties::{Property, escape_key, escape_value, parse};
use crate::{Error, Errors, Origin};

/// A properties file under native names.
#[derive(Clone)]
#[non_exhaustive]
pub struct Native {
    /// The text of `application.properties`.
    pub text: String,
    /// What could not be taken over.
    pub errors: Errors,
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text may hold secrets.
        f.debug_struct("Native")
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}

/// Rewrites a Blueriq file under native names, for `palisade init --from-blueriq`.
///
/// Values, `ENC(...)` among them, are kept as they are, save that placeholders name the new keys; a comment before each
/// names its source. Other properties of the file come along where a placeholder names them. `palisade.unmatched=allow`
/// is spelt out, because so does Blueriq behave, unless the file says otherwise. `file` is how comments and errors name the source.
pub fn to_native(file: &Path, bytes: &[u8]) -> Native {
    let parsed = parse(bytes);
    let place = |line| Origin::File {
        path: file.to_owned(),
        line,
    };
    let mut errors: Errors = parsed
        .errors
        .iter()
        .map(|e| Error::general(e.kind.to_string()).at(place(e.line)))
        .collect();
    let properties = last_of_each(parsed.properties);
    let mut lines: Vec<(Key, &Property)> = Vec::new();
    for property in &properties {
        match native(property) {
            Ok(Some(key)) => lines.push((key, property)),
            Ok(None) => {}
            Err(error) => errors.push(error.at(place(property.line))),
        }
    }
    number_groups(&mut lines);
    let text = render(file, &lines, &properties);
    Native {
        text,
        errors: errors.sorted(),
    }
}

fn last_of_each(properties: Vec<Property>) -> Vec<Property> {
    let last: HashMap<_, _> = properties.iter().map(|p| (p.key.clone(), p.line)).collect();
    properties
        .into_iter()
        .filter(|property| last.get(&property.key) == Some(&property.line))
        .collect()
}

/// The native key of a property; none when it is a mere variable.
fn native(property: &Property) -> Result<Option<Key>, Error> {
    let root = property.key.split(['.', '[']).next().unwrap_or_default();
    if !ROOTS.contains(&root) {
        return match near_root(root) {
            Some(known) => Err(Error::new(&property.key, "unknown first name").nearest(root, [known])),
            None => Ok(None),
        };
    }
    let key = Key::parse(&property.key).map_err(|error| Error::new(&property.key, error.to_string()))?;
    if root == "palisade" {
        return Ok(Some(key));
    }
    match translate(&key) {
        Translated::Variable => Ok(None),
        Translated::Misspelt { nearest } => Err(Error {
            nearest: Some(nearest.into()),
            ..Error::new(&property.key, "unknown key")
        }),
        Translated::Native(native) => check_group_key(&native, &property.key).map(|()| Some(native)),
    }
}

/// The list and the index of a key inside a group, lists for REST first.
fn group(key: &Key) -> Option<(u8, usize)> {
    match key.segments() {
        [Segment::Name(list), Segment::Index(index), ..] if list == REST_GROUPS => Some((0, *index)),
        [Segment::Name(list), Segment::Index(index), ..] if list == SOAP_GROUPS => Some((1, *index)),
        _ => None,
    }
}

/// Puts the groups for SOAP behind those for REST, in one list without gaps, and all of them before the other settings.
fn number_groups(lines: &mut [(Key, &Property)]) {
    let groups: BTreeSet<_> = lines.iter().filter_map(|(key, _)| group(key)).collect();
    // Stable: within one group, and among the other settings, the order of the file stays.
    lines.sort_by_key(|(key, _)| group(key).map_or((2, 0), |group| group));
    for (key, _) in lines {
        let Some(position) = group(key).and_then(|group| groups.iter().position(|other| *other == group))
        else {
            continue;
        };
        let names = ["palisade", "endpoints"].map(|name| Segment::Name(name.to_owned()));
        let start = names.into_iter().chain([Segment::Index(position)]);
        *key = start.chain(key.segments().iter().skip(2).cloned()).collect();
    }
}

fn render(file: &Path, lines: &[(Key, &Property)], properties: &[Property]) -> String {
    let names: HashMap<&str, String> = lines
        .iter()
        .map(|(key, property)| (property.key.as_str(), key.to_string()))
        .collect();
    let mut text = String::new();
    if !names.contains_key("palisade.unmatched") {
        text.push_str("# What no group matches is let through, as Blueriq does. Deny it when you can.\n");
        text.push_str("palisade.unmatched=allow\n");
    }
    let mut write = |key: &str, property: &Property| {
        let value = rename(&property.value, &names);
        let source = property.key.replace(char::is_control, "?");
        let place = format!("{}:{}", file.display(), property.line);
        let _ = write!(
            text,
            "\n# {place}: {source}\n{}={}\n",
            escape_key(key),
            escape_value(&value)
        );
    };
    for (key, property) in lines {
        write(&key.to_string(), property);
    }
    for property in referenced(lines, properties) {
        write(&property.key, property);
    }
    text
}

/// Placeholders of translated keys name the new ones.
fn rename(value: &str, names: &HashMap<&str, String>) -> String {
    let mut renamed = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, behind)) = rest.split_once("${") {
        renamed.push_str(before);
        renamed.push_str("${");
        let end = behind.find(['}', ':', '$']).unwrap_or(behind.len());
        let (name, next) = behind.split_at_checked(end).unwrap_or((behind, ""));
        renamed.push_str(names.get(name).map_or(name, String::as_str));
        rest = next;
    }
    renamed.push_str(rest);
    renamed
}

/// The properties that are no settings and that the values, or each other's, refer to.
fn referenced<'a>(lines: &[(Key, &'a Property)], properties: &'a [Property]) -> Vec<&'a Property> {
    let mut wanted: Vec<&Property> = lines.iter().map(|(_, property)| *property).collect();
    let settings = wanted.len();
    let mut next = 0;
    while let Some(property) = wanted.get(next).copied() {
        next += 1;
        for candidate in properties {
            let name = format!("${{{}", candidate.key);
            let named = property.value.match_indices(&name).any(|(at, _)| {
                property
                    .value
                    .get(at + name.len()..)
                    .is_some_and(|rest| rest.starts_with(['}', ':']))
            });
            if named && !wanted.iter().any(|known| std::ptr::eq(*known, candidate)) {
                wanted.push(candidate);
            }
        }
    }
    wanted.split_off(settings)
}
