//! The stage out of settings.

use std::sync::Arc;

use palisade_core::{BuildContext, BuildError, Finding, Phase, Severity, Stage, StageKind};

use super::ClientMessageSecurity;
use crate::profiles::{Profiles, time_findings};
use crate::settings::{Bodiless, ClientMessageSecuritySettings};

impl StageKind for ClientMessageSecurity {
    const ROOTS: &'static [&'static str] = &["request", "response", "message"];

    const SINGLE: bool = true;

    type Settings = ClientMessageSecuritySettings;

    fn build(
        settings: ClientMessageSecuritySettings,
        cx: &BuildContext<'_>,
    ) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let mut profiles = Profiles::new(cx);
        let format = profiles.format(&settings.message);
        let requests = settings.requests(Arc::clone(&format), &mut profiles);
        let responses = settings.responses(format, &mut profiles);
        let mut builder = Self::builder()
            .format(requests.format)
            .pool(profiles.pool())
            .clock(Arc::clone(cx.clock));
        builder.signing = requests.signing;
        builder.encryption = requests.encryption;
        builder.ttl = requests.ttl;
        builder.request_audience = requests.audience;
        builder.bodiless_allowed = settings.request.bodiless == Bodiless::Allow;
        builder.decryption = responses.decryption;
        builder.verification = responses.verification;
        builder.times = responses.times;
        builder.response_audience = responses.audience;
        builder.binding_required = responses.binding_required;
        builder.secure_errors = settings.message.secure_errors;
        builder.unsecured_accepted = settings.response.accept_unsecured_messages;
        let errors = profiles.errors;
        if !errors.faults.is_empty() {
            return Err(errors);
        }
        let stage = builder
            .build()
            .map_err(|unusable| BuildError::at("message.format", format!("another one: {unusable}")))?;
        if stage.requests.is_none() && stage.responses.is_none() {
            return Ok(Vec::new());
        }
        Ok(vec![(Phase::MessageSecurity, Stage::transform(stage))])
    }

    fn guardrails(settings: &ClientMessageSecuritySettings, _: &BuildContext<'_>) -> Vec<Finding> {
        let ClientMessageSecuritySettings {
            request, response, ..
        } = settings;
        let mut findings = time_findings(
            ("response.timestamp", &response.timestamp),
            ("request.timestamp", &request.timestamp),
        );
        let mut add = |severity, code: &'static str, message: &str, key: &str| {
            findings.push(Finding::new(severity, code, message).at(key));
        };
        let (decrypts, verifies) = (response.decryption.enabled, response.signature.enabled);
        if request.timestamp.enabled && !request.encryption.enabled && !request.signature.enabled {
            let message = "nothing vouches for the times of a request that is neither signed nor encrypted";
            add(
                Severity::Severe,
                "timestamp-unprotected",
                message,
                "request.timestamp.enabled",
            );
        }
        if response.timestamp.enabled && !decrypts && !verifies {
            let message = "nothing vouches for the times of a response that is neither signed nor encrypted";
            add(
                Severity::Severe,
                "timestamp-unprotected",
                message,
                "response.timestamp.enabled",
            );
        }
        if decrypts && !verifies {
            let message = "whoever has the public key can write responses: they are not signed";
            add(
                Severity::Moderate,
                "message-not-signed",
                message,
                "response.decryption.enabled",
            );
        }
        if response.accept_unsecured_messages && (decrypts || verifies) {
            let message = "a response that is not secured is accepted like one that is";
            add(
                Severity::Severe,
                "unsecured-responses-accepted",
                message,
                "response.accept-unsecured-messages",
            );
        }
        if request.bodiless == Bodiless::Allow && (request.encryption.enabled || request.signature.enabled) {
            let message = "GET, HEAD and DELETE without a body are sent without a signature";
            add(
                Severity::Moderate,
                "bodiless-allowed",
                message,
                "request.bodiless",
            );
        }
        findings
    }
}
