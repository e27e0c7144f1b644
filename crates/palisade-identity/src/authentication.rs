//! Who is calling: from evidence to a principal.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderName, HeaderValue};
use palisade_core::facts::{X_ON_BEHALF_OF, client_certificate};
use palisade_core::{ClientCertificate, Clock, Connection, Principal};
use palisade_directory::{Directory, Snapshot, User};

use crate::bearer::{Accepted, BadToken, Bearer};
use crate::challenges::Challenges;
use crate::credentials::{self, Credentials, On, UserAndPassword};
use crate::denied::{BadCertificate, BadCredentials, Denied, NotOnBehalf};
use crate::how::How;
use crate::passwords::Passwords;
use crate::table::{self, CertificateRequest, Demand, Evidence, TwoWayMode};

/// Finds out who is calling.
///
/// Built from settings, or in code with [`Authentication::builder`]; as a layer of its own with [`layer`](Self::layer).
#[derive(Debug)]
pub struct Authentication {
    pub(crate) mode: TwoWayMode,
    pub(crate) is_required: bool,
    pub(crate) on: On,
    pub(crate) certificates: bool,
    pub(crate) api_key_field: HeaderName,
    pub(crate) directory: Option<Arc<Directory>>,
    pub(crate) passwords: Passwords,
    pub(crate) bearer: Option<Bearer>,
    pub(crate) challenges: Challenges,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) how: How,
}

/// What a request brings, and what has to be done with it.
pub(crate) struct Case<'a> {
    demand: Demand,
    credentials: Option<Credentials<'a>>,
    certificate: Option<&'a Arc<ClientCertificate>>,
    acts_for: Option<&'a str>,
}

/// Whom good credentials stand for.
pub(crate) enum Caller {
    /// A user of the directory, by password.
    User(Arc<User>),
    /// A user of the directory, by a key that has a name and scopes.
    KeyHolder {
        user: Arc<User>,
        name: Arc<str>,
        scopes: Arc<[Arc<str>]>,
    },
    /// The subject of a token, and the user of that name, where there is one.
    Bearer {
        accepted: Arc<Accepted>,
        user: Option<Arc<User>>,
    },
}

impl Caller {
    fn user(&self) -> Option<&Arc<User>> {
        match self {
            Self::User(user) | Self::KeyHolder { user, .. } => Some(user),
            Self::Bearer { user, .. } => user.as_ref(),
        }
    }

    fn name(&self) -> &Arc<str> {
        match self {
            Self::User(user) | Self::KeyHolder { user, .. } => &user.name,
            Self::Bearer { accepted, .. } => &accepted.token.subject,
        }
    }
}

impl Authentication {
    /// Looks at the request and at the table. `None`: nothing is brought, and nothing has to be.
    pub(crate) fn examine<'a>(&self, head: &'a Parts) -> Result<Option<Case<'a>>, Denied> {
        let credentials = credentials::read(&head.headers, self.on, &self.api_key_field);
        let certificate = client_certificate(&head.extensions).filter(|_| self.certificates);
        let evidence = Evidence::of(!matches!(credentials, Ok(None)), certificate.is_some());
        let acts_for = acts_for(head, evidence)?;
        if evidence == Evidence::Nothing && !self.is_required {
            return Ok(None);
        }
        let demand = table::demand(self.mode, listener(head), evidence);
        match demand {
            Demand::CredentialsMissing => return Err(Denied::CredentialsMissing),
            Demand::CertificateRequired => return Err(Denied::CertificateRequired),
            Demand::Credentials | Demand::Certificate | Demand::CredentialsAndCertificate => {}
        }
        Ok(Some(Case {
            demand,
            credentials: credentials.map_err(BadCredentials::from)?,
            certificate,
            acts_for,
        }))
    }

    /// Whom the request is of, where that can be known without waiting.
    pub(crate) fn decide_now(&self, head: &Parts, case: &Case<'_>) -> Option<Result<Arc<Principal>, Denied>> {
        let caller = match &case.credentials {
            None => None,
            Some(credentials) => match self.caller_now(credentials)? {
                Ok(caller) => Some(caller),
                Err(denied) => return Some(Err(denied)),
            },
        };
        Some(self.conclude(head, case, caller))
    }

    /// Whom the request is of.
    pub(crate) async fn decide(&self, head: &Parts, case: &Case<'_>) -> Result<Arc<Principal>, Denied> {
        let caller = match &case.credentials {
            None => None,
            Some(credentials) => Some(self.caller(credentials).await?),
        };
        self.conclude(head, case, caller)
    }

    fn caller_now(&self, credentials: &Credentials<'_>) -> Option<Result<Caller, Denied>> {
        Some(match credentials {
            Credentials::ApiKey(key) => self.of_api_key(key),
            Credentials::Bearer(token) => match self.bearer.as_ref() {
                Some(bearer) => self.of_token(bearer.accept_now(token)?),
                None => Err(Denied::CredentialsMissing),
            },
            Credentials::Basic(basic) => {
                let snapshot = self.directory.as_ref()?.current();
                let user = snapshot.user(basic.user());
                let hash = user.and_then(|user| user.password_hash.as_ref());
                let seen = (self.passwords).seen(
                    basic.user(),
                    hash.unwrap_or(snapshot.decoy_for(basic.user())),
                    basic.password(),
                )?;
                of_password(user, hash.is_some() && seen)
            }
        })
    }

    async fn caller(&self, credentials: &Credentials<'_>) -> Result<Caller, Denied> {
        match credentials {
            Credentials::ApiKey(key) => self.of_api_key(key),
            Credentials::Bearer(token) => match self.bearer.as_ref() {
                Some(bearer) => self.of_token(bearer.accept(token).await),
                None => Err(Denied::CredentialsMissing),
            },
            Credentials::Basic(basic) => self.of_basic(basic).await,
        }
    }

    /// The same work for every user and none: a password that nobody has stands in where there is none.
    async fn of_basic(&self, basic: &UserAndPassword) -> Result<Caller, Denied> {
        let directory = self.directory.as_ref().ok_or(Denied::CredentialsMissing)?;
        let (user, own, hash) = {
            let snapshot = directory.current();
            let user = snapshot.user(basic.user()).cloned();
            let own = user.as_ref().and_then(|user| user.password_hash.clone());
            let hash = own
                .clone()
                .unwrap_or_else(|| snapshot.decoy_for(basic.user()).clone());
            (user, own, hash)
        };
        let verified = (self.passwords).verify(basic.user(), &hash, basic.password());
        of_password(user.as_ref(), verified.await? && own.is_some())
    }

    fn of_api_key(&self, key: &str) -> Result<Caller, Denied> {
        let directory = self.directory.as_ref().ok_or(Denied::CredentialsMissing)?;
        let snapshot = directory.current();
        let found = snapshot.api_key(key, self.clock.now());
        let found = found.ok_or(BadCredentials::UnknownKey)?;
        Ok(Caller::KeyHolder {
            user: active(found.user)?,
            name: Arc::clone(&found.key.name),
            scopes: Arc::clone(&found.key.scopes),
        })
    }

    fn of_token(&self, verified: Result<Arc<Accepted>, BadToken>) -> Result<Caller, Denied> {
        let accepted = verified.map_err(BadCredentials::from)?;
        let subject = &accepted.token.subject;
        let directory = self.directory.as_ref();
        let user = directory.and_then(|directory| directory.current().user(subject).cloned());
        if user.as_ref().is_some_and(|user| !user.is_active) {
            return Err(BadCredentials::InactiveSubject(Arc::clone(subject)).into());
        }
        Ok(Caller::Bearer { accepted, user })
    }

    /// What is left to be seen once the credentials are good.
    fn conclude(
        &self,
        head: &Parts,
        case: &Case<'_>,
        caller: Option<Caller>,
    ) -> Result<Arc<Principal>, Denied> {
        let Some(caller) = caller else {
            let certificate = case.certificate.ok_or(Denied::CredentialsMissing)?;
            return self.of_certificate(certificate, case.acts_for);
        };
        if let Caller::Bearer { accepted, .. } = &caller
            && let Some(bound_to) = &accepted.token.certificate
        {
            // The connection's certificate, whether or not certificates are a way to sign in here.
            let shown = client_certificate(&head.extensions).map(|certificate| &certificate.fingerprint);
            if shown != Some(bound_to) {
                return Err(BadCredentials::BoundToAnotherCertificate.into());
            }
        }
        let with_certificate = case.demand == Demand::CredentialsAndCertificate;
        if with_certificate {
            let certificate = case.certificate.ok_or(Denied::CertificateRequired)?;
            if !self.is_of(certificate, &caller) {
                return Err(BadCertificate::NotTheCallers(Arc::clone(caller.name())).into());
            }
        }
        let make = || self.how.principal(&caller, with_certificate);
        Ok(match &caller {
            Caller::Bearer { accepted, user } if !with_certificate => {
                accepted.standing.principal(user.as_ref(), make)
            }
            _ => Arc::new(make()),
        })
    }

    /// The user's own certificate, or else the tenant's: that a user has one does not disable the tenant's.
    fn is_of(&self, certificate: &ClientCertificate, caller: &Caller) -> bool {
        let (Some(directory), Some(user)) = (&self.directory, caller.user()) else {
            return false;
        };
        let snapshot = directory.current();
        let owner = snapshot.user_of_certificate(&certificate.fingerprint);
        let tenant = snapshot.tenant_of_certificate(&certificate.fingerprint);
        owner.is_some_and(|owner| owner.name == user.name)
            || tenant.is_some_and(|tenant| user.tenant.as_ref() == Some(&tenant.name))
    }

    /// A certificate is the only evidence: its user's, or else its tenant's, who may act for a user.
    fn of_certificate(
        &self,
        certificate: &ClientCertificate,
        acts_for: Option<&str>,
    ) -> Result<Arc<Principal>, Denied> {
        let directory = self.directory.as_ref().ok_or(BadCertificate::Unregistered)?;
        let snapshot: &Snapshot = &directory.current();
        let fingerprint = &certificate.fingerprint;
        if let Some(user) = snapshot.user_of_certificate(fingerprint) {
            if !user.is_active {
                return Err(BadCertificate::Inactive(Arc::clone(&user.name)).into());
            }
            return match acts_for {
                Some(_) => Err(NotOnBehalf::NotATenant.into()),
                None => Ok(Arc::new(self.how.user_by_certificate(user))),
            };
        }
        let tenant = snapshot.tenant_of_certificate(fingerprint);
        let tenant = tenant.ok_or(BadCertificate::Unregistered)?;
        let Some(name) = acts_for else {
            return Ok(Arc::new(self.how.tenant(tenant)));
        };
        let user = snapshot
            .user(name)
            .filter(|user| user.is_active && user.tenant.as_deref() == Some(&*tenant.name));
        let user = user.ok_or(NotOnBehalf::NoSuchUser)?;
        Ok(Arc::new(self.how.user_by_tenant(user)))
    }
}

/// Whom a tenant wants to act for. The field is for certificates as the sole evidence.
fn acts_for(head: &Parts, evidence: Evidence) -> Result<Option<&str>, Denied> {
    let mut values = head.headers.get_all(&X_ON_BEHALF_OF).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if evidence != Evidence::Certificate {
        return Err(NotOnBehalf::NotATenant.into());
    }
    let text = |value: &'_ HeaderValue| value.to_str().is_ok_and(|text| !text.is_empty());
    if values.next().is_some() || !text(value) {
        return Err(NotOnBehalf::Unreadable.into());
    }
    Ok(value.to_str().ok())
}

fn listener(head: &Parts) -> CertificateRequest {
    let connection = head.extensions.get::<Arc<Connection>>();
    if connection.is_some_and(|connection| connection.asks_for_certificates) {
        CertificateRequest::Asked
    } else {
        CertificateRequest::NotAsked
    }
}

fn active(user: &Arc<User>) -> Result<Arc<User>, Denied> {
    if user.is_active {
        Ok(Arc::clone(user))
    } else {
        Err(BadCredentials::Inactive(Arc::clone(&user.name)).into())
    }
}

fn of_password(user: Option<&Arc<User>>, is_good: bool) -> Result<Caller, Denied> {
    let user = user.ok_or(BadCredentials::UnknownUser)?;
    if !is_good {
        return Err(BadCredentials::WrongPassword(Arc::clone(&user.name)).into());
    }
    active(user).map(Caller::User)
}
