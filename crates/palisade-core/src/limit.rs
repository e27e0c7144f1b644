//! Counters that outlive requests and that limits share: [`LimitStore`].
//!
//! 1. A **counter** ([`LimitCounter`]) belongs to one limit, such as `Partners.rate-limit`. It is found by its name, so that it goes on
//!    when its rule changes.
//! 2. In a counter each [`LimitKey`] has a share of its own: an address, a caller, an endpoint, or everybody together.
//! 3. [`LimitStore::take`] is asked for all the limits of a request that are due at one time. It takes from all of them or from none:
//!    a request that one of them refuses costs the others nothing.
//! 4. What was taken can be given back, exactly once, to the window it was taken from; not where others went on because it was
//!    taken, under the same name.
//! 5. A store keeps a bounded number of keys for each counter. A key whose share is not whole is never forgotten for another; keys
//!    beyond the bound share one bucket.
//! 6. A rule may change between two calls for the same key. What was used before stays used, in units of the limit.
//!
//! What this does not protect against: a store that forgets (a Redis that is emptied) forgets what was used.

use std::any::Any;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Debug};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use http::{StatusCode, request};
use serde::{Deserialize, Serialize};

mod key;

pub use key::LimitKey;

use crate::{BoxFuture, FactKind, Rejection};

/// How much a key may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitRule {
    /// A bucket of `burst` units that refills by one unit every `interval`: the generic cell rate algorithm (ITU-T I.371).
    Rate {
        /// How many units may be used at once. At least 1.
        burst: u64,
        /// The time in which one unit comes back. At least a nanosecond.
        interval: Duration,
    },
    /// So many units at a time; each is given back when its exchange ends. Kept in the process alone.
    InFlight {
        /// How many.
        max: u64,
    },
    /// So many units in each window of time.
    Window {
        /// How many.
        limit: u128,
        /// How long a window is: whole seconds, at least one.
        period: Duration,
        /// Where windows begin.
        kind: WindowKind,
    },
}

/// Where the windows of a quota begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WindowKind {
    /// At multiples of the period since 1970-01-01T00:00:00Z: whole minutes, hours and days in UTC.
    #[default]
    Calendar,
    /// Now: what was used counts for one period, and a sixtieth of it longer at most. In no period of that length is more used than
    /// the limit.
    Sliding,
}

/// Into how many slices a sliding window is cut.
pub const WINDOW_SLICES: u32 = 60;

/// What a store has for a counter: its own, for its own eyes.
#[derive(Clone)]
pub struct CounterHandle(Had);

#[derive(Clone)]
enum Had {
    Now(Arc<dyn Any + Send + Sync>),
    Later(Arc<OnceLock<CounterHandle>>),
}

impl CounterHandle {
    /// Wraps what the store has.
    pub fn new<T: Any + Send + Sync>(value: Arc<T>) -> Self {
        Self(Had::Now(value))
    }

    /// Stands for what another store will have, for one that is opened later and goes on with that other.
    pub fn later(handle: Arc<OnceLock<Self>>) -> Self {
        Self(Had::Later(handle))
    }

    /// What the store has, where it is of that type, and is there yet.
    pub fn get<T: Any>(&self) -> Option<&T> {
        match &self.0 {
            Had::Now(value) => (**value).downcast_ref(),
            Had::Later(handle) => handle.get()?.get(),
        }
    }
}

impl Debug for CounterHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CounterHandle")
    }
}

/// The counter of one limit, under the rule of one policy.
#[derive(Debug)]
pub struct LimitCounter {
    name: Arc<str>,
    rule: LimitRule,
    max_keys: usize,
    handle: CounterHandle,
}

impl LimitCounter {
    /// The counter of that name in a store, made on first use. Nodes that share a store share counters by name.
    pub fn new(store: &dyn LimitStore, name: impl Into<Arc<str>>, rule: LimitRule, max_keys: usize) -> Self {
        let name = name.into();
        let handle = store.counter(&name, max_keys);
        Self {
            name,
            rule,
            max_keys,
            handle,
        }
    }

    /// Its name, `<interceptor>.<stage>`.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How much each key may use.
    pub fn rule(&self) -> LimitRule {
        self.rule
    }

    /// For how many keys a share is kept at most.
    pub fn max_keys(&self) -> usize {
        self.max_keys
    }

    /// What the store has for it.
    pub fn handle(&self) -> &CounterHandle {
        &self.handle
    }
}

/// What a request wants of one limit, and what the store says to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Demand {
    /// The limit's counter.
    pub counter: Arc<LimitCounter>,
    /// Whose share.
    pub key: LimitKey,
    /// How many units.
    pub units: u128,
    /// Where windows are counted: what is demanded under a name that was counted in this window already costs nothing. Then whoever
    /// was counted under it cannot give back any more. A store knows a bounded number of names, and counts anew under others.
    pub once: Option<[u8; 16]>,
    /// Whether the request goes on although this limit is exceeded: then the others are taken from all the same.
    pub reports: bool,
    /// What the store says; whole before it was asked.
    pub standing: Standing,
}

impl Demand {
    /// A demand of that many units.
    pub fn new(counter: Arc<LimitCounter>, key: LimitKey, units: u128) -> Self {
        Self {
            counter,
            key,
            units,
            once: None,
            reports: false,
            standing: Standing::default(),
        }
    }
}

/// How a key stands with a limit, after a demand was met or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Standing {
    /// Whether the demand is more than what is left.
    pub exceeded: bool,
    /// How many units are left. Where the demand was not met: without it.
    pub remaining: u128,
    /// The time within which no more than that can be used: until the next unit comes back, or the window ends.
    pub resets_in: Duration,
    /// Where the demand was exceeded: the time until it could be met, if nobody uses anything meanwhile. [`Duration::MAX`] where it
    /// never can.
    pub retry_after: Duration,
    /// How many units were taken: none where the request was refused, or was counted before.
    pub taken: u128,
    /// In which window, by its start or slice; the store's own mark, for giving back.
    pub window: u64,
    /// Whether the key shared the bucket of those beyond the bound.
    pub overflowed: bool,
}

/// The answer of a store: known at once, or awaited.
pub enum Taking<'a> {
    /// Known at once.
    Done(Result<(), LimitStoreError>),
    /// Awaited.
    Wait(BoxFuture<'a, Result<(), LimitStoreError>>),
}

impl Taking<'_> {
    /// The answer, once it is known.
    pub async fn outcome(self) -> Result<(), LimitStoreError> {
        match self {
            Self::Done(result) => result,
            Self::Wait(future) => future.await,
        }
    }
}

impl Debug for Taking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(result) => f.debug_tuple("Done").field(result).finish(),
            Self::Wait(_) => f.write_str("Wait(..)"),
        }
    }
}

/// A store that cannot answer.
#[derive(Debug, Clone)]
pub struct LimitStoreError(Arc<dyn Error + Send + Sync>);

impl LimitStoreError {
    /// Because of this.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(cause.into()))
    }
}

impl fmt::Display for LimitStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store of counters is not available: {}", self.0)
    }
}

impl Error for LimitStoreError {
    /// The cause itself: an `Arc` is an error, too, which hides what it holds from those who ask for its type.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// Keeps counters.
///
/// `now` is the time of day by the clock of policy; a store that several nodes share may go by its own.
pub trait LimitStore: Debug + Send + Sync + 'static {
    /// Makes ready what it needs, such as a file; stages ask for it as they are built. This may block. Once open, it stays so.
    fn open(&self) -> Result<(), LimitStoreError> {
        Ok(())
    }

    /// Whether [`take`](Self::take) may ever answer [`Taking::Wait`].
    fn waits(&self) -> bool {
        true
    }

    /// The counter of that name, made on first use. A later call may name another bound, which holds from then on.
    fn counter(&self, name: &str, max_keys: usize) -> CounterHandle;

    /// Takes from all of them, or, where any that does not only report is exceeded, from none. Each demand's
    /// [`standing`](Demand::standing) is told either way.
    ///
    /// This is atomic: of any number of calls at the same time, no more are met than the limit allows. On an error nothing is
    /// known; what was taken stays taken. Where it waits and is dropped, the same holds.
    fn take<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a>;

    /// Gives back what [`Standing::taken`] says, and sets that to nothing. A window that is over gets nothing back; nor does one
    /// from which it was taken under a name ([`Demand::once`]) under which others went on at no cost: they would never be counted.
    fn give_back<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a>;

    /// Says how each stands, and takes nothing.
    fn look<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a>;

    /// Forgets what a key has used, or with `None` what every key of the counter has. Says how many keys had used something.
    fn reset<'a>(
        &'a self,
        counter: &'a LimitCounter,
        key: Option<LimitKey>,
    ) -> BoxFuture<'a, Result<u64, LimitStoreError>>;

    /// Some of the keys that have used something: at most that many.
    fn keys<'a>(
        &'a self,
        counter: &'a LimitCounter,
        at_most: usize,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Vec<LimitKey>, LimitStoreError>>;
}

/// The stores that limits can name, as stages find them among the [`Resources`](crate::Resources).
#[derive(Debug, Clone, Default)]
pub struct LimitStores {
    stores: BTreeMap<String, Arc<dyn LimitStore>>,
    on_failure: OnFailure,
}

/// What becomes of a request whose limit cannot be counted, because the store does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// It is refused: 503 `store-unavailable`.
    #[default]
    Deny,
    /// It goes on uncounted.
    Allow,
}

impl LimitStores {
    /// What holds for limits that do not say what becomes of requests that cannot be counted.
    #[must_use]
    pub fn with_on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    /// What holds for limits that do not say it.
    pub fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    /// Adds a store under the name by which settings speak of it; one of that name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, store: Arc<dyn LimitStore>) -> Self {
        self.stores.insert(name.into(), store);
        self
    }

    /// The store of that name.
    pub fn find(&self, name: &str) -> Option<Arc<dyn LimitStore>> {
        self.stores.get(name).map(Arc::clone)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.stores.keys().map(String::as_str)
    }
}

/// A stage that is a limit: what whoever shows or resets counters may ask it. See [`Stage::limit`](crate::Stage::limit).
pub trait Limit: Debug + Send + Sync {
    /// Its counter.
    fn counter(&self) -> &Arc<LimitCounter>;

    /// Where that is kept.
    fn store(&self) -> &Arc<dyn LimitStore>;

    /// The name of that store in settings.
    fn store_name(&self) -> &str;

    /// By what keys are told apart, as settings have it: `peer`, `header:x-client`.
    fn keyed_by(&self) -> String;

    /// The facts that keys are made of.
    fn reads(&self) -> &'static [FactKind];

    /// The key of a request.
    fn key_of(&self, head: &request::Parts) -> LimitKey;

    /// The key that an operator speaks of: an address, a name, the value of a header. An error says what was expected.
    fn key_named(&self, text: &str) -> Result<LimitKey, String>;

    /// A number of its units as operators read it: requests are whole, amounts have decimals.
    fn units(&self, units: u128) -> String {
        units.to_string()
    }

    /// A number as [`units`](Self::units) writes it.
    fn units_in(&self, text: &str) -> Option<u128> {
        text.parse().ok()
    }

    /// On what the units of a request hang, beside its head; `None` where each request is one.
    fn hangs_on(&self) -> Option<&'static str> {
        None
    }

    /// What a request is told that wants more than is left; for explanations.
    fn refusal(&self) -> Rejection {
        Rejection::new(
            StatusCode::TOO_MANY_REQUESTS,
            "limit-exceeded",
            "More is wanted than is left",
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock};

    use super::CounterHandle;

    #[test]
    fn a_handle_of_a_store_that_is_opened_later_is_empty_until_then() {
        let place = Arc::new(OnceLock::new());
        let handle = CounterHandle::later(Arc::clone(&place)).clone();
        assert_eq!(handle.get::<u8>(), None);
        assert!(place.set(CounterHandle::new(Arc::new(7_u8))).is_ok());
        assert_eq!((handle.get::<u8>(), handle.get::<u16>()), (Some(&7), None));
    }
}
