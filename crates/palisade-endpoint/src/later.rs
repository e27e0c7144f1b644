//! Settings that are known and that this build does not enforce.
//!
//! They are accepted only in their off value: nothing runs in the clear because a stage is missing.

use palisade_config::{Config, Errors};

use crate::interceptor::Side;

/// Stages that are known.
const STAGES: [&str; 10] = [
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

/// The settings of message security on one side.
struct Known {
    /// Each profile, with what keys below it are called.
    profiles: [(&'static str, &'static [&'static str]); 6],
    /// Single settings, each with the values that ask for nothing.
    switches: &'static [(&'static str, &'static [&'static str])],
}

/// What a profile that needs a key is told.
const KEYED: &[&str] = &["enabled", "key-alias", "algorithms"];

/// What a profile that checks times, or writes them, is told.
const TIMED: &[&str] = &["enabled", "max-clock-skew", "max-ttl", "ttl"];

const SERVER: Known = Known {
    profiles: [
        ("request.decryption", KEYED),
        ("request.signature", KEYED),
        ("request.timestamp", TIMED),
        ("response.encryption", KEYED),
        ("response.signature", KEYED),
        ("response.timestamp", TIMED),
    ],
    switches: &[
        ("request.replay-protection", &["false"]),
        ("request.binding", &["if-present"]),
        ("request.bodiless", &["reject", "allow"]),
        ("request.audience", &[]),
        ("message.format", &["jwt", "raw"]),
        ("message.secure-errors", &["false"]),
    ],
};

const CLIENT: Known = Known {
    profiles: [
        ("request.encryption", KEYED),
        ("request.signature", KEYED),
        ("request.timestamp", TIMED),
        ("response.decryption", KEYED),
        ("response.signature", KEYED),
        ("response.timestamp", TIMED),
    ],
    switches: &[
        ("request.bodiless", &["reject", "allow"]),
        ("request.audience", &[]),
        ("response.accept-unsecured-messages", &["false", "true"]),
        ("response.audience", &[]),
        ("response.binding", &["if-present"]),
        ("message.format", &["jwt", "raw"]),
        ("message.secure-errors", &["false"]),
    ],
};

/// The stages that are known on that side.
pub(crate) fn stages(side: Side) -> &'static [&'static str] {
    match side {
        Side::Server => &STAGES,
        Side::Client => &MESSAGE_SECURITY,
    }
}

/// Errors for every stage of the interceptor at `prefix` that would have to be enforced and is not among `built`.
pub(crate) fn check(config: &Config, prefix: &str, side: Side, built: &[&str]) -> Errors {
    let mut errors = Errors::new();
    let missing = stages(side).iter().filter(|stage| !built.contains(stage));
    for stage in missing {
        let key = format!("{prefix}.{stage}");
        if MESSAGE_SECURITY.contains(stage) {
            errors.extend(check_message_security(config, prefix, side, stage));
        } else if config.contains(&key) {
            errors.push(config.complaint(
                &key,
                format!("this build does not enforce the stage {stage}; remove it"),
            ));
        }
    }
    errors
}

/// Errors for message security below `prefix` and the word `stage` that is switched on, or misspelt.
fn check_message_security(config: &Config, prefix: &str, side: Side, stage: &str) -> Errors {
    let Known { profiles, switches } = match side {
        Side::Server => SERVER,
        Side::Client => CLIENT,
    };
    let below = |key: &'static str| key.strip_prefix(stage)?.strip_prefix('.');
    let profiles = profiles
        .into_iter()
        .filter_map(|(profile, keys)| Some((below(profile)?, keys)));
    let switches = switches
        .iter()
        .filter_map(|(switch, off)| Some((below(switch)?, *off)));
    let known: Vec<&str> = profiles
        .clone()
        .map(|(profile, _)| profile)
        .chain(switches.clone().map(|(switch, _)| switch))
        .collect();
    let root = format!("{prefix}.{stage}");
    let mut errors = config.unknown(&root, &known);
    for (profile, keys) in profiles {
        errors.extend(check_profile(config, &format!("{root}.{profile}"), keys));
    }
    for (switch, off) in switches {
        let key = format!("{root}.{switch}");
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

fn check_profile(config: &Config, key: &str, keys: &[&str]) -> Errors {
    let mut errors = config.unknown(key, keys);
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
    errors
}
