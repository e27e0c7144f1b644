//! What operators write under `palisade.connections.<name>.tls`.

use palisade_core::{Finding, Severity, TlsVersion};
use palisade_keystore::{Keystores, LookupError};
use serde::Deserialize;

use crate::client::ClientBuilder;

/// The TLS side of outbound connections.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct ClientTlsSettings {
    /// The least TLS version; below `TLSv1.2` it stays `TLSv1.2`, with a finding.
    pub minimum_version: TlsVersion,
    /// The aliases of the trusted authorities; without any, the public ones are trusted.
    pub trust_aliases: Vec<String>,
    /// The alias of the key that this client presents.
    pub key_alias: Option<String>,
    /// Trusts every certificate: a severe finding.
    pub insecure_trust_all: bool,
}

impl Default for ClientTlsSettings {
    fn default() -> Self {
        Self {
            minimum_version: TlsVersion::LOWEST_SERVED,
            trust_aliases: Vec::new(),
            key_alias: None,
            insecure_trust_all: false,
        }
    }
}

impl ClientTlsSettings {
    /// Carries the settings over to a client. Every alias that finds nothing is reported, with the property it stands in.
    pub fn apply(
        &self,
        mut builder: ClientBuilder,
        keystores: &Keystores,
    ) -> Result<ClientBuilder, Vec<(&'static str, LookupError)>> {
        let mut errors = Vec::new();
        let mut authorities = Vec::new();
        for alias in &self.trust_aliases {
            match keystores.certificates(alias) {
                Ok(found) => authorities.extend(found),
                Err(error) => errors.push(("trust-aliases", error)),
            }
        }
        builder = builder.minimum_version(self.minimum_version);
        if let Some(alias) = &self.key_alias {
            match keystores.identity(alias) {
                Ok(entry) => builder = builder.identity(entry),
                Err(error) => errors.push(("key-alias", error)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        if !self.trust_aliases.is_empty() {
            builder = builder.trust_authorities(authorities);
        }
        Ok(if self.insecure_trust_all {
            builder.insecure_trust_all()
        } else {
            builder
        })
    }

    /// What is unwise about the settings; `key` is the property they stand under.
    pub fn findings(&self, key: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.insecure_trust_all {
            let message = "every certificate is trusted: anybody on the way can read and change everything";
            findings.push(
                Finding::new(Severity::Severe, "insecure-trust-all", message)
                    .at(format!("{key}.insecure-trust-all")),
            );
        }
        if self.minimum_version < TlsVersion::LOWEST_SERVED {
            let message = format!(
                "{} is never spoken: the floor stays {}",
                self.minimum_version,
                TlsVersion::LOWEST_SERVED
            );
            findings.push(
                Finding::new(Severity::Severe, "tls-version-obsolete", message)
                    .at(format!("{key}.minimum-version")),
            );
        }
        findings
    }
}
