//! The store `embedded`, opened once a stage asks for it and the server serves.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use palisade_core::{
    BoxFuture, CounterHandle, Demand, LimitCounter, LimitKey, LimitStore, LimitStoreError, Taking,
};
use palisade_store::{EmbeddedLimits, EmbeddedLimitsConfig, MemoryLimits};
use tokio::task::spawn_blocking;

use crate::data_dir;

/// The file of counters.
const FILE: &str = "limits.redb";

/// Counters in a file.
#[derive(Debug)]
pub(super) struct EmbeddedCounters {
    data_dir: PathBuf,
    wanted: Mutex<Wanted>,
    opened: OnceLock<Arc<dyn LimitStore>>,
}

/// It is opened once both are so.
#[derive(Debug, Default)]
struct Wanted {
    by_a_stage: bool,
    by_the_server: bool,
    /// Counters that were asked for before it was open.
    early: Vec<Early>,
}

/// A counter whose handle the store behind gives when it is open.
#[derive(Debug)]
struct Early {
    name: String,
    max_keys: usize,
    handle: Arc<OnceLock<CounterHandle>>,
}

impl EmbeddedCounters {
    pub(super) fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            wanted: Mutex::default(),
            opened: OnceLock::new(),
        }
    }

    /// Opens it where stages asked for it, and lets those to come have it opened at once.
    pub(super) async fn begin(self: &Arc<Self>) -> Result<(), LimitStoreError> {
        let this = Arc::clone(self);
        let opened = spawn_blocking(move || this.want(|wanted| wanted.by_the_server = true));
        opened.await.map_err(LimitStoreError::new)?
    }

    /// The same for somebody who looks: where there is no file nothing was counted, and none is made.
    pub(super) async fn begin_to_look(self: &Arc<Self>) -> Result<(), LimitStoreError> {
        if self.has_file() {
            return self.begin().await;
        }
        let mut wanted = self.wanted();
        if self.opened.get().is_none() {
            self.goes_on_with(Arc::new(MemoryLimits::new()), &mut wanted);
        }
        Ok(())
    }

    /// Why it cannot be opened, as far as that shows without opening it.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_wanted = {
            let wanted = self.wanted();
            wanted.by_a_stage && !wanted.by_the_server
        };
        if is_wanted {
            data_dir::check(&self.data_dir)
        } else {
            Ok(())
        }
    }

    fn has_file(&self) -> bool {
        self.data_dir.join(FILE).exists()
    }

    fn want(&self, say: impl FnOnce(&mut Wanted)) -> Result<(), LimitStoreError> {
        let mut wanted = self.wanted();
        say(&mut wanted);
        if !(wanted.by_a_stage && wanted.by_the_server) || self.opened.get().is_some() {
            return Ok(());
        }
        let store = self.make()?;
        self.goes_on_with(store, &mut wanted);
        Ok(())
    }

    fn goes_on_with(&self, store: Arc<dyn LimitStore>, wanted: &mut Wanted) {
        for early in wanted.early.drain(..) {
            // Nobody else sets it.
            let _ = early.handle.set(store.counter(&early.name, early.max_keys));
        }
        // Nor this, without the lock.
        let _ = self.opened.set(store);
    }

    fn make(&self) -> Result<Arc<dyn LimitStore>, LimitStoreError> {
        let config = EmbeddedLimitsConfig::new(&self.data_dir);
        let store = EmbeddedLimits::open(&config).map_err(LimitStoreError::new)?;
        Ok(Arc::new(store))
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> Result<&dyn LimitStore, LimitStoreError> {
        let store = self.opened.get().map(AsRef::as_ref);
        store.ok_or_else(|| LimitStoreError::new("the server does not serve yet"))
    }
}

impl LimitStore for EmbeddedCounters {
    fn open(&self) -> Result<(), LimitStoreError> {
        self.want(|wanted| wanted.by_a_stage = true)
    }

    fn counter(&self, name: &str, max_keys: usize) -> CounterHandle {
        let mut wanted = self.wanted();
        if let Some(store) = self.opened.get() {
            return store.counter(name, max_keys);
        }
        let handle = Arc::default();
        wanted.early.push(Early {
            name: name.to_owned(),
            max_keys,
            handle: Arc::clone(&handle),
        });
        CounterHandle::later(handle)
    }

    fn take<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        match self.store() {
            Ok(store) => store.take(demands, now),
            Err(error) => Taking::Done(Err(error)),
        }
    }

    fn give_back<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        match self.store() {
            Ok(store) => store.give_back(demands, now),
            Err(error) => Taking::Done(Err(error)),
        }
    }

    fn look<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        match self.store() {
            Ok(store) => store.look(demands, now),
            Err(error) => Taking::Done(Err(error)),
        }
    }

    fn reset<'a>(
        &'a self,
        counter: &'a LimitCounter,
        key: Option<LimitKey>,
    ) -> BoxFuture<'a, Result<u64, LimitStoreError>> {
        match self.store() {
            Ok(store) => store.reset(counter, key),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn keys<'a>(
        &'a self,
        counter: &'a LimitCounter,
        at_most: usize,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Vec<LimitKey>, LimitStoreError>> {
        match self.store() {
            Ok(store) => store.keys(counter, at_most, now),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}
