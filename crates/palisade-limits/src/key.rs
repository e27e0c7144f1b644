//! Whose share a request uses.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest::{Context as Hash, SHA256, digest};
use http::{HeaderName, request};
use palisade_core::{ClientAddress, FactKind, LimitKey, MatchedGroup, Phase, Principal, facts};

/// What stands before the name of a tenant among names of callers.
const TENANT: &str = "tenant:";

/// By what the shares of a limit are told apart.
///
/// A request of which that is not known shares one bucket with all others like it; it is never an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyBy {
    /// The client's address; of an IPv6 address the first 64 bits.
    Peer,
    /// The caller's name; of a tenant that speaks for itself, `tenant:` and its name.
    Principal,
    /// The caller's tenant.
    Tenant,
    /// The name of the API key that was shown.
    ApiKey,
    /// The value of that field. Clients choose it freely, unless something in front of the server sets it.
    Header(HeaderName),
    /// The endpoint group.
    Endpoint,
    /// Nothing: everybody shares one bucket.
    Global,
}

/// A text that is no key of limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("peer, principal, tenant, api-key, header:<name>, endpoint or global")]
pub struct ParseKeyError;

impl FromStr for KeyBy {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        Ok(match text {
            "peer" => Self::Peer,
            "principal" => Self::Principal,
            "tenant" => Self::Tenant,
            "api-key" => Self::ApiKey,
            "endpoint" => Self::Endpoint,
            "global" => Self::Global,
            _ => {
                let name = text.strip_prefix("header:").ok_or(ParseKeyError)?;
                Self::Header(name.trim().parse().map_err(|_| ParseKeyError)?)
            }
        })
    }
}

impl fmt::Display for KeyBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Peer => "peer",
            Self::Principal => "principal",
            Self::Tenant => "tenant",
            Self::ApiKey => "api-key",
            Self::Header(name) => return write!(f, "header:{name}"),
            Self::Endpoint => "endpoint",
            Self::Global => "global",
        })
    }
}

impl KeyBy {
    /// Where a limit with this key stands: before anybody is known, or behind.
    pub(crate) fn phase(&self) -> Phase {
        match self {
            Self::Peer | Self::Header(_) | Self::Endpoint | Self::Global => Phase::AnonymousLimits,
            Self::Principal | Self::Tenant | Self::ApiKey => Phase::PrincipalLimits,
        }
    }

    /// The facts that it is made of.
    pub(crate) fn reads(&self) -> &'static [FactKind] {
        match self {
            Self::Peer => &[FactKind::ClientAddress],
            Self::Principal | Self::Tenant | Self::ApiKey => &[FactKind::Principal],
            Self::Header(_) | Self::Endpoint | Self::Global => &[],
        }
    }

    /// The key of a request.
    pub(crate) fn of(&self, head: &request::Parts) -> LimitKey {
        let principal = || head.extensions.get::<Arc<Principal>>();
        let known = match self {
            Self::Peer => match facts::client_address(&head.extensions) {
                ClientAddress::Known(ip) => Some(LimitKey::address(ip)),
                ClientAddress::Unknown => None,
            },
            // A tenant that speaks for itself is no user of that name.
            Self::Principal => principal().map(|principal| {
                if principal.is_tenant {
                    named(&format!("{TENANT}{}", principal.subject))
                } else {
                    named(&principal.subject)
                }
            }),
            Self::Tenant => principal().and_then(|principal| {
                let own = principal.is_tenant.then_some(&principal.subject);
                principal.tenant.as_ref().or(own).map(|tenant| named(tenant))
            }),
            Self::ApiKey => principal().and_then(|principal| principal.api_key.as_deref().map(named)),
            Self::Header(name) => {
                let mut values = head.headers.get_all(name).iter().peekable();
                values
                    .peek()
                    .is_some()
                    .then(|| of_values(values.map(http::HeaderValue::as_bytes)))
            }
            Self::Endpoint => head
                .extensions
                .get::<MatchedGroup>()
                .map(|group| named(&group.name)),
            Self::Global => Some(LimitKey::EVERYBODY),
        };
        known.unwrap_or(LimitKey::UNKNOWN)
    }

    /// The key that an operator speaks of, by an address, a name, or the value of a field. Those in parentheses are as they are
    /// shown.
    pub(crate) fn named(&self, text: &str) -> Result<LimitKey, String> {
        match (self, text) {
            (_, "(unknown)") => Ok(LimitKey::UNKNOWN),
            (_, "(overflow)") => Ok(LimitKey::OVERFLOW),
            (Self::Global, "" | "(everybody)") => Ok(LimitKey::EVERYBODY),
            (Self::Global, _) => Err("no key: everybody shares this limit".to_owned()),
            (Self::Peer, text) => {
                let address = text.strip_suffix("/64").unwrap_or(text);
                let address = address.parse().map_err(|_| "an address such as 192.0.2.1");
                Ok(LimitKey::address(address?))
            }
            (Self::Header(_), text) => {
                Ok(shown_digest(text).unwrap_or_else(|| of_values([text.as_bytes()].into_iter())))
            }
            (_, text) => Ok(shown_digest(text).unwrap_or_else(|| named(text))),
        }
    }
}

/// A name as it is, or, where it is too long for that, its digest.
fn named(name: &str) -> LimitKey {
    LimitKey::name(name).unwrap_or_else(|| LimitKey::digest(half(digest(&SHA256, name.as_bytes()).as_ref())))
}

/// Values of a field may be secret, so their digest is all that is kept of them.
fn of_values<'a>(values: impl Iterator<Item = &'a [u8]>) -> LimitKey {
    let mut hash = Hash::new(&SHA256);
    for value in values {
        // A length before each, so that no two lists of values are the same text.
        hash.update(&value.len().to_be_bytes());
        hash.update(value);
    }
    LimitKey::digest(half(hash.finish().as_ref()))
}

/// What names a request of which the same one comes again.
pub(crate) fn of_retry(method: &str, target: &str, identifier: &[u8]) -> [u8; 16] {
    let mut hash = Hash::new(&SHA256);
    for part in [method.as_bytes(), target.as_bytes(), identifier] {
        hash.update(&part.len().to_be_bytes());
        hash.update(part);
    }
    half(hash.finish().as_ref())
}

fn half(digest: &[u8]) -> [u8; 16] {
    digest.first_chunk().copied().unwrap_or_default()
}

/// A digest as keys show it: `#` and 32 hexadecimal digits.
fn shown_digest(text: &str) -> Option<LimitKey> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 32)?;
    let number = u128::from_str_radix(digits, 16).ok()?;
    Some(LimitKey::digest(number.to_be_bytes()))
}
