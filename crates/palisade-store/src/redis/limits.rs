//! Counters that servers share in Redis.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use palisade_core::{
    BoxFuture, CounterHandle, Demand, LimitCounter, LimitKey, LimitRule, LimitStore, LimitStoreError,
    Standing, Taking, WindowKind,
};

use super::failure::RedisFailure;
use super::pool::RedisPool;
use super::script::{Call, Script};

/// Up to here whole numbers and their sums are exact in a script.
const MOST_OF_A_RATE: u64 = 1 << 52;
/// How many keys one call forgets or lists.
const BATCH: usize = 500;

/// Beyond that many seconds the nanoseconds of a window have more than 63 bits: 136 years.
const LONGEST_PLAIN_WINDOW: u128 = 1 << 32;

/// Beyond that many nanoseconds a span is not printed exactly by the plain script: 104 days.
const LONGEST_PLAIN_SPAN: u128 = 1 << 53;

const PLAIN: &str = include_str!("plain.lua");
const LIMITS: &str = include_str!("limits.lua");
const RESET: &str = include_str!("reset.lua");
const KEYS: &str = include_str!("keys.lua");

/// Counters that servers share in Redis.
///
/// 1. [`take`](LimitStore::take) is one script and one round trip for all demands: all are checked before any is taken. Where the rule
///    of a rate or a calendar window just changed, a second one follows the first, which then did nothing.
/// 2. It is exact. Rates are counted in whole units and nanoseconds; a burst beyond 2^52 counts as 2^52. Windows are counted in
///    `u128`, whatever its size.
/// 3. When a rule changes, what was used stays used: the units of a rate, and of a unit that comes back the part that has; of a window
///    that is not over what it holds, as used in the window that the new rule has now. Servers with different rules for one
///    counter, as while a change is rolled out, share it all the same.
/// 4. The key of a share ends once it is whole. A counter keeps at most `max_keys` of them: a further key, as long as none ended,
///    shares the bucket of the overflow. Of a key that comes new while shares of others have ended in the same moment, that is
///    told a few keys at a time.
/// 5. What was counted once ([`Demand::once`]) is remembered as long as it counts, apart from keys: `max_keys` of it for each counter.
///    Without room, and in the bucket of the overflow, it is not remembered, and a retry is counted again. What somebody else passed
///    by is not given back: it is the only unit that is counted of it.
/// 6. [`LimitRule::InFlight`] is kept in the process alone: asking for it here is an error.
/// 7. Where a call fails nothing is known: what Redis took stays taken. What was to be given back and could not be is not given
///    back later. What was taken before a [`reset`](LimitStore::reset) and is given back after it lessens what was taken since.
///
/// What it does not protect against: a Redis that loses data, see [`RedisPool`].
#[derive(Debug)]
pub struct RedisLimits {
    pool: RedisPool,
    /// For most calls; what it does not know, `limits` does.
    plain: Script,
    limits: Script,
    reset: Script,
    keys: Script,
}

/// What a counter is in Redis: the name of its index, with which the names of its keys begin.
#[derive(Debug)]
struct RedisCounter(String);

impl RedisLimits {
    /// Counters over those connections.
    pub fn new(pool: RedisPool) -> Self {
        Self {
            pool,
            plain: Script::new(PLAIN),
            limits: Script::new(LIMITS),
            reset: Script::new(RESET),
            keys: Script::new(KEYS),
        }
    }

    /// With that time in place of Redis's, and shares that are not forgotten.
    #[cfg(test)]
    fn at_a_time_of(pool: RedisPool, clock: &str) -> Self {
        let script = |text: &str, time, lasting| {
            assert!(text.contains(time) && text.contains(lasting));
            Script::new(text.replace(time, clock).replace(lasting, "'PX', 36000000"))
        };
        Self {
            plain: script(PLAIN, "call('TIME')", "'PX', fmt('%d', milliseconds)"),
            limits: script(LIMITS, "redis.call('TIME')", "'PX', fmt('%.0f', lasts)"),
            ..Self::new(pool)
        }
    }

    /// The connections.
    pub fn pool(&self) -> &RedisPool {
        &self.pool
    }

    fn call<'a>(script: &'a Script, mode: &str, demands: &[Demand]) -> Result<Call<'a>, LimitStoreError> {
        let bases = demands.iter().map(|demand| base(&demand.counter));
        let bases: Vec<&str> = bases.collect::<Result<_, _>>()?;
        let mut call = script.call(&bases);
        call.arg(mode).arg(hex(LimitKey::OVERFLOW.as_bytes()));
        for demand in demands {
            let rule = Rule::of(demand.counter.rule())?;
            // Of an overflowed share, it is the bucket of the overflow that something was taken from.
            let overflowed = mode == GIVE && demand.standing.overflowed;
            let key = if overflowed {
                LimitKey::OVERFLOW
            } else {
                demand.key
            };
            let units = if mode == GIVE {
                demand.standing.taken
            } else {
                demand.units
            };
            call.arg(hex(key.as_bytes()))
                .arg(demand.counter.max_keys())
                .arg(rule.kind)
                .arg(rule.size.to_string())
                .arg(rule.span.to_string())
                .arg(rule.units(units).to_string())
                .arg(u8::from(demand.reports))
                .arg(demand.once.map(|once| hex(&once)).unwrap_or_default())
                .arg(format!("{:010}", demand.standing.window));
        }
        Ok(call)
    }

    async fn ask(&self, mode: &str, demands: &mut [Demand]) -> Result<(), LimitStoreError> {
        if demands.is_empty() {
            return Ok(());
        }
        let mut answers = Vec::new();
        if is_plain(demands) {
            let call = Self::call(&self.plain, mode, demands)?;
            answers = self.pool.run(call).await.map_err(LimitStoreError::new)?;
        }
        if answers.is_empty() {
            let call = Self::call(&self.limits, mode, demands)?;
            answers = self.pool.run(call).await.map_err(LimitStoreError::new)?;
        }
        hear(&answers, demands).ok_or_else(|| LimitStoreError::new(RedisFailure::Answer))
    }

    async fn give(&self, mut demands: Vec<Demand>) -> Result<(), LimitStoreError> {
        demands.retain(|demand| demand.standing.taken > 0);
        if demands.is_empty() {
            return Ok(());
        }
        let call = Self::call(&self.limits, GIVE, &demands)?;
        let _: Vec<String> = self.pool.run(call).await.map_err(LimitStoreError::new)?;
        Ok(())
    }
}

const GIVE: &str = "give";

impl LimitStore for RedisLimits {
    fn counter(&self, name: &str, _max_keys: usize) -> CounterHandle {
        CounterHandle::new(Arc::new(RedisCounter(format!(
            "{}:limit:{}",
            self.pool.tag(),
            escaped(name)
        ))))
    }

    fn take<'a>(&'a self, demands: &'a mut [Demand], _now: SystemTime) -> Taking<'a> {
        Taking::Wait(Box::pin(self.ask("take", demands)))
    }

    fn give_back<'a>(&'a self, demands: &'a mut [Demand], _now: SystemTime) -> Taking<'a> {
        let copies = demands.to_vec();
        // Whatever comes of it, it is not given back again.
        for demand in demands {
            demand.standing.taken = 0;
        }
        Taking::Wait(Box::pin(self.give(copies)))
    }

    fn look<'a>(&'a self, demands: &'a mut [Demand], _now: SystemTime) -> Taking<'a> {
        Taking::Wait(Box::pin(self.ask("look", demands)))
    }

    fn reset<'a>(
        &'a self,
        counter: &'a LimitCounter,
        key: Option<LimitKey>,
    ) -> BoxFuture<'a, Result<u64, LimitStoreError>> {
        Box::pin(async move {
            let base = base(counter)?;
            let key = key.map(|key| hex(key.as_bytes())).unwrap_or_default();
            let overflow = hex(LimitKey::OVERFLOW.as_bytes());
            let (mut forgotten, mut from): (u64, u64) = (0, 0);
            loop {
                let mut call = self.reset.call(&[base]);
                call.arg(&key).arg(&overflow).arg(BATCH).arg(from);
                let (used, next): (u64, u64) = self.pool.run(call).await.map_err(LimitStoreError::new)?;
                forgotten = forgotten.saturating_add(used);
                if next == 0 {
                    return Ok(forgotten);
                }
                from = next;
            }
        })
    }

    fn keys<'a>(
        &'a self,
        counter: &'a LimitCounter,
        at_most: usize,
        _now: SystemTime,
    ) -> BoxFuture<'a, Result<Vec<LimitKey>, LimitStoreError>> {
        Box::pin(async move {
            let base = base(counter)?;
            let overflow = hex(LimitKey::OVERFLOW.as_bytes());
            let mut keys = Vec::new();
            let mut from = 0;
            while keys.len() < at_most {
                let mut call = self.keys.call(&[base]);
                call.arg(from).arg(BATCH).arg(&overflow);
                let (looked_at, live): (usize, Vec<String>) =
                    self.pool.run(call).await.map_err(LimitStoreError::new)?;
                keys.extend(live.iter().filter_map(|key| unhex(key)));
                from += looked_at;
                if looked_at < BATCH {
                    break;
                }
            }
            keys.truncate(at_most);
            Ok(keys)
        })
    }
}

/// A rule as the script has it.
struct Rule {
    kind: &'static str,
    size: u128,
    span: u128,
}

impl Rule {
    fn of(rule: LimitRule) -> Result<Self, LimitStoreError> {
        match rule {
            LimitRule::Rate { burst, interval } => Ok(Self {
                kind: "r",
                size: burst.min(MOST_OF_A_RATE).into(),
                span: interval.as_nanos().max(1),
            }),
            LimitRule::Window { limit, period, kind } => Ok(Self {
                kind: match kind {
                    WindowKind::Calendar => "c",
                    WindowKind::Sliding => "s",
                    _ => return Err(LimitStoreError::new("windows of this kind are not kept in Redis")),
                },
                size: limit,
                span: period.as_secs().max(1).into(),
            }),
            _ => Err(LimitStoreError::new("limits of this kind are not kept in Redis")),
        }
    }

    /// More than a rate can ever have stays more.
    fn units(&self, units: u128) -> u128 {
        if self.kind == "r" {
            units.min(u128::from(MOST_OF_A_RATE) + 1)
        } else {
            units
        }
    }
}

fn base(counter: &LimitCounter) -> Result<&str, LimitStoreError> {
    let handle = counter.handle().get::<RedisCounter>();
    handle
        .map(|counter| counter.0.as_str())
        .ok_or_else(|| LimitStoreError::new("the counter belongs to another store"))
}

/// Whether the plain script knows all that is asked.
fn is_plain(demands: &[Demand]) -> bool {
    let known = |demand: &Demand| match Rule::of(demand.counter.rule()) {
        Ok(rule) => match rule.kind {
            "r" => rule.span < LONGEST_PLAIN_SPAN,
            "c" => {
                rule.size < u128::from(MOST_OF_A_RATE)
                    && rule.span < LONGEST_PLAIN_WINDOW
                    && demand.once.is_none()
            }
            _ => false,
        },
        Err(_) => false,
    };
    let mut others = demands.iter();
    demands.iter().all(|demand| {
        others.next();
        let alone = |other: &Demand| base(&other.counter).ok() != base(&demand.counter).ok();
        known(demand) && others.clone().all(alone)
    })
}

/// Tells demands what the script says of them; `None` where that cannot be read.
fn hear(answers: &[String], demands: &mut [Demand]) -> Option<()> {
    if answers.len() != demands.len() {
        return None;
    }
    let said = answers.iter().zip(&*demands);
    let standings: Option<Vec<Standing>> = said.map(|(answer, demand)| standing(answer, demand)).collect();
    for (demand, standing) in demands.iter_mut().zip(standings?) {
        demand.standing = standing;
    }
    Some(())
}

/// What the script says of a demand: exceeded, remaining, nanoseconds until more and until enough, taken, window, overflowed.
fn standing(answer: &str, demand: &Demand) -> Option<Standing> {
    let mut words = answer.split(' ');
    let exceeded = words.next()? == "1";
    let remaining = words.next()?.parse().ok()?;
    let resets_in = nanoseconds(words.next()?)?;
    let retry = words.next()?;
    let retry_after = if retry == "-1" {
        Duration::MAX
    } else {
        nanoseconds(retry)?
    };
    let mut standing = Standing::default();
    standing.exceeded = exceeded;
    standing.remaining = remaining;
    standing.resets_in = resets_in;
    standing.retry_after = retry_after;
    standing.taken = if words.next()? == "1" { demand.units } else { 0 };
    standing.window = words.next()?.parse().ok()?;
    standing.overflowed = words.next()? == "1";
    Some(standing)
}

/// More than a duration has is the longest one.
fn nanoseconds(text: &str) -> Option<Duration> {
    let nanoseconds: u128 = text.parse().ok()?;
    let seconds = u64::try_from(nanoseconds / 1_000_000_000);
    let rest = u32::try_from(nanoseconds % 1_000_000_000).ok()?;
    Some(seconds.map_or(Duration::MAX, |seconds| Duration::new(seconds, rest)))
}

/// Letters, digits, `.`, `-` and `_` as they are, other bytes as `%` and two digits: a name cannot end its part of a key.
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
    text
}

fn unhex(text: &str) -> Option<LimitKey> {
    let mut bytes = [0; LimitKey::LENGTH];
    let mut digits = text.chars().map(|digit| digit.to_digit(16));
    for byte in &mut bytes {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    digits.next().is_none().then(|| LimitKey::from_bytes(bytes))
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use palisade_core::LimitKey;

    use super::{escaped, hex, nanoseconds, unhex};

    #[test]
    fn keys_are_found_again_by_their_text() {
        for key in [LimitKey::EVERYBODY, LimitKey::digest([0xfe; 16])] {
            assert_eq!(unhex(&hex(key.as_bytes())), Some(key));
        }
        assert_eq!(unhex("06"), None);
        assert_eq!(unhex(&"0".repeat(49)), None);
        assert_eq!(unhex(&"é".repeat(48)), None);
    }

    #[test]
    fn no_name_reaches_out_of_its_place_in_a_key() {
        assert_eq!(escaped("Partners.rate-limit"), "Partners.rate-limit");
        assert_eq!(escaped("a:b}{é%"), "a%3Ab%7D%7B%C3%A9%25");
    }

    #[test]
    fn times_beyond_what_a_duration_has_are_the_longest_one() {
        assert_eq!(nanoseconds("1500000001"), Some(Duration::new(1, 500_000_001)));
        assert_eq!(nanoseconds(&"9".repeat(38)), Some(Duration::MAX));
        assert_eq!(nanoseconds("-5"), None);
    }
}
