//! What operators write under `palisade.` for the server itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use palisade_client::ClientTlsSettings;
use palisade_config::{Config, Errors};
use palisade_core::settings::Period;
use palisade_core::{Finding, Severity};
use palisade_directory::{DirectorySource, TenantSettings, UserSettings};
use palisade_keystore::KeystoreSettings;
use palisade_tls::ListenerSettings;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::gateway::Target;
use crate::logs;

mod admin;
mod callers;
mod connections;
mod keystores;
mod redis;
mod replay;
mod secrets;

pub use self::admin::AdminSettings;
pub use self::connections::ConnectionSettings;
pub(crate) use self::connections::{CLIENT_INTERCEPTORS, CONNECTIONS, Destination};
pub(crate) use self::keystores::are_read;
pub use self::keystores::load_keystores;
pub use self::redis::{RedisSettings, RedisTopologySetting};
pub use self::replay::{ReplaySettings, ReplayStoreKind};

/// The names directly under `palisade.` that this crate reads, for [`Config::unknown`].
pub const OWN_NAMES: &[&str] = &[
    "admin",
    "body-read-timeout",
    "connections",
    "data-dir",
    "directory",
    "drain-timeout",
    "justify",
    "keystores",
    "listeners",
    "log",
    "redis",
    "replay",
    "tenants",
    "upstream",
    "users",
];

/// Settings of the server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerSettings {
    /// `palisade.listeners.<name>`; `main` with the defaults where there is none.
    pub listeners: BTreeMap<String, ListenerSettings>,
    /// `palisade.keystores.<name>`.
    pub keystores: BTreeMap<String, KeystoreSettings>,
    /// `palisade.upstream`.
    pub upstream: Option<UpstreamSettings>,
    /// `palisade.connections.<name>`.
    pub connections: BTreeMap<String, ConnectionSettings>,
    /// `palisade.admin`.
    pub admin: AdminSettings,
    /// Whether `palisade.admin.bind` was chosen.
    pub admin_is_chosen: bool,
    /// `palisade.log`.
    pub log: LogSettings,
    /// `palisade.drain-timeout`: how long requests under way may take once the server is told to stop (30s).
    pub drain_timeout: Period,
    /// `palisade.body-read-timeout`: how long a client may send nothing in the middle of a body (60s).
    pub body_read_timeout: Period,
    /// `palisade.data-dir`: where files are kept that outlive the server, relative to the configuration folder (`data`).
    pub data_dir: PathBuf,
    /// `palisade.redis`.
    pub redis: Option<RedisSettings>,
    /// `palisade.replay`.
    pub replay: ReplaySettings,
    /// `palisade.directory`: where users and tenants are kept.
    pub directory: DirectorySource,
    /// `palisade.users.<name>`, of the directory `config`.
    pub users: BTreeMap<String, UserSettings>,
    /// `palisade.tenants.<name>`, of the directory `config`.
    pub tenants: BTreeMap<String, TenantSettings>,
}

/// `palisade.upstream`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct UpstreamSettings {
    /// `http://` or `https://`, host, optional port and path.
    pub url: String,
    /// How long connecting may take, TLS included.
    #[serde(default = "connect_timeout")]
    pub connect_timeout: Period,
    /// How long the upstream may take while nothing moves.
    #[serde(default = "upstream_timeout")]
    pub timeout: Period,
    /// The TLS side.
    #[serde(default)]
    pub tls: ClientTlsSettings,
}

/// `palisade.log`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LogSettings {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or filter directives.
    pub level: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

const fn connect_timeout() -> Period {
    Period::seconds(5)
}

const fn upstream_timeout() -> Period {
    Period::seconds(30)
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            level: "error".to_owned(),
            format: LogFormat::Text,
        }
    }
}

impl ServerSettings {
    /// Reads the settings, and checks that nothing is written under `palisade.` that nobody reads.
    ///
    /// The settings are there even with errors, so that a caller can go on checking.
    pub fn read(config: &Config) -> (Self, Errors) {
        let mut errors = unknown_names(config);
        let mut listeners: BTreeMap<String, ListenerSettings> =
            read(config, "palisade.listeners", &mut errors);
        if listeners.is_empty() && !config.contains("palisade.listeners") {
            listeners.insert("main".to_owned(), ListenerSettings::default());
        }
        let upstream = config.get("palisade.upstream").unwrap_or_else(|found| {
            errors.extend(found);
            None
        });
        let settings = Self {
            listeners,
            keystores: read(config, "palisade.keystores", &mut errors),
            upstream,
            connections: ConnectionSettings::read_all(config, &mut errors),
            admin: AdminSettings::read(config, &mut errors),
            admin_is_chosen: config.contains("palisade.admin.bind"),
            log: read(config, "palisade.log", &mut errors),
            drain_timeout: read_or(config, "palisade.drain-timeout", Period::seconds(30), &mut errors),
            body_read_timeout: read_or(
                config,
                "palisade.body-read-timeout",
                Period::seconds(60),
                &mut errors,
            ),
            data_dir: read_or(config, "palisade.data-dir", PathBuf::from("data"), &mut errors),
            redis: RedisSettings::read(config, &mut errors),
            replay: ReplaySettings::read(config, &mut errors),
            directory: read(config, "palisade.directory", &mut errors),
            users: read(config, "palisade.users", &mut errors),
            tenants: read(config, "palisade.tenants", &mut errors),
        };
        settings.check(config, &mut errors);
        (settings, errors)
    }

    /// Checks what types alone do not say.
    fn check(&self, config: &Config, errors: &mut Errors) {
        if let Some(upstream) = &self.upstream
            && let Err(error) = Target::parse(&upstream.url)
        {
            errors.push(config.complaint("palisade.upstream.url", error.to_string()));
        }
        if let Err(error) = logs::filter(&self.log.level) {
            errors.push(config.complaint("palisade.log.level", error.to_string()));
        }
        if self.data_dir.as_os_str().is_empty() || config.folder().join(&self.data_dir).is_file() {
            errors.push(config.error("palisade.data-dir", "a directory, or the path of one to be made"));
        }
        self.lacks_redis(config, errors);
        for key in ["palisade.users", "palisade.tenants"] {
            if self.directory != DirectorySource::Config && config.contains(key) {
                let message = format!(
                    "users and tenants are those of {}; either remove them here, or set palisade.directory=config",
                    self.directory
                );
                errors.push(config.complaint(key, message));
            }
        }
        for (name, listener) in &self.listeners {
            let key = config.child_key("palisade.listeners", name);
            if listener.max_connections == 0 {
                errors.push(config.error(&format!("{key}.max-connections"), "at least 1"));
            }
            if listener.header_read_timeout.get().is_zero() {
                errors.push(config.error(&format!("{key}.header-read-timeout"), "more than nothing"));
            }
            let taken = self.listeners.iter().find(|(other, settings)| {
                *other < name && settings.bind == listener.bind && listener.bind.port() != 0
            });
            if let Some((other, _)) = taken {
                let expected = format!("an address of its own; the listener {other} has this one");
                errors.push(config.error(&format!("{key}.bind"), expected));
            }
        }
        for (key, period) in [
            ("palisade.body-read-timeout", Some(self.body_read_timeout)),
            (
                "palisade.upstream.timeout",
                self.upstream.as_ref().map(|upstream| upstream.timeout),
            ),
            (
                "palisade.upstream.connect-timeout",
                self.upstream.as_ref().map(|upstream| upstream.connect_timeout),
            ),
        ] {
            if period.is_some_and(|period| period.get().is_zero()) {
                errors.push(config.error(key, "more than nothing"));
            }
        }
    }

    /// The settings that differ in `new` and cannot change while listeners are bound.
    pub(crate) fn needs_restart(&self, new: &Self) -> Vec<String> {
        let mut settings = Vec::new();
        let names: BTreeSet<&String> = self.listeners.keys().chain(new.listeners.keys()).collect();
        for name in names {
            let key = format!("palisade.listeners.{name}");
            let (Some(old), Some(new)) = (self.listeners.get(name), new.listeners.get(name)) else {
                settings.push(key);
                continue;
            };
            let parts = [
                ("bind", old.bind != new.bind),
                ("max-connections", old.max_connections != new.max_connections),
                (
                    "header-read-timeout",
                    old.header_read_timeout != new.header_read_timeout,
                ),
            ];
            let differing = parts.into_iter().filter(|(_, differs)| *differs);
            settings.extend(differing.map(|(part, _)| format!("{key}.{part}")));
        }
        let parts = [
            ("palisade.admin", self.admin != new.admin),
            (
                "palisade.body-read-timeout",
                self.body_read_timeout != new.body_read_timeout,
            ),
            ("palisade.data-dir", self.data_dir != new.data_dir),
            ("palisade.drain-timeout", self.drain_timeout != new.drain_timeout),
            ("palisade.log.format", self.log.format != new.log.format),
            ("palisade.replay", self.replay != new.replay),
            (
                "palisade.upstream",
                self.upstream.is_some() != new.upstream.is_some(),
            ),
        ];
        let differing = parts.into_iter().filter(|(_, differs)| *differs);
        settings.extend(differing.map(|(key, _)| key.to_owned()));
        settings
    }

    /// What is allowed and unwise.
    pub fn findings(&self, config: &Config) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.admin.findings(config));
        findings.extend(self.replay.findings(config));
        findings.extend(self.of_redis(config));
        findings.extend(self.unknown_callers(config));
        findings.extend(self.weak_secrets(config));
        findings.extend(self.never_asked(config));
        findings.extend(connections::findings(&self.connections, config));
        if let Some(upstream) = &self.upstream {
            findings.extend(upstream.tls.findings("palisade.upstream.tls"));
            let remote = Target::parse(&upstream.url)
                .is_ok_and(|target| !target.is_https() && !target.is_on_loopback());
            if remote {
                let message = "requests go on to the upstream in the clear";
                findings.push(located(
                    config,
                    Severity::Moderate,
                    "upstream-plain-http",
                    message,
                    "palisade.upstream.url",
                ));
            }
        }
        findings
    }
}

fn located(config: &Config, severity: Severity, code: &'static str, message: &str, key: &str) -> Finding {
    let finding = Finding::new(severity, code, message).at(key);
    match config.origin(key) {
        Some(origin) => finding.from_origin(origin.to_string()),
        None => finding,
    }
}

fn read<T: DeserializeOwned + Default>(config: &Config, key: &str, errors: &mut Errors) -> T {
    read_or(config, key, T::default(), errors)
}

fn read_or<T: DeserializeOwned>(config: &Config, key: &str, default: T, errors: &mut Errors) -> T {
    match config.get(key) {
        Ok(found) => found.unwrap_or(default),
        Err(found) => {
            errors.extend(found);
            default
        }
    }
}

fn unknown_names(config: &Config) -> Errors {
    let known: Vec<&str> = [
        OWN_NAMES,
        palisade_config::OWN_NAMES,
        palisade_endpoint::OWN_NAMES,
    ]
    .concat();
    config.unknown("palisade", &known)
}

#[cfg(test)]
mod tests;
