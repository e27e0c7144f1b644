//! From files to everything that a server runs on, with every error collected.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use palisade_client::ClientBuilder;
use palisade_config::{Config, Errors, Sources};
use palisade_core::{BuildError, Finding};
use palisade_endpoint::{Environment, Policy, Registry};
use palisade_keystore::{KeystoreSettings, Keystores};
use palisade_tls::Acceptor;

use crate::gateway::{Target, Upstream};
use crate::settings::{ServerSettings, UpstreamSettings};

/// What stays the same over all reloads.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) sources: Sources,
    pub(crate) registry: Registry,
    pub(crate) environment: Environment,
    pub(crate) needs_upstream: bool,
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
    pub(crate) findings: Vec<Finding>,
    /// Keystores that keep their last good state.
    pub(crate) alarms: Vec<String>,
}

/// What applied before, for what goes on from there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Earlier<'a> {
    pub(crate) settings: &'a BTreeMap<String, KeystoreSettings>,
    pub(crate) keystores: &'a Keystores,
}

/// What is wrong, and the files that may put it right.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) errors: Errors,
    pub(crate) files: Vec<PathBuf>,
}

impl Recipe {
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

        let keystores = keystores(&config, &settings, earlier);
        let mut environment = self.environment.clone();
        if let Ok((keystores, _)) = &keystores {
            environment.resources = environment.resources.with(Arc::clone(keystores));
        }
        let policy = self.registry.compile(&config, &environment);
        // Without keystores every alias would look wrong.
        let (keystores, alarms) = match keystores {
            Ok(loaded) => loaded,
            Err(found) => {
                errors.extend(found);
                errors.extend(policy.err().into_iter().flatten());
                return Err(refused(errors, &config));
            }
        };
        let mut findings = settings.findings(&config);
        let acceptors = self.acceptors(&config, &settings, &keystores, &mut findings, &mut errors);
        let upstream = settings
            .upstream
            .as_ref()
            .and_then(|upstream| collect(&mut errors, client(&config, upstream, &keystores)));
        let policy = collect(&mut errors, policy);
        let (Some(policy), true) = (policy, errors.is_empty()) else {
            return Err(refused(errors, &config));
        };

        findings.extend_from_slice(config.findings());
        findings.extend_from_slice(policy.findings());
        findings.extend(keystores.findings(environment.clock.now()));
        Ok(Assembly {
            config,
            settings,
            keystores,
            policy,
            acceptors,
            upstream,
            findings,
            alarms,
        })
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

/// A keystore that no longer loads keeps its last good state, unless its settings changed.
fn keystores(
    config: &Config,
    settings: &ServerSettings,
    earlier: Option<Earlier<'_>>,
) -> Result<(Arc<Keystores>, Vec<String>), Errors> {
    if let Some(earlier) = earlier
        && are_same(earlier.settings, &settings.keystores)
    {
        let (keystores, alarms) = earlier.keystores.reload();
        let alarms = alarms.iter().map(palisade_keystore::Alarm::message).collect();
        return Ok((Arc::new(keystores), alarms));
    }
    let loaded = Keystores::load(config.folder(), &settings.keystores);
    let keystores = loaded.map_err(|errors| {
        let errors = errors.0.iter();
        errors
            .map(|error| config.complaint(&error.key(), error.to_string()))
            .collect::<Errors>()
    })?;
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
