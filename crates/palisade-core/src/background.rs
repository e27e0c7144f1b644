//! Work that stages want done while a server runs.

use std::fmt;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use crate::BoxFuture;

/// Work that goes on beside requests, such as keeping a document fresh.
///
/// Stages hand it over as they are built, where no runtime may be at hand; whoever shares this among the
/// [`Resources`](crate::Resources) takes it out and runs it once what was built is in force. Work that is handed over for a
/// configuration that is never put in force is dropped without having begun. It should hold its stage weakly, and end with it.
#[derive(Default)]
pub struct Background(Mutex<Vec<BoxFuture<'static, ()>>>);

impl Background {
    /// Hands work over.
    pub fn add(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::pin(work));
    }

    /// Takes out what was handed over since the last time.
    pub fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        write!(f, "Background({waiting})")
    }
}
