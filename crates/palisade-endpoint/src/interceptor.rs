//! Interceptors: named bundles of stages, for endpoint groups and for HTTP clients.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use palisade_config::{Config, Entry as Setting, Errors};
use palisade_core::{BuildContext, Finding, Phase, Severity, Stage, StateStore};

use crate::compile::{Environment, collect, located};
use crate::later;
use crate::registry::Registry;

/// Where the interceptors of endpoint groups stand.
pub(crate) const INTERCEPTORS: &str = "palisade.interceptors";

/// Where the interceptors of HTTP clients stand.
pub(crate) const CLIENT_INTERCEPTORS: &str = "palisade.client.interceptors";

/// On which side of an exchange stages run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Around a handler.
    Server,
    /// Around an HTTP client.
    Client,
}

impl Side {
    /// Where the interceptors of this side stand.
    pub(crate) fn place(self) -> &'static str {
        match self {
            Self::Server => INTERCEPTORS,
            Self::Client => CLIENT_INTERCEPTORS,
        }
    }

    /// What the interceptors of this side keep over reloads: one that has the name of one of the other side is another.
    fn state(self, state: &Arc<StateStore>) -> Arc<StateStore> {
        match self {
            Self::Server => Arc::clone(state),
            Self::Client => state.keep("", CLIENT_INTERCEPTORS, StateStore::default),
        }
    }
}

/// An interceptor whose stages are built.
#[derive(Debug, Default)]
pub(crate) struct Interceptor {
    pub(crate) stages: Vec<BuiltStage>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) report_only: bool,
}

/// A stage in its phase, with the settings it was built from.
#[derive(Debug, Clone)]
pub(crate) struct BuiltStage {
    pub(crate) phase: Phase,
    pub(crate) stage: Stage,
    pub(crate) root: &'static str,
    pub(crate) single: bool,
    /// The place of its kind among those of its side.
    pub(crate) kind: usize,
    pub(crate) settings: Arc<[Setting]>,
}

/// Builds every interceptor of that side.
pub(crate) fn read_all(
    registry: &Registry,
    side: Side,
    config: &Config,
    environment: &Environment,
) -> Result<BTreeMap<String, Interceptor>, Errors> {
    let mut errors = Errors::new();
    let mut built = BTreeMap::new();
    let state = side.state(&environment.state);
    for name in config.names(side.place()) {
        let prefix = config.child_key(side.place(), name);
        errors.extend(config.unknown(&prefix, &registry.known_words(side)));
        errors.extend(later::check(config, &prefix, side, &registry.roots_of(side)));
        let cx = || {
            BuildContext::new(
                name,
                config.folder(),
                &environment.clock,
                &state,
                &environment.resources,
            )
        };
        let interceptor = read(registry, side, config, &prefix, cx);
        if let Some(mut interceptor) = collect(&mut errors, interceptor) {
            interceptor
                .findings
                .extend(report_only(config, name, &prefix, &interceptor));
            built.insert(name.to_owned(), interceptor);
        }
    }
    errors.into_result(built)
}

/// What is unwise about an interceptor, whatever its stages are.
fn report_only(config: &Config, name: &str, prefix: &str, interceptor: &Interceptor) -> Option<Finding> {
    let message = format!("the interceptor {name} only reports what it would refuse");
    let key = format!("{prefix}.report-only");
    interceptor
        .report_only
        .then(|| located(config, Severity::Moderate, "report-only", message, &key))
}

fn read<'a>(
    registry: &Registry,
    side: Side,
    config: &Config,
    prefix: &str,
    cx: impl Fn() -> BuildContext<'a>,
) -> Result<Interceptor, Errors> {
    let mut errors = Errors::new();
    let mut interceptor = Interceptor::default();
    let report_only = config.get::<bool>(&format!("{prefix}.report-only"));
    interceptor.report_only = collect(&mut errors, report_only).flatten().unwrap_or_default();
    for (place, kind) in registry.kinds(side).enumerate() {
        let roots: Vec<_> = kind
            .roots()
            .iter()
            .copied()
            .filter(|root| config.contains(&format!("{prefix}.{root}")))
            .collect();
        let Some(&root) = roots.first() else { continue };
        let cx = cx();
        let built = kind.build(config, prefix, &cx);
        interceptor.files.extend(cx.into_files());
        let Some(built) = collect(&mut errors, built) else {
            continue;
        };
        let settings = |roots: &[&str]| -> Arc<[Setting]> {
            let keys = roots.iter().map(|root| format!("{prefix}.{root}"));
            keys.flat_map(|key| config.entries(&key)).collect()
        };
        let together = settings(&roots);
        // A stage with the name of one of several roots comes from what stands there alone.
        let of_stage = |stage: &Stage| match roots.iter().find(|root| **root == stage.name()) {
            Some(root) => settings(&[root]),
            None => Arc::clone(&together),
        };
        interceptor.findings.extend(built.findings);
        interceptor
            .stages
            .extend(built.stages.into_iter().map(|(phase, stage)| BuiltStage {
                settings: of_stage(&stage),
                phase,
                stage,
                root,
                single: kind.is_single(),
                kind: place,
            }));
    }
    errors.into_result(interceptor)
}
