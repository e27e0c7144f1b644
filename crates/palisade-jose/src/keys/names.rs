//! The names by which a message may mean a key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_keystore::PublicKey;

/// Alias, `kid`, and whatever else a `kid` may say.
#[derive(Clone)]
pub(crate) struct KeyNames {
    alias: String,
    kid: String,
    others: Vec<String>,
}

impl KeyNames {
    pub(super) fn new(alias: &str, key: &PublicKey) -> Self {
        let mut others = Vec::new();
        if key.alias() != alias {
            others.push(key.alias().to_owned());
        }
        if let Some(certificate) = key.certificate() {
            others.push(URL_SAFE_NO_PAD.encode(certificate.facts().fingerprint));
        }
        Self {
            alias: alias.to_owned(),
            kid: key.kid().to_owned(),
            others,
        }
    }

    /// Adds the alias as it is configured, which is then the one shown.
    pub(super) fn known_as(&mut self, alias: &str) {
        if alias != self.alias {
            self.others
                .push(std::mem::replace(&mut self.alias, alias.to_owned()));
        }
    }

    pub(crate) fn alias(&self) -> &str {
        &self.alias
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether a `kid` means this key. No secret is compared here.
    pub(crate) fn fits(&self, kid: &str) -> bool {
        self.kid == kid || self.alias == kid || self.others.iter().any(|name| name == kid)
    }

    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("alias", &self.alias)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}
