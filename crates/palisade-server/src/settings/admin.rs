//! What operators write about the admin listener.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use palisade_config::{Config, Errors};
use palisade_core::{Finding, Secret, Severity};
use serde::Deserialize;

use super::located;

/// `palisade.admin`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AdminSettings {
    /// Whether there is an admin listener.
    pub enabled: bool,
    /// Its address, on the loopback interface.
    pub bind: SocketAddr,
    /// What requests that change something have to show, as `Authorization: Bearer`. Without it whoever reaches the listener may change
    /// what it lets be changed, and off the loopback interface nobody.
    pub token: Option<Secret>,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            bind: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9080)),
            token: None,
        }
    }
}

impl AdminSettings {
    pub(super) fn read(config: &Config, errors: &mut Errors) -> Self {
        let settings: Self = super::read(config, "palisade.admin", errors);
        if settings.token.as_ref().is_some_and(|token| !is_token(token)) {
            let expected = "letters, digits and - . _ ~ + /, with = at the end alone (RFC 6750 section 2.1)";
            errors.push(config.error("palisade.admin.token", expected));
        }
        settings
    }

    pub(super) fn findings(&self, config: &Config) -> Option<Finding> {
        let message = "the admin listener has no access control and can be reached from other machines";
        (self.enabled && !self.bind.ip().is_loopback()).then(|| {
            located(
                config,
                Severity::Severe,
                "admin-not-on-loopback",
                message,
                "palisade.admin.bind",
            )
        })
    }
}

/// Whether a text can stand behind `Bearer`.
fn is_token(token: &Secret) -> bool {
    let bare = token.expose().trim_end_matches('=');
    !bare.is_empty()
        && bare
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}
