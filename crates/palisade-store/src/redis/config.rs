//! Where Redis is, and how long it may take.

use std::num::NonZeroU32;
use std::time::Duration;

use palisade_core::Secret;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};

/// Where Redis is, and how long it may take.
///
/// ```
/// use std::time::Duration;
/// use palisade_core::Secret;
/// use palisade_store::RedisConfig;
///
/// let config = RedisConfig::new(Secret::new("redis://palisade:correct-horse@127.0.0.1:6379/0"));
/// assert_eq!(config.timeout, Duration::from_millis(500));
/// assert!(!format!("{config:?}").contains("horse"));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RedisConfig {
    /// `redis://` or, with TLS, `rediss://`: `rediss://user:password@host:port/database`. Of a cluster, some of its nodes, with the
    /// same user and password.
    pub urls: Vec<Secret>,
    /// One server, or a Redis Cluster.
    pub topology: RedisTopology,
    /// Whom to trust with TLS: certificates in PEM. `None` trusts whom the system does.
    pub trust: Option<Vec<u8>>,
    /// With what all keys begin, as their hash tag: letters, digits, `.`, `_`, `-` and `:`. Servers that share it share counters.
    /// A cluster keeps all that has one prefix on one of its nodes.
    pub prefix: String,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a call may take in all.
    pub timeout: Duration,
    /// How many connections are kept. Each carries any number of calls at a time. A cluster is connected to once.
    pub pool_size: usize,
    /// After how many failures in a row calls fail at once.
    pub failures_to_open: NonZeroU32,
    /// For how long they do, before one of them tries again.
    pub cool_down: Duration,
}

/// How many servers Redis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RedisTopology {
    /// One server, or what stands before several and looks like one.
    #[default]
    Single,
    /// A Redis Cluster, whose nodes tell of each other.
    Cluster,
}

impl RedisConfig {
    /// One server. Connecting may take a second, a call 500 ms; two connections; after five failures in a row a second of rest.
    pub fn new(url: Secret) -> Self {
        Self {
            urls: vec![url],
            topology: RedisTopology::Single,
            trust: None,
            prefix: "palisade".to_owned(),
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_millis(500),
            pool_size: 2,
            failures_to_open: NonZeroU32::MIN.saturating_add(4),
            cool_down: Duration::from_secs(1),
        }
    }

    /// A cluster that has these nodes, and others that they tell of.
    pub fn cluster(urls: Vec<Secret>) -> Self {
        Self {
            urls,
            topology: RedisTopology::Cluster,
            ..Self::new(Secret::new(""))
        }
    }

    /// What is wrong with it, if anything; else where it leads.
    pub(crate) fn addresses(&self) -> Result<Vec<ConnectionInfo>, RedisConfigError> {
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
        if self.prefix.is_empty() || !self.prefix.bytes().all(safe) {
            return Err(RedisConfigError::Prefix);
        }
        let one = self.urls.len() == 1 || (self.topology == RedisTopology::Cluster && !self.urls.is_empty());
        if !one {
            return Err(RedisConfigError::Count);
        }
        if self.timeout.is_zero() || self.connect_timeout.is_zero() {
            return Err(RedisConfigError::NoTime);
        }
        let infos: Vec<ConnectionInfo> = self.urls.iter().map(address).collect::<Result<_, _>>()?;
        let mut kinds = infos.iter().map(|info| {
            (
                is_tls(info),
                info.redis_settings().username(),
                info.redis_settings().password(),
            )
        });
        let first = kinds.next();
        if kinds.any(|kind| Some(kind) != first) {
            return Err(RedisConfigError::Differ);
        }
        Ok(infos)
    }
}

fn address(url: &Secret) -> Result<ConnectionInfo, RedisConfigError> {
    let info = url
        .expose()
        .into_connection_info()
        .map_err(|_| RedisConfigError::Url)?;
    match info.addr() {
        ConnectionAddr::Tcp(..) | ConnectionAddr::TcpTls { insecure: false, .. } => {}
        ConnectionAddr::TcpTls { .. } => return Err(RedisConfigError::Insecure),
        _ => return Err(RedisConfigError::Url),
    }
    let settings = info
        .redis_settings()
        .clone()
        // Over this the server's end of a connection is told of at once.
        .set_protocol(ProtocolVersion::RESP3)
        .set_lib_name("palisade", env!("CARGO_PKG_VERSION"));
    Ok(info.set_redis_settings(settings))
}

pub(crate) fn is_tls(info: &ConnectionInfo) -> bool {
    matches!(info.addr(), ConnectionAddr::TcpTls { .. })
}

/// Why settings cannot be used. It never quotes a URL, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisConfigError {
    /// A URL is none.
    #[error("expected redis://[user:password@]host[:port][/database], or rediss://… for TLS")]
    Url,
    /// A URL asks for TLS without verification.
    #[error("TLS to Redis is always verified; name the certificate to trust instead")]
    Insecure,
    /// There are too few or too many URLs.
    #[error("expected one URL, or of a cluster at least one")]
    Count,
    /// The nodes of a cluster differ in user, password or TLS.
    #[error("the nodes of a cluster have one user, one password, and all or none of them TLS")]
    Differ,
    /// The prefix has other characters, or none.
    #[error("expected a prefix of letters, digits, '.', '_', '-' and ':'")]
    Prefix,
    /// A time is zero.
    #[error("expected times of more than nothing")]
    NoTime,
    /// The certificates to trust cannot be read.
    #[error("the certificates to trust are no PEM")]
    Trust,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{RedisConfig, RedisConfigError};
    use palisade_core::Secret;

    #[rstest]
    #[case("redis://127.0.0.1", None)]
    #[case("redis://u:p@[::1]:6380/2", None)]
    #[case("rediss://redis.example:6379", None)]
    #[case("redis://127.0.0.1:notaport", Some(RedisConfigError::Url))]
    #[case("http://127.0.0.1", Some(RedisConfigError::Url))]
    #[case("unix:///run/redis.sock", Some(RedisConfigError::Url))]
    #[case("", Some(RedisConfigError::Url))]
    #[case("rediss://redis.example:6379/#insecure", Some(RedisConfigError::Insecure))]
    fn urls_are_checked_before_anything_is_connected_to(
        #[case] url: &str,
        #[case] wrong: Option<RedisConfigError>,
    ) {
        assert_eq!(RedisConfig::new(Secret::new(url)).addresses().err(), wrong);
    }

    #[test]
    fn a_prefix_cannot_end_its_hash_tag() {
        for (prefix, fine) in [
            ("a-b_c.d:e1", true),
            ("", false),
            ("a}b", false),
            ("a b", false),
            ("é", false),
        ] {
            let config = RedisConfig {
                prefix: prefix.to_owned(),
                ..RedisConfig::new(Secret::new("redis://127.0.0.1"))
            };
            assert_eq!(config.addresses().is_ok(), fine, "{prefix}");
        }
    }

    #[test]
    fn only_a_cluster_has_several_nodes_and_they_are_alike() {
        let nodes = |urls: &[&str]| urls.iter().copied().map(Secret::new).collect::<Vec<_>>();
        let two = nodes(&["redis://:p@127.0.0.1:1", "redis://:p@127.0.0.1:2"]);
        assert!(RedisConfig::cluster(two.clone()).addresses().is_ok());
        let single = RedisConfig {
            urls: two,
            ..RedisConfig::new(Secret::new(""))
        };
        assert_eq!(single.addresses().err(), Some(RedisConfigError::Count));
        let none = RedisConfig::cluster(Vec::new());
        assert_eq!(none.addresses().err(), Some(RedisConfigError::Count));
        for other in ["redis://:q@127.0.0.1:2", "rediss://:p@127.0.0.1:2"] {
            let unlike = RedisConfig::cluster(nodes(&["redis://:p@127.0.0.1:1", other]));
            assert_eq!(unlike.addresses().err(), Some(RedisConfigError::Differ));
        }
    }

    #[test]
    fn a_password_is_in_no_text_about_a_url() {
        let config = RedisConfig::new(Secret::new("redis://:correct-horse@127.0.0.1:notaport"));
        let error = config.addresses().expect_err("no port");
        assert!(!format!("{config:?} {error:?} {error}").contains("horse"));
    }
}
