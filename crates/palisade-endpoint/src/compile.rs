//! From configuration to policy: everything checked, every error collected.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use palisade_config::{Config, Error, Errors, Origin, nearest};
use palisade_core::settings::ByteSize;
use palisade_core::{
    Clock, Entry, FactKind, Finding, GroupOutline, Phase, Pipeline, PipelineLimits, Resources, Severity,
    Stage, StateStore,
};
use serde::Deserialize;

use crate::client;
use crate::group::{self, Group};
use crate::index::Index;
use crate::interceptor::{self, BuiltStage, INTERCEPTORS, Interceptor, Side};
use crate::policy::{CompiledGroup, Policy, Unmatched};
use crate::reach;
use crate::registry::{Registry, join};
use crate::selector::BasePaths;

/// The names directly under `palisade.` that this crate reads, for [`Config::unknown`].
pub const OWN_NAMES: &[&str] = &[
    "client",
    "endpoint-base-path",
    "endpoints",
    "interceptors",
    "max-buffered-body",
    "soap-base-path",
    "unmatched",
];

/// What stages may use, beside their settings.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// What outlives a reload; give the same one to every compilation.
    pub state: Arc<StateStore>,
    /// Things that the application shares with stages.
    pub resources: Resources,
}

impl Environment {
    /// Nothing shared, nothing kept yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Arc::default(),
            resources: Resources::default(),
        }
    }
}

impl Registry {
    /// Compiles the endpoint groups of a configuration.
    ///
    /// Errors are collected: a misspelt key, an unknown interceptor and bad values in several files all come in one answer.
    pub fn compile(&self, config: &Config, environment: &Environment) -> Result<Policy, Errors> {
        let mut errors = Errors::new();
        let mut general = collect(&mut errors, General::read(config)).unwrap_or_default();
        let interceptors = interceptor::read_all(self, Side::Server, config, environment);
        let interceptors = collect(&mut errors, interceptors).unwrap_or_default();
        errors.extend(config.unknown("palisade.client", &["interceptors"]));
        let clients = interceptor::read_all(self, Side::Client, config, environment);
        let clients = collect(&mut errors, clients).unwrap_or_default();
        let groups = collect(&mut errors, group::read(config)).unwrap_or_default();

        let (index, decoded) = index(&groups);
        let mut findings = std::mem::take(&mut general.findings);
        let deepest = reach::deepest(groups.iter().map(|group| &group.selectors));
        let mut compiled = Vec::with_capacity(groups.len());
        for (position, group) in (0..).zip(groups) {
            let reachable = reach::is_reachable(&index, position, &group.selectors, deepest);
            let key = group.key.clone();
            match compile_group(self, config, &interceptors, general.limits, group) {
                Ok(group) => {
                    findings.extend(group_findings(config, &key, &group, reachable));
                    compiled.push(group);
                }
                Err(found) => errors.extend(found),
            }
        }
        let named: HashSet<&String> = compiled.iter().flat_map(|group| &group.interceptors).collect();
        for (name, interceptor) in &interceptors {
            findings.extend(interceptor.findings.iter().cloned());
            if named.contains(name) {
                findings.extend(guardrails(config, name, interceptor, &compiled));
                continue;
            }
            match unused(config, name, &named) {
                Ok(finding) => findings.push(finding),
                Err(error) => errors.push(error),
            }
        }
        findings.extend(client::findings(config, &clients));
        let files = interceptors
            .values()
            .chain(clients.values())
            .flat_map(|interceptor| interceptor.files.iter().cloned())
            .collect();
        errors.into_result(Policy {
            groups: compiled,
            index,
            decoded,
            bases: general.bases,
            unmatched: general.unmatched,
            passing: Pipeline::new(Vec::<Entry>::new(), general.limits),
            clients: client::compile(clients, general.limits),
            findings,
            files,
        })
    }
}

/// Keeps the value, or the errors.
pub(crate) fn collect<T>(errors: &mut Errors, result: Result<T, Errors>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(found) => {
            errors.extend(found);
            None
        }
    }
}

/// Settings beside groups and interceptors.
#[derive(Debug, Default)]
struct General {
    bases: BasePaths,
    unmatched: Unmatched,
    limits: PipelineLimits,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum UnmatchedSetting {
    Deny,
    Allow,
}

impl General {
    fn read(config: &Config) -> Result<Self, Errors> {
        let mut errors = Errors::new();
        let mut general = Self::default();
        let unmatched = collect(&mut errors, config.get::<UnmatchedSetting>("palisade.unmatched")).flatten();
        if let Some(UnmatchedSetting::Allow) = unmatched {
            general.unmatched = Unmatched::Allow;
            let message = "requests that no endpoint group covers are let through unguarded".to_owned();
            general.findings.push(located(
                config,
                Severity::Severe,
                "unmatched-allowed",
                message,
                "palisade.unmatched",
            ));
        }
        let mut base = |key: &str, default: &str| {
            let text = collect(&mut errors, config.get::<String>(key)).flatten();
            let text = text.unwrap_or_else(|| default.to_owned());
            if crate::path::check(&text).is_err() {
                errors.push(config.error(key, format_args!("a path such as {default}")));
            }
            text
        };
        let rest = base("palisade.endpoint-base-path", "/server/rest");
        let soap = base("palisade.soap-base-path", "/webservices");
        if format!("{}/", rest.trim_end_matches('/')).starts_with(&format!("{}/", soap.trim_end_matches('/')))
        {
            let key = if config.contains("palisade.soap-base-path") {
                "palisade.soap-base-path"
            } else {
                "palisade.endpoint-base-path"
            };
            errors.push(config.error(key, "base paths of which SOAP's does not hold all of REST's"));
        }
        general.bases = BasePaths::new(&rest, &soap);
        let limit = collect(&mut errors, config.get::<ByteSize>("palisade.max-buffered-body")).flatten();
        general.limits = limit.map_or_else(PipelineLimits::default, PipelineLimits::both);
        errors.into_result(general)
    }
}

pub(crate) fn located(
    config: &Config,
    severity: Severity,
    code: &'static str,
    message: String,
    key: &str,
) -> Finding {
    let finding = Finding::new(severity, code, message).at(key);
    match config.origin(key) {
        Some(origin) => finding.from_origin(origin.to_string()),
        None => finding,
    }
}

/// The index of the patterns as they are written and, where that differs, of the patterns decoded.
fn index(groups: &[Group]) -> (Index, Option<Index>) {
    let (mut written, mut decoded) = (Index::default(), Index::default());
    let patterns = groups
        .iter()
        .filter_map(|group| group.selectors.paths.as_deref())
        .flatten();
    let differ = patterns.into_iter().any(|(_, pattern)| pattern.has_encoded());
    for (position, group) in (0..).zip(groups) {
        written.insert(position, &group.selectors);
        if differ {
            decoded.insert(position, &group.selectors.decoded());
        }
    }
    (written, differ.then_some(decoded))
}

/// An interceptor that no group names: unwise, and an error where it looks like another that is named, because a misspelt name
/// makes a new interceptor instead of changing that one.
fn unused(config: &Config, name: &str, named: &HashSet<&String>) -> Result<Finding, Error> {
    let key = config.child_key(INTERCEPTORS, name);
    let origin = config.origin(&key);
    let is_from_variable = matches!(origin, Some(Origin::Environment { .. } | Origin::CommandLine));
    let is_misspelt = named.iter().any(|other| other.eq_ignore_ascii_case(name))
        || (is_from_variable && nearest(name, named.iter().map(|name| name.as_str())).is_some());
    if is_misspelt {
        let message = "no endpoint group names this interceptor; names are case-sensitive in files";
        return Err(config
            .complaint(&key, message)
            .nearest(name, named.iter().map(|name| name.as_str())));
    }
    let message = format!("no endpoint group names the interceptor {name}");
    Ok(located(
        config,
        Severity::Caution,
        "interceptor-unused",
        message,
        &key,
    ))
}

/// What an interceptor's guards say of the groups that name it.
fn guardrails(
    config: &Config,
    name: &str,
    interceptor: &Interceptor,
    groups: &[CompiledGroup],
) -> Vec<Finding> {
    let naming = groups
        .iter()
        .filter(|group| group.interceptors.iter().any(|named| named == name));
    let outlines: Vec<GroupOutline<'_>> = naming.map(CompiledGroup::outline).collect();
    let mut findings = Vec::new();
    for built in &interceptor.stages {
        let Stage::Guard(guard) = &built.stage else {
            continue;
        };
        let root = format!("{}.{}", config.child_key(INTERCEPTORS, name), built.root);
        findings.extend(guard.findings_in(&outlines).into_iter().map(|finding| {
            let key = join(&root, finding.key.as_deref().unwrap_or_default());
            match config.origin(&key) {
                Some(origin) => finding.at(key).from_origin(origin.to_string()),
                None => finding.at(key),
            }
        }));
    }
    findings
}

/// What is unwise about a group.
fn group_findings(config: &Config, key: &str, group: &CompiledGroup, reachable: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = &group.name;
    if !reachable {
        let message = format!("earlier groups take every request of the group {name}");
        findings.push(located(
            config,
            Severity::Moderate,
            "group-unreachable",
            message,
            key,
        ));
    }
    if group.pipeline.entries().is_empty() {
        let message = format!("no stage guards the group {name}: its interceptors bring none that is on");
        findings.push(located(config, Severity::Severe, "group-unguarded", message, key));
    }
    let asks_for_callers = |entry: &Entry| {
        let of_guard = match &entry.stage {
            Stage::Guard(guard) => guard.reads(),
            Stage::Transform(_) => &[],
        };
        let of_limit = entry.stage.limit().map_or(&[][..], |limit| limit.reads());
        [of_guard, of_limit].concat().contains(&FactKind::Principal)
    };
    if !group.authenticates && group.pipeline.entries().iter().any(asks_for_callers) {
        let message = format!(
            "the group {name} has rules about callers, and no stage that finds out who is calling: every request counts as that of nobody known"
        );
        findings.push(located(
            config,
            Severity::Moderate,
            "callers-never-known",
            message,
            key,
        ));
    }
    if group.report_only {
        let message = format!("the group {name} only reports what it would refuse");
        findings.push(located(
            config,
            Severity::Moderate,
            "report-only",
            message,
            &format!("{key}.report-only"),
        ));
    }
    findings
}

/// Sorts the stages of a group's interceptors by phase, stably.
fn compile_group(
    registry: &Registry,
    config: &Config,
    interceptors: &BTreeMap<String, Interceptor>,
    limits: PipelineLimits,
    group: Group,
) -> Result<CompiledGroup, Errors> {
    let mut errors = Errors::new();
    let mut stages: Vec<(&str, &Interceptor, &BuiltStage)> = Vec::new();
    for name in &group.interceptors {
        // One that failed to build has been reported where it stands.
        let Some(interceptor) = interceptors.get(name) else {
            continue;
        };
        for stage in &interceptor.stages {
            let twice = stages
                .iter()
                .find(|(other, _, known)| *other != name && known.single && known.root == stage.root);
            if let Some((other, _, _)) = twice {
                let message = format!(
                    "{other} and {name} both have {}, which a group can have once",
                    stage.root
                );
                errors.push(config.complaint(&format!("{}.interceptors", group.key), message));
            }
            stages.push((name, interceptor, stage));
        }
    }
    stages.sort_by_key(|(_, _, stage)| stage.phase);
    let entries = stages.iter().map(|(name, interceptor, stage)| Entry {
        stage: stage.stage.clone(),
        interceptor: Arc::from(*name),
        phase: Some(stage.phase),
        report_only: group.report_only || interceptor.report_only,
    });
    let mut entries: Vec<Entry> = entries.collect();
    let kinds: Vec<usize> = stages.iter().map(|(_, _, stage)| stage.kind).collect();
    registry.join(Side::Server, &kinds, &mut entries);
    let pipeline = Pipeline::new(entries, limits);
    let settings = stages
        .iter()
        .map(|(_, _, stage)| Arc::clone(&stage.settings))
        .collect();
    let patterns = group.selectors.paths.iter().flatten();
    errors.into_result(CompiledGroup {
        name: Arc::from(group.name),
        paths: patterns.map(|(text, _)| Arc::from(text.as_str())).collect(),
        selectors: group.selectors,
        interceptors: group.interceptors,
        report_only: group.report_only,
        authenticates: (pipeline.entries().iter()).any(|entry| entry.phase == Some(Phase::Authentication)),
        pipeline,
        settings,
    })
}
