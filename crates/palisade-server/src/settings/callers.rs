//! Interceptors that count on certificates of callers which no listener, or not every one, asks for.

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

impl ServerSettings {
    /// Interceptors whose two-way mode says nothing, or refuses everybody, where no listener asks for certificates.
    pub(super) fn never_asked(&self, config: &Config) -> Vec<Finding> {
        let interceptors = config.names("palisade.interceptors").into_iter();
        let keys = interceptors.map(|name| {
            let interceptor = config.child_key("palisade.interceptors", name);
            format!("{interceptor}.authentication.two-way-mode")
        });
        keys.filter_map(|key| self.mode_never_asked(config, &key))
            .collect()
    }

    fn mode_never_asked(&self, config: &Config, key: &str) -> Option<Finding> {
        let listeners = self.listeners.values();
        let asking = listeners.filter(|listener| listener.asks_for_certificates());
        let asking = asking.count();
        // One that cannot be read is an error of its stage.
        let mode = config.get::<String>(key).ok().flatten()?;
        match mode.as_str() {
            "force" if asking == 0 => {
                let message = "no listener asks for certificates, and `force` requires one only where a listener does: a password, \
                               a token or an API key alone is enough";
                Some(located(
                    config,
                    Severity::Severe,
                    "two-way-never-asked",
                    message,
                    key,
                ))
            }
            "force" if asking < self.listeners.len() => {
                let message = "not every listener asks for certificates, and `force` requires one only where a listener does: at \
                               the others a password, a token or an API key alone is enough";
                Some(located(
                    config,
                    Severity::Moderate,
                    "two-way-never-asked",
                    message,
                    key,
                ))
            }
            "exclusive" if asking == 0 => {
                let message = "no listener asks for certificates, and `exclusive` requires one everywhere: every request is refused";
                Some(located(
                    config,
                    Severity::Moderate,
                    "two-way-never-asked",
                    message,
                    key,
                ))
            }
            _ => None,
        }
    }
}

fn is_to_caller(config: &Config, interceptor: &str) -> bool {
    let profile = format!("{interceptor}.response.encryption");
    let is_on = config.get::<bool>(&format!("{profile}.enabled"));
    let alias = config.get::<String>(&format!("{profile}.key-alias"));
    matches!((is_on, alias), (Ok(Some(true)), Ok(Some(alias))) if alias == CALLER)
}
