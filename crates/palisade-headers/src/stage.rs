//! The rules as a stage.

use http::{request, response};
use palisade_core::{
    BuildContext, BuildError, Context, Finding, Guard, Phase, Pipeline, Rejection, Severity, Stage, StageKind,
};

use crate::settings::{HeaderSettings, Verdict};
use crate::{HeaderRules, RuleErrors};

impl HeaderRules {
    /// The rules as a layer of their own.
    pub fn layer(self) -> Pipeline {
        Stage::guard(self).into()
    }
}

impl Guard for HeaderRules {
    fn name(&self) -> &'static str {
        "headers"
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        Ok(self.admits(head)?)
    }

    fn response(&self, _: &mut Context, head: &mut response::Parts) -> Result<(), Rejection> {
        self.mend_response(&mut head.headers);
        Ok(())
    }
}

impl StageKind for HeaderRules {
    const ROOTS: &'static [&'static str] = &["headers"];

    type Settings = HeaderSettings;

    fn build(settings: HeaderSettings, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let rules = compile(&settings).map_err(|errors| {
            let mut error = BuildError::default();
            for rule in errors.errors() {
                error.push(&rule.key, &rule.expected);
            }
            error
        })?;
        Ok(vec![(Phase::Head, Stage::guard(rules))])
    }

    fn guardrails(settings: &HeaderSettings, _: &BuildContext<'_>) -> Vec<Finding> {
        match settings.faulty {
            Verdict::Reject => Vec::new(),
            Verdict::Allow => vec![
                Finding::new(
                    Severity::Moderate,
                    "faulty-headers-allowed",
                    "heads that servers read in different ways reach the handler",
                )
                .at("faulty"),
            ],
        }
    }
}

fn compile(settings: &HeaderSettings) -> Result<HeaderRules, RuleErrors> {
    let mut builder = HeaderRules::builder()
        .allow_at_most(settings.max_count, settings.max_bytes)
        .block(&settings.block)
        .require(&settings.require)
        .remove_from_response(&settings.response_remove);
    if settings.faulty == Verdict::Allow {
        builder = builder.dangerously_allow_faulty();
    }
    if settings.body_on_get == Verdict::Reject {
        builder = builder.reject_body_on_get();
    }
    for (name, expression) in &settings.block_value {
        builder = builder.block_value(name, expression);
    }
    for (name, value) in &settings.response_set {
        builder = builder.set_in_response(name, value);
    }
    builder.build()
}
