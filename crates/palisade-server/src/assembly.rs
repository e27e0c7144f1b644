//! From files to everything that a server runs on, with every error collected.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use palisade_client::{ClientBuilder, HttpsFetch};
use palisade_config::{Config, Errors, Sources};
use palisade_core::{Background, BuildError, Finding, ReplayStore, Resources, SharedFetch, SharedReplay};
use palisade_directory::Directory;
use palisade_endpoint::{Environment, Policy, Registry};
use palisade_keystore::{Alarm, Certificate, KeystoreSettings, Keystores};
use palisade_tls::{Acceptor, ListenerSettings};
use serde_json::Value;

use crate::callers::{Callers, Followed};
use crate::gateway::{Target, Upstream};
use crate::replay::ReplayMemory;
use crate::settings::{ServerSettings, UpstreamSettings, are_read, load_keystores};

/// Where files are kept.
const DATA_DIR: &str = "palisade.data-dir";

/// Where users and tenants stand.
const CALLERS: [&str; 3] = ["palisade.directory", "palisade.tenants", "palisade.users"];

/// What stays the same over all reloads.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) sources: Sources,
    pub(crate) registry: Registry,
    pub(crate) environment: Environment,
    pub(crate) needs_upstream: bool,
    /// With the settings of the first assembly, unless the application shares one of its own.
    pub(crate) replay: OnceLock<Arc<ReplayMemory>>,
    /// What stages fetch documents with, unless the application shares something of its own.
    pub(crate) fetch: Arc<SharedFetch>,
}

/// Everything that files say, checked and ready to run.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) config: Config,
    pub(crate) settings: ServerSettings,
    pub(crate) keystores: Arc<Keystores>,
    pub(crate) policy: Policy,
    pub(crate) acceptors: BTreeMap<String, Acceptor>,
    pub(crate) upstream: Option<Upstream>,
    /// What the upstream was made of.
    pub(crate) made_of: Ingredients,
    pub(crate) findings: Vec<Finding>,
    /// Those of them that are about keystores.
    pub(crate) of_keystores: Vec<Finding>,
    /// Names of keystores that keep their last good state.
    pub(crate) stale: BTreeSet<String>,
    /// Keystores, and listeners that are no longer configured, that keep their last good state.
    pub(crate) alarms: Vec<String>,
    /// The directory of a database, which is followed.
    pub(crate) followed: Option<Followed>,
    /// What stages want done beside requests, once they are in force.
    pub(crate) background: Arc<Background>,
}

/// What applied before, for what goes on from there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Earlier<'a> {
    pub(crate) settings: &'a BTreeMap<String, KeystoreSettings>,
    pub(crate) keystores: &'a Keystores,
    /// The settings of the listeners that serve.
    pub(crate) listeners: &'a BTreeMap<String, ListenerSettings>,
    /// The directory of a database.
    pub(crate) followed: Option<&'a Followed>,
}

/// What the client of an upstream is made of, to tell whether another one would be the same.
///
/// A keystore gives out no key that does not fit its certificate, so certificates stand for their keys here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ingredients {
    settings: Option<Value>,
    anchors: Vec<Vec<u8>>,
    identity: Vec<Vec<u8>>,
}

/// What is wrong, and the files that may put it right.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) errors: Errors,
    pub(crate) files: Vec<PathBuf>,
}

impl Recipe {
    /// What is taken from a loader.
    pub(crate) fn new(sources: Sources, registry: Registry, environment: Environment) -> Self {
        Self {
            sources,
            registry,
            environment,
            needs_upstream: false,
            replay: OnceLock::new(),
            fetch: Arc::new(SharedFetch::new(HttpsFetch::new())),
        }
    }

    /// Reads and checks everything. Nothing that runs is touched.
    pub(crate) fn assemble(&self, earlier: Option<Earlier<'_>>) -> Result<Assembly, Refused> {
        let (config, mut errors) = Config::load(&self.sources);
        let (settings, found) = ServerSettings::read(&config);
        errors.extend(found);
        errors.extend(
            palisade_endpoint::justifications(&config)
                .err()
                .into_iter()
                .flatten(),
        );
        if self.needs_upstream && settings.upstream.is_none() && !config.contains("palisade.upstream.url") {
            let message = "the gateway needs the address of its upstream (or use the built-in echo)";
            errors.push(config.complaint("palisade.upstream.url", message));
        }

        let keystores = keystores(&config, &settings, &errors, earlier);
        let mut environment = self.environment.clone();
        if let Ok((keystores, _)) = &keystores {
            environment.resources = environment.resources.with(Arc::clone(keystores));
        }
        environment.resources = self.with_replay(environment.resources, &config, &settings);
        let background = Arc::new(Background::default());
        let (callers, followed) = callers(&config, &settings, &keystores, earlier, &background, &mut errors);
        environment.resources = self.with_callers(environment.resources, &callers, &background);
        let policy = self.registry.compile(&config, &environment);
        if let Some(Err(why)) = self.replay.get().map(|memory| memory.check())
            && !errors.iter().any(|error| error.key == DATA_DIR)
        {
            let expected = format!("a directory that files can be kept in: {why}");
            errors.push(config.error(DATA_DIR, expected));
        }
        // Without keystores every alias would look wrong, which would be untrue.
        let (keystores, stale) = match keystores {
            Ok(loaded) => loaded,
            Err(found) => {
                errors.extend(found);
                errors.extend(policy.err().unwrap_or_default().causes());
                return Err(refused(errors, &config));
            }
        };
        let mut alarms: Vec<String> = stale.iter().map(Alarm::message).collect();
        let mut findings = settings.findings(&config);
        let mut acceptors = self.acceptors(&config, &settings, &keystores, &mut findings, &mut errors);
        let upstream = settings
            .upstream
            .as_ref()
            .and_then(|upstream| collect(&mut errors, client(&config, upstream, &keystores)));
        let policy = collect(&mut errors, policy);
        let (Some(policy), true) = (policy, errors.is_empty()) else {
            return Err(refused(errors, &config));
        };

        if let Some(earlier) = earlier {
            self.keep_departed(earlier, &config, &keystores, &mut acceptors, &mut alarms);
        }
        findings.extend_from_slice(config.findings());
        findings.extend(callers.findings);
        findings.extend_from_slice(policy.findings());
        let of_keystores = keystores.findings(environment.clock.now());
        findings.extend_from_slice(&of_keystores);
        Ok(Assembly {
            made_of: Ingredients::of(&config, &settings, &keystores),
            config,
            settings,
            keystores,
            policy,
            acceptors,
            upstream,
            findings,
            of_keystores,
            stale: stale.into_iter().map(|alarm| alarm.store).collect(),
            alarms,
            followed,
            background,
        })
    }

    /// Stages find callers, a client for documents, and somebody who runs what goes on beside requests. What the application shares
    /// is left to it.
    fn with_callers(
        &self,
        resources: Resources,
        callers: &Callers,
        background: &Arc<Background>,
    ) -> Resources {
        let mut resources = resources.with(Arc::clone(background));
        if let Some(directory) = &callers.directory
            && resources.find::<Directory>().is_none()
        {
            resources = resources.with(Arc::clone(directory));
        }
        if resources.find::<SharedFetch>().is_none() {
            resources = resources.with(Arc::clone(&self.fetch));
        }
        resources
    }

    /// Stages find the server's replay memory, unless the application has given them another.
    fn with_replay(&self, resources: Resources, config: &Config, settings: &ServerSettings) -> Resources {
        if resources.find::<SharedReplay>().is_some() {
            return resources;
        }
        let memory = self.replay.get_or_init(|| {
            let data_dir = config.folder().join(&settings.data_dir);
            let clock = Arc::clone(&self.environment.clock);
            Arc::new(ReplayMemory::new(settings.replay, data_dir, clock))
        });
        let memory: Arc<dyn ReplayStore> = Arc::<ReplayMemory>::clone(memory);
        resources.with(Arc::new(SharedReplay::from(memory)))
    }

    fn acceptors(
        &self,
        config: &Config,
        settings: &ServerSettings,
        keystores: &Keystores,
        findings: &mut Vec<Finding>,
        errors: &mut Errors,
    ) -> BTreeMap<String, Acceptor> {
        let mut acceptors = BTreeMap::new();
        for (name, listener) in &settings.listeners {
            let key = config.child_key("palisade.listeners", name);
            let clock = Arc::clone(&self.environment.clock);
            match Acceptor::new(name, listener, keystores, clock, config.folder()) {
                Ok((acceptor, found)) => {
                    findings.extend(found.into_iter().map(|finding| placed(config, &key, finding)));
                    acceptors.insert(name.clone(), acceptor);
                }
                Err(error) => errors.extend(placed_errors(config, &key, &error)),
            }
        }
        acceptors
    }

    /// A listener that the files no longer name serves until a restart: with the settings it had, and the keys, anchors and
    /// revocation lists of now. Where it can no longer be made of them, it stays as it is, and that is an alarm.
    fn keep_departed(
        &self,
        earlier: Earlier<'_>,
        config: &Config,
        keystores: &Keystores,
        acceptors: &mut BTreeMap<String, Acceptor>,
        alarms: &mut Vec<String>,
    ) {
        for (name, listener) in earlier.listeners {
            if acceptors.contains_key(name) {
                continue;
            }
            let clock = Arc::clone(&self.environment.clock);
            match Acceptor::new(name, listener, keystores, clock, config.folder()) {
                Ok((acceptor, _)) => {
                    acceptors.insert(name.clone(), acceptor);
                }
                Err(error) => {
                    tracing::error!(
                        target: "palisade::reload", listener = %name, %error,
                        "a listener that is no longer configured keeps its last good keys"
                    );
                    let key = config.child_key("palisade.listeners", name);
                    alarms.push(format!(
                        "{key} is no longer configured, serves until a restart, and keeps its last good keys: {error}"
                    ));
                }
            }
        }
    }
}

impl Ingredients {
    fn of(config: &Config, settings: &ServerSettings, keystores: &Keystores) -> Self {
        let Some(upstream) = &settings.upstream else {
            return Self::default();
        };
        let der = |certificate: &Certificate| certificate.der().to_vec();
        // What is not found was an error of the client already.
        let anchors = upstream.tls.trust_aliases.iter();
        let anchors = anchors.filter_map(|alias| keystores.certificates(alias).ok());
        let identity = upstream.tls.key_alias.as_ref();
        let identity = identity.and_then(|alias| keystores.identity(alias).ok());
        Self {
            settings: config.get("palisade.upstream").ok().flatten(),
            anchors: anchors.flatten().map(|certificate| der(&certificate)).collect(),
            identity: identity.map_or_else(Vec::new, |entry| entry.chain().iter().map(der).collect()),
        }
    }
}

impl Assembly {
    /// Every file it came from.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let files = self.config.files().iter().cloned();
        let files = files.chain(self.keystores.paths());
        let files = files.chain(self.policy.files().iter().cloned());
        let files = files.chain(self.acceptors.values().flat_map(Acceptor::files));
        files.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn refused(errors: Errors, config: &Config) -> Refused {
    Refused {
        errors: errors.sorted(),
        files: config.files().to_vec(),
    }
}

fn collect<T>(errors: &mut Errors, result: Result<T, Errors>) -> Option<T> {
    result.map_err(|found| errors.extend(found)).ok()
}

/// The users and tenants. Where they cannot be read, nobody is known, and what stages say of that is not told.
fn callers(
    config: &Config,
    settings: &ServerSettings,
    keystores: &Result<(Arc<Keystores>, Vec<Alarm>), Errors>,
    earlier: Option<Earlier<'_>>,
    background: &Background,
    errors: &mut Errors,
) -> (Callers, Option<Followed>) {
    let is_theirs = |key: &str| CALLERS.iter().any(|place| key.starts_with(place));
    let are_misread = errors.iter().any(|error| is_theirs(&error.key));
    let Some((keystores, _)) = keystores.as_ref().ok().filter(|_| !are_misread) else {
        return (Callers::unknown(), None);
    };
    let earlier = earlier.and_then(|earlier| earlier.followed);
    let callers = Followed::callers(earlier, config, settings, keystores, background);
    collect(errors, callers).unwrap_or_else(|| (Callers::unknown(), None))
}

/// A keystore that no longer loads keeps its last good state, unless its settings changed.
fn keystores(
    config: &Config,
    settings: &ServerSettings,
    told: &Errors,
    earlier: Option<Earlier<'_>>,
) -> Result<(Arc<Keystores>, Vec<Alarm>), Errors> {
    if let Some(earlier) = earlier
        && are_read(config, told)
        && are_same(earlier.settings, &settings.keystores)
    {
        let (keystores, alarms) = earlier.keystores.reload();
        for alarm in &alarms {
            metrics::counter!("palisade_keystore_alarms_total", "keystore" => alarm.store.clone())
                .increment(1);
        }
        return Ok((Arc::new(keystores), alarms));
    }
    let keystores = load_keystores(config, told)?;
    Ok((Arc::new(keystores), Vec::new()))
}

fn are_same(earlier: &BTreeMap<String, KeystoreSettings>, now: &BTreeMap<String, KeystoreSettings>) -> bool {
    earlier.len() == now.len()
        && earlier.iter().zip(now).all(|((old_name, old), (name, new))| {
            old_name == name
                && old.location == new.location
                && old.store_type == new.store_type
                && old.password == new.password
        })
}

/// The pooled client of the upstream.
fn client(config: &Config, upstream: &UpstreamSettings, keystores: &Keystores) -> Result<Upstream, Errors> {
    let key = "palisade.upstream.tls";
    // A URL that cannot be read is reported with the settings.
    let target = Target::parse(&upstream.url).map_err(|_| Errors::new())?;
    let mut builder = ClientBuilder::new().connect_timeout(upstream.connect_timeout.get());
    if !target.is_https() {
        builder = builder.allow_plain_http();
    }
    let builder = upstream.tls.apply(builder, keystores).map_err(|errors| {
        let errors = errors.into_iter();
        errors
            .map(|(setting, error)| config.complaint(&format!("{key}.{setting}"), error.to_string()))
            .collect::<Errors>()
    })?;
    let client = builder
        .build()
        .map_err(|error| Errors::from(config.complaint(key, error.to_string())))?;
    Ok(Upstream {
        client,
        target,
        timeout: upstream.timeout.get(),
    })
}

/// The whole key of something inside a listener's settings.
fn join(prefix: &str, inner: &str) -> String {
    if inner.is_empty() {
        prefix.to_owned()
    } else {
        format!("{prefix}.{inner}")
    }
}

fn placed(config: &Config, prefix: &str, finding: Finding) -> Finding {
    let key = join(prefix, finding.key.as_deref().unwrap_or_default());
    let origin = config.origin(&key).or_else(|| config.origin(prefix));
    let finding = finding.at(key);
    match origin {
        Some(origin) => finding.from_origin(origin.to_string()),
        None => finding,
    }
}

fn placed_errors(config: &Config, prefix: &str, error: &BuildError) -> Errors {
    let faults = error.faults.iter();
    faults
        .map(|fault| config.error(&join(prefix, &fault.key), &fault.expected))
        .collect()
}
