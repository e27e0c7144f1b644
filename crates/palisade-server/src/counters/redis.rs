//! Connections to Redis, and the counters over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use palisade_config::{Config, Error};
use palisade_core::{Alarms, Background, Clock, LimitStore};
use palisade_store::{RedisConfig, RedisConfigError, RedisLimits, RedisPool};

use crate::settings::{RedisSettings, RedisTopologySetting};

/// How often Redis is asked for a sign of life.
const EACH: Duration = Duration::from_secs(2);

/// Redis, as a server shares it.
#[derive(Debug)]
pub(crate) struct Redis {
    settings: RedisSettings,
    pool: RedisPool,
    limits: Arc<RedisLimits>,
    /// Whether somebody looks after it.
    is_watched: Arc<AtomicBool>,
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
        if let Some(file) = &settings.trust_file {
            let pem = std::fs::read(config.folder().join(file)).map_err(|error| {
                let key = "palisade.redis.trust-file";
                config.complaint(key, format!("{file} cannot be read: {error}"))
            })?;
            wanted.trust = Some(pem);
        }
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
            is_watched: Arc::default(),
        })
    }

    pub(crate) fn settings(&self) -> &RedisSettings {
        &self.settings
    }

    pub(crate) fn pool(&self) -> &RedisPool {
        &self.pool
    }

    pub(super) fn limits(&self) -> Arc<dyn LimitStore> {
        Arc::<RedisLimits>::clone(&self.limits)
    }

    /// Hands over the work of looking after it: an alarm stands for as long as it gives no sign of life.
    pub(crate) fn watch(&self, background: &Background, alarms: &Alarms) {
        if self.is_watched.load(Ordering::Acquire) {
            return;
        }
        let (pool, slot, is_watched) = (self.pool.clone(), alarms.slot(), Arc::clone(&self.is_watched));
        background.add(async move {
            // What was assembled before may have been refused, or begun meanwhile.
            if is_watched.swap(true, Ordering::AcqRel) {
                return;
            }
            let mut interval = tokio::time::interval(EACH);
            loop {
                interval.tick().await;
                match pool.ping().await {
                    Ok(()) => slot.clear(),
                    Err(failure) => slot.raise("redis-unavailable", failure),
                }
            }
        });
    }
}
