//! Responses that are encrypted to callers whom no listener knows.

use palisade_config::Config;
use palisade_core::{Finding, Severity};
use palisade_tls::ListenerSettings;

use super::{ServerSettings, located};

/// The alias that stands for the certificate of the caller.
const CALLER: &str = "caller";

impl ServerSettings {
    pub(super) fn unknown_callers(&self, config: &Config) -> Vec<Finding> {
        if (self.listeners.values()).any(ListenerSettings::asks_for_certificates) {
            return Vec::new();
        }
        let interceptors = config.names("palisade.interceptors");
        let keys = interceptors
            .into_iter()
            .map(|name| config.child_key("palisade.interceptors", name));
        keys.filter(|key| is_to_caller(config, key))
            .map(|key| {
                let message =
                    "no listener knows certificates of callers, for whom responses are to be encrypted: every request is refused";
                let key = format!("{key}.response.encryption.key-alias");
                located(config, Severity::Moderate, "caller-never-known", message, &key)
            })
            .collect()
    }
}

fn is_to_caller(config: &Config, interceptor: &str) -> bool {
    let profile = format!("{interceptor}.response.encryption");
    let is_on = config.get::<bool>(&format!("{profile}.enabled"));
    let alias = config.get::<String>(&format!("{profile}.key-alias"));
    matches!((is_on, alias), (Ok(Some(true)), Ok(Some(alias))) if alias == CALLER)
}
