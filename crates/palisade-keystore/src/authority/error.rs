//! Why an authority cannot do what it is asked.

use std::path::PathBuf;

use super::{BadList, BadRequest};
use crate::error::StoreError;
use crate::issued::NotIssued;
use crate::private_key::NoRandomness;
use crate::writer::WriteError;

/// Why an authority cannot be made, read, or do what it is asked. No text here carries a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// A name is empty, too long, or has control characters.
    #[error("the {what} must have 1 to 64 characters, and no control characters")]
    BadName {
        /// Which name.
        what: &'static str,
    },
    /// A name cannot stand in a certificate.
    #[error("`{name}` is no host name, mailbox or URI that a certificate can carry")]
    BadAlternativeName {
        /// The name.
        name: String,
    },
    /// A period is empty, or leads beyond the year 9999.
    #[error("a period of validity must last a second at least, and end before the year 10000")]
    BadPeriod,
    /// The authority's own certificate has ended, or has not begun.
    #[error("the certificate of the authority `{subject}` is not valid now: it issues nothing")]
    NotValid {
        /// The authority.
        subject: String,
    },
    /// A signing request is not taken.
    #[error("the request cannot be taken: {0}")]
    Request(#[from] BadRequest),
    /// The certificate is no authority's, or its key is of a kind that signs nothing here.
    #[error("`{subject}` cannot be used as an authority: {reason}")]
    NoAuthority {
        /// The subject of the certificate.
        subject: String,
        /// Why not.
        reason: &'static str,
    },
    /// There is no authority in the folder.
    #[error("there is no certificate authority: {} is not there", path.display())]
    Missing {
        /// The file of its certificate.
        path: PathBuf,
    },
    /// A file exists, and is not overwritten.
    #[error("{} exists, and is not overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The revocation list is lost. An empty one in its place would forget what was revoked.
    #[error("the revocation list {} is lost: an empty one would forget what was revoked", path.display())]
    ListMissing {
        /// The file.
        path: PathBuf,
    },
    /// The revocation list is not the authority's own.
    #[error("{}: {reason}", path.display())]
    BadList {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: BadList,
    },
    /// A file holds something else than it should.
    #[error("{}: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read, or what it holds cannot be used.
    #[error("{0}")]
    Store(StoreError),
    /// A file cannot be written.
    #[error("cannot write {}: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// The private key cannot be written.
    #[error("the authority's private key: {0}")]
    Key(WriteError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// The library does not sign.
    #[error("it cannot be signed: {0}")]
    Signing(String),
    /// What was made does not verify, and is thrown away.
    #[error("the certificate that was made does not verify, and is thrown away: {0}")]
    NotIssued(NotIssued),
    /// The list that was made does not verify, and is thrown away.
    #[error("the revocation list that was made does not verify, and is thrown away")]
    SelfCheck,
}

impl From<NoRandomness> for AuthorityError {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}
