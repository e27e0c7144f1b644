//! How much of a key's use is on disk, and how much more is to be written.
//!
//! 1. On disk stands at least what was granted. A call whose units are within that goes on at once; another waits for the disk.
//! 2. What is written is what was used, and a lease: as much as the key used in the last second. A key with few calls in a second
//!    gets none, so that it is exact.
//! 3. Before less is written than stands there, that holds for calls: whether the disk takes it or not, they find enough.

use palisade_core::LimitKey;

use super::rules::{Share, Wide};
use super::table::{Beside, Kept, Slot};

/// A key with fewer calls in a second is exact.
const FEW_CALLS: u16 = 8;

/// What is on disk of a share, or of an identifier.
#[derive(Debug)]
pub(crate) enum Bound {
    Share { on_disk: Option<Level>, lately: Lately },
    Identifier { owner: LimitKey, on_disk: bool },
}

impl Default for Bound {
    fn default() -> Self {
        Self::Share {
            on_disk: None,
            lately: Lately::default(),
        }
    }
}

/// How far a share is used: in which window, and up to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(super) window: u64,
    pub(super) used: Wide,
}

impl Level {
    fn holds(self, other: Self) -> bool {
        self.window == other.window && self.used.get() >= other.used.get()
    }
}

/// What a key used in the second of its last call, and in the one before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lately {
    second: u32,
    calls: [u16; 2],
    units: [u64; 2],
}

impl Lately {
    fn count(&mut self, units: u128, second: u64) {
        let second = seconds(second);
        if second != self.second {
            *self = Self {
                second,
                calls: [0, self.in_last(second).0],
                units: [0, self.in_last(second).1],
            };
        }
        let ([calls, _], [sum, _]) = (&mut self.calls, &mut self.units);
        *calls = calls.saturating_add(1);
        *sum = sum.saturating_add(u64::try_from(units).unwrap_or(u64::MAX));
    }

    /// The calls and units of the second before that one.
    fn in_last(&self, second: u32) -> (u16, u64) {
        let ([calls, calls_before], [units, units_before]) = (self.calls, self.units);
        match second.checked_sub(self.second) {
            Some(0) => (calls_before, units_before),
            Some(1) => (calls, units),
            _ => (0, 0),
        }
    }

    /// How many units are to be written beyond what was used.
    fn lease(&self, second: u64) -> u64 {
        let second = seconds(second);
        let ([calls, _], [units, _]) = (self.calls, self.units);
        let this = if second == self.second {
            (calls, units)
        } else {
            (0, 0)
        };
        let (calls, units) = this.max(self.in_last(second));
        if calls < FEW_CALLS { 0 } else { units }
    }
}

fn seconds(second: u64) -> u32 {
    u32::try_from(second).unwrap_or(u32::MAX)
}

impl Beside for Bound {
    const NOTES: bool = true;

    fn taken(&mut self, share: &Share, units: u128, second: u64) -> bool {
        let Self::Share { on_disk, lately } = self else {
            return false;
        };
        lately.count(units, second);
        match share.level() {
            Some(level) => on_disk.is_some_and(|on_disk| on_disk.holds(level)),
            // Permits are kept in the process alone.
            None => true,
        }
    }

    fn identifier(owner: LimitKey) -> Self {
        Self::Identifier {
            owner,
            on_disk: false,
        }
    }

    fn is_identified(&self) -> bool {
        matches!(self, Self::Identifier { on_disk: true, .. })
    }
}

/// What is to be written of a key.
#[derive(Debug, Clone)]
pub(super) enum Written {
    Share { share: Share, is_leased: bool },
    Identifier { owner: LimitKey, until: u64 },
}

impl Written {
    fn level(&self) -> Option<Level> {
        match self {
            Self::Share { share, .. } => share.level(),
            Self::Identifier { .. } => None,
        }
    }

    /// Whether more is written than was used.
    pub(super) fn is_leased(&self) -> bool {
        matches!(self, Self::Share { is_leased: true, .. })
    }
}

/// What is to be written of a key, with a lease if it has earned one. `None` where nothing is to stand on disk.
pub(super) fn begin(slot: &mut Slot<Bound>, second: Option<u64>) -> Option<Written> {
    match (&slot.kept, &mut slot.beside) {
        (Kept::Share(share), Bound::Share { on_disk, lately }) => {
            share.level()?;
            let lease = second.map_or(0, |second| lately.lease(second));
            let written = Written::Share {
                share: share.with_lease(lease),
                is_leased: lease > 0,
            };
            let level = written.level()?;
            if on_disk.is_some_and(|on_disk| on_disk.window != level.window) {
                *on_disk = None;
            }
            *on_disk = on_disk.map(|on_disk| if level.holds(on_disk) { on_disk } else { level });
            Some(written)
        }
        (Kept::Identifier { until, .. }, Bound::Identifier { owner, .. }) => Some(Written::Identifier {
            owner: *owner,
            until: *until,
        }),
        _ => None,
    }
}

/// It is on disk.
pub(super) fn end(slot: &mut Slot<Bound>, written: &Written) {
    match (&mut slot.beside, written) {
        (Bound::Share { on_disk, .. }, Written::Share { share, .. }) => *on_disk = share.level(),
        (Bound::Identifier { on_disk, .. }, Written::Identifier { .. }) => *on_disk = true,
        _ => {}
    }
}
