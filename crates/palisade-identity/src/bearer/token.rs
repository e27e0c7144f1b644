//! What a good token says.

use std::sync::Arc;
use std::time::SystemTime;

/// What a verified token says of its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// Whom it is about: `sub`, at most 512 bytes without control characters.
    pub subject: Arc<str>,
    /// Its claim `roles`: an array, or names with spaces between them.
    pub roles: Arc<[Arc<str>]>,
    /// Its claim `scope` (RFC 8693 section 4.2), or else `scp`: names with spaces between them, or an array.
    pub scopes: Arc<[Arc<str>]>,
    /// The SHA-256 of the certificate it is bound to (`cnf.x5t#S256`, RFC 8705 section 3.1). Whoever brings another one, or none,
    /// is not its holder: the caller of [`Bearer`](super::Bearer) compares.
    pub certificate: Option<[u8; 32]>,
    /// When it ends, without the skew that is allowed for.
    pub expires_at: SystemTime,
}
