//! A stage of your own, named in property files like any other.
//!
//! `office-hours` refuses calls outside the hours an operator sets. Three things make a stage: settings that serde reads, a
//! [`Guard`] that decides, and a [`StageKind`] that builds the one from the other. The registry then knows the word, and misspelt
//! settings, `explain`, report-only and reload work for it as for the stages that come with Palisade.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use http::{StatusCode, request};
use palisade::core::{
    BuildContext, BuildError, Clock, Context, Finding, Guard, Phase, Rejection, Severity, Stage,
};
use palisade::{Registry, StageKind, StandardRegistry};
use serde::Deserialize;

/// `palisade.interceptors.<Name>.office-hours`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OfficeHoursSettings {
    /// The first hour (UTC) in which calls are taken, 0 to 23.
    pub opens: u8,
    /// The first hour (UTC) in which they are not, 1 to 24.
    pub closes: u8,
}

/// Takes calls during office hours.
#[derive(Debug)]
pub struct OfficeHours {
    opens: u64,
    closes: u64,
    clock: Arc<dyn Clock>,
}

impl OfficeHours {
    /// The hour of the day, UTC.
    fn hour(&self) -> u64 {
        let since_epoch = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since_epoch.as_secs() / 3_600 % 24
    }
}

impl Guard for OfficeHours {
    fn name(&self) -> &'static str {
        "office-hours"
    }

    fn request(&self, _: &mut Context, _: &mut request::Parts) -> Result<(), Rejection> {
        if (self.opens..self.closes).contains(&self.hour()) {
            return Ok(());
        }
        Err(Rejection::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "office-closed",
            "The office is closed",
        )
        .member("opens", self.opens)
        .member("closes", self.closes))
    }
}

impl StageKind for OfficeHours {
    const ROOTS: &'static [&'static str] = &["office-hours"];
    type Settings = OfficeHoursSettings;

    fn build(
        settings: OfficeHoursSettings,
        cx: &BuildContext<'_>,
    ) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let OfficeHoursSettings { opens, closes } = settings;
        if opens >= closes || closes > 24 {
            return Err(BuildError::at(
                "closes",
                format_args!("an hour after opens ({opens}), at most 24"),
            ));
        }
        let hours = Self {
            opens: opens.into(),
            closes: closes.into(),
            clock: Arc::clone(cx.clock),
        };
        Ok(vec![(Phase::Head, Stage::guard(hours))])
    }

    fn guardrails(settings: &OfficeHoursSettings, _: &BuildContext<'_>) -> Vec<Finding> {
        let always = settings.opens == 0 && settings.closes == 24;
        let finding =
            || Finding::new(Severity::Caution, "office-always-open", "the office never closes").at("opens");
        always.then(finding).into_iter().collect()
    }
}

/// The stages that come with Palisade, and this one.
pub fn registry() -> Registry {
    Registry::standard().with::<OfficeHours>()
}
