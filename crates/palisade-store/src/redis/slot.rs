//! The place of one connection: made by one call for all, and made anew after it failed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

use super::connect::{Connection, Connector};
use super::failure::RedisFailure;

/// The place of one connection.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    link: Link,
    /// The number of the connection that is, or is being made.
    number: u64,
}

#[derive(Default)]
enum Link {
    #[default]
    Down,
    Connecting(watch::Receiver<Option<Connected>>),
    Up(Connection),
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "Down",
            Self::Connecting(_) => "Connecting",
            Self::Up(_) => "Up",
        })
    }
}

type Connected = Result<Connection, RedisFailure>;

impl Slot {
    /// The connection and its number; made where there is none, by a task that goes on when nobody waits for it any more.
    pub(crate) async fn connection(
        self: &Arc<Self>,
        connector: &Arc<Connector>,
    ) -> Result<(Connection, u64), RedisFailure> {
        let (mut connecting, number) = match self.look(connector) {
            Looked::Up(connection, number) => return Ok((connection, number)),
            Looked::Connecting(receiver, number) => (receiver, number),
        };
        if let Ok(connected) = connecting.wait_for(Option::is_some).await
            && let Some(connected) = &*connected
        {
            return connected.clone().map(|connection| (connection, number));
        }
        // The runtime that connected is gone.
        self.failed(number);
        Err(RedisFailure::Abandoned)
    }

    /// The connection of that number failed, and is not used for further calls.
    pub(crate) fn failed(&self, number: u64) {
        let mut state = self.state();
        if state.number == number {
            state.link = Link::Down;
        }
    }

    fn look(self: &Arc<Self>, connector: &Arc<Connector>) -> Looked {
        let mut state = self.state();
        match &state.link {
            Link::Up(connection) => return Looked::Up(connection.clone(), state.number),
            Link::Connecting(receiver) => return Looked::Connecting(receiver.clone(), state.number),
            Link::Down => {}
        }
        let (sender, receiver) = watch::channel(None);
        state.number += 1;
        state.link = Link::Connecting(receiver.clone());
        let number = state.number;
        drop(state);
        let (slot, connector) = (Arc::clone(self), Arc::clone(connector));
        tokio::spawn(async move {
            let weak = Arc::downgrade(&slot);
            let connected = connector.connect(move || ended(&weak, number)).await;
            let connected = connected.map_err(|error| RedisFailure::Connect(error.into()));
            slot.connected(number, &connected);
            // Nobody may wait for it any more.
            let _ = sender.send(Some(connected));
        });
        Looked::Connecting(receiver, number)
    }

    fn connected(&self, number: u64, connected: &Connected) {
        let mut state = self.state();
        if state.number == number && matches!(state.link, Link::Connecting(_)) {
            state.link = match connected {
                Ok(connection) => Link::Up(connection.clone()),
                Err(_) => Link::Down,
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended(slot: &Weak<Slot>, number: u64) {
    if let Some(slot) = slot.upgrade() {
        slot.failed(number);
    }
}

enum Looked {
    Up(Connection, u64),
    Connecting(watch::Receiver<Option<Connected>>, u64),
}
