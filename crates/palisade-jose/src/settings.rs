//! What operators write.

use palisade_core::settings::Period;
use serde::Deserialize;

/// Settings of message security on the server's side: `palisade.interceptors.<Name>.`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct MessageSecuritySettings {
    /// What requests have to be.
    pub request: RequestSettings,
    /// What responses are made.
    pub response: ResponseSettings,
    /// What holds for both.
    pub message: MessageSettings,
}

/// Settings of the roots `request.` on the server's side.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RequestSettings {
    /// Decryption of requests.
    pub decryption: ReadProfileSettings,
    /// Verification of the signatures of requests.
    pub signature: ReadProfileSettings,
    /// Times of requests.
    pub timestamp: TimestampSettings,
    /// Whether a message is accepted once; without it, where timestamp and signature are on.
    pub replay_protection: Option<bool>,
    /// Whether a request without a body may pass unsecured.
    pub bodiless: Bodiless,
    /// Whether a message has to name the method and target it is made for.
    pub binding: Binding,
    /// The name of this server in `aud`; a message that has another, or none, is refused.
    pub audience: Option<String>,
}

/// Settings of the roots `response.` on the server's side.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ResponseSettings {
    /// Encryption of responses.
    pub encryption: WriteProfileSettings,
    /// Signatures of responses.
    pub signature: WriteProfileSettings,
    /// Times of responses.
    pub timestamp: TimestampSettings,
}

/// Settings of message security on the client's side: `palisade.client.interceptors.<Name>.`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ClientMessageSecuritySettings {
    /// What requests are made.
    pub request: ClientRequestSettings,
    /// What responses have to be.
    pub response: ClientResponseSettings,
    /// What holds for both.
    pub message: MessageSettings,
}

/// Settings of the roots `request.` on the client's side.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ClientRequestSettings {
    /// Encryption of requests.
    pub encryption: WriteProfileSettings,
    /// Signatures of requests.
    pub signature: WriteProfileSettings,
    /// Times of requests.
    pub timestamp: TimestampSettings,
    /// The `aud` that requests are given.
    pub audience: Option<String>,
    /// Whether a request without a body is sent unsecured.
    pub bodiless: Bodiless,
}

/// Settings of the roots `response.` on the client's side.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ClientResponseSettings {
    /// Decryption of responses.
    pub decryption: ReadProfileSettings,
    /// Verification of the signatures of responses.
    pub signature: ReadProfileSettings,
    /// Times of responses.
    pub timestamp: TimestampSettings,
    /// Whether responses that are not secured are accepted.
    pub accept_unsecured_messages: bool,
    /// Whether a response has to name the request it answers.
    pub binding: Binding,
    /// The name of this client in `aud`; a response that has another, or none, is refused.
    pub audience: Option<String>,
}

/// Settings of `message.`, the same on both sides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct MessageSettings {
    /// The message format: `jwt`, `raw`, or one of your own.
    pub format: String,
    /// Whether answers with status 4xx and 5xx are secured too.
    pub secure_errors: bool,
}

impl Default for MessageSettings {
    fn default() -> Self {
        Self {
            format: "jwt".to_owned(),
            secure_errors: false,
        }
    }
}

/// Settings of a profile that reads: decryption, or verification.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ReadProfileSettings {
    /// Whether the profile is on.
    pub enabled: bool,
    /// The aliases of the keys to try; the first is the current one.
    pub key_alias: Vec<String>,
    /// The algorithms that are accepted, `alg` and `enc` in one list; without it, the default of each key's type.
    pub algorithms: Vec<String>,
}

/// Settings of a profile that writes: encryption, or signing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WriteProfileSettings {
    /// Whether the profile is on.
    pub enabled: bool,
    /// The alias of the key; `caller` for the certificate of the caller, where a response is encrypted.
    pub key_alias: Option<String>,
    /// The algorithms to use, `alg` and `enc` in one list, the first of each; without it, the default of the key's type.
    pub algorithms: Vec<String>,
}

/// Settings of a timestamp profile; each side uses the keys of what it does.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TimestampSettings {
    /// Whether the profile is on.
    pub enabled: bool,
    /// Reading: how far the clocks of both sides may differ (300s).
    pub max_clock_skew: Option<Period>,
    /// Reading: the longest life of a message (300s).
    pub max_ttl: Option<Period>,
    /// Writing: the life a message is given (300s).
    pub ttl: Option<Period>,
}

/// What becomes of a request without a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bodiless {
    /// It is secured like any other; one that is not, is refused.
    #[default]
    Reject,
    /// GET, HEAD and DELETE without a body pass unsecured.
    Allow,
}

/// Whether a message has to say what it is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binding {
    /// What it says has to fit; it may say nothing.
    #[default]
    IfPresent,
    /// It has to say it.
    Required,
}
