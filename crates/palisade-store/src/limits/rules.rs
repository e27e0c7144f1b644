//! How much is left: pure functions over what a store keeps for a key.
//!
//! 1. A [`Share`] says what was used. It carries the settings under which it was counted, and is carried over to others in units of
//!    the limit when the rule changes.
//! 2. Sums are exact: none is rounded in favour of the caller, and none overflows.
//! 3. Times are nanoseconds since 1970. A rate keeps the time at which its bucket is full again (the theoretical arrival time of
//!    ITU-T I.371), and does not grant what would come back after the year 2554; a window keeps its number.
//! 4. A clock that goes back gives nothing back. It takes little away either: a rate waits for what was used at most, a window
//!    for the end of the next one at most.
//! 5. A step back of less than a tenth of a second is no such thing: calls overtake each other.

use std::time::Duration;

use palisade_core::{LimitRule, Standing, WINDOW_SLICES, WindowKind};

use super::bound::Level;

/// Nanoseconds since 1970, which end in 2554.
pub(crate) type Nanos = u64;

const SECOND: u64 = 1_000_000_000;
/// No time.
pub(crate) const NEVER: Nanos = u64::MAX;
/// The last time.
const LAST: Nanos = NEVER - 1;
/// How far calls overtake each other between asking for the time and being counted.
const OVERTAKING: u128 = 100_000_000;

/// A number of 128 bits where 64 are enough for alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wide {
    high: u64,
    low: u64,
}

impl Wide {
    #[inline]
    pub(crate) fn get(self) -> u128 {
        (u128::from(self.high) << 64) | u128::from(self.low)
    }
}

impl From<u128> for Wide {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "both halves are kept")]
    fn from(number: u128) -> Self {
        Self {
            high: (number >> 64) as u64,
            low: number as u64,
        }
    }
}

/// A rule as it is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Rate { burst: u64, interval: Nanos },
    InFlight { max: u64 },
    Calendar { limit: u128, seconds: u32 },
    Sliding { limit: u128, seconds: u32 },
}

impl Rule {
    /// Settings that make no sense are put right on the safe side.
    #[inline]
    pub(crate) fn of(rule: LimitRule) -> Self {
        match rule {
            LimitRule::Rate { burst, interval } => Self::Rate {
                burst,
                interval: nanos(interval).max(1),
            },
            LimitRule::InFlight { max } => Self::InFlight { max },
            LimitRule::Window { limit, period, kind } => {
                // A century is as good as any longer window.
                let seconds = u32::try_from(period.as_secs()).unwrap_or(u32::MAX).max(1);
                match kind {
                    WindowKind::Sliding => Self::Sliding { limit, seconds },
                    _ => Self::Calendar { limit, seconds },
                }
            }
            // A rule that this store does not know grants nothing.
            _ => Self::InFlight { max: 0 },
        }
    }

    pub(crate) fn is_window(self) -> bool {
        matches!(self, Self::Calendar { .. } | Self::Sliding { .. })
    }

    /// How many units a whole share has.
    #[inline]
    pub(crate) fn limit(self) -> u128 {
        match self {
            Self::Rate { burst: limit, .. } | Self::InFlight { max: limit } => limit.into(),
            Self::Calendar { limit, .. } | Self::Sliding { limit, .. } => limit,
        }
    }
}

/// What was used of a key's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Share {
    Rate {
        /// When the bucket is full again.
        full_at: Nanos,
        /// In which time a unit comes back.
        interval: Nanos,
        /// How many units can be used, under this rule or one before: no clock makes it more.
        ceiling: u64,
    },
    InFlight {
        used: u64,
    },
    Calendar {
        /// When the window began, in seconds.
        start: u64,
        seconds: u32,
        used: Wide,
    },
    Sliding {
        seconds: u32,
        /// In order; none without use.
        slices: Vec<Slice>,
    },
}

/// A sixtieth of a sliding window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) number: u64,
    pub(crate) used: Wide,
}

impl Share {
    /// A whole one.
    pub(crate) fn whole(rule: Rule, now: Nanos) -> Self {
        Self::with(rule, 0, now)
    }

    /// One of which that many units were used.
    fn with(rule: Rule, used: u128, now: Nanos) -> Self {
        match rule {
            Rule::Rate { burst, interval } => {
                let used = units(used);
                Self::Rate {
                    full_at: later(now, times(used, interval)),
                    interval,
                    ceiling: burst.max(used),
                }
            }
            Rule::InFlight { .. } => Self::InFlight { used: units(used) },
            Rule::Calendar { seconds, .. } => Self::Calendar {
                start: window(now, seconds),
                seconds,
                used: used.into(),
            },
            Rule::Sliding { seconds, .. } => {
                let mut slices = Vec::new();
                if used > 0 {
                    let number = now / slice_length(seconds);
                    slices.push(Slice {
                        number,
                        used: used.into(),
                    });
                }
                Self::Sliding { seconds, slices }
            }
        }
    }

    /// Takes that many units where they are left; what is wanted never goes in part.
    #[inline]
    pub(crate) fn take(&mut self, rule: Rule, wanted: u128, now: Nanos) -> Standing {
        self.settle(rule, now);
        let mut standing = self.judge(rule, wanted, now);
        if standing.exceeded {
            return standing;
        }
        standing.taken = wanted;
        standing.remaining -= wanted;
        match self {
            Self::Rate {
                full_at, interval, ..
            } => {
                *full_at = later((*full_at).max(now), times(units(wanted), *interval));
                standing.window = *full_at;
                if standing.resets_in.is_zero() && wanted > 0 {
                    standing.resets_in = Duration::from_nanos(*interval);
                }
            }
            Self::InFlight { used } => *used += units(wanted),
            Self::Calendar { start, used, .. } => {
                standing.window = *start;
                *used = (used.get() + wanted).into();
            }
            Self::Sliding { seconds, slices } => {
                standing.window = add(slices, now / slice_length(*seconds), wanted);
                standing.resets_in = first_end(slices, *seconds, now);
            }
        }
        standing
    }

    /// How it stands under that rule, whatever it was counted by.
    pub(crate) fn look(&self, rule: Rule, wanted: u128, now: Nanos) -> Standing {
        let mut settled = self.clone();
        settled.settle(rule, now);
        settled.judge(rule, wanted, now)
    }

    /// Gives back units of that window, unless it is over. Says whether there was anything to give back to.
    pub(crate) fn give_back(&mut self, returned: u128, window: u64, now: Nanos) -> bool {
        match self {
            Self::Rate {
                full_at, interval, ..
            } => {
                // What was used before it came back before it.
                let back = units(times(units(returned), *interval)).min(window.saturating_sub(now));
                *full_at = full_at.saturating_sub(back);
                back > 0
            }
            Self::InFlight { used } => {
                *used = used.saturating_sub(units(returned));
                true
            }
            Self::Calendar { start, used, .. } => {
                let is_it = *start == window;
                if is_it {
                    *used = used.get().saturating_sub(returned).into();
                }
                is_it
            }
            Self::Sliding { slices, .. } => {
                let found = slices.iter_mut().find(|slice| slice.number == window);
                let is_it = found.is_some();
                if let Some(slice) = found {
                    slice.used = slice.used.get().saturating_sub(returned).into();
                    slices.retain(|slice| slice.used != Wide::default());
                }
                is_it
            }
        }
    }

    /// From when on it is whole again, if nobody uses it meanwhile.
    pub(crate) fn whole_at(&self) -> Nanos {
        match self {
            Self::Rate { full_at, .. } => *full_at,
            Self::InFlight { used: 0 } => 0,
            Self::InFlight { .. } => NEVER,
            Self::Calendar { used, .. } if used.get() == 0 => 0,
            Self::Calendar { start, seconds, .. } => {
                start.saturating_add((*seconds).into()).saturating_mul(SECOND)
            }
            Self::Sliding { seconds, slices } => {
                slices.last().map_or(0, |slice| slice_end(slice.number, *seconds))
            }
        }
    }

    /// How far it is used, as a disk is to know it; `None` for permits, which no disk knows.
    pub(crate) fn level(&self) -> Option<Level> {
        let (window, used) = match self {
            Self::InFlight { .. } => return None,
            Self::Rate {
                full_at, interval, ..
            } => (*interval, Wide::from(u128::from(*full_at))),
            // By its end: where the period changes, what stands on disk counts for as long, and as much.
            Self::Calendar { start, seconds, used } => (start.saturating_add((*seconds).into()), *used),
            Self::Sliding { seconds, slices } => slices.last().map_or((0, Wide::default()), |slice| {
                (slice_end(slice.number, *seconds), slice.used)
            }),
        };
        Some(Level { window, used })
    }

    /// As if so many more units were used.
    pub(crate) fn with_lease(&self, lease: u128) -> Self {
        let mut leased = self.clone();
        match &mut leased {
            Self::InFlight { .. } => {}
            Self::Rate {
                full_at,
                interval,
                ceiling,
            } => {
                *full_at = later(*full_at, times(units(lease), *interval));
                // What was leased may be used under a rule that permits more.
                *ceiling = ceiling.saturating_add(units(lease));
            }
            Self::Calendar { used, .. } => *used = used.get().saturating_add(lease).into(),
            Self::Sliding { slices, .. } => {
                if let Some(last) = slices.last_mut() {
                    last.used = last.used.get().saturating_add(lease).into();
                }
            }
        }
        leased
    }

    /// How many units count as used.
    fn used(&self, now: Nanos) -> u128 {
        match self {
            Self::Rate {
                full_at, interval, ..
            } => full_at.saturating_sub(now).div_ceil(*interval).into(),
            Self::InFlight { used } => (*used).into(),
            Self::Calendar { used, .. } => used.get(),
            Self::Sliding { slices, .. } => total(slices),
        }
    }

    /// Brings it to now, and under that rule.
    #[inline]
    pub(crate) fn settle(&mut self, rule: Rule, now: Nanos) {
        match (&mut *self, rule) {
            (
                Self::Rate {
                    full_at,
                    interval,
                    ceiling,
                },
                Rule::Rate {
                    burst,
                    interval: new_interval,
                },
            ) => {
                let most = times(*ceiling, *interval);
                if u128::from(*full_at) > u128::from(now) + most + OVERTAKING {
                    // The clock went back.
                    *full_at = later(now, most);
                }
                if (*interval, *ceiling) != (new_interval, burst) {
                    *full_at = later(now, rescale(full_at.saturating_sub(now), *interval, new_interval));
                    *interval = new_interval;
                    *ceiling = burst.max(full_at.saturating_sub(now).div_ceil(new_interval));
                }
            }
            (Self::InFlight { .. }, Rule::InFlight { .. }) => {}
            (
                Self::Calendar { start, seconds, used },
                Rule::Calendar {
                    seconds: new_seconds, ..
                },
            ) => settle_window(start, seconds, used, new_seconds, now),
            (
                Self::Sliding { seconds, slices },
                Rule::Sliding {
                    seconds: new_seconds, ..
                },
            ) if *seconds == new_seconds => settle_slices(slices, *seconds, now),
            (share, rule) => {
                share.settle_by_itself(now);
                *share = Self::with(rule, share.used(now), now);
            }
        }
    }

    /// Brings it to now under the rule it was counted by.
    fn settle_by_itself(&mut self, now: Nanos) {
        match self {
            Self::Rate { .. } | Self::InFlight { .. } => {}
            Self::Calendar { start, seconds, used } => {
                settle_window(start, &mut { *seconds }, used, *seconds, now);
            }
            Self::Sliding { seconds, slices } => settle_slices(slices, *seconds, now),
        }
    }

    /// How a settled one stands, without what is wanted.
    #[inline]
    pub(crate) fn judge(&self, rule: Rule, wanted: u128, now: Nanos) -> Standing {
        let limit = rule.limit();
        let mut standing = Standing::default();
        // The time until there is room, where there is none.
        let mut wait = Duration::ZERO;
        match self {
            Self::Rate {
                full_at,
                interval,
                ceiling,
            } => {
                let debt = full_at.saturating_sub(now).min(units(times(*ceiling, *interval)));
                let used = debt.div_ceil(*interval);
                standing.remaining = limit.saturating_sub(used.into());
                let countable = LAST.saturating_sub(now).saturating_sub(debt);
                if times(units(standing.remaining), *interval) > countable.into() {
                    standing.remaining = (countable / *interval).into();
                }
                if used > 0 {
                    // Until the next unit comes back.
                    standing.resets_in = Duration::from_nanos(debt - (used - 1) * *interval);
                }
                if standing.remaining < wanted && wanted <= limit {
                    let room = units(times(units(limit - wanted), *interval));
                    wait = Duration::from_nanos(debt.saturating_sub(room));
                }
            }
            Self::InFlight { used } => standing.remaining = limit.saturating_sub((*used).into()),
            Self::Calendar { start, seconds, used } => {
                standing.remaining = limit.saturating_sub(used.get());
                let end = start.saturating_add((*seconds).into()).saturating_mul(SECOND);
                standing.resets_in = Duration::from_nanos(end.saturating_sub(now));
                wait = standing.resets_in;
            }
            Self::Sliding { seconds, slices } => {
                standing.remaining = limit.saturating_sub(total(slices));
                standing.resets_in = first_end(slices, *seconds, now);
                if standing.remaining < wanted && wanted <= limit {
                    wait = room_after(slices, *seconds, limit - wanted, now);
                }
            }
        }
        standing.exceeded = standing.remaining < wanted;
        if standing.exceeded {
            standing.retry_after = if wanted > limit { Duration::MAX } else { wait };
        }
        standing
    }
}

/// Brings a window of the calendar to now, and to that length.
fn settle_window(start: &mut u64, seconds: &mut u32, used: &mut Wide, new_seconds: u32, now: Nanos) {
    let current = window(now, new_seconds);
    if *seconds != new_seconds {
        // A window that ended in the current one is a part of it.
        if start.saturating_add((*seconds).into()) <= current {
            *used = Wide::default();
        }
        (*start, *seconds) = (current, new_seconds);
    } else if *start < current {
        (*start, *used) = (current, Wide::default());
    } else if *start > current.saturating_add(new_seconds.into()) {
        // The clock went back far. What was used stays used, now.
        *start = current;
    }
}

/// Takes out slices that no longer count.
fn settle_slices(slices: &mut Vec<Slice>, seconds: u32, now: Nanos) {
    let over = slices
        .iter()
        .take_while(|slice| slice_end(slice.number, seconds) <= now)
        .count();
    if over > 0 {
        slices.drain(..over);
    }
    let current = now / slice_length(seconds);
    let far = current.saturating_add(WINDOW_SLICES.into());
    if slices.last().is_some_and(|last| last.number > far) {
        // The clock went back far. What was used stays used, now.
        let used = total(slices);
        slices.clear();
        slices.push(Slice {
            number: current,
            used: used.into(),
        });
    }
}

/// Adds units to the current slice, or to the last one if that is later. Says to which.
fn add(slices: &mut Vec<Slice>, current: u64, wanted: u128) -> u64 {
    if wanted == 0 {
        return current;
    }
    match slices.last_mut() {
        Some(last) if last.number >= current => {
            last.used = (last.used.get() + wanted).into();
            last.number
        }
        _ => {
            slices.push(Slice {
                number: current,
                used: wanted.into(),
            });
            current
        }
    }
}

/// The time until no more than that many units count.
fn room_after(slices: &[Slice], seconds: u32, room: u128, now: Nanos) -> Duration {
    let mut left = total(slices);
    let end = slices.iter().find_map(|slice| {
        left = left.saturating_sub(slice.used.get());
        (left <= room).then(|| slice_end(slice.number, seconds))
    });
    Duration::from_nanos(end.unwrap_or(now).saturating_sub(now))
}

/// They sum up to a limit at most, or, after a crash, to a lease more.
fn total(slices: &[Slice]) -> u128 {
    let used = slices.iter().map(|slice| slice.used.get());
    used.fold(0, u128::saturating_add)
}

fn first_end(slices: &[Slice], seconds: u32, now: Nanos) -> Duration {
    let end = slices
        .first()
        .map_or(now, |slice| slice_end(slice.number, seconds));
    Duration::from_nanos(end.saturating_sub(now))
}

/// When the window of the calendar began, in seconds.
fn window(now: Nanos, seconds: u32) -> u64 {
    let now = now / SECOND;
    now - now % u64::from(seconds)
}

fn slice_length(seconds: u32) -> Nanos {
    u64::from(seconds) * SECOND / u64::from(WINDOW_SLICES)
}

/// When what was used in a slice no longer counts: a period after the slice.
pub(crate) fn slice_end(number: u64, seconds: u32) -> Nanos {
    let end = number.saturating_add(1).saturating_mul(slice_length(seconds));
    end.saturating_add(u64::from(seconds) * SECOND)
}

/// When a window ends that began then, or the slice of that number.
pub(crate) fn window_end(rule: Rule, window: u64) -> Nanos {
    match rule {
        Rule::Calendar { seconds, .. } => window.saturating_add(seconds.into()).saturating_mul(SECOND),
        Rule::Sliding { seconds, .. } => slice_end(window, seconds),
        Rule::Rate { .. } | Rule::InFlight { .. } => 0,
    }
}

/// As much time under another interval, and no fewer units.
fn rescale(debt: Nanos, from: Nanos, to: Nanos) -> u128 {
    if from == to {
        debt.into()
    } else {
        times(debt, to).div_ceil(from.into())
    }
}

/// So much later, as far as times can be counted.
#[inline]
fn later(now: Nanos, by: u128) -> Nanos {
    units(by.saturating_add(now.into())).min(LAST)
}

#[inline]
fn times(units: u64, interval: Nanos) -> u128 {
    u128::from(units) * u128::from(interval)
}

/// Counts of rates and permits have 64 bits; more is as much as can be.
#[inline]
fn units(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// As many nanoseconds as can be counted.
#[inline]
pub(crate) fn nanos(time: Duration) -> Nanos {
    let whole = time.as_secs().checked_mul(SECOND);
    whole
        .and_then(|whole| whole.checked_add(time.subsec_nanos().into()))
        .unwrap_or(NEVER)
}
