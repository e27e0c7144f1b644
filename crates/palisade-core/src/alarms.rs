//! What goes wrong while a server runs, for as long as it does: [`Alarms`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// How many bytes of a message are kept.
const LONGEST: usize = 512;

/// The alarms of a server, as whoever may raise one finds them among the [`Resources`](crate::Resources). Clones share them.
///
/// 1. Each [`AlarmSlot`] holds one alarm at most, so there are never more than there is work that can fail.
/// 2. An alarm goes when its cause is over, or with its slot: what no longer runs cannot be in trouble.
/// 3. Raising one neither waits nor writes; the log is told by whoever raises it.
///
/// What this does not do: it stops nothing, and a server with alarms is as ready as one without.
///
/// ```
/// use palisade_core::Alarms;
///
/// let alarms = Alarms::default();
/// let slot = alarms.slot();
/// slot.raise("directory-stale", "the directory cannot be read");
/// assert_eq!(alarms.raised()[0].code, "directory-stale");
/// slot.clear();
/// assert!(alarms.raised().is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Alarms(Arc<Mutex<Board>>);

#[derive(Debug, Default)]
struct Board {
    /// By the number of their slot, so that those of the oldest come first.
    raised: BTreeMap<u64, Alarm>,
    slots: u64,
}

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Alarm {
    /// Stable code in kebab-case, the one of the log.
    pub code: &'static str,
    /// One sentence for the operator, of 512 bytes at most.
    pub message: String,
}

impl Alarms {
    /// A slot for something that may go wrong.
    pub fn slot(&self) -> AlarmSlot {
        let mut board = self.board();
        board.slots += 1;
        AlarmSlot {
            alarms: self.clone(),
            number: board.slots,
        }
    }

    /// What is wrong now.
    pub fn raised(&self) -> Vec<Alarm> {
        self.board().raised.values().cloned().collect()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one alarm.
#[derive(Debug)]
pub struct AlarmSlot {
    alarms: Alarms,
    number: u64,
}

impl AlarmSlot {
    /// Raises the alarm, or says something else of the one that is raised. The message quotes no secret.
    pub fn raise(&self, code: &'static str, message: impl fmt::Display) {
        let mut message = message.to_string();
        message.truncate(message.floor_char_boundary(LONGEST));
        self.alarms
            .board()
            .raised
            .insert(self.number, Alarm { code, message });
    }

    /// It is over.
    pub fn clear(&self) {
        self.alarms.board().raised.remove(&self.number);
    }
}

/// A slot of alarms that nobody looks at.
impl Default for AlarmSlot {
    fn default() -> Self {
        Alarms::default().slot()
    }
}

impl Drop for AlarmSlot {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Alarm, Alarms, LONGEST};

    fn codes(alarms: &Alarms) -> Vec<&'static str> {
        alarms.raised().iter().map(|alarm| alarm.code).collect()
    }

    #[test]
    fn a_slot_has_one_alarm_and_takes_it_along_when_it_goes() {
        let alarms = Alarms::default();
        let (one, other) = (alarms.slot(), alarms.slot());
        other.raise("jwks-stale", "first");
        one.raise("directory-stale", "it cannot be read");
        other.raise("jwks-missing", "second");
        assert_eq!(codes(&alarms), ["directory-stale", "jwks-missing"]);
        one.clear();
        one.clear();
        let message = "second".to_owned();
        let code = "jwks-missing";
        assert_eq!(alarms.clone().raised(), [Alarm { code, message }]);
        drop(other);
        assert_eq!(alarms.raised(), []);
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let alarms = Alarms::default();
        let slot = alarms.slot();
        slot.raise("long", format_args!("a{}", "é".repeat(LONGEST)));
        let message = &alarms.raised()[0].message;
        assert_eq!(message.len(), LONGEST - 1);
        assert!(message.ends_with('é'));
    }
}
