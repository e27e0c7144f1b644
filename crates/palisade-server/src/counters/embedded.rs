//! The store `embedded`, opened once a stage asks for it and the server serves.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use palisade_core::{
    Alarms, Background, BoxFuture, CounterHandle, Demand, LimitCounter, LimitKey, LimitStore,
    LimitStoreError, Taking,
};
use palisade_store::{EmbeddedLimits, EmbeddedLimitsConfig, MemoryLimits};
use tokio::task::spawn_blocking;

use crate::data_dir;

/// The file of counters.
const FILE: &str = "limits.redb";
/// How often it is looked whether it can be written.
const EACH: Duration = Duration::from_secs(2);

/// Counters in a file.
#[derive(Debug)]
pub(super) struct EmbeddedCounters {
    data_dir: PathBuf,
    wanted: Mutex<Wanted>,
    opened: OnceLock<Opened>,
    /// Whether somebody looks after it.
    is_watched: AtomicBool,
}

/// What counts.
#[derive(Debug)]
enum Opened {
    File(EmbeddedLimits),
    /// Where somebody looks and there is no file.
    Nothing(MemoryLimits),
}

impl Opened {
    fn store(&self) -> &dyn LimitStore {
        match self {
            Self::File(limits) => limits,
            Self::Nothing(limits) => limits,
        }
    }

    /// Why nothing can be written now.
    fn last_failure(&self) -> Option<String> {
        match self {
            Self::File(limits) => limits.last_failure(),
            Self::Nothing(_) => None,
        }
    }
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
            is_watched: AtomicBool::new(false),
        }
    }

    /// Hands over the work of looking after it, once for its life: an alarm stands for as long as it cannot be written.
    pub(super) fn watch(self: &Arc<Self>, background: &Background, alarms: &Alarms) {
        if self.is_watched.load(Ordering::Acquire) {
            return;
        }
        let (weak, slot) = (Arc::downgrade(self), alarms.slot());
        background.add(async move {
            let mut interval = tokio::time::interval(EACH);
            let mut is_first = true;
            loop {
                interval.tick().await;
                let Some(this) = weak.upgrade() else {
                    return;
                };
                // What was assembled before may have been refused, or begun meanwhile.
                if is_first && this.is_watched.swap(true, Ordering::AcqRel) {
                    return;
                }
                is_first = false;
                match this.opened.get().and_then(Opened::last_failure) {
                    None => slot.clear(),
                    Some(failure) => slot.raise(
                        "limits-not-written",
                        format_args!("{FILE} cannot be written: {failure}"),
                    ),
                }
            }
        });
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
            self.goes_on_with(Opened::Nothing(MemoryLimits::new()), &mut wanted);
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
        let config = EmbeddedLimitsConfig::new(&self.data_dir);
        let limits = EmbeddedLimits::open(&config).map_err(LimitStoreError::new)?;
        self.goes_on_with(Opened::File(limits), &mut wanted);
        Ok(())
    }

    fn goes_on_with(&self, opened: Opened, wanted: &mut Wanted) {
        for early in wanted.early.drain(..) {
            // Nobody else sets it.
            let _ = early
                .handle
                .set(opened.store().counter(&early.name, early.max_keys));
        }
        // Nor this, without the lock.
        let _ = self.opened.set(opened);
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> Result<&dyn LimitStore, LimitStoreError> {
        let store = self.opened.get().map(Opened::store);
        store.ok_or_else(|| LimitStoreError::new("the server does not serve yet"))
    }
}

impl LimitStore for EmbeddedCounters {
    fn open(&self) -> Result<(), LimitStoreError> {
        self.want(|wanted| wanted.by_a_stage = true)
    }

    fn counter(&self, name: &str, max_keys: usize) -> CounterHandle {
        let mut wanted = self.wanted();
        if let Some(opened) = self.opened.get() {
            return opened.store().counter(name, max_keys);
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
