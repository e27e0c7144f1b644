//! Applying changed files to a running server: whole, or not at all.
//!
//! 1. Everything is read and checked first, beside what runs. Any error leaves all of it as it is: policy, listeners, keys.
//! 2. Then the policy, each listener's TLS side, the gateway's client, the application's own connections and the log's level are
//!    replaced. Connections of clients stay; requests under way end under the policy they began with.
//! 3. A keystore whose file no longer loads keeps its last good state and raises an alarm; the rest applies.
//! 4. The gateway's client stays, with its connections, unless its own settings, key or anchors differ; so does that of each of
//!    `palisade.connections`.
//! 5. What cannot change while listeners are bound is named: it needs a restart. Until then, a listener that is no longer
//!    configured serves with its last settings and the keys, anchors and revocation lists of now.
//!
//! What this does not protect against: files that change while they are read. Each change is read again a moment later.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use palisade_config::Config;
use palisade_core::{Background, Clock, Finding, Severity};
use palisade_endpoint::PolicyHandle;
use palisade_keystore::Keystores;
use palisade_tls::{Acceptor, ListenerSettings};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::assembly::{Assembly, Earlier, Recipe, Refused, of_lists};
use crate::callers::Followed;
use crate::certificates::Told;
use crate::connections::Connections;
use crate::counters::CounterStores;
use crate::gateway::Gateway;
use crate::ingredients::Ingredients;
use crate::instant;
use crate::logs::LogHandle;
use crate::replay::ReplayMemory;
use crate::settings::ServerSettings;
use crate::status::{Applied, Reload, Status};
use crate::watch::Seen;

/// The parts of a running server that files can change.
#[derive(Debug)]
pub(crate) struct Running {
    recipe: Recipe,
    pub(crate) policy: PolicyHandle,
    pub(crate) status: Arc<Status>,
    pub(crate) acceptors: BTreeMap<String, Acceptor>,
    /// The settings that listeners were bound with.
    pub(crate) started: ServerSettings,
    pub(crate) gateway: OnceLock<Gateway>,
    pub(crate) connections: Connections,
    pub(crate) log: OnceLock<LogHandle>,
    /// The state of the files as the server was loaded; it may begin to watch them much later.
    pub(crate) seen: Seen,
    /// What stages in force want done beside requests; it ends with the server.
    beside: Mutex<JoinSet<()>>,
    latest: Mutex<Latest>,
}

/// What applies now.
#[derive(Debug)]
struct Latest {
    config: Config,
    settings: ServerSettings,
    keystores: Arc<Keystores>,
    /// What was compiled of the files: of listeners that wait for a restart, too.
    compiled: BTreeMap<String, Acceptor>,
    /// Of the listeners that serve: those of a listener that is no longer configured are the last it had.
    listeners: BTreeMap<String, ListenerSettings>,
    /// What the gateway's upstream was made of.
    made_of: Ingredients,
    files: Vec<PathBuf>,
    /// Names of keystores that keep their last good state.
    stale: BTreeSet<String>,
    /// The findings about keystores and revocation lists, and which of them were told.
    of_ages: Vec<Finding>,
    told: Told,
    /// The directory of a database.
    followed: Option<Followed>,
    /// What is to be done once the server serves.
    waiting: Option<Arc<Background>>,
}

impl Running {
    /// Takes the first assembly into service.
    pub(crate) fn new(recipe: Recipe, assembly: Assembly) -> Self {
        let applied = Applied::of(&assembly);
        let files = assembly.files();
        let told = Told::at_the_start(&assembly.of_ages, recipe.environment.clock.now());
        Self {
            recipe,
            status: Arc::new(
                Status::new(applied)
                    .following(assembly.of_directory)
                    .alarming(assembly.raised),
            ),
            policy: PolicyHandle::new(assembly.policy),
            acceptors: assembly.acceptors.clone(),
            started: assembly.settings.clone(),
            gateway: OnceLock::new(),
            connections: Connections::new(assembly.connections),
            log: OnceLock::new(),
            seen: Seen::of(&files),
            beside: Mutex::default(),
            latest: Mutex::new(Latest {
                config: assembly.config,
                compiled: assembly.acceptors,
                listeners: assembly.settings.listeners.clone(),
                made_of: assembly.made_of,
                settings: assembly.settings,
                keystores: assembly.keystores,
                files,
                stale: assembly.stale,
                of_ages: assembly.of_ages,
                told,
                followed: assembly.followed,
                waiting: Some(assembly.background),
            }),
        }
    }

    /// Begins what stages want done beside requests.
    pub(crate) fn begin(&self) {
        let waiting = self
            .latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .waiting
            .take();
        if let Some(waiting) = waiting {
            self.run_beside(&waiting);
        }
    }

    fn run_beside(&self, background: &Background) {
        let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of stages that are gone have ended.
        while beside.try_join_next().is_some() {}
        if let Ok(runtime) = Handle::try_current() {
            for work in background.take() {
                beside.spawn_on(work, &runtime);
            }
        }
    }

    /// The server's replay memory, unless the application shares one of its own.
    pub(crate) fn replay(&self) -> Option<&Arc<ReplayMemory>> {
        self.recipe.replay.get()
    }

    /// The server's stores of counters.
    pub(crate) fn counters(&self) -> Option<&CounterStores> {
        self.recipe.counters.get()
    }

    /// The configuration folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.recipe.sources.folder.clone()
    }

    /// The files that what applies came from, and those that may put a refused change right.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .files
            .clone()
    }

    /// Reads everything anew and applies it, whole or not at all. This blocks: it reads files.
    pub(crate) fn reload(&self) -> Reload {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.try_reload(&mut latest);
        log(&outcome);
        self.status.reloaded(outcome.clone());
        outcome
    }

    fn try_reload(&self, latest: &mut Latest) -> Reload {
        let at = instant::rfc3339(self.now());
        match self.prepare(latest) {
            Ok(assembly) => self.apply(assembly, latest, at),
            Err(refused) => {
                latest.files.extend(refused.files);
                latest.files.sort_unstable();
                latest.files.dedup();
                let errors = refused.errors.iter().map(ToString::to_string).collect();
                Reload::Refused { at, errors }
            }
        }
    }

    fn prepare(&self, latest: &Latest) -> Result<Assembly, Refused> {
        let connections = self.connections.current();
        self.recipe.assemble(Some(Earlier {
            settings: &latest.settings.keystores,
            keystores: &latest.keystores,
            listeners: &latest.listeners,
            followed: latest.followed.as_ref(),
            connections: &connections,
        }))
    }

    /// Puts everything in force. Nothing is read or compiled any more, so nothing can fail halfway.
    fn apply(&self, assembly: Assembly, latest: &mut Latest, at: String) -> Reload {
        let mut needs_restart = self.started.needs_restart(&assembly.settings);
        if self
            .counters()
            .is_some_and(|counters| counters.applies(&assembly.config, &assembly.settings))
        {
            needs_restart.push("palisade.redis".to_owned());
        }
        let mut applied = Applied::of(&assembly);
        applied.findings.extend(needs_restart.iter().map(|key| {
            let message = "this setting was changed in the files and applies after a restart";
            Finding::new(Severity::Caution, "restart-needed", message).at(key)
        }));
        self.status.applies(applied);
        self.status.follows(Arc::clone(&assembly.of_directory));
        latest.files = assembly.files();
        for (name, acceptor) in &self.acceptors {
            if let Some(compiled) = assembly.acceptors.get(name) {
                acceptor.adopt(compiled);
            }
            if let Some(settings) = assembly.settings.listeners.get(name) {
                latest.listeners.insert(name.clone(), settings.clone());
            }
        }
        // A new client begins without connections.
        if let (Some(gateway), Some(upstream)) = (self.gateway.get(), assembly.upstream)
            && latest.made_of != assembly.made_of
        {
            gateway.replace(upstream);
            latest.made_of = assembly.made_of;
        }
        let connections = self.connections.replace(assembly.connections);
        if let Some(log) = self.log.get()
            && let Err(error) = log.change(&assembly.settings.log.level)
        {
            // It was read once already.
            tracing::error!(target: "palisade::reload", %error, "the level of the log stays");
        }
        for keystore in latest.stale.difference(&assembly.stale) {
            if assembly.settings.keystores.contains_key(keystore) {
                tracing::info!(target: "palisade::keystore", %keystore, "a keystore loads again");
            }
        }
        latest.stale = assembly.stale;
        latest.of_ages = assembly.of_ages;
        latest.config = assembly.config;
        latest.compiled = assembly.acceptors;
        latest.settings = assembly.settings;
        latest.keystores = assembly.keystores;
        latest.followed = assembly.followed;
        let changes = self.policy.replace(assembly.policy).to_string();
        let changes = [Some(changes), connections].into_iter().flatten();
        let changes = changes.collect::<Vec<_>>().join("; ");
        self.run_beside(&assembly.background);
        Reload::Applied {
            at,
            changes,
            alarms: assembly.alarms,
            needs_restart,
        }
    }

    /// Finds anew what the ages of certificates and revocation lists call for; what is to be told in the log comes back.
    pub(crate) fn look_at_certificates(&self) -> Vec<Finding> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let mut found = latest.keystores.findings(now);
        let compiled = latest.compiled.iter();
        let configured = compiled.filter(|(name, _)| latest.settings.listeners.contains_key(*name));
        found.extend(configured.flat_map(|(name, acceptor)| of_lists(&latest.config, name, acceptor)));
        let mut applied = Applied::clone(&self.status.compiled());
        applied
            .findings
            .retain(|finding| !latest.of_ages.contains(finding));
        applied.findings.extend_from_slice(&found);
        self.status.applies(applied);
        let due = latest.told.due(&found, now);
        latest.of_ages = found;
        due
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.recipe.environment.clock)
    }

    fn now(&self) -> SystemTime {
        self.recipe.environment.clock.now()
    }
}

impl Applied {
    fn of(assembly: &Assembly) -> Self {
        Self {
            groups: assembly.policy.group_names().len(),
            findings: assembly.findings.clone(),
        }
    }
}

/// One event for the outcome, and one for each error, so that a bad reload is seen at the level of errors.
fn log(outcome: &Reload) {
    match outcome {
        Reload::Refused { errors, .. } => {
            for error in errors {
                tracing::error!(target: "palisade::reload", error, "configuration not applied");
            }
            let count = errors.len();
            tracing::error!(target: "palisade::reload", errors = count, "what applied before stays in force");
        }
        Reload::Applied {
            changes,
            needs_restart,
            ..
        } => {
            tracing::info!(target: "palisade::reload", changes, "configuration applied");
            for setting in needs_restart {
                tracing::warn!(target: "palisade::reload", setting, "this change applies after a restart");
            }
        }
        Reload::None => {}
    }
}

#[cfg(test)]
mod tests;
