//! The stores of counters that limits share: one of each for the life of a server, whatever is reloaded.
//!
//! 1. `embedded` is a file in `palisade.data-dir`. Nothing is opened and no file is made unless a stage asks for it, and not before
//!    the server serves: checking a configuration takes nothing away from the server that runs with it.
//! 2. `redis` is there where `palisade.redis.url` is set. Where that cannot be used, the error says so, and no stage finds the store.
//!    It is connected to by the first request that is counted there, and looked after from when the server serves. Other settings of
//!    it need a restart, save for what becomes of requests that cannot be counted.
//! 3. Stores that the application shares are left to it; its names win.
//!
//! The store `memory` belongs to the stages themselves.

use std::sync::Arc;

use palisade_config::{Config, Errors};
use palisade_core::{Alarms, Background, Clock, LimitStore, LimitStoreError, LimitStores, Resources};

use crate::settings::ServerSettings;

mod absent;
mod embedded;
#[cfg(feature = "redis")]
mod redis;

use self::absent::Absent;
use self::embedded::EmbeddedCounters;
#[cfg(feature = "redis")]
pub(crate) use self::redis::Redis;

/// The names by which settings speak of them.
const EMBEDDED: &str = "embedded";
const REDIS: &str = "redis";

/// The stores of counters of a server.
#[derive(Debug)]
pub struct CounterStores {
    embedded: Arc<EmbeddedCounters>,
    #[cfg(feature = "redis")]
    redis: std::sync::OnceLock<Redis>,
    /// Whether the replay memory is in Redis, whatever later settings say.
    #[cfg(feature = "redis")]
    remembers: bool,
    #[cfg(feature = "redis")]
    clock: Arc<dyn Clock>,
}

impl CounterStores {
    /// Stores that are not open yet.
    pub fn new(config: &Config, settings: &ServerSettings, clock: Arc<dyn Clock>) -> Self {
        let data_dir = config.folder().join(&settings.data_dir);
        #[cfg(not(feature = "redis"))]
        drop(clock);
        Self {
            embedded: Arc::new(EmbeddedCounters::new(data_dir)),
            #[cfg(feature = "redis")]
            redis: std::sync::OnceLock::new(),
            #[cfg(feature = "redis")]
            remembers: settings.replay.store == crate::settings::ReplayStoreKind::Redis,
            #[cfg(feature = "redis")]
            clock,
        }
    }

    /// Stages find them among the resources, beside those that the application shares.
    pub fn share(
        &self,
        resources: Resources,
        config: &Config,
        settings: &ServerSettings,
        errors: &mut Errors,
    ) -> Resources {
        let own = resources.find::<LimitStores>();
        let on_failure = match (&settings.redis, &own) {
            (Some(redis), _) => redis.on_failure,
            (None, Some(own)) => own.on_failure(),
            (None, None) => LimitStores::default().on_failure(),
        };
        let embedded: Arc<dyn LimitStore> = Arc::<EmbeddedCounters>::clone(&self.embedded);
        let mut stores = LimitStores::default()
            .with_on_failure(on_failure)
            .with(EMBEDDED, embedded);
        if let Some(redis) = self.redis_store(config, settings, errors) {
            stores = stores.with(REDIS, redis);
        }
        for name in own.iter().flat_map(|own| own.names()) {
            if let Some(store) = own.as_ref().and_then(|own| own.find(name)) {
                stores = stores.with(name, store);
            }
        }
        resources.with(Arc::new(stores))
    }

    /// What counts in Redis, or says why nothing can; nothing where settings of Redis are wrong, which is an error of its own.
    #[cfg(feature = "redis")]
    fn redis_store(
        &self,
        config: &Config,
        settings: &ServerSettings,
        errors: &mut Errors,
    ) -> Option<Arc<dyn LimitStore>> {
        match self.redis(config, settings, errors) {
            Some(redis) => Some(redis.limits()),
            None if config.contains("palisade.redis") => None,
            None => Some(Arc::new(Absent("palisade.redis.url is not set"))),
        }
    }

    #[cfg(not(feature = "redis"))]
    fn redis_store(
        &self,
        config: &Config,
        _: &ServerSettings,
        _: &mut Errors,
    ) -> Option<Arc<dyn LimitStore>> {
        let absent: Arc<dyn LimitStore> = Arc::new(Absent("this build has no Redis"));
        (!config.contains("palisade.redis")).then_some(absent)
    }

    /// The connections to Redis, made ready with the first settings that name it. Those that come later are checked alike: a restart
    /// goes on with them.
    #[cfg(feature = "redis")]
    fn redis(&self, config: &Config, settings: &ServerSettings, errors: &mut Errors) -> Option<&Redis> {
        let wanted = settings.redis.as_ref()?;
        match Redis::new(config, wanted, &self.clock) {
            Ok(redis) => Some(self.redis.get_or_init(|| redis)),
            Err(error) => {
                errors.push(error);
                None
            }
        }
    }

    /// Redis, where settings have named it.
    #[cfg(feature = "redis")]
    pub(crate) fn in_use(&self) -> Option<&Redis> {
        self.redis.get()
    }

    /// These settings are in force. Says whether those of Redis are others than those in use: then the others apply after a restart.
    /// Where they name none, nothing is counted there any more, and whether it works is of no concern.
    pub(crate) fn applies(&self, config: &Config, settings: &ServerSettings) -> bool {
        #[cfg(feature = "redis")]
        if let Some(redis) = self.redis.get() {
            redis.is_used(settings.redis.is_some() || self.remembers);
            let settings = settings.redis.as_ref();
            return settings.is_some_and(|settings| !redis.connects_as(config, settings));
        }
        let _ = (config, settings);
        false
    }

    /// Hands over the work of looking whether the file can be written.
    pub(crate) fn watch_file(&self, background: &Background, alarms: &Alarms) {
        self.embedded.watch(background, alarms);
    }

    /// Opens what stages asked for, and lets those to come have it opened at once.
    pub async fn begin(&self) -> Result<(), LimitStoreError> {
        self.embedded.begin().await
    }

    /// Opens what stages asked for, for somebody who looks where no server runs. No file is made: where there is none, nothing was
    /// counted. Nobody else can use a file that is open.
    pub async fn begin_to_look(&self) -> Result<(), LimitStoreError> {
        self.embedded.begin_to_look().await
    }

    /// Why what stages asked for cannot be opened, as far as that shows without opening it.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.embedded.check()
    }
}
