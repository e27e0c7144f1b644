//! What operators write.

use palisade_core::OnFailure;
use palisade_core::settings::Period;
use serde::{Deserialize, Serialize};

/// Settings of the stages of this crate: of each the ones that an interceptor has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct LimitsSettings {
    /// The stage `rate-limit`.
    pub rate_limit: Option<RateLimitSettings>,
    /// The stage `concurrency`.
    pub concurrency: Option<ConcurrencySettings>,
    /// The stage `quota`.
    pub quota: Option<QuotaSettings>,
    /// The stage `amount-limit`.
    pub amount_limit: Option<AmountLimitSettings>,
}

/// Settings of the stage `rate-limit`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RateLimitSettings {
    /// How many requests a key may send in each period, in the long run; at least 1.
    pub requests: u64,
    /// The period, such as `1s`, `1m` or `1h`.
    pub per: Period,
    /// How many requests a key may send at once after a rest; as many as `requests` where it is not given.
    #[serde(default)]
    pub burst: Option<u64>,
    /// Whose requests are counted together: `peer`, `principal`, `tenant`, `api-key`, `header:<name>`, `endpoint` or `global`.
    #[serde(default = "peer")]
    pub key: String,
    /// For how many keys at most requests are counted apart. Keys beyond them share one bucket.
    #[serde(default = "max_keys")]
    pub max_keys: usize,
    /// Where it is counted: `memory`, `embedded`, `redis`, or a store of the application's own.
    #[serde(default = "memory")]
    pub store: String,
    /// What becomes of requests while the store does not answer: `deny` or `allow`; as `palisade.redis.on-failure` where it is not
    /// given.
    #[serde(default)]
    pub on_failure: Option<OnFailure>,
}

/// Settings of the stage `concurrency`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConcurrencySettings {
    /// How many requests of a key may be under way at the same time, each to the last byte of its answer; at least 1. Counted in each
    /// server for itself.
    pub max: u64,
    /// Whose requests are counted together, as for `rate-limit`.
    #[serde(default = "endpoint")]
    pub key: String,
}

/// Settings of the stage `quota`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct QuotaSettings {
    /// How many transactions a key may make in each window: requests that are not answered with 4xx or 5xx; at least 1.
    pub transactions: u64,
    /// How long a window is, in whole seconds, such as `1m`, `1h`, `1d` or `30d`.
    #[serde(default = "day")]
    pub per: Period,
    /// Where windows begin: `calendar`, at multiples of the period since 1970 in UTC, or `sliding`, now.
    #[serde(default)]
    pub window: WindowSetting,
    /// A field by whose value a retry is told: it is counted once in a window.
    #[serde(default)]
    pub idempotency_header: Option<String>,
    /// Whose transactions are counted together, as for `rate-limit`.
    #[serde(default = "principal")]
    pub key: String,
    /// For how many keys at most transactions are counted apart. Keys beyond them share one bucket.
    #[serde(default = "max_keys")]
    pub max_keys: usize,
    /// Where it is counted, as for `rate-limit`.
    #[serde(default = "embedded")]
    pub store: String,
    /// What becomes of requests while the store does not answer, as for `rate-limit`.
    #[serde(default)]
    pub on_failure: Option<OnFailure>,
}

/// Where windows begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WindowSetting {
    /// At multiples of the period since 1970-01-01T00:00:00Z.
    #[default]
    Calendar,
    /// Now.
    Sliding,
}

/// Settings of the stage `amount-limit`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AmountLimitSettings {
    /// Where the amount stands: a JSON Pointer (RFC 6901) such as `/payment/amount`, which goes through every element of arrays on its
    /// way; in XML the same is a path of elements from the root, and may end with `@attribute`.
    pub pointer: String,
    /// Where the currency stands, likewise.
    #[serde(default)]
    pub currency_pointer: Option<String>,
    /// The one currency that is accepted, such as `EUR`.
    #[serde(default)]
    pub currency: Option<String>,
    /// How large one transaction may be, such as `5000.00`.
    #[serde(default)]
    pub max_per_transaction: Option<String>,
    /// How large all transactions of a key in a window may be together.
    #[serde(default)]
    pub max_total: Option<String>,
    /// How long a window is, in whole seconds; windows begin at multiples of it since 1970 in UTC.
    #[serde(default = "day")]
    pub per: Period,
    /// Whose amounts are counted together, as for `rate-limit`.
    #[serde(default = "principal")]
    pub key: String,
    /// For how many keys at most amounts are counted apart. Keys beyond them share one bucket.
    #[serde(default = "max_keys")]
    pub max_keys: usize,
    /// Where it is counted, as for `rate-limit`.
    #[serde(default = "embedded")]
    pub store: String,
    /// What becomes of requests while the store does not answer, as for `rate-limit`.
    #[serde(default)]
    pub on_failure: Option<OnFailure>,
}

impl RateLimitSettings {
    /// So many requests of each peer in each period, counted in memory.
    pub fn new(requests: u64, per: Period) -> Self {
        Self {
            requests,
            per,
            burst: None,
            key: peer(),
            max_keys: max_keys(),
            store: memory(),
            on_failure: None,
        }
    }
}

impl ConcurrencySettings {
    /// So many requests of the endpoint at a time.
    pub fn new(max: u64) -> Self {
        Self { max, key: endpoint() }
    }
}

impl QuotaSettings {
    /// So many transactions of each caller in a day, counted in the store `embedded`.
    pub fn new(transactions: u64) -> Self {
        Self {
            transactions,
            per: day(),
            window: WindowSetting::default(),
            idempotency_header: None,
            key: principal(),
            max_keys: max_keys(),
            store: embedded(),
            on_failure: None,
        }
    }
}

impl AmountLimitSettings {
    /// Amounts at that pointer, which are not limited yet; totals are counted for each caller and day, in the store `embedded`.
    pub fn new(pointer: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            currency_pointer: None,
            currency: None,
            max_per_transaction: None,
            max_total: None,
            per: day(),
            key: principal(),
            max_keys: max_keys(),
            store: embedded(),
            on_failure: None,
        }
    }
}

fn peer() -> String {
    "peer".to_owned()
}

fn endpoint() -> String {
    "endpoint".to_owned()
}

fn principal() -> String {
    "principal".to_owned()
}

fn memory() -> String {
    "memory".to_owned()
}

fn embedded() -> String {
    "embedded".to_owned()
}

fn day() -> Period {
    Period::seconds(86_400)
}

fn max_keys() -> usize {
    100_000
}
