//! The caller's certificate as the key that responses are encrypted to.

use std::fmt;
use std::sync::Arc;

use http::Extensions;
use palisade_core::ClientCertificate;
use palisade_core::facts::client_certificate;
use palisade_keystore::{Certificate, PublicKey};
use quick_cache::sync::Cache;

use crate::algorithms::Algorithms;
use crate::keys::EncryptionKey;
use crate::rejection::Refused;

/// How many callers' keys are kept ready. Another caller's takes the place of the one used least.
const READY: usize = 1024;

/// Makes keys out of callers' certificates, and keeps those that were used of late.
pub(super) struct Recipients {
    algorithms: Algorithms,
    ready: Cache<[u8; 32], Arc<EncryptionKey>>,
}

impl Recipients {
    pub(super) fn new(algorithms: Algorithms) -> Self {
        Self {
            algorithms,
            ready: Cache::new(READY),
        }
    }

    /// The key of the caller of this exchange.
    pub(super) fn of(&self, facts: &Extensions) -> Result<Arc<EncryptionKey>, Refused> {
        let certificate = client_certificate(facts).ok_or(Refused::NoCallerCertificate)?;
        self.ready
            .get_or_insert_with(&certificate.fingerprint, || self.key(certificate).map(Arc::new))
    }

    fn key(&self, certificate: &ClientCertificate) -> Result<EncryptionKey, Refused> {
        let unusable = |why: String| Refused::CallerCertificate(why);
        let certificate =
            Certificate::from_der(certificate.der.to_vec()).map_err(|error| unusable(error.to_string()))?;
        let key = PublicKey::from_certificate("caller", certificate)
            .map_err(|error| unusable(error.to_string()))?;
        EncryptionKey::new("caller", &key, &self.algorithms).map_err(|error| unusable(error.to_string()))
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipients")
            .field("algorithms", &self.algorithms)
            .field("ready", &self.ready.len())
            .finish()
    }
}
