//! Why a caller is not admitted.

use std::sync::Arc;

use palisade_core::pool::PoolError;

use crate::bearer::BadToken;
use crate::credentials::Unreadable;

/// Why a request is refused.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// It brings nothing, and has to.
    #[error("no credentials were sent")]
    CredentialsMissing,
    /// What it brings is not good.
    #[error("the credentials are not good")]
    CredentialsInvalid(#[from] BadCredentials),
    /// It brings no certificate, and has to.
    #[error("no client certificate was shown")]
    CertificateRequired,
    /// Its certificate is not registered for whoever it is.
    #[error("the client certificate is not accepted")]
    CertificateNotAccepted(#[from] BadCertificate),
    /// It names somebody to act for, and may not.
    #[error("acting for another is not allowed")]
    OnBehalfOfNotAllowed(#[from] NotOnBehalf),
    /// Too many passwords wait to be verified.
    #[error(transparent)]
    Busy(#[from] PoolError),
}

/// Why credentials are not good. For the log: the peer is never told which.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BadCredentials {
    /// They cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// There is no such user.
    #[error("there is no such user")]
    UnknownUser,
    /// The user has no password, or another one.
    #[error("the password of user {0} is wrong")]
    WrongPassword(Arc<str>),
    /// The user may not sign in.
    #[error("user {0} is not active")]
    Inactive(Arc<str>),
    /// The subject of the token is a user who may not sign in.
    #[error("the token is good, and its subject, user {0}, is not active")]
    InactiveSubject(Arc<str>),
    /// There is no such API key, or no longer.
    #[error("there is no such API key, or no longer")]
    UnknownKey,
    /// The token is not good.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// The token is bound to another certificate than the connection's (RFC 8705 section 3).
    #[error("the token is bound to a certificate that the connection does not have")]
    BoundToAnotherCertificate,
}

/// Why a certificate is not accepted. For the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCertificate {
    /// Nobody has registered it.
    #[error("it is registered for nobody")]
    Unregistered,
    /// Its user may not sign in.
    #[error("its user {0} is not active")]
    Inactive(Arc<str>),
    /// It is neither the user's nor that of the user's tenant.
    #[error("it is registered neither for {0} nor for their tenant")]
    NotTheCallers(Arc<str>),
}

/// Why nobody is acted for. For the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOnBehalf {
    /// The field is for tenants that show their certificate and nothing else.
    #[error("the only evidence has to be the certificate of a tenant")]
    NotATenant,
    /// The field is there several times, or is no name.
    #[error("the field names nobody")]
    Unreadable,
    /// The tenant has no such user that is active.
    #[error("the tenant has no active user of that name")]
    NoSuchUser,
}
