//! `palisade diff`: what another configuration folder would change.
//!
//! 1. Settings are compared as they apply, after all layers, placeholders and decryption; secrets without being shown.
//! 2. Routes are compared by the real matcher: see [`routes`].
//! 3. Client interceptors are compared by the stages that are on.

mod routes;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use palisade_config::{Config, Entry, Errors, Origin};
use palisade_core::Secret;
use palisade_endpoint::{Changes, Explanation, Policy, Verdict};
use serde::Serialize;

use self::routes::{Route, Selectors};
use super::{Database, compile};
use crate::cli::{Common, DiffArguments};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{BAD, GOOD, HEADING, Output, WARNING, styled};

/// The result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Differences {
    settings: Vec<SettingChange>,
    groups: Changes,
    client_interceptors: Vec<ClientChange>,
    /// Absent when there are too many combinations to try.
    routes: Option<Vec<RouteChange>>,
}

/// A setting that differs; a side is absent where it has none.
#[derive(Debug, Serialize)]
struct SettingChange {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<Entry>,
}

/// A client interceptor that appears, disappears, or has other stages; a side is absent where it is not declared.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct ClientChange {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<Vec<String>>,
    /// Stages that requests and answers no longer pass.
    lost: Vec<String>,
    /// Stages that they pass now.
    gained: Vec<String>,
}

/// A route that another group takes, or that other stages guard.
#[derive(Debug, Serialize)]
struct RouteChange {
    route: String,
    old: Side,
    new: Side,
    /// Stages that no longer guard it.
    lost: Vec<String>,
    /// Stages that guard it now.
    gained: Vec<String>,
}

/// What happens to a route in one folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
enum Side {
    /// A group takes it.
    Guarded { group: String, stages: Vec<String> },
    /// No group takes it, and it passes.
    Unguarded,
    /// It is refused before any group.
    Refused { code: String },
}

pub(super) fn run(common: &Common, arguments: &DiffArguments, output: &mut Output) -> Outcome {
    let old = load(common, &arguments.old);
    let new = load(common, &arguments.new);
    let ((old, old_policy), (new, new_policy)) = match (old, new) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            let all: Errors = [old.err(), new.err()]
                .into_iter()
                .flatten()
                .flat_map(Failure::into_errors)
                .collect();
            return Err(all.into());
        }
    };
    let routes = Selectors::read([&old, &new])?.routes().ok();
    let differences = Differences {
        settings: settings(&old, &new),
        groups: old_policy.changes(&new_policy),
        client_interceptors: client_changes(&old_policy, &new_policy),
        routes: routes.map(|routes| changes(&routes, &old_policy, &new_policy)),
    };
    if output.is_json() {
        output.json(&differences)?;
    } else {
        print(&differences, output)?;
    }
    Ok(Exit::Fine)
}

/// Loads one side; its errors name files with their folder, which tells the sides apart.
fn load(common: &Common, folder: &Path) -> Result<(Config, Policy), Failure> {
    let loaded = compile(&common.sources_of(folder)?, Database::LeftAlone);
    let loaded = loaded.map(|compiled| (compiled.config, compiled.policy));
    loaded.map_err(|errors| {
        let placed = errors.into_iter().map(|mut error| {
            if let Some(Origin::File { path, .. }) = &mut error.origin {
                *path = folder.join(&path);
            }
            error
        });
        Failure::Errors(placed.collect())
    })
}

fn settings(old: &Config, new: &Config) -> Vec<SettingChange> {
    let mut keys: BTreeMap<String, (Option<Entry>, Option<Entry>)> = BTreeMap::new();
    for entry in old.entries("palisade") {
        let sides = keys.entry(entry.key.clone()).or_default();
        sides.0 = Some(entry);
    }
    for entry in new.entries("palisade") {
        let sides = keys.entry(entry.key.clone()).or_default();
        sides.1 = Some(entry);
    }
    let changed = keys.into_iter().filter(|(key, sides)| match sides {
        (Some(old_entry), Some(new_entry)) => {
            old_entry.value != new_entry.value || secret(old, key) != secret(new, key)
        }
        _ => true,
    });
    changed
        .map(|(key, (old, new))| SettingChange { key, old, new })
        .collect()
}

/// A value as it is, for comparison alone: masked values look the same.
fn secret(config: &Config, key: &str) -> Option<Secret> {
    config.get(key).ok().flatten()
}

/// The routes that another group takes, or that lose or gain a stage.
fn changes(routes: &[Route], old: &Policy, new: &Policy) -> Vec<RouteChange> {
    let mut changes = Vec::new();
    for route in routes {
        let (was, is) = (side(old.explain(&route.probe)), side(new.explain(&route.probe)));
        let (before, after) = (was.stages(), is.stages());
        // What is refused needs no guard.
        let lost = if matches!(is, Side::Refused { .. }) {
            Vec::new()
        } else {
            without(before, after)
        };
        let gained = without(after, before);
        if was.group() != is.group() || !lost.is_empty() || !gained.is_empty() {
            changes.push(RouteChange {
                route: route.label.clone(),
                old: was,
                new: is,
                lost,
                gained,
            });
        }
    }
    changes
}

/// The client interceptors that one folder alone declares, or that lose or gain a stage.
fn client_changes(old: &Policy, new: &Policy) -> Vec<ClientChange> {
    let names: BTreeSet<&str> = old.client_names().chain(new.client_names()).collect();
    let changes = names.into_iter().map(|name| {
        let (was, is) = (client_stages(old, name), client_stages(new, name));
        let (before, after) = (
            was.as_deref().unwrap_or_default(),
            is.as_deref().unwrap_or_default(),
        );
        ClientChange {
            name: name.to_owned(),
            lost: without(before, after),
            gained: without(after, before),
            old: was,
            new: is,
        }
    });
    changes
        .filter(|change| {
            change.old.is_some() != change.new.is_some()
                || !change.lost.is_empty()
                || !change.gained.is_empty()
        })
        .collect()
}

/// The stages of a client interceptor; one that only reports guards nothing.
fn client_stages(policy: &Policy, name: &str) -> Option<Vec<String>> {
    let entries = policy.client(name)?.entries().iter();
    let enforced = entries.filter(|entry| !entry.report_only);
    Some(enforced.map(|entry| entry.stage.name().to_owned()).collect())
}

fn side(explanation: Explanation) -> Side {
    match (explanation.group, explanation.verdict) {
        (Some(group), _) => {
            // A stage that only reports guards nothing.
            let enforced = explanation.stages.iter().filter(|stage| !stage.report_only);
            Side::Guarded {
                group,
                stages: enforced.map(|stage| stage.stage.to_owned()).collect(),
            }
        }
        (None, Verdict::Refused { code, .. }) => Side::Refused { code },
        (None, _) => Side::Unguarded,
    }
}

impl Side {
    fn stages(&self) -> &[String] {
        match self {
            Self::Guarded { stages, .. } => stages,
            Self::Unguarded | Self::Refused { .. } => &[],
        }
    }

    /// What decides: a group's name, or how the route fares without one.
    fn group(&self) -> (u8, &str) {
        match self {
            Self::Guarded { group, .. } => (0, group),
            Self::Unguarded => (1, ""),
            Self::Refused { code } => (2, code),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Guarded { group, .. } => format!("group {group}"),
            Self::Unguarded => styled(BAD, "unguarded"),
            Self::Refused { code } => format!("refused: {code}"),
        }
    }
}

/// The elements of `left` that `right` does not have, as often as `left` has more of them.
fn without(left: &[String], right: &[String]) -> Vec<String> {
    let mut rest: Vec<&String> = right.iter().collect();
    let missing = left
        .iter()
        .filter(|stage| match rest.iter().position(|other| other == stage) {
            Some(position) => {
                rest.swap_remove(position);
                false
            }
            None => true,
        });
    missing.cloned().collect()
}

fn print(differences: &Differences, output: &mut Output) -> io::Result<()> {
    if !differences.settings.is_empty() {
        output.line(styled(HEADING, "Settings"))?;
    }
    for SettingChange { key, old, new } in &differences.settings {
        for (sign, style, side) in [("-", BAD, old), ("+", GOOD, new)] {
            if let Some(entry) = side {
                let line = format!("{sign} {key} = {}", entry.value);
                output.line(format_args!("  {}  ({})", styled(style, line), entry.origin))?;
            }
        }
    }
    output.line(format_args!(
        "{} {}",
        styled(HEADING, "Groups:"),
        differences.groups
    ))?;
    print_clients(&differences.client_interceptors, output)?;
    let Some(routes) = &differences.routes else {
        return output.line("Routes: too many combinations of names, not compared");
    };
    if routes.is_empty() {
        return output.line(format_args!(
            "{} none changes group or stages",
            styled(HEADING, "Routes:")
        ));
    }
    output.line(styled(HEADING, "Routes"))?;
    for change in routes {
        let (old, new) = (change.old.shown(), change.new.shown());
        if change.old.group() == change.new.group() {
            output.line(format_args!("  {}: {new}", change.route))?;
        } else {
            output.line(format_args!("  {}: {old} -> {new}", change.route))?;
        }
        print_stages(&change.lost, &change.gained, output)?;
    }
    Ok(())
}

fn print_clients(changes: &[ClientChange], output: &mut Output) -> io::Result<()> {
    if !changes.is_empty() {
        output.line(styled(HEADING, "Client interceptors"))?;
    }
    for change in changes {
        let name = &change.name;
        match (&change.old, &change.new) {
            (None, _) => output.line(format_args!("  {name}: new"))?,
            (_, None) => output.line(format_args!("  {name}: {}", styled(BAD, "gone")))?,
            _ => output.line(format_args!("  {name}"))?,
        }
        print_stages(&change.lost, &change.gained, output)?;
    }
    Ok(())
}

fn print_stages(lost: &[String], gained: &[String], output: &mut Output) -> io::Result<()> {
    if !lost.is_empty() {
        let lost = format!("loses {}", lost.join(", "));
        output.line(format_args!("      {}", styled(WARNING, lost)))?;
    }
    if !gained.is_empty() {
        output.line(format_args!("      gains {}", gained.join(", ")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn a_stage_that_stands_twice_can_be_lost_once() {
        let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(without(&list("a b a"), &list("a c")), list("b a"));
        assert!(without(&list("a b"), &list("b a")).is_empty());
    }
}
