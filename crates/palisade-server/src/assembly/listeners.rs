//! The listeners of an assembly: those that files name, and those that serve on until a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use palisade_config::{Config, Errors};
use palisade_core::{BuildError, Finding};
use palisade_keystore::Keystores;
use palisade_tls::Acceptor;

use super::{Earlier, Recipe};
use crate::settings::ServerSettings;

impl Recipe {
    pub(super) fn acceptors(
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
    pub(super) fn keep_departed(
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

/// What the ages of a listener's revocation lists call for now.
pub(crate) fn of_lists(config: &Config, listener: &str, acceptor: &Acceptor) -> Vec<Finding> {
    let key = config.child_key("palisade.listeners", listener);
    let found = acceptor.findings_of_lists().into_iter();
    found.map(|finding| placed(config, &key, finding)).collect()
}

fn placed_errors(config: &Config, prefix: &str, error: &BuildError) -> Errors {
    let faults = error.faults.iter();
    faults
        .map(|fault| config.error(&join(prefix, &fault.key), &fault.expected))
        .collect()
}
