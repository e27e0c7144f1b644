//! A store that settings name and that is not there.

use std::time::SystemTime;

use palisade_core::{
    BoxFuture, CounterHandle, Demand, LimitCounter, LimitKey, LimitStore, LimitStoreError, Taking,
};
use std::sync::Arc;

/// Says why it is not there to a stage that asks for it, and counts nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Absent(pub(super) &'static str);

impl Absent {
    fn error(self) -> LimitStoreError {
        LimitStoreError::new(self.0)
    }
}

impl LimitStore for Absent {
    fn open(&self) -> Result<(), LimitStoreError> {
        Err(self.error())
    }

    fn waits(&self) -> bool {
        false
    }

    fn counter(&self, _: &str, _: usize) -> CounterHandle {
        CounterHandle::new(Arc::new(()))
    }

    fn take<'a>(&'a self, _: &'a mut [Demand], _: SystemTime) -> Taking<'a> {
        Taking::Done(Err(self.error()))
    }

    fn give_back<'a>(&'a self, _: &'a mut [Demand], _: SystemTime) -> Taking<'a> {
        Taking::Done(Err(self.error()))
    }

    fn look<'a>(&'a self, _: &'a mut [Demand], _: SystemTime) -> Taking<'a> {
        Taking::Done(Err(self.error()))
    }

    fn reset<'a>(
        &'a self,
        _: &'a LimitCounter,
        _: Option<LimitKey>,
    ) -> BoxFuture<'a, Result<u64, LimitStoreError>> {
        Box::pin(async { Err(self.error()) })
    }

    fn keys<'a>(
        &'a self,
        _: &'a LimitCounter,
        _: usize,
        _: SystemTime,
    ) -> BoxFuture<'a, Result<Vec<LimitKey>, LimitStoreError>> {
        Box::pin(async { Err(self.error()) })
    }
}
