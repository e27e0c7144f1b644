//! Limits out of settings.

use std::sync::Arc;

use palisade_core::{
    BuildContext, BuildError, Clock, Entry, Finding, LimitStore, LimitStores, OnFailure, Phase, Pipeline,
    Severity, Stage, StageKind, SystemClock,
};
use palisade_store::MemoryLimits;

use crate::amount::AmountPath;
use crate::compile::Compiler;
use crate::settings::{
    AmountLimitSettings, ConcurrencySettings, LimitsSettings, QuotaSettings, RateLimitSettings,
};
use crate::stage;

/// The stages `rate-limit`, `concurrency`, `quota` and `amount-limit`.
///
/// Those of one phase that a group's interceptors bring are checked together. As a layer, see [`Limits::builder`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits;

impl StageKind for Limits {
    const ROOTS: &'static [&'static str] = &["rate-limit", "concurrency", "quota", "amount-limit"];

    type Settings = LimitsSettings;

    fn build(settings: LimitsSettings, cx: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        // One memory for all interceptors, so that limits of several are checked together; it outlives reloads.
        let memory = cx.state.keep("", "limits", MemoryLimits::new);
        let stores = cx.resources.find::<LimitStores>().unwrap_or_default();
        let compiler = Compiler {
            interceptor: cx.interceptor,
            memory: &memory,
            stores: &stores,
            errors: BuildError::default(),
        };
        let limiters = compiler.compile(&settings)?;
        let stages = limiters
            .into_iter()
            .map(|limiter| (limiter.phase(), stage::of(limiter, cx.clock)));
        Ok(stages.collect())
    }

    fn guardrails(settings: &LimitsSettings, cx: &BuildContext<'_>) -> Vec<Finding> {
        let fails_open = cx
            .resources
            .find::<LimitStores>()
            .is_some_and(|stores| stores.on_failure() == OnFailure::Allow);
        findings(settings, fails_open)
    }

    fn join(entries: &mut [Entry]) {
        stage::join(entries);
    }
}

/// What these settings allow, and a careful operator would not.
fn findings(settings: &LimitsSettings, fails_open: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let LimitsSettings {
        rate_limit,
        concurrency,
        quota,
        amount_limit,
    } = settings;
    let keys = [
        (
            "rate-limit.key",
            rate_limit.as_ref().map(|settings| &settings.key),
        ),
        (
            "concurrency.key",
            concurrency.as_ref().map(|settings| &settings.key),
        ),
        ("quota.key", quota.as_ref().map(|settings| &settings.key)),
        (
            "amount-limit.key",
            amount_limit.as_ref().map(|settings| &settings.key),
        ),
    ];
    for (place, key) in keys {
        if key.is_some_and(|key| key.starts_with("header:")) {
            let message = "clients choose the key of this limit, unless a proxy in front sets the field: whoever changes it has a share \
                           of its own";
            found.push(Finding::new(Severity::Moderate, "limit-key-chosen-by-client", message).at(place));
        }
    }
    let stores = [
        (
            "rate-limit",
            rate_limit
                .as_ref()
                .map(|settings| (&settings.store, settings.on_failure)),
        ),
        (
            "quota",
            quota
                .as_ref()
                .map(|settings| (&settings.store, settings.on_failure)),
        ),
        (
            "amount-limit",
            amount_limit
                .as_ref()
                .map(|settings| (&settings.store, settings.on_failure)),
        ),
    ];
    for (stage, said) in stores {
        let Some((store, on_failure)) = said else { continue };
        let allows = on_failure.map_or(fails_open, |on_failure| on_failure == OnFailure::Allow);
        if store != "memory" && allows {
            let message = "while the store does not answer, requests are not counted and all go through";
            found.push(
                Finding::new(Severity::Moderate, "limit-fails-open", message)
                    .at(format!("{stage}.on-failure")),
            );
        }
        if store == "memory" && stage != "rate-limit" {
            let message = "a restart forgets what was counted in memory, and each server counts for itself";
            found
                .push(Finding::new(Severity::Caution, "limit-forgets", message).at(format!("{stage}.store")));
        }
    }
    if amount_limit
        .as_ref()
        .is_some_and(|settings| settings.currency.is_none())
    {
        let message =
            "amounts are counted whatever their currency: name the one that is accepted, and where it stands";
        found.push(
            Finding::new(Severity::Moderate, "amount-without-currency", message).at("amount-limit.currency"),
        );
    }
    if let Some(settings) = amount_limit
        && settings
            .pointer
            .parse()
            .is_ok_and(|path: AmountPath| path.has_index())
    {
        let message = "the pointer names one element of an array: amounts in the others are not counted";
        found.push(
            Finding::new(Severity::Moderate, "amount-of-one-element", message).at("amount-limit.pointer"),
        );
    }
    found
}

impl Limits {
    /// Limits as a layer of their own: of each stage at most one, all checked together.
    ///
    /// The stores it does not get are not there; `memory` always is, and belongs to the layer.
    pub fn builder() -> LimitsBuilder {
        LimitsBuilder {
            settings: LimitsSettings::default(),
            stores: LimitStores::default(),
            clock: Arc::new(SystemClock::new()),
        }
    }
}

/// Gathers limits for a layer.
#[derive(Debug, Clone)]
pub struct LimitsBuilder {
    settings: LimitsSettings,
    stores: LimitStores,
    clock: Arc<dyn Clock>,
}

impl LimitsBuilder {
    /// A rate of requests.
    #[must_use]
    pub fn rate_limit(mut self, settings: RateLimitSettings) -> Self {
        self.settings.rate_limit = Some(settings);
        self
    }

    /// A number of requests under way.
    #[must_use]
    pub fn concurrency(mut self, settings: ConcurrencySettings) -> Self {
        self.settings.concurrency = Some(settings);
        self
    }

    /// A number of transactions.
    #[must_use]
    pub fn quota(mut self, settings: QuotaSettings) -> Self {
        self.settings.quota = Some(settings);
        self
    }

    /// Amounts of money.
    #[must_use]
    pub fn amount_limit(mut self, settings: AmountLimitSettings) -> Self {
        self.settings.amount_limit = Some(settings);
        self
    }

    /// A store that settings may name.
    #[must_use]
    pub fn store(mut self, name: impl Into<String>, store: Arc<dyn LimitStore>) -> Self {
        self.stores = self.stores.with(name, store);
        self
    }

    /// Where time comes from.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The layer. An error names every setting that cannot be used.
    pub fn layer(self) -> Result<Pipeline, BuildError> {
        let compiler = Compiler {
            interceptor: "",
            memory: &Arc::new(MemoryLimits::new()),
            stores: &self.stores,
            errors: BuildError::default(),
        };
        let limiters = compiler.compile(&self.settings)?;
        Ok(stage::layer(limiters, &self.clock))
    }
}
