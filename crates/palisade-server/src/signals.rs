//! Signals of the operating system: SIGTERM and SIGINT stop the server, SIGHUP reloads it.

use std::io;

use crate::control::ServerHandle;

/// Signals that are caught from now on.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Catches the signals.
    pub(crate) fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Obeys them for ever. The first to stop drains, the second ends at once.
    pub(crate) async fn obey(mut self, handle: ServerHandle) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => handle.stop(),
                _ = self.interrupt.recv() => handle.stop(),
                _ = self.hangup.recv() => {
                    let handle = handle.clone();
                    // A long reload must not keep the server from stopping.
                    tokio::spawn(async move { handle.reload().await });
                }
            }
        }
    }
}

/// Ctrl-C, where there are no signals.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Signals(());

#[cfg(not(unix))]
impl Signals {
    /// Prepares to catch Ctrl-C.
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self(()))
    }

    /// Obeys it for ever. The first drains, the second ends at once.
    pub(crate) async fn obey(self, handle: ServerHandle) {
        while tokio::signal::ctrl_c().await.is_ok() {
            handle.stop();
        }
    }
}
