//! What operators write.

use serde::Deserialize;

use crate::bearer::BearerSettings;
use crate::table::TwoWayMode;

/// Settings of the stage `authentication`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct AuthenticationSettings {
    /// The schemes that are on: `certificate`, `basic`, `bearer`, `api-key`; without it, each of them that has settings or, in the
    /// directory, callers.
    pub schemes: Option<Vec<Scheme>>,
    /// What certificates are for beside credentials: `default` (either will do), `force` (required where the listener asks for
    /// them), `exclusive` (required everywhere).
    pub two_way_mode: TwoWayMode,
    /// Whether a request has to prove who is calling. Otherwise one that brings nothing passes without a name, and what is
    /// brought still has to be good.
    pub required: bool,
    /// What callers are told that their credentials are for.
    pub realm: String,
    /// Tokens.
    pub bearer: Option<BearerSettings>,
    /// API keys.
    pub api_key: ApiKeySettings,
}

impl Default for AuthenticationSettings {
    fn default() -> Self {
        Self {
            schemes: None,
            two_way_mode: TwoWayMode::Default,
            required: true,
            realm: "palisade".to_owned(),
            bearer: None,
            api_key: ApiKeySettings::default(),
        }
    }
}

/// A way to prove who is calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Scheme {
    /// A client certificate that is registered for a user or a tenant.
    Certificate,
    /// User and password (RFC 7617).
    Basic,
    /// A signed token (RFC 6750).
    Bearer,
    /// A key in a field of its own.
    ApiKey,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Certificate, Self::Basic, Self::Bearer, Self::ApiKey];

    /// The name that settings use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Basic => "basic",
            Self::Bearer => "bearer",
            Self::ApiKey => "api-key",
        }
    }
}

/// `authentication.api-key`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct ApiKeySettings {
    /// The field that carries the key.
    pub header: String,
}

impl Default for ApiKeySettings {
    fn default() -> Self {
        Self {
            header: "X-API-Key".to_owned(),
        }
    }
}
