//! Why a database does not do what was asked.

use crate::fingerprint::print_fingerprint;
use crate::name::BadName;
use crate::password::HashingFailed;
use crate::strength::WeakPassword;

/// Why a database does not do what was asked. No text shows a hash, a key or a password, not even that of the database's URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The directory is that of the property files.
    #[error("users and tenants of the property files are not in a database")]
    NotADatabase,
    /// The database cannot be opened, or does not answer as it should.
    #[error("{place}: {reason}")]
    Unusable {
        /// Where it is, without user and password.
        place: String,
        /// What went wrong.
        reason: String,
    },
    /// What was a directory is none any more: its file or its tables are gone.
    #[error("{place}: its file or its tables are gone")]
    Gone {
        /// Where it was.
        place: String,
    },
    /// A newer version of this software has changed the tables.
    #[error("{place}: its tables are of a newer version of Palisade than this one")]
    Newer {
        /// Where it is.
        place: String,
    },
    /// The tables are of an older version, and cannot be read as they are.
    #[error(
        "{place}: its tables are of an older version of Palisade ({reason}); any command that changes the directory, such as \
         `palisade user enable`, brings them up to date"
    )]
    Older {
        /// Where it is.
        place: String,
        /// What went wrong.
        reason: String,
    },
    /// What the database holds makes no directory.
    #[error("{place}: {reason}")]
    Corrupt {
        /// Where it is.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A name that does not follow the grammar.
    #[error(transparent)]
    Name(#[from] BadName),
    /// A scope that does not follow the grammar.
    #[error("expected scopes of visible ASCII characters other than `\"`, `\\` and `,`")]
    Scope,
    /// A password that is too weak.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// There is no such user.
    #[error("there is no user `{}`", .0.escape_debug())]
    NoSuchUser(String),
    /// There is no such tenant.
    #[error("there is no tenant `{}`", .0.escape_debug())]
    NoSuchTenant(String),
    /// There is no such certificate.
    #[error("there is no such certificate that is not revoked")]
    NoSuchCertificate,
    /// There is no such API key.
    #[error("there is no API key `{}` that is not revoked", .0.escape_debug())]
    NoSuchApiKey(String),
    /// The user is there already.
    #[error("there is a user `{}` already", .0.escape_debug())]
    UserExists(String),
    /// The tenant is there already.
    #[error("there is a tenant `{}` already", .0.escape_debug())]
    TenantExists(String),
    /// The certificate is somebody's already, or was until it was revoked.
    #[error("certificate {} is that of {owner} already{}", print_fingerprint(fingerprint), if *is_revoked { ", and revoked" } else { "" })]
    CertificateExists {
        /// SHA-256 over its DER.
        fingerprint: [u8; 32],
        /// Whose it is.
        owner: super::Owner,
        /// Whether it is revoked, so that it does not come back.
        is_revoked: bool,
    },
    /// Several certificates have one serial number.
    #[error("{count} certificates have that serial number: name the one that is meant by its SHA-256")]
    Ambiguous {
        /// How many.
        count: usize,
    },
    /// No hash could be made.
    #[error(transparent)]
    Hashing(#[from] HashingFailed),
}

/// What went wrong with a database, in words that have nothing of its URL but names.
pub(super) fn reason(error: &sqlx::Error) -> String {
    match error {
        // Details of a database's error may quote a row.
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::PoolTimedOut => "no connection within 5 seconds".to_owned(),
        other => other.to_string(),
    }
}
