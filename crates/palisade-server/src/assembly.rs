//! From files to everything that a server runs on, with every error collected.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use palisade_client::{ClientBuilder, HttpsFetch};
use palisade_config::{Config, Errors, Sources};
use palisade_core::{Alarms, Background, Finding, ReplayStore, Resources, SharedFetch, SharedReplay};
use palisade_directory::Directory;
use palisade_endpoint::{Environment, Policy, Registry};
use palisade_keystore::{Alarm, KeystoreSettings, Keystores};
use palisade_tls::{Acceptor, ListenerSettings};

use crate::callers::{Beside, Callers, Followed};
use crate::certificates::is_of_list;
use crate::connections::{self, Prepared};
use crate::counters::CounterStores;
use crate::gateway::{Target, Upstream};
use crate::ingredients::Ingredients;
use crate::replay::ReplayMemory;
use crate::settings::{ServerSettings, UpstreamSettings, are_read, load_keystores};
use crate::status::LiveFindings;

mod listeners;

pub(crate) use self::listeners::of_lists;

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
    /// With the settings of the first assembly.
    pub(crate) counters: OnceLock<CounterStores>,
    /// What stages fetch documents with, unless the application shares something of its own.
    pub(crate) fetch: Arc<SharedFetch>,
    /// Where stages raise alarms, unless the application shares something of its own.
    alarms: Arc<Alarms>,
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
    pub(crate) connections: Prepared,
    pub(crate) findings: Vec<Finding>,
    /// Those of them that are about keystores, and about the ages of revocation lists.
    pub(crate) of_ages: Vec<Finding>,
    /// Those about a directory that is followed, which are not among them.
    pub(crate) of_directory: LiveFindings,
    /// What goes wrong while the server runs.
    pub(crate) raised: Alarms,
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
    pub(crate) connections: &'a Prepared,
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
            counters: OnceLock::new(),
            fetch: Arc::new(SharedFetch::new(HttpsFetch::new())),
            alarms: Arc::default(),
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
        let background = Arc::new(Background::default());
        let raised = self.alarms(&environment.resources);
        let beside = Beside {
            background: &background,
            alarms: &raised,
        };
        environment.resources =
            self.with_memories(environment.resources, &config, &settings, beside, &mut errors);
        let (callers, followed) = callers(&config, &settings, &keystores, earlier, beside, &mut errors);
        environment.resources = self.with_callers(environment.resources, &callers, &background);
        environment.resources = environment.resources.with(Arc::clone(&raised));
        // What could not be shared is told already, and not once more by each stage that asks for it.
        let is_told = !errors.is_empty();
        let compiled = self.registry.compile(&config, &environment);
        let policy = compiled.map_err(|found| if is_told { found.causes() } else { found });
        let files = [
            self.replay.get().map(|memory| memory.check()),
            self.counters.get().map(CounterStores::check),
        ];
        if let Some(Err(why)) = files.into_iter().flatten().find(Result::is_err)
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
        let none = Prepared::default();
        let known = earlier.map_or(&none, |earlier| earlier.connections);
        let connections =
            connections::prepare(&config, &settings.connections, &keystores, policy.as_ref(), known);
        let connections = collect(&mut errors, connections);
        let (Some(policy), Some(connections), true) = (policy, connections, errors.is_empty()) else {
            return Err(refused(errors, &config));
        };

        if let Some(earlier) = earlier {
            self.keep_departed(earlier, &config, &keystores, &mut acceptors, &mut alarms);
        }
        findings.extend_from_slice(config.findings());
        findings.extend(callers.findings);
        findings.extend_from_slice(policy.findings());
        let mut of_ages = keystores.findings(environment.clock.now());
        let of_lists = findings.iter().filter(|finding| is_of_list(finding)).cloned();
        let of_lists: Vec<_> = of_lists.collect();
        findings.extend_from_slice(&of_ages);
        of_ages.extend(of_lists);
        Ok(Assembly {
            made_of: made_of(&config, &settings, &keystores),
            config,
            settings,
            keystores,
            policy,
            acceptors,
            upstream,
            connections,
            findings,
            of_ages,
            of_directory: followed.as_ref().map(Followed::findings).unwrap_or_default(),
            raised: Alarms::clone(&raised),
            stale: stale.into_iter().map(|alarm| alarm.store).collect(),
            alarms,
            followed,
            background,
        })
    }

    fn alarms(&self, resources: &Resources) -> Arc<Alarms> {
        resources.find().unwrap_or_else(|| Arc::clone(&self.alarms))
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

    /// Stages find the server's stores of counters, and its replay memory, unless the application has given them another.
    fn with_memories(
        &self,
        resources: Resources,
        config: &Config,
        settings: &ServerSettings,
        beside: Beside<'_>,
        errors: &mut Errors,
    ) -> Resources {
        let clock = || Arc::clone(&self.environment.clock);
        let counters = self
            .counters
            .get_or_init(|| CounterStores::new(config, settings, clock()));
        let resources = counters.share(resources, config, settings, errors);
        #[cfg(feature = "redis")]
        if let Some(redis) = counters.in_use() {
            redis.watch(beside.background, beside.alarms);
        }
        counters.watch_file(beside.background, beside.alarms);
        if resources.find::<SharedReplay>().is_some() {
            return resources;
        }
        let memory = self.replay.get_or_init(|| {
            let data_dir = config.folder().join(&settings.data_dir);
            let memory = ReplayMemory::new(settings.replay, data_dir, clock());
            #[cfg(feature = "redis")]
            let memory = memory.over(counters.in_use().map(|redis| redis.pool().clone()));
            Arc::new(memory)
        });
        let memory: Arc<dyn ReplayStore> = Arc::<ReplayMemory>::clone(memory);
        resources.with(Arc::new(SharedReplay::from(memory)))
    }
}

impl Assembly {
    /// Every file it came from.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let files = self.config.files().iter().cloned();
        let files = files.chain(self.keystores.paths());
        let files = files.chain(self.policy.files().iter().cloned());
        let files = files.chain(self.acceptors.values().flat_map(Acceptor::files));
        let files = files.chain(self.settings.file_of_redis(&self.config));
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
    beside: Beside<'_>,
    errors: &mut Errors,
) -> (Callers, Option<Followed>) {
    let is_theirs = |key: &str| CALLERS.iter().any(|place| key.starts_with(place));
    let are_misread = errors.iter().any(|error| is_theirs(&error.key));
    let Some((keystores, _)) = keystores.as_ref().ok().filter(|_| !are_misread) else {
        return (Callers::unknown(), None);
    };
    let earlier = earlier.and_then(|earlier| earlier.followed);
    let callers = Followed::callers(earlier, config, settings, keystores, beside);
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

/// What the upstream is made of.
fn made_of(config: &Config, settings: &ServerSettings, keystores: &Keystores) -> Ingredients {
    let upstream = settings.upstream.as_ref();
    upstream.map_or_else(Ingredients::default, |upstream| {
        Ingredients::of(config, "palisade.upstream", &[], &upstream.tls, keystores)
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
