//! The stage out of settings.

use std::sync::Arc;

use palisade_core::{
    BuildContext, BuildError, Finding, Phase, ReplayStore, Severity, SharedReplay, Stage, StageKind,
};

use super::MessageSecurity;
use crate::profiles::{Profiles, time_findings};
use crate::settings::{Bodiless, MessageSecuritySettings};

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
        let mut builder = Self::builder()
            .format(requests.format)
            .pool(profiles.pool())
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
        let mut errors = profiles.errors;
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
