//! Connections to Redis, and the counters over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use palisade_config::{Config, Error};
use palisade_core::{Alarms, Background, Clock, LimitStore};
use palisade_store::{RedisConfig, RedisConfigError, RedisLimits, RedisPool};

use crate::settings::{RedisSettings, RedisTopologySetting};

/// How often it is tried whether Redis works.
const EACH: Duration = Duration::from_secs(2);
/// For how long a call that failed says that it does not, whatever succeeds meanwhile.
const RECENTLY: Duration = Duration::from_secs(5);

/// Redis, as a server shares it.
#[derive(Debug)]
pub(crate) struct Redis {
    settings: RedisSettings,
    pool: RedisPool,
    limits: Arc<RedisLimits>,
    /// What the file of certificates to trust held.
    trust: Option<Vec<u8>>,
    /// Whether somebody looks after it.
    is_watched: Arc<AtomicBool>,
    /// Whether anything in force uses it.
    is_used: Arc<AtomicBool>,
}

impl Redis {
    /// Checks the settings, and connects to nothing.
    pub(super) fn new(
        config: &Config,
        settings: &RedisSettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let mut wanted = match settings.topology {
            RedisTopologySetting::Single => RedisConfig::new(settings.url.clone()),
            RedisTopologySetting::Cluster => RedisConfig::cluster(settings.urls()),
        };
        let trust = trusted(config, settings).map_err(|error| {
            let file = settings.trust_file.as_deref().unwrap_or_default();
            let key = "palisade.redis.trust-file";
            config.complaint(key, format!("{file} cannot be read: {error}"))
        })?;
        wanted.trust.clone_from(&trust);
        wanted.prefix.clone_from(&settings.prefix);
        wanted.timeout = settings.timeout.get();
        wanted.connect_timeout = settings.connect_timeout.get();
        wanted.pool_size = settings.pool_size;
        let pool = RedisPool::open(&wanted, Arc::clone(clock)).map_err(|error| {
            let key = match error {
                RedisConfigError::Prefix => "palisade.redis.prefix",
                _ => "palisade.redis.url",
            };
            config.complaint(key, error.to_string())
        })?;
        Ok(Self {
            settings: settings.clone(),
            limits: Arc::new(RedisLimits::new(pool.clone())),
            pool,
            trust,
            is_watched: Arc::default(),
            is_used: Arc::new(AtomicBool::new(true)),
        })
    }

    /// Whether connections that are there are those of these settings, too, and of what their file holds now.
    pub(super) fn connects_as(&self, config: &Config, settings: &RedisSettings) -> bool {
        let trust = trusted(config, settings);
        self.settings.connects_as(settings) && trust.is_ok_and(|trust| trust == self.trust)
    }

    /// Says whether anything in force uses it: no alarm stands for what nobody uses.
    pub(super) fn is_used(&self, is_used: bool) {
        self.is_used.store(is_used, Ordering::Release);
    }

    pub(crate) fn pool(&self) -> &RedisPool {
        &self.pool
    }

    pub(super) fn limits(&self) -> Arc<dyn LimitStore> {
        Arc::<RedisLimits>::clone(&self.limits)
    }

    /// Hands over the work of looking after it: an alarm stands for as long as nothing can be written, and a moment longer than calls
    /// fail.
    pub(crate) fn watch(&self, background: &Background, alarms: &Alarms) {
        if self.is_watched.load(Ordering::Acquire) {
            return;
        }
        let (pool, slot, is_watched) = (self.pool.clone(), alarms.slot(), Arc::clone(&self.is_watched));
        let is_used = Arc::clone(&self.is_used);
        background.add(async move {
            // What was assembled before may have been refused, or begun meanwhile.
            if is_watched.swap(true, Ordering::AcqRel) {
                return;
            }
            let mut interval = tokio::time::interval(EACH);
            loop {
                interval.tick().await;
                let failure = if is_used.load(Ordering::Acquire) {
                    let written = pool.try_writing().await;
                    written.err().or_else(|| pool.failure_within(RECENTLY))
                } else {
                    None
                };
                match failure {
                    None => slot.clear(),
                    Some(failure) => slot.raise("redis-unavailable", failure),
                }
            }
        });
    }
}

/// What the file of certificates to trust holds, where one is named.
fn trusted(config: &Config, settings: &RedisSettings) -> std::io::Result<Option<Vec<u8>>> {
    let file = settings.trust_file.as_ref();
    file.map(|file| std::fs::read(config.folder().join(file)))
        .transpose()
}
