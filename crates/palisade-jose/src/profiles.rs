//! From settings to keys, the same for both sides.

use std::sync::Arc;
use std::time::Duration;

use palisade_core::{BuildContext, BuildError, Finding, Severity};
use palisade_keystore::Keystores;

use crate::algorithms::Algorithms;
use crate::format::{MessageFormat, MessageFormats};
use crate::keys::{DecryptionKey, EncryptionKey, SigningKey, VerificationKey};
use crate::settings::{MessageSettings, ReadProfileSettings, TimestampSettings, WriteProfileSettings};
use crate::times::TimeRules;
use crate::wire::MAX_TRIED;
use palisade_core::pool::CryptoPool;

/// The alias that stands for the certificate of the caller.
pub(crate) const CALLER: &str = "caller";

/// The life that a message is given where nothing is configured.
pub(crate) const TTL: Duration = Duration::from_secs(300);
/// The shortest life of a message: times are in whole seconds.
const SHORTEST: Duration = Duration::from_secs(1);
/// From here on a life, or a skew, is a finding.
const LONG: Duration = Duration::from_secs(3600);

/// What profiles are read with: the shared keystores, and the errors so far.
pub(crate) struct Profiles<'a> {
    keystores: Option<Arc<Keystores>>,
    cx: &'a BuildContext<'a>,
    pub(crate) errors: BuildError,
}

impl<'a> Profiles<'a> {
    pub(crate) fn new(cx: &'a BuildContext<'a>) -> Self {
        Self {
            keystores: cx.resources.find(),
            cx,
            errors: BuildError::default(),
        }
    }

    /// The format that is named, of ours or of the application.
    pub(crate) fn format(&mut self, settings: &MessageSettings) -> Arc<dyn MessageFormat> {
        let formats = self.cx.resources.find::<MessageFormats>().unwrap_or_default();
        formats.find(&settings.format).unwrap_or_else(|| {
            let names: Vec<_> = formats.names().collect();
            self.errors
                .push("message.format", format!("one of {}", names.join(", ")));
            Arc::new(crate::format::Jwt)
        })
    }

    /// The threads that all interceptors of both sides share: those of the application, else of the process. Where nothing is
    /// on, there is nothing for them to do, and they are not started.
    pub(crate) fn pool_when(&self, is_any_on: bool) -> Option<Arc<CryptoPool>> {
        is_any_on.then(|| self.cx.resources.find().unwrap_or_else(CryptoPool::shared))
    }

    /// The keys of a profile that decrypts; none where it is off.
    pub(crate) fn decryption(
        &mut self,
        profile: &str,
        settings: &ReadProfileSettings,
    ) -> Vec<Arc<DecryptionKey>> {
        self.each(profile, settings, |keystores, alias, algorithms| {
            let entry = keystores.key(alias).map_err(|error| error.to_string())?;
            DecryptionKey::new(&entry, algorithms)
                .map(|key| key.known_as(alias))
                .map_err(|error| error.to_string())
        })
    }

    /// The keys of a profile that verifies; none where it is off.
    pub(crate) fn verification(
        &mut self,
        profile: &str,
        settings: &ReadProfileSettings,
    ) -> Vec<Arc<VerificationKey>> {
        self.each(profile, settings, |keystores, alias, algorithms| {
            let key = keystores.public_key(alias).map_err(|error| error.to_string())?;
            VerificationKey::new(alias, &key, algorithms).map_err(|error| error.to_string())
        })
    }

    /// The key of a profile that signs; none where it is off.
    pub(crate) fn signing(
        &mut self,
        profile: &str,
        settings: &WriteProfileSettings,
    ) -> Option<Arc<SigningKey>> {
        self.one(profile, settings, |keystores, alias, algorithms| {
            let entry = keystores.key(alias).map_err(|error| error.to_string())?;
            SigningKey::new(&entry, algorithms)
                .map(|key| key.known_as(alias))
                .map_err(|error| error.to_string())
        })
    }

    /// The key of a profile that encrypts; none where it is off.
    pub(crate) fn encryption(
        &mut self,
        profile: &str,
        settings: &WriteProfileSettings,
    ) -> Option<Arc<EncryptionKey>> {
        self.one(profile, settings, |keystores, alias, algorithms| {
            let key = keystores.public_key(alias).map_err(|error| error.to_string())?;
            EncryptionKey::new(alias, &key, algorithms).map_err(|error| error.to_string())
        })
    }

    /// The algorithms of a profile.
    pub(crate) fn algorithms(&mut self, profile: &str, names: &[String]) -> Option<Algorithms> {
        Algorithms::parse(names)
            .map_err(|error| {
                let expected = format!("other algorithms: {error}");
                self.errors.push(format!("{profile}.algorithms"), expected);
            })
            .ok()
    }

    fn keystores(&mut self, profile: &str) -> Option<Arc<Keystores>> {
        if self.keystores.is_none() {
            self.errors
                .push_consequence(format!("{profile}.key-alias"), "keystores to take the key from");
        }
        self.keystores.clone()
    }

    fn each<K>(
        &mut self,
        profile: &str,
        settings: &ReadProfileSettings,
        key: impl Fn(&Keystores, &str, &Algorithms) -> Result<K, String>,
    ) -> Vec<Arc<K>> {
        if !settings.enabled {
            return Vec::new();
        }
        let at = format!("{profile}.key-alias");
        if settings.key_alias.is_empty() {
            self.errors.push(&at, "the alias of a key, for the profile is on");
        }
        if settings.key_alias.len() > MAX_TRIED {
            // A message without `kid` costs an operation with each of them.
            let expected = format!("at most {MAX_TRIED} aliases");
            self.errors.push(&at, expected);
        }
        let algorithms = self.algorithms(profile, &settings.algorithms);
        if settings.key_alias.is_empty() {
            return Vec::new();
        }
        let (Some(algorithms), Some(keystores)) = (algorithms, self.keystores(profile)) else {
            return Vec::new();
        };
        let mut keys = Vec::new();
        for alias in &settings.key_alias {
            match key(&keystores, alias, &algorithms) {
                Ok(key) => keys.push(Arc::new(key)),
                Err(why) => self.errors.push(&at, format!("another alias: {why}")),
            }
        }
        keys
    }

    fn one<K>(
        &mut self,
        profile: &str,
        settings: &WriteProfileSettings,
        key: impl Fn(&Keystores, &str, &Algorithms) -> Result<K, String>,
    ) -> Option<Arc<K>> {
        if !settings.enabled {
            return None;
        }
        let at = format!("{profile}.key-alias");
        let algorithms = self.algorithms(profile, &settings.algorithms);
        let Some(alias) = &settings.key_alias else {
            self.errors.push(&at, "the alias of a key, for the profile is on");
            return None;
        };
        let keystores = self.keystores(profile)?;
        key(&keystores, alias, &algorithms?)
            .map_err(|why| {
                let expected = if alias.contains(',') {
                    "one alias: a message is written with one key".to_owned()
                } else {
                    format!("another alias: {why}")
                };
                self.errors.push(&at, expected);
            })
            .ok()
            .map(Arc::new)
    }

    /// The life of messages that are written. `read` is the profile of those that are read, under whose name the life may stand
    /// too: older configurations have it there.
    pub(crate) fn ttl(
        &mut self,
        write: (&str, &TimestampSettings),
        read: (&str, &TimestampSettings),
    ) -> Option<Duration> {
        let (profile, settings) = write;
        let unread = [
            ("max-clock-skew", settings.max_clock_skew),
            ("max-ttl", settings.max_ttl),
        ];
        for (name, value) in unread {
            if value.is_some() {
                let expected = format!("{}.{name}: messages are written here, and read there", read.0);
                self.errors.push(format!("{profile}.{name}"), expected);
            }
        }
        let period = settings.ttl.or(read.1.ttl);
        let at = if settings.ttl.is_some() { profile } else { read.0 };
        let ttl = period.map_or(TTL, Duration::from);
        if ttl < SHORTEST {
            self.errors.push(format!("{at}.ttl"), "at least one second");
        }
        if read.1.max_ttl.is_some_and(|period| period.get() < SHORTEST) {
            let expected = "at least one second: nothing that is sent lives shorter";
            self.errors.push(format!("{}.max-ttl", read.0), expected);
        }
        settings.enabled.then_some(ttl)
    }

    /// The name that stands in, or is asked of, `aud`.
    pub(crate) fn audience(&mut self, key: &str, name: Option<&str>) {
        if name.is_some_and(|name| name.trim().is_empty()) {
            self.errors.push(key, "a name");
        }
    }
}

/// The rules of times of messages that are read; none where the profile is off.
pub(crate) fn time_rules(settings: &TimestampSettings) -> Option<TimeRules> {
    let default = TimeRules::default();
    settings.enabled.then(|| TimeRules {
        max_clock_skew: settings
            .max_clock_skew
            .map_or(default.max_clock_skew, Duration::from),
        max_ttl: settings.max_ttl.map_or(default.max_ttl, Duration::from),
    })
}

/// What is unwise about the times of messages.
pub(crate) fn time_findings(
    read: (&str, &TimestampSettings),
    write: (&str, &TimestampSettings),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (profile, settings) = read;
    if settings.ttl.is_some() {
        let message = format!("the life of messages that are written is called {}.ttl", write.0);
        findings.push(
            Finding::new(Severity::Caution, "timestamp-ttl-misplaced", message).at(format!("{profile}.ttl")),
        );
    }
    let limits = [
        ("max-clock-skew", settings.max_clock_skew),
        ("max-ttl", settings.max_ttl),
    ];
    for (name, period) in limits {
        if settings.enabled && period.is_some_and(|period| period.get() > LONG) {
            let message = "messages stay acceptable for more than an hour";
            findings.push(
                Finding::new(Severity::Moderate, "message-life-long", message)
                    .at(format!("{profile}.{name}")),
            );
        }
    }
    findings
}

/// Profiles that name a key and are off.
pub(crate) fn off_findings(profiles: &[(&str, bool, bool)]) -> Vec<Finding> {
    let off = profiles
        .iter()
        .filter(|(_, enabled, names_a_key)| !enabled && *names_a_key);
    off.map(|(profile, ..)| {
        let message = "the profile names a key and is off: it protects nothing until it is enabled";
        Finding::new(Severity::Caution, "profile-off", message).at(format!("{profile}.key-alias"))
    })
    .collect()
}
