//! Settings that are known and that this build does not enforce.
//!
//! They are accepted only in their off value: nothing runs in the clear because a stage is missing.

use palisade_config::{Config, Errors};

/// Stages that are known.
pub(crate) const STAGES: [&str; 10] = [
    "access",
    "amount-limit",
    "authentication",
    "concurrency",
    "message",
    "quota",
    "rate-limit",
    "request",
    "response",
    "validation",
];

/// The stages of message security, which are off until a profile is enabled.
const MESSAGE_SECURITY: [&str; 3] = ["message", "request", "response"];

/// Profiles of message security, for servers and for clients.
const PROFILES: [&str; 8] = [
    "request.decryption",
    "request.encryption",
    "request.signature",
    "request.timestamp",
    "response.decryption",
    "response.encryption",
    "response.signature",
    "response.timestamp",
];

/// Single settings of message security, each with the values that ask for nothing.
const SWITCHES: [(&str, &[&str]); 7] = [
    ("request.replay-protection", &["false"]),
    ("request.binding", &["if-present"]),
    ("request.bodiless", &["reject", "allow"]),
    ("request.audience", &[]),
    ("message.format", &["jwt", "raw"]),
    ("message.secure-errors", &["false"]),
    ("response.accept-unsecured-messages", &["false", "true"]),
];

/// What keys below a profile of message security are called.
const PROFILE_KEYS: [&str; 6] = [
    "enabled",
    "key-alias",
    "algorithms",
    "max-clock-skew",
    "max-ttl",
    "ttl",
];

/// Errors for every stage of the interceptor at `prefix` that would have to be enforced and is not among `built`.
pub(crate) fn check(config: &Config, prefix: &str, built: &[&str]) -> Errors {
    let mut errors = Errors::new();
    for stage in STAGES.into_iter().filter(|stage| !built.contains(stage)) {
        let key = format!("{prefix}.{stage}");
        if config.contains(&key) && !MESSAGE_SECURITY.contains(&stage) {
            errors.push(config.complaint(
                &key,
                format!("this build does not enforce the stage {stage}; remove it"),
            ));
        }
    }
    if !MESSAGE_SECURITY.iter().any(|stage| built.contains(stage)) {
        errors.extend(check_message_security(config, prefix));
    }
    errors
}

/// Errors for message security below `prefix` that is switched on, or misspelt.
pub fn check_message_security(config: &Config, prefix: &str) -> Errors {
    let mut errors = Errors::new();
    for stage in MESSAGE_SECURITY {
        let known: Vec<&str> = PROFILES
            .into_iter()
            .chain(SWITCHES.into_iter().map(|(key, _)| key))
            .filter_map(|key| key.strip_prefix(stage)?.strip_prefix('.'))
            .collect();
        errors.extend(config.unknown(&format!("{prefix}.{stage}"), &known));
    }
    for profile in PROFILES {
        let key = format!("{prefix}.{profile}");
        errors.extend(config.unknown(&key, &PROFILE_KEYS));
        let enabled = format!("{key}.enabled");
        match config.get::<bool>(&enabled) {
            Ok(None | Some(false)) => {}
            Ok(Some(true)) => {
                let message =
                    "this build does not enforce message security; it is accepted only when it is false";
                errors.push(config.complaint(&enabled, message));
            }
            Err(found) => errors.extend(found),
        }
    }
    for (switch, off) in SWITCHES {
        let key = format!("{prefix}.{switch}");
        match config.get::<String>(&key) {
            Ok(Some(value)) if !off.contains(&value.as_str()) => {
                let message = "this build does not enforce this setting of message security";
                errors.push(config.complaint(&key, message));
            }
            Ok(_) => {}
            Err(found) => errors.extend(found),
        }
    }
    errors
}
