//! Counters that end with their process.

use std::time::{SystemTime, UNIX_EPOCH};

use palisade_core::{
    BoxFuture, CounterHandle, Demand, LimitCounter, LimitKey, LimitStore, LimitStoreError, Taking,
};

use super::call::{self, Moment};
use super::operate;
use super::rules::nanos;
use super::tables::Tables;

/// Keeps counters until the process ends. It never waits, and fails for counters of other stores alone.
///
/// 1. Every call is atomic and exact, from any number of threads, also while rules change.
/// 2. A counter keeps the bound it was given, to the key. What finds no room shares one bucket,
///    [`LimitKey::OVERFLOW`], until some key's share is whole again. Identifiers that were counted have a bound of their own, as many:
///    without room for one, a retry is counted again. Keys never lack room for their sake.
/// 3. A key takes 256 bytes at most, and about 150 with a million of them. Under a sliding window it takes 2,048 more at most, by how
///    many of the sixty slices it used. An identifier takes 320 at most.
/// 4. A check of a key that is known allocates nothing, whatever the answer; under a sliding window a new slice may.
/// 5. A clock that goes back gives nothing back, and keeps nobody waiting for longer than what was used, or the end of the next
///    window.
///
/// What it does not protect against: a restart begins with nothing used. Use
/// [`EmbeddedLimits`](crate::EmbeddedLimits) where that matters.
#[derive(Debug, Default)]
pub struct MemoryLimits {
    tables: Tables<()>,
}

impl MemoryLimits {
    /// Without any counters.
    pub fn new() -> Self {
        Self::default()
    }
}

fn at(now: SystemTime) -> Moment {
    Moment {
        now: nanos(now.duration_since(UNIX_EPOCH).unwrap_or_default()),
        second: 0,
    }
}

impl LimitStore for MemoryLimits {
    fn waits(&self) -> bool {
        false
    }

    fn counter(&self, name: &str, max_keys: usize) -> CounterHandle {
        self.tables.counter(name, max_keys)
    }

    fn take<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        Taking::Done(call::take::<()>(demands, at(now)).map(drop))
    }

    fn give_back<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        Taking::Done(call::give_back::<()>(demands, at(now)))
    }

    fn look<'a>(&'a self, demands: &'a mut [Demand], now: SystemTime) -> Taking<'a> {
        Taking::Done(call::look::<()>(demands, at(now)))
    }

    fn reset<'a>(
        &'a self,
        counter: &'a LimitCounter,
        key: Option<LimitKey>,
    ) -> BoxFuture<'a, Result<u64, LimitStoreError>> {
        Box::pin(async move { operate::reset::<()>(counter, key) })
    }

    fn keys<'a>(
        &'a self,
        counter: &'a LimitCounter,
        at_most: usize,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Vec<LimitKey>, LimitStoreError>> {
        Box::pin(async move { operate::keys::<()>(counter, at_most, at(now).now) })
    }
}
