//! From sources to a configuration.

use std::num::NonZeroU32;

use palisade_core::{Finding, Secret, Severity};
use serde::Deserialize;

use crate::blueriq::{self, Translated};
use crate::key::{Key, Segment};
use crate::layer::{Entry, merge};
use crate::resolve::{Resolver, Variables};
use crate::source::Raw;
use crate::source::environment::{self, Declared};
use crate::source::files::Reader;
use crate::tree::{Kind, Node};
use crate::{Blueriq, Config, Error, Errors, Origin, Sources, typed};

const PROFILES: &str = "palisade.profiles";
const PROPERTIES: &str = "palisade.properties";

/// `palisade.profiles`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Profiles {
    active: Vec<String>,
}

/// `palisade.properties`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read for its checks; the resolver has used the values by then"
)]
struct Properties {
    encryption: Option<Encryption>,
}

/// `palisade.properties.encryption`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "read for its checks; the resolver has used the values by then"
)]
struct Encryption {
    password: Option<Secret>,
    iterations: Option<NonZeroU32>,
}

pub(crate) fn load(sources: &Sources) -> (Config, Errors) {
    let mut errors = Errors::new();
    let mut reader = Reader::new(&sources.folder, &mut errors);
    let readable = errors.is_empty();
    let base = reader.rank(None, &mut errors);
    let profiles = profiles(sources, &base.layers, &mut errors);

    let mut layers = base.layers;
    for profile in &profiles {
        let rank = reader.rank(Some(profile), &mut errors);
        if !rank.present {
            reader.findings.push(profile_without_file(profile));
        }
        refuse_profiles_in(&rank.layers, &mut errors);
        layers.extend(rank.layers);
    }
    let assembled = assemble(sources, layers, &mut reader.findings, &mut errors);
    let found = base.present
        || assembled
            .root
            .child(&Segment::Name("palisade".to_owned()))
            .is_some();
    if readable && !found {
        errors.push(Error::general(format!(
            "no application.properties or application.toml in the configuration folder \"{}\"",
            sources.folder.display()
        )));
    }
    let root = resolve(sources, &assembled, &mut errors);
    check_own_settings(&root, &mut errors);
    let mut blueriq = assembled.blueriq;
    blueriq.undeclared_interceptors = undeclared_interceptors(&root, &blueriq);
    let config = Config {
        folder: sources.folder.clone(),
        files: reader.files,
        profiles,
        root,
        blueriq,
        findings: reader.findings,
    };
    (config, errors.sorted())
}

/// Merged, not yet resolved.
struct Assembled {
    root: Node,
    variables: Variables,
    blueriq: Blueriq,
}

/// Adds the layers that are no files, and merges.
fn assemble(
    sources: &Sources,
    files: Vec<Vec<Raw>>,
    findings: &mut Vec<Finding>,
    errors: &mut Errors,
) -> Assembled {
    let flat = |values: &[(String, String)], origin: &Origin| -> Vec<Raw> {
        values
            .iter()
            .map(|(key, value)| Raw::flat(key.trim(), value.clone(), origin.clone()))
            .collect()
    };
    let overrides = last_wins(flat(&sources.overrides, &Origin::CommandLine));
    let mut declared = Declared::default();
    for raw in files.iter().flatten().chain(&overrides) {
        declare(raw, &mut declared);
    }
    for name in &sources.unreadable {
        if name.to_lowercase().starts_with("palisade_") || name.to_lowercase().starts_with("blueriq_") {
            let origin = Origin::Environment {
                variable: name.clone(),
            };
            errors.push(Error::general("expected a value in Unicode").at(origin));
        }
    }
    let variables = environment::read(&sources.environment, &declared, findings, errors);
    let mut layers = vec![flat(&sources.defaults, &Origin::Default)];
    layers.extend(files);
    layers.push(variables);
    layers.push(overrides);

    let mut variables = Variables::new();
    let layers: Vec<Vec<Entry>> = layers
        .into_iter()
        .map(|raws| {
            raws.into_iter()
                .filter_map(|raw| native(raw, &mut variables, errors))
                .collect()
        })
        .collect();
    let mut root = merge(&layers, errors);
    let blueriq = blueriq::join_groups(&mut root, errors);
    Assembled {
        root,
        variables,
        blueriq,
    }
}

/// An option that is given again replaces the earlier one.
fn last_wins(raws: Vec<Raw>) -> Vec<Raw> {
    let mut kept: Vec<Raw> = Vec::with_capacity(raws.len());
    for raw in raws {
        kept.retain(|earlier| earlier.text != raw.text);
        kept.push(raw);
    }
    kept
}

fn declare(raw: &Raw, declared: &mut Declared) {
    if !blueriq::ROOTS.contains(&raw.root()) {
        return;
    }
    if let Ok(key) = raw.key() {
        declared.add(&key);
        if raw.root() == "blueriq"
            && let Translated::Native(native) = blueriq::translate(&key)
        {
            declared.add(&native);
        }
    }
    declared.add_references(raw);
}

/// The entry of a key that is a setting; every key is a variable for placeholders as well.
fn native(raw: Raw, variables: &mut Variables, errors: &mut Errors) -> Option<Entry> {
    let error = |message: String| Error::new(raw.text.clone(), message).at(raw.origin.clone());
    variables.insert(raw.text.clone(), raw.scalar.clone());
    let root = raw.root();
    if !blueriq::ROOTS.contains(&root) {
        if let Some(known) = blueriq::near_root(root) {
            errors.push(Error {
                nearest: Some(known.into()),
                ..error("unknown first name".to_owned())
            });
        }
        return None;
    }
    let key = match raw.key() {
        Ok(key) => key,
        Err(problem) => {
            errors.push(error(problem.to_string()));
            return None;
        }
    };
    let (key, written) = if root == "palisade" {
        (key, None)
    } else {
        match blueriq::translate(&key) {
            Translated::Native(native) => (native, Some(raw.text.clone())),
            Translated::Variable => return None,
            Translated::Misspelt { nearest } => {
                errors.push(Error {
                    nearest: Some(nearest.into()),
                    ..error("unknown key".to_owned())
                });
                return None;
            }
        }
    };
    if let Err(problem) = blueriq::check_group_key(&key, &raw.text) {
        errors.push(problem.at(raw.origin.clone()));
        return None;
    }
    if key.segments().len() < 2 {
        errors.push(error("expected a key behind this name".to_owned()));
        return None;
    }
    Some(Entry {
        key,
        written,
        scalar: raw.scalar,
        origin: raw.origin,
    })
}

fn resolve(sources: &Sources, assembled: &Assembled, errors: &mut Errors) -> Node {
    let mut resolver = Resolver::new(&assembled.root, &assembled.variables, &sources.environment);
    resolver.unlock(sources.encryption_password.as_ref(), errors);
    resolver.tree(&Key::default(), &assembled.root, errors)
}

/// The active profiles: those of the command line, else `palisade.profiles.active` of any source but profile files.
fn profiles(sources: &Sources, base: &[Vec<Raw>], errors: &mut Errors) -> Vec<String> {
    let mut named = sources.profiles.clone();
    let mut error = |name: &str, origin: Option<Origin>| {
        let key = if origin.is_some() {
            "palisade.profiles.active"
        } else {
            "--profile"
        };
        let message = "expected the name of a profile: letters, digits, - and _";
        errors.push(Error {
            origin,
            ..Error::new(key, message).found(crate::redact::quoted(name))
        });
    };
    let mut origin = None;
    if named.is_empty() {
        // What is wrong with these sources is reported when all of them are merged.
        let assembled = assemble(sources, base.to_vec(), &mut Vec::new(), &mut Errors::new());
        let root = resolve(sources, &assembled, &mut Errors::new());
        if let Ok(key) = Key::parse(PROFILES) {
            origin = root.find(&key).map(|node| node.origin.clone());
            let settings = typed::read::<Profiles>(&root, &key)
                .ok()
                .flatten()
                .unwrap_or_default();
            named = settings.active;
        }
    }
    let mut profiles: Vec<String> = Vec::new();
    for name in named {
        if !is_profile_name(&name) {
            error(&name, origin.clone());
        } else if !profiles.contains(&name) {
            profiles.push(name);
        }
    }
    profiles
}

fn is_profile_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn profile_without_file(profile: &str) -> Finding {
    let message =
        format!("profile {profile} has no file: neither application-{profile}.properties nor .toml exists");
    Finding::new(Severity::Caution, "profile-without-file", message).at("palisade.profiles.active")
}

fn refuse_profiles_in(layers: &[Vec<Raw>], errors: &mut Errors) {
    for raw in layers.iter().flatten() {
        if raw
            .text
            .strip_prefix(PROFILES)
            .is_some_and(|rest| rest.starts_with(['.', '[']))
        {
            let message =
                "expected in application.properties or application.toml, not in the file of a profile";
            errors.push(Error::new(raw.text.clone(), message).at(raw.origin.clone()));
        }
    }
}

/// Checks the settings that this crate itself reads.
fn check_own_settings(root: &Node, errors: &mut Errors) {
    if let Ok(key) = Key::parse(PROFILES)
        && let Err(found) = typed::read::<Profiles>(root, &key)
    {
        errors.extend(found);
    }
    if let Ok(key) = Key::parse(PROPERTIES)
        && let Err(found) = typed::read::<Properties>(root, &key)
    {
        errors.extend(found);
    }
}

/// The interceptors that Blueriq groups name and nothing declares.
fn undeclared_interceptors(root: &Node, blueriq: &Blueriq) -> Vec<String> {
    let find = |key: &str| Key::parse(key).ok().and_then(|key| root.find(&key));
    let declared = find("palisade.interceptors").map(Node::names).unwrap_or_default();
    let mut undeclared: Vec<String> = Vec::new();
    for index in blueriq.rest_groups.start..blueriq.soap_groups.end {
        let Some(list) = find(&format!("palisade.endpoints[{index}].interceptors")) else {
            continue;
        };
        let texts = match &list.kind {
            Kind::List(items) => items.iter().filter_map(Node::text).collect(),
            _ => list.text().into_iter().collect::<Vec<_>>(),
        };
        for name in texts.iter().flat_map(|text| text.split(',')).map(str::trim) {
            if !name.is_empty() && !declared.contains(&name) && !undeclared.iter().any(|known| known == name)
            {
                undeclared.push(name.to_owned());
            }
        }
    }
    undeclared
}
