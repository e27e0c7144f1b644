//! Secrets that are weak, or that open several things.

use std::collections::BTreeMap;

use palisade_config::Config;
use palisade_core::{Finding, Secret, Severity};
use palisade_directory::check_strength;

use super::{ServerSettings, located};

impl ServerSettings {
    /// What is unwise about the passwords of keystores: whoever has the file can guess at them as fast as they like, and one that
    /// opens several stores is known to everybody who was given one of them.
    pub(super) fn weak_secrets(&self, config: &Config) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut first: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, keystore) in &self.keystores {
            let Some(password) = keystore.password.as_ref().map(Secret::expose) else {
                continue;
            };
            let key = format!("{}.password", config.child_key("palisade.keystores", name));
            if let Err(weak) = check_strength(password, None) {
                let message = format!("the password of the keystore {name} is easy to guess: {weak}");
                findings.push(located(config, Severity::Caution, "secret-weak", &message, &key));
            }
            match first.get(password) {
                Some(other) => {
                    let message = format!("the keystores {other} and {name} have one password");
                    findings.push(located(
                        config,
                        Severity::Caution,
                        "secret-reused",
                        &message,
                        &key,
                    ));
                }
                None => {
                    first.insert(password, name);
                }
            }
        }
        findings
    }
}
