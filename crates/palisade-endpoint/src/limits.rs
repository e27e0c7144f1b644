//! The limits of a policy, for whoever shows what keys have left, or gives it back to them.
//!
//! 1. A limit is known by its interceptor and its stage: groups that name the interceptor share it.
//! 2. Looking takes nothing. Where a store has to be asked, that is awaited.
//! 3. Numbers are texts, as operators read them: amounts of money have decimals, and more digits than other formats hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use palisade_config::Entry as Setting;
use palisade_core::settings::Period;
use palisade_core::{Demand, Limit, LimitKey, LimitRule, LimitStoreError, WindowKind};
use serde::{Deserialize, Serialize};

use crate::policy::Policy;

/// A limit of a policy.
#[derive(Debug, Clone)]
pub struct LimitInForce<'a> {
    interceptor: &'a str,
    stage: &'static str,
    groups: Vec<&'a str>,
    settings: &'a [Setting],
    limit: &'a dyn Limit,
}

/// What a limit says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct LimitDescription {
    /// The interceptor that brings it.
    pub interceptor: String,
    /// The stage's name.
    pub stage: String,
    /// The groups that name the interceptor, in order.
    pub groups: Vec<String>,
    /// By what keys are told apart: `peer`, `header:x-client`.
    pub keyed_by: String,
    /// The store that counts.
    pub store: String,
    /// How much each key may use, in words.
    pub rule: String,
    /// How many units a whole share has.
    pub limit: String,
    /// The settings it was built from, by what stands behind the stage's name.
    pub settings: BTreeMap<String, String>,
}

/// How a key stands with a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct LimitStanding {
    /// The key, as it is shown and asked for: an address, a name, `#` and a digest.
    pub key: String,
    /// How many units a whole share has.
    pub limit: String,
    /// How many are left.
    pub remaining: String,
    /// Whether none is.
    pub is_used_up: bool,
    /// In how many seconds, rounded up, more is left, where nobody uses anything meanwhile; nothing where all are left already, and of
    /// requests under way.
    pub resets_in_seconds: Option<u64>,
    /// What happens then.
    pub resets_by: Option<LimitReset>,
    /// Whether the key shares the bucket of those beyond the bound.
    pub is_overflow: bool,
}

/// How a share becomes whole again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LimitReset {
    /// One unit comes back, and later the next.
    UnitReturns,
    /// What was used longest ago counts no more.
    SliceEnds,
    /// The window ends, and all of it is left.
    WindowEnds,
}

/// What is known of a limit, with how keys of it stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct LimitReport {
    /// What it says of itself.
    #[serde(flatten)]
    pub limit: LimitDescription,
    /// How the key stands that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<LimitStanding>,
    /// How some keys stand that have used something, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<LimitStanding>>,
    /// Why it is not known how they stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// A limit whose keys are others than the one that was named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct LimitLeftOut {
    /// The interceptor that brings it.
    pub interceptor: String,
    /// The stage's name.
    pub stage: String,
    /// By what keys are told apart: `peer`, `header:x-client`.
    pub keyed_by: String,
    /// What was expected instead: `an address such as 192.0.2.1`.
    pub expected: String,
}

/// The limits that a key fits, each with the key as it knows it, and those that it does not fit.
///
/// The limits of one interceptor may have keys of several kinds: a rate for each address, and a quota for each caller.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LimitsByKey<'a> {
    /// The limits that have such a key, or where none was named all of them, each with `None`.
    pub fitting: Vec<(LimitInForce<'a>, Option<LimitKey>)>,
    /// The others.
    pub left_out: Vec<LimitLeftOut>,
}

impl<'a> LimitsByKey<'a> {
    /// Asks each limit whether it has that key.
    pub fn of(limits: Vec<LimitInForce<'a>>, key: Option<&str>) -> Self {
        let mut sorted = Self::default();
        for limit in limits {
            match key.map(|key| limit.limit.key_named(key)).transpose() {
                Ok(key) => sorted.fitting.push((limit, key)),
                Err(expected) => sorted.left_out.push(LimitLeftOut {
                    interceptor: limit.interceptor.to_owned(),
                    stage: limit.stage.to_owned(),
                    keyed_by: limit.limit.keyed_by(),
                    expected,
                }),
            }
        }
        sorted
    }

    /// What was expected, where no limit has that key: each expectation once.
    pub fn mismatch(&self) -> Option<String> {
        if !self.fitting.is_empty() {
            return None;
        }
        let mut expected: Vec<&str> = Vec::new();
        for limit in &self.left_out {
            if !expected.contains(&limit.expected.as_str()) {
                expected.push(&limit.expected);
            }
        }
        (!expected.is_empty()).then(|| expected.join(", or "))
    }
}

impl Policy {
    /// Its limits, in the order of the groups, each once.
    pub fn limits(&self) -> Vec<LimitInForce<'_>> {
        let mut limits: Vec<LimitInForce<'_>> = Vec::new();
        for group in &self.groups {
            for (entry, settings) in group.pipeline.entries().iter().zip(&group.settings) {
                let Some(limit) = entry.stage.limit() else {
                    continue;
                };
                let (interceptor, stage) = (entry.interceptor.as_ref(), entry.stage.name());
                let known = limits
                    .iter_mut()
                    .find(|known| known.interceptor == interceptor && known.stage == stage);
                match known {
                    Some(known) => known.groups.push(&group.name),
                    None => limits.push(LimitInForce {
                        interceptor,
                        stage,
                        groups: vec![&group.name],
                        settings,
                        limit,
                    }),
                }
            }
        }
        limits
    }
}

impl<'a> LimitInForce<'a> {
    /// The interceptor that brings it.
    pub fn interceptor(&self) -> &'a str {
        self.interceptor
    }

    /// The stage's name.
    pub fn stage(&self) -> &'static str {
        self.stage
    }

    /// The limit itself.
    pub fn limit(&self) -> &'a dyn Limit {
        self.limit
    }

    /// What it says of itself.
    pub fn description(&self) -> LimitDescription {
        let place = format!(".{}.", self.stage);
        let settings = self.settings.iter().map(|Setting { key, value, .. }| {
            let behind = key.rsplit_once(&place).map_or(key.as_str(), |(_, behind)| behind);
            // Values are shown in quotation marks.
            let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            (behind.to_owned(), bare.unwrap_or(value).to_owned())
        });
        LimitDescription {
            interceptor: self.interceptor.to_owned(),
            stage: self.stage.to_owned(),
            groups: self.groups.iter().map(|name| (*name).to_owned()).collect(),
            keyed_by: self.limit.keyed_by(),
            store: self.limit.store_name().to_owned(),
            rule: rule(self.limit),
            limit: self.limit.units(whole(self.limit.counter().rule())),
            settings: settings.collect(),
        }
    }

    /// How a key stands. Nothing is taken.
    pub async fn standing(&self, key: LimitKey, now: SystemTime) -> Result<LimitStanding, LimitStoreError> {
        let mut demands = [Demand::new(Arc::clone(self.limit.counter()), key, 0)];
        self.limit.store().look(&mut demands, now).outcome().await?;
        let [demand] = demands;
        Ok(LimitStanding::of(self.limit, &demand))
    }

    /// How some keys stand that have used something: at most that many.
    pub async fn keys(&self, at_most: usize, now: SystemTime) -> Result<Vec<LimitStanding>, LimitStoreError> {
        let (counter, store) = (self.limit.counter(), self.limit.store());
        let mut keys = store.keys(counter, at_most, now).await?;
        keys.truncate(at_most);
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut demands: Vec<Demand> = keys
            .into_iter()
            .map(|key| Demand::new(Arc::clone(counter), key, 0))
            .collect();
        store.look(&mut demands, now).outcome().await?;
        Ok(demands
            .iter()
            .map(|demand| LimitStanding::of(self.limit, demand))
            .collect())
    }

    /// What is known of it: how the key of that name stands, or everybody's where there is but one, and how some others do, at most
    /// that many. What cannot be known is said.
    pub async fn report(&self, key: Option<&str>, at_most: usize, now: SystemTime) -> LimitReport {
        let mut report = LimitReport::from(self.description());
        let named = match key {
            Some(name) => self.limit.key_named(name).map(Some),
            None if self.limit.keyed_by() == "global" => Ok(Some(LimitKey::EVERYBODY)),
            None => Ok(None),
        };
        let looked = async {
            let key = named.map_err(|expected| format!("the key: expected {expected}"))?;
            if let Some(key) = key {
                report.standing = Some(self.standing(key, now).await.map_err(|error| error.to_string())?);
            }
            if at_most > 0 {
                report.keys = Some(self.keys(at_most, now).await.map_err(|error| error.to_string())?);
            }
            Ok::<_, String>(())
        };
        report.unknown = looked.await.err();
        report
    }

    /// Forgets what a key has used, or with `None` what every key has. Says how many keys had used something.
    pub async fn reset(&self, key: Option<LimitKey>) -> Result<u64, LimitStoreError> {
        self.limit.store().reset(self.limit.counter(), key).await
    }
}

impl LimitDescription {
    /// Its name in stores, logs and answers: `<interceptor>.<stage>`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.interceptor, self.stage)
    }
}

impl From<LimitDescription> for LimitReport {
    fn from(limit: LimitDescription) -> Self {
        Self {
            limit,
            standing: None,
            keys: None,
            unknown: None,
        }
    }
}

impl LimitReport {
    /// The same, of which it is not known how keys stand.
    #[must_use]
    pub fn unknown(mut self, why: impl Into<String>) -> Self {
        self.unknown = Some(why.into());
        self
    }
}

impl LimitStanding {
    /// How a key stands that has used nothing.
    pub(crate) fn whole(limit: &dyn Limit, key: String) -> Self {
        let whole = whole(limit.counter().rule());
        Self {
            key,
            limit: limit.units(whole),
            remaining: limit.units(whole),
            is_used_up: whole == 0,
            resets_in_seconds: None,
            resets_by: None,
            is_overflow: false,
        }
    }

    /// What a store said to a demand of nothing.
    pub(crate) fn of(limit: &dyn Limit, demand: &Demand) -> Self {
        let standing = demand.standing;
        let whole = whole(demand.counter.rule());
        let key = if standing.overflowed {
            LimitKey::OVERFLOW
        } else {
            demand.key
        };
        let resets_by = match demand.counter.rule() {
            _ if standing.remaining >= whole => None,
            LimitRule::Rate { .. } => Some(LimitReset::UnitReturns),
            LimitRule::Window {
                kind: WindowKind::Sliding,
                ..
            } => Some(LimitReset::SliceEnds),
            LimitRule::Window { .. } => Some(LimitReset::WindowEnds),
            _ => None,
        };
        Self {
            key: key.to_string(),
            limit: limit.units(whole),
            remaining: limit.units(standing.remaining),
            is_used_up: standing.remaining == 0,
            resets_in_seconds: resets_by.map(|_| seconds_up(standing.resets_in)),
            resets_by,
            is_overflow: standing.overflowed,
        }
    }
}

/// How many units a whole share has.
fn whole(rule: LimitRule) -> u128 {
    match rule {
        LimitRule::Rate { burst, .. } => u128::from(burst),
        LimitRule::InFlight { max } => u128::from(max),
        LimitRule::Window { limit, .. } => limit,
        _ => 0,
    }
}

/// How much each key may use, in words.
pub(crate) fn rule(limit: &dyn Limit) -> String {
    match limit.counter().rule() {
        LimitRule::Rate { burst, interval } => format!("{burst} at once, then one each {interval:?}"),
        LimitRule::InFlight { max } => format!("{max} at a time"),
        LimitRule::Window {
            limit: units,
            period,
            kind,
        } => {
            let period = Period::seconds(period.as_secs());
            let units = limit.units(units);
            match kind {
                WindowKind::Sliding => format!("{units} in any {period}"),
                _ => format!("{units} in each {period}"),
            }
        }
        rule => format!("{rule:?}"),
    }
}

fn seconds_up(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}
