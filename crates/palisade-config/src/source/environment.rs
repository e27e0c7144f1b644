//! Environment variables as keys.
//!
//! 1. `PALISADE__A__B_C` is `palisade.a.b-c`: two underscores are a dot, one is a hyphen, digits between dots an index.
//!    `BLUERIQ__…` likewise.
//! 2. A part that matches a name declared in a file or on the command line, without regard to case and with `-`, `_`
//!    and `.` alike, is that name. Two declared names that both match are an error.
//! 3. A variable that looks like a misspelt one of ours is an error; every other variable serves placeholders only.

use std::collections::{BTreeMap, HashMap};

use palisade_core::{Finding, Severity};

use crate::blueriq;
use crate::key::{Key, Segment};
use crate::layer::Scalar;
use crate::source::Raw;
use crate::{Error, Errors, Origin};

/// Names that hold names chosen by the operator, so that digits behind them are a name.
const NAMED: [&str; 9] = [
    "palisade.listeners",
    "palisade.keystores",
    "palisade.interceptors",
    "palisade.client.interceptors",
    "palisade.connections",
    "palisade.users",
    "palisade.tenants",
    "blueriq.rest.interceptor.server.security",
    "blueriq.rest.interceptor.client.security",
];

/// Top names of the native settings; a variable `PALISADE_<one of them>…` was surely meant as a setting.
const TOP_NAMES: [&str; 12] = [
    "endpoints",
    "listeners",
    "keystores",
    "interceptors",
    "client",
    "connections",
    "users",
    "tenants",
    "profiles",
    "properties",
    "unmatched",
    "upstream",
];

/// Blueriq's settings as Spring writes them in variables.
const SPRING_NAMES: [&str; 5] = [
    "baas_rest_",
    "baas_soap_",
    "rest_interceptor_",
    "security_keystore_",
    "properties_encryption_",
];

/// The names that files and the command line declare, as a tree.
#[derive(Default)]
pub(crate) struct Declared(BTreeMap<Segment, Declared>);

impl Declared {
    pub(crate) fn add(&mut self, key: &Key) {
        let mut node = self;
        for segment in key.segments() {
            node = node.0.entry(segment.clone()).or_default();
        }
    }

    /// Adds the names of interceptors that `raw` refers to: a variable may declare what a file only names.
    pub(crate) fn add_references(&mut self, raw: &Raw) {
        let (Ok(key), Scalar::Text(text)) = (raw.key(), &raw.scalar) else {
            return;
        };
        let names: Vec<_> = key.names().collect();
        let parents: &[&str] = match names.as_slice() {
            ["palisade", "endpoints", "interceptors"] => &["palisade", "interceptors"],
            ["palisade", "connections", _, "interceptors"] => &["palisade", "client", "interceptors"],
            ["blueriq", "baas", "rest" | "soap", "endpoints", "interceptors"] => {
                &["blueriq", "rest", "interceptor", "server", "security"]
            }
            _ => return,
        };
        for name in text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty() && !name.contains("${"))
        {
            let segments = parents.iter().copied().chain([name]);
            let key: Key = segments
                .map(|segment| Segment::Name(segment.to_owned()))
                .collect();
            self.add(&key);
            // An interceptor that Blueriq groups name may be declared under its native name, and the other way round.
            if let ["blueriq", ..] = parents {
                self.add(
                    &["palisade", "interceptors", name]
                        .map(|s| Segment::Name(s.to_owned()))
                        .into_iter()
                        .collect(),
                );
            }
        }
    }

    fn matching(&self, part: &str) -> Vec<&Segment> {
        let wanted = plain(part);
        self.0
            .keys()
            .filter(|segment| matches!(segment, Segment::Name(name) if plain(name) == wanted))
            .collect()
    }
}

/// A name without what an environment variable cannot tell apart.
fn plain(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

/// Turns variables into keys.
pub(crate) fn read(
    variables: &[(String, String)],
    declared: &Declared,
    findings: &mut Vec<Finding>,
    errors: &mut Errors,
) -> Vec<Raw> {
    let mut raws = Vec::new();
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (name, value) in variables {
        let origin = Origin::Environment {
            variable: name.clone(),
        };
        let key = match classify(name) {
            Class::Foreign => continue,
            Class::Ignored => {
                findings.push(ignored(name));
                continue;
            }
            Class::Mistyped(message) => {
                errors.push(Error::general(message).at(origin));
                continue;
            }
            Class::Ours(parts) => match key(&parts, declared) {
                Ok(key) => key,
                Err(message) => {
                    errors.push(Error::general(message).at(origin));
                    continue;
                }
            },
        };
        if let Some(other) = seen.insert(key.to_string(), name) {
            let message = format!("expected once; environment variable {other} sets the same");
            errors.push(Error::new(key.to_string(), message).at(origin));
            continue;
        }
        raws.push(Raw::keyed(key, Scalar::text(value.clone()), origin));
    }
    raws
}

enum Class<'a> {
    Ours(Vec<&'a str>),
    Mistyped(String),
    Ignored,
    Foreign,
}

fn classify(name: &str) -> Class<'_> {
    let Some((root, rest)) = name.split_once("__") else {
        return if seems_meant(&name.to_lowercase()) {
            Class::Ignored
        } else {
            Class::Foreign
        };
    };
    let lower = root.to_lowercase();
    if blueriq::ROOTS.contains(&lower.as_str()) {
        return Class::Ours(std::iter::once(root).chain(rest.split("__")).collect());
    }
    if let Some((first, behind)) = lower.split_once('_')
        && blueriq::ROOTS.contains(&first)
    {
        let message = format!(
            "expected two underscores behind {}: {0}__{}__{rest}",
            first.to_uppercase(),
            behind.to_uppercase()
        );
        return Class::Mistyped(message);
    }
    match blueriq::near_root(&lower) {
        Some(known) => Class::Mistyped(format!(
            "expected {}__ or a name less like it",
            known.to_uppercase()
        )),
        None => Class::Foreign,
    }
}

/// Whether a variable without double underscores was surely meant as a setting, in the way Spring writes them.
fn seems_meant(lower: &str) -> bool {
    let native = lower
        .strip_prefix("palisade_")
        .and_then(|rest| rest.split('_').next());
    native.is_some_and(|first| TOP_NAMES.contains(&first))
        || lower
            .strip_prefix("blueriq_")
            .is_some_and(|rest| SPRING_NAMES.iter().any(|start| rest.starts_with(start)))
}

fn ignored(name: &str) -> Finding {
    let message = "is not read as a setting: those have two underscores for each dot, as in PALISADE__A__B";
    Finding::new(Severity::Caution, "environment-variable-ignored", message).from_origin(
        Origin::Environment {
            variable: name.to_owned(),
        }
        .to_string(),
    )
}

fn key(parts: &[&str], declared: &Declared) -> Result<Key, String> {
    let mut key = Key::default();
    let mut node = Some(declared);
    for part in parts {
        if part.is_empty() || part.starts_with('_') || part.ends_with('_') {
            return Err("expected a name between each pair of double underscores".to_owned());
        }
        let matching = node.map(|node| node.matching(part)).unwrap_or_default();
        let segment = match matching.as_slice() {
            [] => undeclared(part, &key)?,
            [segment] => (*segment).clone(),
            [first, second, ..] => {
                let names = [first, second].map(|segment| key.child((*segment).clone()).to_string());
                let [first, second] = names;
                return Err(format!(
                    "expected a name that fits one key; it fits both {first} and {second}"
                ));
            }
        };
        node = node.and_then(|node| node.0.get(&segment));
        key.push(segment);
    }
    if key.segments().len() < 2 {
        return Err("expected a name behind the double underscore".to_owned());
    }
    Ok(key)
}

fn undeclared(part: &str, parent: &Key) -> Result<Segment, String> {
    let digits = part.bytes().all(|byte| byte.is_ascii_digit());
    if digits && !NAMED.contains(&parent.to_string().as_str()) {
        return part
            .parse()
            .map(Segment::Index)
            .map_err(|_| "expected a smaller index".to_owned());
    }
    Ok(Segment::Name(part.to_lowercase().replace('_', "-")))
}
