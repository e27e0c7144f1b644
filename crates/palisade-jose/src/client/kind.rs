//! The stage out of settings.

use std::sync::Arc;

use palisade_core::{BuildContext, BuildError, Finding, Phase, Severity, Stage, StageKind};

use super::ClientMessageSecurity;
use crate::profiles::{Profiles, off_findings, time_findings};
use crate::settings::{Binding, Bodiless, ClientMessageSecuritySettings};

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
        let (request, response) = (&settings.request, &settings.response);
        profiles.audience("request.audience", request.audience.as_deref());
        profiles.audience("response.audience", response.audience.as_deref());
        let mut builder = Self::builder()
            .format(requests.format)
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
        builder.pool = profiles.pool_when(is_any_on(&settings));
        let mut errors = profiles.errors;
        without_effect(&settings, &mut errors);
        if !is_any_on(&settings) {
            return errors.or_ok(Vec::new());
        }
        if !errors.faults.is_empty() {
            return Err(errors);
        }
        let stage = builder
            .build()
            .map_err(|unusable| BuildError::at("message.format", format!("another one: {unusable}")))?;
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
        findings.extend(off_findings(&[
            (
                "request.encryption",
                request.encryption.enabled,
                request.encryption.key_alias.is_some(),
            ),
            (
                "request.signature",
                request.signature.enabled,
                request.signature.key_alias.is_some(),
            ),
            (
                "response.decryption",
                response.decryption.enabled,
                !response.decryption.key_alias.is_empty(),
            ),
            (
                "response.signature",
                response.signature.enabled,
                !response.signature.key_alias.is_empty(),
            ),
        ]));
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
        let is_bound = response.timestamp.enabled || response.binding == Binding::Required;
        if verifies && !is_bound {
            let message = "a signed response can be sent again as the answer to another request";
            add(
                Severity::Moderate,
                "message-replayable",
                message,
                "response.signature.enabled",
            );
        }
        if request.encryption.enabled && request.signature.enabled && request.audience.is_none() {
            let message =
                "who decrypts a request can send what is signed in it on to others as if it were for them";
            add(
                Severity::Caution,
                "message-without-recipient",
                message,
                "request.signature.enabled",
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

/// Rules for responses where responses are not read: to ignore them would be to accept what they refuse.
fn without_effect(settings: &ClientMessageSecuritySettings, errors: &mut BuildError) {
    let response = &settings.response;
    if response.decryption.enabled || response.signature.enabled || response.timestamp.enabled {
        return;
    }
    let rules = [
        ("response.binding", response.binding == Binding::Required),
        ("response.audience", response.audience.is_some()),
    ];
    for (key, _) in rules.iter().filter(|(_, is_set)| *is_set) {
        errors.push(
            *key,
            "response.decryption or response.signature to be on: it is checked in responses that are read",
        );
    }
}

fn is_any_on(settings: &ClientMessageSecuritySettings) -> bool {
    let ClientMessageSecuritySettings {
        request, response, ..
    } = settings;
    request.encryption.enabled
        || request.signature.enabled
        || request.timestamp.enabled
        || response.decryption.enabled
        || response.signature.enabled
        || response.timestamp.enabled
}
