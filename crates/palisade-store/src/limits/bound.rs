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
const FEW_CALLS: u8 = 8;

/// What is on disk of a share, or of an identifier.
#[derive(Debug)]
pub(crate) enum Bound {
    Share(OfShare),
    Identifier { owner: LimitKey, on_disk: bool },
}

impl Default for Bound {
    fn default() -> Self {
        Self::Share(OfShare::default())
    }
}

/// How far a share is used: in which window, and up to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Level {
    pub(super) window: u64,
    pub(super) used: Wide,
}

impl Level {
    fn holds(self, other: Self) -> bool {
        self.window == other.window && self.used.get() >= other.used.get()
    }
}

/// What is on disk of a share, and what its key used in the second of its last call, and in the one before.
///
/// The small ones stand side by side, so that it has as few bytes as can be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OfShare {
    on_disk: Level,
    units: [Wide; 2],
    second: u32,
    /// Up to as many as a number has room for: what matters is whether they are few.
    calls: [u8; 2],
    is_on_disk: bool,
}

impl OfShare {
    /// Whether that may be used without a word to the disk.
    fn holds(&self, level: Level) -> bool {
        self.is_on_disk && self.on_disk.holds(level)
    }

    /// This is about to be written: where it is less than what stands there, it holds from now on.
    fn lower(&mut self, level: Level) {
        self.is_on_disk &= self.on_disk.window == level.window;
        if !level.holds(self.on_disk) {
            self.on_disk = level;
        }
    }

    /// This is on disk, if anything.
    fn written(&mut self, level: Option<Level>) {
        self.is_on_disk = level.is_some();
        self.on_disk = level.unwrap_or_default();
    }

    fn count(&mut self, units: u128, second: u64) {
        let second = seconds(second);
        if second != self.second {
            let (calls, units) = self.in_last(second);
            self.second = second;
            self.calls = [0, calls];
            self.units = [Wide::default(), units.into()];
        }
        let ([calls, _], [sum, _]) = (&mut self.calls, &mut self.units);
        *calls = calls.saturating_add(1);
        *sum = sum.get().saturating_add(units).into();
    }

    /// The calls and units of the second before that one.
    fn in_last(&self, second: u32) -> (u8, u128) {
        let ([calls, calls_before], [units, units_before]) = (self.calls, self.units);
        match second.checked_sub(self.second) {
            Some(0) => (calls_before, units_before.get()),
            Some(1) => (calls, units.get()),
            _ => (0, 0),
        }
    }

    /// How many units are to be written beyond what was used.
    fn lease(&self, second: u64) -> u128 {
        let second = seconds(second);
        let ([calls, _], [units, _]) = (self.calls, self.units);
        let this = if second == self.second {
            (calls, units.get())
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
        let Self::Share(of_share) = self else {
            return false;
        };
        of_share.count(units, second);
        // Permits are kept in the process alone.
        share.level().is_none_or(|level| of_share.holds(level))
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
        (Kept::Share(share), Bound::Share(of_share)) => {
            share.level()?;
            let lease = second.map_or(0, |second| of_share.lease(second));
            let written = Written::Share {
                share: share.with_lease(lease),
                is_leased: lease > 0,
            };
            of_share.lower(written.level()?);
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
        (Bound::Share(of_share), Written::Share { share, .. }) => of_share.written(share.level()),
        (Bound::Identifier { on_disk, .. }, Written::Identifier { .. }) => *on_disk = true,
        _ => {}
    }
}
