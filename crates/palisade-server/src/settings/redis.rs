//! What operators write about Redis, which several servers share.

use std::net::IpAddr;
use std::path::PathBuf;

use palisade_config::{Config, Errors};
use palisade_core::settings::Period;
use palisade_core::{Finding, OnFailure, Secret, Severity};
use serde::Deserialize;

use super::{ReplayStoreKind, ServerSettings, located};

/// Where Redis is.
const URL: &str = "palisade.redis.url";

/// `palisade.redis`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct RedisSettings {
    /// `redis://[user:password@]host[:port][/database]`, or `rediss://…` with TLS. Of a cluster some of its nodes, with commas
    /// between them; a comma in a password is written `%2C`.
    pub url: Secret,
    /// `single` is one server, or what looks like one; `cluster` a Redis Cluster.
    #[serde(default)]
    pub topology: RedisTopologySetting,
    /// A PEM file of the certificates to trust with TLS; those of the system where it is left out.
    pub trust_file: Option<String>,
    /// With what the names of all keys begin. Servers that share it share counters.
    #[serde(default = "key_prefix")]
    pub prefix: String,
    /// What becomes of a request that cannot be counted because a store does not answer: `deny` refuses it with 503, `allow` lets
    /// it go on uncounted. A limit may say otherwise for itself.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// How long a call may take, connecting included.
    #[serde(default = "call_timeout")]
    pub timeout: Period,
    /// How long connecting may take.
    #[serde(default = "connecting_timeout")]
    pub connect_timeout: Period,
    /// How many connections are kept; each carries many calls at a time.
    #[serde(default = "pool_size")]
    pub pool_size: usize,
}

/// How many servers Redis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RedisTopologySetting {
    /// One server, or what looks like one.
    #[default]
    Single,
    /// A Redis Cluster.
    Cluster,
}

fn key_prefix() -> String {
    "palisade".to_owned()
}

const fn call_timeout() -> Period {
    Period::milliseconds(500)
}

const fn connecting_timeout() -> Period {
    Period::seconds(1)
}

const fn pool_size() -> usize {
    2
}

impl RedisSettings {
    pub(super) fn read(config: &Config, errors: &mut Errors) -> Option<Self> {
        if cfg!(not(feature = "redis")) {
            if config.contains("palisade.redis") {
                let message = "this build has no Redis; remove palisade.redis";
                errors.push(config.complaint("palisade.redis", message));
            }
            return None;
        }
        let settings: Option<Self> = config.get("palisade.redis").unwrap_or_else(|found| {
            errors.extend(found);
            None
        });
        if let Some(settings) = &settings {
            settings.check(config, errors);
        }
        settings
    }

    fn check(&self, config: &Config, errors: &mut Errors) {
        if self.pool_size == 0 {
            errors.push(config.error("palisade.redis.pool-size", "at least 1"));
        }
        for (key, period) in [
            ("timeout", self.timeout),
            ("connect-timeout", self.connect_timeout),
        ] {
            if period.get().is_zero() {
                errors.push(config.error(&format!("palisade.redis.{key}"), "more than nothing"));
            }
        }
    }

    /// The nodes that are named.
    pub(crate) fn urls(&self) -> Vec<Secret> {
        match self.topology {
            RedisTopologySetting::Single => vec![self.url.clone()],
            RedisTopologySetting::Cluster => self
                .url
                .expose()
                .split(',')
                .map(|url| Secret::new(url.trim()))
                .collect(),
        }
    }

    /// Whether connections that are there are those of these settings, too. What becomes of requests that cannot be counted applies
    /// at once.
    #[cfg(feature = "redis")]
    pub(crate) fn connects_as(&self, other: &Self) -> bool {
        let of_pool = |settings: &Self| Self {
            on_failure: OnFailure::default(),
            ..settings.clone()
        };
        of_pool(self) == of_pool(other)
    }

    fn findings(&self, config: &Config) -> Vec<Finding> {
        let mut findings = Vec::new();
        let urls = self.urls();
        let places: Vec<Place<'_>> = urls.iter().filter_map(|url| Place::of(url.expose())).collect();
        if places.iter().any(|place| !place.is_tls && !place.is_loopback()) {
            let message = "what limits count goes to Redis in the clear, and so does its password: whoever is on the way reads and \
                           changes it; rediss:// is TLS";
            findings.push(located(config, Severity::Moderate, "redis-plain", message, URL));
        }
        if places
            .iter()
            .any(|place| !place.has_password && !place.is_loopback())
        {
            let message = "Redis asks for no password: whoever reaches it decides limits and replays";
            findings.push(located(
                config,
                Severity::Moderate,
                "redis-without-password",
                message,
                URL,
            ));
        }
        findings
    }
}

impl ServerSettings {
    /// What needs a Redis that is not there.
    pub(super) fn lacks_redis(&self, config: &Config, errors: &mut Errors) {
        if self.replay.store == ReplayStoreKind::Redis
            && self.redis.is_none()
            && !config.contains("palisade.redis")
        {
            let message = if cfg!(feature = "redis") {
                "the store redis needs palisade.redis.url, which is not set"
            } else {
                "this build has no Redis; memory and embedded are there"
            };
            errors.push(config.complaint("palisade.replay.store", message));
        }
    }

    /// The file of certificates to trust with Redis, where one is named.
    pub(crate) fn file_of_redis(&self, config: &Config) -> Option<PathBuf> {
        let file = self.redis.as_ref()?.trust_file.as_ref()?;
        Some(config.folder().join(file))
    }

    pub(super) fn of_redis(&self, config: &Config) -> Vec<Finding> {
        self.redis
            .as_ref()
            .map(|redis| redis.findings(config))
            .unwrap_or_default()
    }
}

/// Where a URL leads, as far as findings need it.
struct Place<'a> {
    is_tls: bool,
    has_password: bool,
    host: &'a str,
}

impl<'a> Place<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next()?,
            None => host.split(':').next()?,
        };
        Some(Self {
            is_tls: scheme == "rediss",
            has_password: user.is_some_and(|user| user.contains(':')),
            host,
        })
    }

    fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Place;

    #[rstest]
    #[case("redis://localhost", false, false, true)]
    #[case("redis://:secret@127.0.0.1:6379/3", false, true, true)]
    #[case("redis://[::1]:6379", false, false, true)]
    #[case("rediss://user:secret@redis.example:6379", true, true, false)]
    #[case("redis://user@redis.example", false, false, false)]
    #[case("redis://localhost:secret@redis.example", false, true, false)]
    fn a_url_tells_whether_others_can_listen(
        #[case] url: &str,
        #[case] is_tls: bool,
        #[case] has_password: bool,
        #[case] is_loopback: bool,
    ) {
        let place = Place::of(url).unwrap();
        assert_eq!(
            (place.is_tls, place.has_password, place.is_loopback()),
            (is_tls, has_password, is_loopback)
        );
    }
}
