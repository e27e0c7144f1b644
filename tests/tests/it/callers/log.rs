//! What this process logs, all of it.

use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::filter::EnvFilter;

/// The finest level, and the statements that go to databases.
const FILTER: &str = "palisade=trace,sqlx=debug";

/// The log of this process, from the first time it is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Log(&'static Mutex<Vec<u8>>);

impl Log {
    pub(crate) fn of_this_process() -> Self {
        static TEXT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
        static BEGUN: OnceLock<()> = OnceLock::new();
        let log = Self(&TEXT);
        BEGUN.get_or_init(|| {
            let subscriber = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(FILTER));
            subscriber.with_ansi(false).with_writer(move || log).init();
        });
        log
    }

    pub(crate) fn text(self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).unwrap()
    }
}

/// A line is written by one call.
impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
