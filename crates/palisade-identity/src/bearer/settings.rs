//! What operators write under `authentication.bearer`.

use std::path::PathBuf;

use palisade_core::settings::Period;
use serde::Deserialize;

use super::algorithm::TokenAlgorithm;

/// `authentication.bearer`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct BearerSettings {
    /// The issuer of the tokens, exactly as their `iss` has it. Required.
    pub issuer: Option<String>,
    /// The URL of the issuer's keys, a JWK Set: `https`, or `http` on a loopback host. This or `jwks-file` is required.
    pub jwks_uri: Option<String>,
    /// The aliases of the authorities that the certificate of `jwks-uri` has to come from; without any, the public ones.
    pub jwks_trust_aliases: Vec<String>,
    /// A file with the issuer's keys, a JWK Set, which is watched.
    pub jwks_file: Option<PathBuf>,
    /// Whom tokens are for: one of these has to stand in their `aud`. Required.
    pub audience: Vec<String>,
    /// The algorithms that are accepted, each for keys of its kind: `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`,
    /// `ES384`, `EdDSA`; without it `RS256`, `PS256`, `ES256`, `ES384` and `EdDSA`.
    pub algorithms: Option<Vec<TokenAlgorithm>>,
    /// How far clocks may differ; at most `5m`.
    pub clock_skew: Period,
}

impl Default for BearerSettings {
    fn default() -> Self {
        Self {
            issuer: None,
            jwks_uri: None,
            jwks_trust_aliases: Vec::new(),
            jwks_file: None,
            audience: Vec::new(),
            algorithms: None,
            clock_skew: Period::seconds(60),
        }
    }
}
