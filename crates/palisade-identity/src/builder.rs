//! Authentication in code.

use std::sync::Arc;

use http::HeaderName;
use palisade_core::{Clock, SystemClock};
use palisade_directory::{Directory, Snapshot};

use crate::authentication::Authentication;
use crate::bearer::Bearer;
use crate::challenges::{Challenged, Challenges, NotQuotable};
use crate::credentials::On;
use crate::how::How;
use crate::passwords::Passwords;
use crate::table::TwoWayMode;

/// Everything that an [`Authentication`] is made of.
pub(crate) struct Parts<'a> {
    pub(crate) mode: TwoWayMode,
    pub(crate) is_required: bool,
    pub(crate) realm: &'a str,
    pub(crate) certificates: bool,
    pub(crate) basic: bool,
    pub(crate) api_keys: Option<HeaderName>,
    pub(crate) bearer: Option<Bearer>,
    pub(crate) directory: Option<Arc<Directory>>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Authentication {
    /// Begins one in code. Nothing is on before it is allowed.
    pub fn builder() -> AuthenticationBuilder {
        AuthenticationBuilder::default()
    }

    pub(crate) fn assemble(parts: Parts<'_>) -> Result<Self, NotQuotable> {
        let challenged = Challenged {
            certificate: parts.certificates,
            basic: parts.basic,
            bearer: parts.bearer.is_some(),
            api_key: parts.api_keys.as_ref(),
        };
        Ok(Self {
            challenges: Challenges::new(parts.realm, challenged)?,
            mode: parts.mode,
            is_required: parts.is_required,
            on: On {
                basic: parts.basic,
                bearer: parts.bearer.is_some(),
                api_key: parts.api_keys.is_some(),
            },
            certificates: parts.certificates,
            api_key_field: parts.api_keys.unwrap_or(HeaderName::from_static("x-api-key")),
            directory: parts.directory,
            passwords: Passwords::new(Arc::clone(&parts.clock)),
            bearer: parts.bearer,
            clock: parts.clock,
            how: How::default(),
        })
    }
}

/// Makes an [`Authentication`] in code.
#[derive(Debug, Default)]
pub struct AuthenticationBuilder {
    mode: TwoWayMode,
    is_optional: bool,
    realm: Option<String>,
    certificates: bool,
    basic: bool,
    api_keys: Option<HeaderName>,
    bearer: Option<Bearer>,
    directory: Option<Arc<Directory>>,
    clock: Option<Arc<dyn Clock>>,
}

/// What an [`AuthenticationBuilder`] lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// No scheme is on.
    #[error("nobody could sign in: no scheme is on")]
    NoSchemes,
    /// Certificates are demanded and not accepted.
    #[error("the mode demands certificates, which are not accepted")]
    NoCertificates,
    /// The realm is not printable ASCII.
    #[error("the realm is not printable ASCII")]
    Realm,
}

impl AuthenticationBuilder {
    /// The users and tenants that certificates, passwords and API keys are looked up among.
    #[must_use]
    pub fn directory(mut self, directory: Arc<Directory>) -> Self {
        self.directory = Some(directory);
        self
    }

    /// Users and tenants that never change.
    #[must_use]
    pub fn fixed_directory(self, snapshot: Snapshot) -> Self {
        self.directory(Arc::new(Directory::new(snapshot)))
    }

    /// Accepts client certificates that are registered in the directory.
    #[must_use]
    pub fn accept_certificates(mut self) -> Self {
        self.certificates = true;
        self
    }

    /// Accepts user and password (RFC 7617).
    #[must_use]
    pub fn accept_basic(mut self) -> Self {
        self.basic = true;
        self
    }

    /// Accepts tokens (RFC 6750).
    #[must_use]
    pub fn accept_bearer(mut self, bearer: Bearer) -> Self {
        self.bearer = Some(bearer);
        self
    }

    /// Accepts API keys in that field, such as `x-api-key`.
    #[must_use]
    pub fn accept_api_keys(mut self, field: HeaderName) -> Self {
        self.api_keys = Some(field);
        self
    }

    /// Says what certificates are for beside credentials.
    #[must_use]
    pub fn two_way_mode(mut self, mode: TwoWayMode) -> Self {
        self.mode = mode;
        self
    }

    /// Lets requests that bring nothing pass without a principal. What is brought still has to be good.
    #[must_use]
    pub fn allow_unauthenticated(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Tells callers what their credentials are for; `palisade` otherwise.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Takes time from that clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Makes it.
    pub fn build(self) -> Result<Authentication, AuthenticationError> {
        if !(self.certificates || self.basic || self.api_keys.is_some() || self.bearer.is_some()) {
            return Err(AuthenticationError::NoSchemes);
        }
        if self.mode != TwoWayMode::Default && !self.certificates {
            return Err(AuthenticationError::NoCertificates);
        }
        let parts = Parts {
            mode: self.mode,
            is_required: !self.is_optional,
            realm: self.realm.as_deref().unwrap_or("palisade"),
            certificates: self.certificates,
            basic: self.basic,
            api_keys: self.api_keys,
            bearer: self.bearer,
            directory: self.directory,
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
        };
        Authentication::assemble(parts).map_err(|NotQuotable| AuthenticationError::Realm)
    }
}
