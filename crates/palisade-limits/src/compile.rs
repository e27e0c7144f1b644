//! From settings to limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use palisade_core::settings::Period;
use palisade_core::{BuildError, LimitCounter, LimitRule, LimitStore, LimitStores, OnFailure, WindowKind};
use palisade_store::MemoryLimits;

use crate::amount::{Amount, AmountPath, AmountReader};
use crate::fields::{self, Advertised};
use crate::key::KeyBy;
use crate::limiter::{Counted, Limiter, What};
use crate::settings::{
    AmountLimitSettings, ConcurrencySettings, LimitsSettings, QuotaSettings, RateLimitSettings, WindowSetting,
};

/// The store that is always there.
const MEMORY: &str = "memory";

/// The stores that servers share. Where one is not there, that follows from settings of its own, or from the application.
const OF_SERVERS: [&str; 2] = ["embedded", "redis"];

/// What limits are made with.
pub(crate) struct Compiler<'a> {
    /// The interceptor's name; empty in code.
    pub(crate) interceptor: &'a str,
    /// The counters of this process.
    pub(crate) memory: &'a Arc<MemoryLimits>,
    /// Other stores.
    pub(crate) stores: &'a LimitStores,
    /// All that is wrong.
    pub(crate) errors: BuildError,
}

/// Where something is counted, as settings say it.
struct Place<'a> {
    stage: &'static str,
    key: &'a str,
    max_keys: usize,
    store: &'a str,
    on_failure: Option<OnFailure>,
}

impl Compiler<'_> {
    /// The limits that settings ask for.
    pub(crate) fn compile(mut self, settings: &LimitsSettings) -> Result<Vec<Limiter>, BuildError> {
        let limiters = [
            settings
                .rate_limit
                .as_ref()
                .and_then(|settings| self.rate_limit(settings)),
            settings
                .concurrency
                .as_ref()
                .and_then(|settings| self.concurrency(settings)),
            settings.quota.as_ref().and_then(|settings| self.quota(settings)),
            settings
                .amount_limit
                .as_ref()
                .and_then(|settings| self.amount_limit(settings)),
        ];
        self.errors.or_ok(limiters.into_iter().flatten().collect())
    }

    fn rate_limit(&mut self, settings: &RateLimitSettings) -> Option<Limiter> {
        const STAGE: &str = "rate-limit";
        let RateLimitSettings {
            requests,
            per,
            burst,
            key,
            max_keys,
            store,
            on_failure,
        } = settings;
        let burst = burst.unwrap_or(*requests);
        self.at_least_one(STAGE, "requests", *requests);
        if settings.burst.is_some() {
            self.at_least_one(STAGE, "burst", burst);
        }
        let period = per.get();
        let interval = period.as_nanos().div_ceil(u128::from((*requests).max(1)));
        if period.is_zero() || u128::from(*requests) > period.as_nanos() {
            self.errors.push(
                key_of(STAGE, "per"),
                "a period longer than a nanosecond for each request",
            );
        }
        let rule = LimitRule::Rate {
            burst: burst.max(1),
            interval: Duration::from_nanos(u64::try_from(interval).unwrap_or(u64::MAX)),
        };
        let place = Place {
            stage: STAGE,
            key,
            max_keys: *max_keys,
            store,
            on_failure: *on_failure,
        };
        let counted = self.counted(&place, rule, false)?;
        self.limiter(
            What::Requests,
            Some(Advertised::rate(*requests, period, burst)),
            Some(counted),
        )
    }

    fn concurrency(&mut self, settings: &ConcurrencySettings) -> Option<Limiter> {
        const STAGE: &str = "concurrency";
        let ConcurrencySettings { max, key } = settings;
        self.at_least_one(STAGE, "max", *max);
        let place = Place {
            stage: STAGE,
            key,
            // Whoever has nothing under way is forgotten, so connections bound it.
            max_keys: usize::MAX,
            store: MEMORY,
            on_failure: None,
        };
        let counted = self.counted(&place, LimitRule::InFlight { max: *max }, false)?;
        let advertised = Advertised {
            quota: *max,
            window: None,
            burst: None,
        };
        self.limiter(What::InFlight, Some(advertised), Some(counted))
    }

    fn quota(&mut self, settings: &QuotaSettings) -> Option<Limiter> {
        const STAGE: &str = "quota";
        let QuotaSettings {
            transactions,
            per,
            window,
            idempotency_header,
            key,
            max_keys,
            store,
            on_failure,
        } = settings;
        self.at_least_one(STAGE, "transactions", *transactions);
        let named_by = match idempotency_header.as_deref().map(str::parse::<HeaderName>) {
            Some(Ok(name)) => Some(name),
            Some(Err(_)) => {
                let key = key_of(STAGE, "idempotency-header");
                self.errors.push(key, "the name of a header field");
                None
            }
            None => None,
        };
        let period = self.whole_seconds(STAGE, *per);
        let rule = LimitRule::Window {
            limit: u128::from(*transactions),
            period,
            kind: match window {
                WindowSetting::Calendar => WindowKind::Calendar,
                WindowSetting::Sliding => WindowKind::Sliding,
            },
        };
        let place = Place {
            stage: STAGE,
            key,
            max_keys: *max_keys,
            store,
            on_failure: *on_failure,
        };
        let counted = self.counted(&place, rule, false)?;
        let advertised = Advertised {
            quota: *transactions,
            window: Some(period.as_secs()),
            burst: None,
        };
        self.limiter(What::Transactions { named_by }, Some(advertised), Some(counted))
    }

    fn amount_limit(&mut self, settings: &AmountLimitSettings) -> Option<Limiter> {
        const STAGE: &str = "amount-limit";
        let AmountLimitSettings {
            pointer,
            currency_pointer,
            currency,
            max_per_transaction,
            max_total,
            per,
            key,
            max_keys,
            store,
            on_failure,
        } = settings;
        let path = self.path(STAGE, "pointer", pointer);
        let currency_path = currency_pointer
            .as_deref()
            .and_then(|pointer| self.path(STAGE, "currency-pointer", pointer));
        if currency_pointer.is_some() != currency.is_some() {
            let (lacking, given) = if currency.is_none() {
                ("currency", "currency-pointer")
            } else {
                ("currency-pointer", "currency")
            };
            self.errors.push(
                key_of(STAGE, lacking),
                format_args!("a value, because {given} is given"),
            );
        }
        let max_per_transaction = self.amount(STAGE, "max-per-transaction", max_per_transaction.as_deref());
        let total = max_total.as_deref().map(|text| {
            // What is wrong is told, and goes on as nothing, so that what else is wrong is told as well.
            self.amount(STAGE, "max-total", Some(text)).unwrap_or_default()
        });
        if settings.max_per_transaction.is_none() && settings.max_total.is_none() {
            self.errors.push(STAGE, "max-per-transaction, max-total or both");
        }
        let period = self.whole_seconds(STAGE, *per);
        let place = Place {
            stage: STAGE,
            key,
            max_keys: *max_keys,
            store,
            on_failure: *on_failure,
        };
        let counted = if let Some(total) = total {
            let rule = LimitRule::Window {
                limit: total.units(),
                period,
                kind: WindowKind::Calendar,
            };
            self.counted(&place, rule, true)
        } else {
            // A mistake is one although nothing is counted yet.
            self.key(&place);
            None
        };
        let reader = AmountReader::new(path?, currency_path.zip(currency.clone()));
        let what = What::Money {
            reader,
            max_per_transaction,
        };
        self.limiter(what, None, counted)
    }

    fn limiter(
        &self,
        what: What,
        advertised: Option<Advertised>,
        counted: Option<Counted>,
    ) -> Option<Limiter> {
        let name = self.name(what.stage());
        // Strings of structured fields are of printable ASCII characters (RFC 9651 section 3.3.3).
        let name: String = name
            .chars()
            .map(|c| if matches!(c, ' '..='~') { c } else { '?' })
            .collect();
        let name = sfv::String::from_string(name).ok()?;
        Some(Limiter {
            what,
            item: advertised.map(|_| fields::item(&name)),
            name,
            advertised,
            counted,
        })
    }

    fn counted(&mut self, place: &Place<'_>, rule: LimitRule, is_money: bool) -> Option<Counted> {
        let key = self.key(place);
        let store = self.store(place)?;
        Some(Counted {
            key: key?,
            counter: Arc::new(LimitCounter::new(
                store.as_ref(),
                self.name(place.stage),
                rule,
                place.max_keys,
            )),
            store,
            store_name: place.store.to_owned(),
            on_failure: place.on_failure.unwrap_or(self.stores.on_failure()),
            is_money,
        })
    }

    fn key(&mut self, place: &Place<'_>) -> Option<KeyBy> {
        self.at_least_one(place.stage, "max-keys", place.max_keys as u64);
        let key = place.key.parse::<KeyBy>();
        key.map_err(|expected| self.errors.push(key_of(place.stage, "key"), expected))
            .ok()
    }

    fn store(&mut self, place: &Place<'_>) -> Option<Arc<dyn LimitStore>> {
        if place.store == MEMORY {
            return Some(Arc::<MemoryLimits>::clone(self.memory));
        }
        let Some(store) = self.stores.find(place.store) else {
            let mut names = vec![MEMORY];
            names.extend(self.stores.names());
            let expected = format!("a store that is there: {}", names.join(", "));
            let key = key_of(place.stage, "store");
            if OF_SERVERS.contains(&place.store) {
                self.errors.push_consequence(key, expected);
            } else {
                self.errors.push(key, expected);
            }
            return None;
        };
        if let Err(error) = store.open() {
            self.errors.push(
                key_of(place.stage, "store"),
                format_args!("a store that can be opened: {error}"),
            );
            return None;
        }
        Some(store)
    }

    fn path(&mut self, stage: &str, key: &str, pointer: &str) -> Option<AmountPath> {
        let path = pointer.parse::<AmountPath>();
        path.map_err(|expected| self.errors.push(key_of(stage, key), expected))
            .ok()
    }

    fn amount(&mut self, stage: &str, key: &str, text: Option<&str>) -> Option<Amount> {
        let amount = text?.parse::<Amount>();
        amount
            .map_err(|expected| self.errors.push(key_of(stage, key), expected))
            .ok()
    }

    /// A window's length; what is wrong is told, and goes on as a day.
    fn whole_seconds(&mut self, stage: &str, period: Period) -> Duration {
        let period = period.get();
        if period.is_zero() || period.subsec_nanos() > 0 {
            self.errors
                .push(key_of(stage, "per"), "whole seconds, such as 1m, 1h, 1d or 30d");
            return Duration::from_secs(86_400);
        }
        period
    }

    fn at_least_one(&mut self, stage: &str, key: &str, number: u64) {
        if number == 0 {
            self.errors.push(key_of(stage, key), "at least 1");
        }
    }

    fn name(&self, stage: &str) -> String {
        if self.interceptor.is_empty() {
            stage.to_owned()
        } else {
            format!("{}.{stage}", self.interceptor)
        }
    }
}

fn key_of(stage: impl fmt::Display, key: &str) -> String {
    format!("{stage}.{key}")
}
