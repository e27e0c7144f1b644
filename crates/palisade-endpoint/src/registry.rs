//! The kinds of stage that operators can name.

use std::fmt;

use palisade_config::{Config, Errors};
use palisade_core::{BuildContext, BuildError, Entry, Finding, Phase, Stage, StageKind};

use crate::interceptor::Side;
use crate::later;

/// The kinds of stage that interceptors may have, and those that client interceptors may have, by their roots.
///
/// ```
/// # use palisade_endpoint::Registry;
/// let registry = Registry::new();
/// assert!(registry.roots().is_empty());
/// ```
#[derive(Default)]
pub struct Registry {
    server: Kinds,
    client: Kinds,
}

type Kinds = Vec<Box<dyn ErasedKind>>;

impl Registry {
    /// No kinds at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind for `palisade.interceptors`. One that owns a root of an earlier kind takes that kind's place.
    #[must_use]
    pub fn with<K: StageKind>(mut self) -> Self {
        add::<K>(&mut self.server);
        self
    }

    /// Adds a kind for `palisade.client.interceptors`, whose stages run around an HTTP client: see [`palisade_core::outbound`].
    /// One that owns a root of an earlier kind for clients takes that kind's place.
    #[must_use]
    pub fn with_client<K: StageKind>(mut self) -> Self {
        add::<K>(&mut self.client);
        self
    }

    /// Every root that interceptors may have, in the order of registration.
    pub fn roots(&self) -> Vec<&'static str> {
        self.roots_of(Side::Server)
    }

    /// Every root that client interceptors may have, in the order of registration.
    pub fn client_roots(&self) -> Vec<&'static str> {
        self.roots_of(Side::Client)
    }

    pub(crate) fn roots_of(&self, side: Side) -> Vec<&'static str> {
        self.kinds(side).flat_map(ErasedKind::roots).copied().collect()
    }

    /// The words that may stand behind an interceptor's name.
    pub(crate) fn known_words(&self, side: Side) -> Vec<&'static str> {
        let mut words = self.roots_of(side);
        words.push("report-only");
        words.extend(later::stages(side));
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Lets stages that stand together in one phase, and are of one kind, act as one. `kinds` has the place of each stage's kind
    /// among those of its side.
    pub(crate) fn join(&self, side: Side, kinds: &[usize], entries: &mut [Entry]) {
        let mut rest = entries;
        let mut kinds = kinds;
        while let (Some(&kind), Some(first)) = (kinds.first(), rest.first()) {
            let phase = first.phase;
            let together = kinds
                .iter()
                .zip(rest.iter())
                .take_while(|(other, entry)| **other == kind && entry.phase == phase)
                .count();
            let (neighbours, others) = rest.split_at_mut(together);
            if let Some(kind) = self.kinds(side).nth(kind) {
                kind.join(neighbours);
            }
            kinds = kinds.get(together..).unwrap_or_default();
            rest = others;
        }
    }

    pub(crate) fn kinds(&self, side: Side) -> impl Iterator<Item = &dyn ErasedKind> {
        let kinds = match side {
            Side::Server => &self.server,
            Side::Client => &self.client,
        };
        kinds.iter().map(AsRef::as_ref)
    }
}

fn add<K: StageKind>(kinds: &mut Kinds) {
    kinds.retain(|kind| !kind.roots().iter().any(|root| K::ROOTS.contains(root)));
    kinds.push(Box::new(Of::<K>(std::marker::PhantomData)));
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("roots", &self.roots())
            .field("client_roots", &self.client_roots())
            .finish()
    }
}

/// What comes out of the settings of one kind in one interceptor.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) stages: Vec<(Phase, Stage)>,
    pub(crate) findings: Vec<Finding>,
}

/// A [`StageKind`] whose settings type is out of sight.
pub(crate) trait ErasedKind: Send + Sync {
    fn roots(&self) -> &'static [&'static str];

    fn is_single(&self) -> bool;

    /// Lets neighbours act as one.
    fn join(&self, entries: &mut [Entry]);

    /// Reads the settings below `prefix` (`palisade.interceptors.<Name>`) and builds.
    fn build(&self, config: &Config, prefix: &str, cx: &BuildContext<'_>) -> Result<Built, Errors>;
}

struct Of<K>(std::marker::PhantomData<fn() -> K>);

impl<K: StageKind> ErasedKind for Of<K> {
    fn roots(&self) -> &'static [&'static str] {
        K::ROOTS
    }

    fn is_single(&self) -> bool {
        K::SINGLE
    }

    fn join(&self, entries: &mut [Entry]) {
        K::join(entries);
    }

    fn build(&self, config: &Config, prefix: &str, cx: &BuildContext<'_>) -> Result<Built, Errors> {
        let key = match K::ROOTS {
            [root] => format!("{prefix}.{root}"),
            _ => prefix.to_owned(),
        };
        let settings = match K::ROOTS {
            [_] => config.get::<K::Settings>(&key),
            roots => config.get_some::<K::Settings>(&key, roots),
        };
        let settings = settings.map_err(|mut errors| {
            errors.extend(Self::wrong_beside(config, &key, cx));
            errors
        })?;
        let Some(settings) = settings else {
            return Ok(Built {
                stages: Vec::new(),
                findings: Vec::new(),
            });
        };
        let place = |finding: Finding| match &finding.key {
            Some(inner) => {
                let key = join(&key, inner);
                let origin = config.origin(&key).or_else(|| config.origin(prefix));
                let finding = finding.at(key);
                origin.map_or_else(
                    || finding.clone(),
                    |origin| finding.clone().from_origin(origin.to_string()),
                )
            }
            None => finding.at(key.clone()),
        };
        let mut findings = K::guardrails(&settings, cx);
        let stages = K::build(settings, cx).map_err(|error| located(config, &key, &error))?;
        findings.append(&mut cx.take_findings());
        Ok(Built {
            stages,
            findings: findings.into_iter().map(place).collect(),
        })
    }
}

impl<K: StageKind> Of<K> {
    /// What is wrong with the roots that can be read, where another root cannot: nobody has to mend one stage to be told of the next.
    ///
    /// A kind that a group can have once makes one stage of all its roots, so that without one of them the others would be judged by
    /// defaults that nobody wrote. Of such a kind nothing is said.
    fn wrong_beside(config: &Config, prefix: &str, cx: &BuildContext<'_>) -> Errors {
        if K::SINGLE || K::ROOTS.len() < 2 {
            return Errors::new();
        }
        let read = |roots: &[&str]| config.get_some::<K::Settings>(prefix, roots).ok().flatten();
        let mut readable = K::ROOTS.to_vec();
        readable.retain(|root| read(&[root]).is_some());
        let Some(Err(mut error)) = read(&readable).map(|settings| K::build(settings, cx)) else {
            return Errors::new();
        };
        // What it says of a root that it was not shown would be untrue.
        error.faults.retain(|fault| {
            let root = fault.key.split(['.', '[']).next().unwrap_or_default();
            readable.contains(&root)
        });
        located(config, prefix, &error)
    }
}

/// What a kind could not use, each with the place where it was written.
fn located(config: &Config, prefix: &str, error: &BuildError) -> Errors {
    let faults = error.faults.iter().map(|fault| {
        let mut error = config.error(&join(prefix, &fault.key), &fault.expected);
        error.is_consequence = fault.is_consequence;
        error
    });
    faults.collect()
}

/// The whole key of something inside a stage's settings.
pub(crate) fn join(prefix: &str, inner: &str) -> String {
    if inner.is_empty() || inner.starts_with('[') {
        format!("{prefix}{inner}")
    } else {
        format!("{prefix}.{inner}")
    }
}
