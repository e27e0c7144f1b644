//! The stage out of settings.

use std::sync::Arc;

use palisade_core::{
    BuildContext, BuildError, Finding, Phase, ReplayStore, Severity, SharedReplay, Stage, StageKind,
};

use super::MessageSecurity;
use crate::profiles::{Profiles, off_findings, time_findings};
use crate::settings::{Binding, Bodiless, MessageSecuritySettings};

impl StageKind for MessageSecurity {
    const ROOTS: &'static [&'static str] = &["request", "response", "message"];

    const SINGLE: bool = true;

    type Settings = MessageSecuritySettings;

    fn build(
        settings: MessageSecuritySettings,
        cx: &BuildContext<'_>,
    ) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let mut profiles = Profiles::new(cx);
        let format = profiles.format(&settings.message);
        let requests = settings.requests(Arc::clone(&format), &mut profiles);
        let responses = settings.responses(format, &mut profiles);
        let (request, response) = (&settings.request, &settings.response);
        profiles.audience("request.audience", request.audience.as_deref());
        let mut builder = Self::builder()
            .format(requests.format)
            .clock(Arc::clone(cx.clock));
        builder.decryption = requests.decryption;
        builder.verification = requests.verification;
        builder.times = requests.times;
        builder.audience = requests.audience;
        builder.binding_required = requests.binding_required;
        builder.bodiless_allowed = request.bodiless == Bodiless::Allow;
        builder.signing = responses.signing;
        builder.encryption = responses.encryption;
        if settings.is_encrypted_to_caller() {
            builder.to_caller = profiles.algorithms("response.encryption", &response.encryption.algorithms);
        }
        builder.ttl = responses.ttl;
        builder.secure_errors = settings.message.secure_errors;
        let pool = profiles.pool_when(is_any_on(&settings));
        let mut errors = profiles.errors;
        without_effect(&settings, &mut errors);
        if requests.is_accepted_once {
            if request.signature.enabled && request.timestamp.enabled {
                builder.replay = memory(cx, &mut errors);
            } else {
                let expected = "request.signature and request.timestamp to be on, or false";
                errors.push("request.replay-protection", expected);
            }
        }
        if !is_any_on(&settings) {
            return errors.or_ok(Vec::new());
        }
        if !errors.faults.is_empty() {
            return Err(errors);
        }
        builder.pool = pool;
        let stage = builder
            .build()
            .map_err(|unusable| BuildError::at("message.format", format!("another one: {unusable}")))?;
        Ok(vec![(Phase::MessageSecurity, Stage::transform(stage))])
    }

    fn guardrails(settings: &MessageSecuritySettings, _: &BuildContext<'_>) -> Vec<Finding> {
        let MessageSecuritySettings {
            request, response, ..
        } = settings;
        let mut findings = time_findings(
            ("request.timestamp", &request.timestamp),
            ("response.timestamp", &response.timestamp),
        );
        findings.extend(off_findings(&[
            (
                "request.decryption",
                request.decryption.enabled,
                !request.decryption.key_alias.is_empty(),
            ),
            (
                "request.signature",
                request.signature.enabled,
                !request.signature.key_alias.is_empty(),
            ),
            (
                "response.encryption",
                response.encryption.enabled,
                response.encryption.key_alias.is_some(),
            ),
            (
                "response.signature",
                response.signature.enabled,
                response.signature.key_alias.is_some(),
            ),
        ]));
        let mut add = |severity, code: &'static str, message: &str, key: &str| {
            findings.push(Finding::new(severity, code, message).at(key));
        };
        let (decrypts, verifies) = (request.decryption.enabled, request.signature.enabled);
        if request.timestamp.enabled && !decrypts && !verifies {
            let message = "nothing vouches for the times of a request that is neither signed nor encrypted";
            add(
                Severity::Severe,
                "timestamp-unprotected",
                message,
                "request.timestamp.enabled",
            );
        }
        if response.timestamp.enabled && !response.encryption.enabled && !response.signature.enabled {
            let message = "nothing vouches for the times of a response that is neither signed nor encrypted";
            add(
                Severity::Severe,
                "timestamp-unprotected",
                message,
                "response.timestamp.enabled",
            );
        }
        if decrypts && !verifies {
            let message = "whoever has the public key can write requests: they are not signed";
            add(
                Severity::Moderate,
                "message-not-signed",
                message,
                "request.decryption.enabled",
            );
        }
        if verifies && (!request.timestamp.enabled || request.replay_protection == Some(false)) {
            let message = "a signed request can be sent again by whoever sees it";
            let key = if request.timestamp.enabled {
                "request.replay-protection"
            } else {
                "request.signature.enabled"
            };
            add(Severity::Moderate, "message-replayable", message, key);
        }
        if decrypts && verifies && request.audience.is_none() {
            let message = "what a partner signed for somebody else is accepted here, encrypted anew by whoever received it";
            add(
                Severity::Caution,
                "message-without-recipient",
                message,
                "request.signature.enabled",
            );
        }
        if request.bodiless == Bodiless::Allow && (decrypts || verifies) {
            let message = "GET, HEAD and DELETE without a body pass without a signature";
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

fn is_any_on(settings: &MessageSecuritySettings) -> bool {
    let MessageSecuritySettings {
        request, response, ..
    } = settings;
    request.decryption.enabled
        || request.signature.enabled
        || request.timestamp.enabled
        || response.encryption.enabled
        || response.signature.enabled
        || response.timestamp.enabled
}

/// Rules for requests where requests are not read: to ignore them would be to accept what they refuse.
fn without_effect(settings: &MessageSecuritySettings, errors: &mut BuildError) {
    let request = &settings.request;
    if request.decryption.enabled || request.signature.enabled || request.timestamp.enabled {
        return;
    }
    let rules = [
        ("request.binding", request.binding == Binding::Required),
        ("request.audience", request.audience.is_some()),
    ];
    for (key, _) in rules.iter().filter(|(_, is_set)| *is_set) {
        errors.push(
            *key,
            "request.decryption or request.signature to be on: it is checked in requests that are read",
        );
    }
}

/// The replay memory of the server.
fn memory(cx: &BuildContext<'_>, errors: &mut BuildError) -> Option<Arc<dyn ReplayStore>> {
    let key = "request.replay-protection";
    let Some(shared) = cx.resources.find::<SharedReplay>() else {
        errors.push(
            key,
            "a replay memory, which this application does not share; or false",
        );
        return None;
    };
    shared
        .open()
        .map_err(|error| errors.push(key, format!("a replay memory that works: {error}")))
        .ok()
}
