//! Steering a running server from outside: stopping it, reloading it, asking where it listens.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::status::{Reload, Status};

/// A handle on a server. Clones steer the same one.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    stop: Arc<watch::Sender<Stop>>,
    bound: Arc<watch::Sender<Option<Bindings>>>,
    reload: mpsc::Sender<oneshot::Sender<Reload>>,
    status: Arc<Status>,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Bindings {
    /// The listeners, by name.
    pub listeners: BTreeMap<String, SocketAddr>,
    /// The admin listener.
    pub admin: Option<SocketAddr>,
}

/// How far a server was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    No,
    Drain,
    Now,
}

/// The server's end of its handles.
#[derive(Debug)]
pub(crate) struct Steering {
    pub(crate) stop: watch::Receiver<Stop>,
    pub(crate) reload: mpsc::Receiver<oneshot::Sender<Reload>>,
}

impl ServerHandle {
    pub(crate) fn new(status: Arc<Status>) -> (Self, Steering) {
        let (stop, stopped) = watch::channel(Stop::No);
        let (reload, reloads) = mpsc::channel(8);
        let handle = Self {
            stop: Arc::new(stop),
            bound: Arc::new(watch::channel(None).0),
            reload,
            status,
        };
        (
            handle,
            Steering {
                stop: stopped,
                reload: reloads,
            },
        )
    }

    /// Stops accepting and lets requests under way finish within `palisade.drain-timeout`; said again, stops at once.
    pub fn stop(&self) {
        self.stop.send_modify(|stop| {
            *stop = match stop {
                Stop::No => Stop::Drain,
                Stop::Drain | Stop::Now => Stop::Now,
            };
        });
    }

    /// Stops at once.
    pub fn stop_now(&self) {
        self.stop.send_replace(Stop::Now);
    }

    /// Reads the configuration anew, as a changed file would have it done. `None` when the server does not run.
    pub async fn reload(&self) -> Option<Reload> {
        let (answer, outcome) = oneshot::channel();
        self.reload.send(answer).await.ok()?;
        outcome.await.ok()
    }

    /// Waits until the server listens, and says where. `None` when it ends before.
    pub async fn listening(&self) -> Option<Bindings> {
        let mut bound = self.bound.subscribe();
        let bindings = tokio::select! {
            bindings = bound.wait_for(Option::is_some) => bindings.ok()?.clone(),
            () = self.reload.closed() => None,
        };
        bindings
    }

    /// The server's state.
    pub fn status(&self) -> &Arc<Status> {
        &self.status
    }

    pub(crate) fn listens(&self, bindings: Bindings) {
        self.bound.send_replace(Some(bindings));
    }
}
