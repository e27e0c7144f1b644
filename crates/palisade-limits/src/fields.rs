//! The fields `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use palisade_core::{LimitRule, Standing};
use sfv::{Integer, KeyRef, ListSerializer, StringRef, key_ref, string_ref};
use smallvec::SmallVec;

/// Section 3: the policies themselves.
pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Section 4: how the caller stands with them.
pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

const QUOTA: &KeyRef = key_ref("q");
const UNIT: &KeyRef = key_ref("qu");
const WINDOW: &KeyRef = key_ref("w");
const BURST: &KeyRef = key_ref("palisade-burst");

/// The largest integer of a structured field (RFC 9651 section 3.3.1).
const LARGEST: u128 = 999_999_999_999_999;

/// What a policy says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Advertised {
    pub(crate) quota: u64,
    /// In whole seconds; nothing where there is no window.
    pub(crate) window: Option<u64>,
    /// Where more, or less, than the quota may come at once.
    pub(crate) burst: Option<u64>,
}

impl Advertised {
    /// So many requests in each period. One of less than a second is told as what it comes to in a second.
    pub(crate) fn rate(requests: u64, per: Duration, burst: u64) -> Self {
        let (quota, window) = match per.as_secs() {
            0 => {
                let in_a_second = u128::from(requests) * 1_000_000_000 / per.as_nanos().max(1);
                (u64::try_from(in_a_second).unwrap_or(u64::MAX), 1)
            }
            seconds => (requests, seconds),
        };
        Self {
            quota,
            window: Some(window),
            burst: (burst != quota).then_some(burst),
        }
    }
}

/// Adds an item to the list of policies.
pub(crate) fn write_policy(list: &mut ListSerializer<String>, name: &StringRef, policy: Advertised) {
    let item = list
        .bare_item(name)
        .parameter(QUOTA, integer(u128::from(policy.quota)));
    match policy.window {
        Some(window) => {
            let item = item.parameter(WINDOW, integer(u128::from(window)));
            if let Some(burst) = policy.burst {
                let _ = item.parameter(BURST, integer(u128::from(burst)));
            }
        }
        None => {
            let _ = item.parameter(UNIT, string_ref("concurrent-requests"));
        }
    }
}

/// The item of a limit without parameters, as every standing begins.
pub(crate) fn item(name: &StringRef) -> String {
    sfv::ItemSerializer::new().bare_item(name).finish()
}

/// The value of `RateLimit` on its way: written for every answer, so integers are put behind items that the library wrote once.
#[derive(Debug, Default)]
pub(crate) struct Standings(SmallVec<[u8; 128]>);

impl Standings {
    /// Adds how a caller stands with a limit (section 4.1).
    pub(crate) fn push(&mut self, item: &str, rule: LimitRule, standing: &Standing) {
        if !self.0.is_empty() {
            self.0.extend_from_slice(b", ");
        }
        self.0.extend_from_slice(item.as_bytes());
        self.0.extend_from_slice(b";r=");
        self.integer(standing.remaining);
        if !matches!(rule, LimitRule::InFlight { .. }) {
            self.0.extend_from_slice(b";t=");
            self.integer(u128::from(seconds_up(standing.resets_in)));
        }
    }

    fn integer(&mut self, number: u128) {
        // It fits: the largest has fewer bits.
        let number = u64::try_from(number.min(LARGEST)).unwrap_or_default();
        self.0
            .extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// The value, unless it is empty.
    pub(crate) fn value(self) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        HeaderValue::from_bytes(&self.0).ok()
    }
}

/// The value of a field, unless it is empty.
pub(crate) fn value(list: ListSerializer<String>) -> Option<HeaderValue> {
    HeaderValue::try_from(list.finish()?).ok()
}

/// `delay-seconds` (RFC 9110 section 10.2.3): whole seconds, never earlier.
pub(crate) fn seconds_up(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

fn integer(number: u128) -> Integer {
    let bounded = i64::try_from(number.min(LARGEST)).unwrap_or_default();
    Integer::try_from(bounded).unwrap_or_default()
}
