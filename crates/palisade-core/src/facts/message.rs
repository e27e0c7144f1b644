use std::sync::Arc;
use std::time::SystemTime;

/// When a secured message was made, and when it ends; both were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageTimes {
    /// `iat`: when it was made.
    pub issued_at: SystemTime,
    /// `exp`: when it ends.
    pub expires_at: SystemTime,
}

/// What message security established about the request's body. A request that was allowed to come unsecured has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SecuredMessage {
    /// The alias of the key that its signature was verified with, where it was.
    pub signed_by: Option<Arc<str>>,
    /// The alias of the key that it was decrypted with, where it was.
    pub decrypted_with: Option<Arc<str>>,
    /// `jti`: the name that the sender gave it.
    pub id: Option<Arc<str>>,
}

impl SecuredMessage {
    /// A message with the aliases of the keys that verified and decrypted it, and its `jti`.
    pub fn new(signed_by: Option<&str>, decrypted_with: Option<&str>, id: Option<&str>) -> Self {
        Self {
            signed_by: signed_by.map(Arc::from),
            decrypted_with: decrypted_with.map(Arc::from),
            id: id.map(Arc::from),
        }
    }
}
