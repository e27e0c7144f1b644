use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderValue, Uri};
use serde::Serialize;

/// The name of one exchange: 128 random bits, in logs, in `X-Request-Id` and as `instance` of problem documents.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId {
    length: u8,
    text: [u8; Self::LONGEST],
}

impl RequestId {
    /// The longest id that is taken from a proxy, in bytes.
    pub const LONGEST: usize = 64;

    /// A new random id.
    pub fn random() -> Self {
        let bytes = RANDOMNESS.with_borrow_mut(Randomness::next);
        let mut text = [0_u8; Self::LONGEST];
        for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&hex_pair(byte));
        }
        Self { length: 32, text }
    }

    /// An id that somebody trusted chose: 1 to 64 letters, digits, `-`, `_`, `.`.
    pub fn parse(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let plain = bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        let mut text = [0_u8; Self::LONGEST];
        text.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let length = u8::try_from(bytes.len()).ok()?;
        (plain && length > 0).then_some(Self { length, text })
    }

    /// The id of this exchange, or a new one.
    pub fn of(facts: &Extensions) -> Self {
        facts.get::<Self>().copied().unwrap_or_else(Self::random)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.text
            .get(..usize::from(self.length))
            .and_then(|text| std::str::from_utf8(text).ok())
            .unwrap_or_default()
    }

    /// As the value of a field.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(self.as_str()).unwrap_or(HeaderValue::from_static(""))
    }
}

thread_local! {
    static RANDOMNESS: RefCell<Randomness> = const { RefCell::new(Randomness { bytes: [0; Randomness::LENGTH], used: Randomness::LENGTH }) };
}

/// Random bytes of one thread, drawn many at a time: the generator takes a lock for each draw.
struct Randomness {
    bytes: [u8; Self::LENGTH],
    used: usize,
}

impl Randomness {
    const LENGTH: usize = 16 * 32;

    fn next(&mut self) -> [u8; 16] {
        if self.used >= Self::LENGTH {
            // Should the operating system have no randomness, ids repeat; that disturbs logs and nothing else.
            let _ = aws_lc_rs::rand::fill(&mut self.bytes);
            self.used = 0;
        }
        let next = self
            .bytes
            .get(self.used..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .unwrap_or_default();
        self.used += next.len();
        next
    }
}

fn hex_pair(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| {
        if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        }
    };
    [digit(byte >> 4), digit(byte & 15)]
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The web service and operation that a route declares in code, for groups that select by them.
///
/// Without it they are the two path segments behind `palisade.endpoint-base-path`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointName {
    /// The web service.
    pub webservice: Arc<str>,
    /// The operation.
    pub operation: Arc<str>,
}

impl EndpointName {
    /// Names both.
    pub fn new(webservice: impl Into<Arc<str>>, operation: impl Into<Arc<str>>) -> Self {
        Self {
            webservice: webservice.into(),
            operation: operation.into(),
        }
    }
}

/// The target of the request as it came over the wire, where a router has cut its path for the handler since.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WireUri(pub Uri);

/// The endpoint group that governs this exchange.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct MatchedGroup {
    /// Its name, or `endpoints[N]` where it has none.
    pub name: Arc<str>,
    /// Its position, from 0.
    pub position: u32,
    /// Its path patterns as they are written (`/payments/{id}`), in order; none where it takes every path.
    #[serde(skip)]
    pub paths: Arc<[Arc<str>]>,
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Principal {
    /// The user, or the tenant where a tenant's certificate alone was shown.
    pub subject: Arc<str>,
    /// The organisation the user belongs to.
    pub tenant: Option<Arc<str>>,
    /// Roles from the directory or the token.
    pub roles: Arc<[Arc<str>]>,
    /// Scopes of the token or API key.
    pub scopes: Arc<[Arc<str>]>,
    /// The evidence that was accepted, such as `certificate` or `bearer`.
    pub how: Arc<str>,
    /// The name of the API key that was shown, by which keys can be told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Arc<str>>,
    /// Whether the subject is a tenant, and no user: only its certificate was shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_tenant: bool,
}

impl Principal {
    /// A caller known by that evidence, without tenant, roles or scopes.
    pub fn new(subject: impl Into<Arc<str>>, how: impl Into<Arc<str>>) -> Self {
        Self {
            subject: subject.into(),
            tenant: None,
            roles: Arc::default(),
            scopes: Arc::default(),
            how: how.into(),
            api_key: None,
            is_tenant: false,
        }
    }

    /// Of that tenant.
    #[must_use]
    pub fn of_tenant(mut self, tenant: Option<Arc<str>>) -> Self {
        self.tenant = tenant;
        self
    }

    /// With these roles.
    #[must_use]
    pub fn with_roles(mut self, roles: Arc<[Arc<str>]>) -> Self {
        self.roles = roles;
        self
    }

    /// With these scopes.
    #[must_use]
    pub fn with_scopes(mut self, scopes: Arc<[Arc<str>]>) -> Self {
        self.scopes = scopes;
        self
    }

    /// Known by that API key.
    #[must_use]
    pub fn by_api_key(mut self, name: Arc<str>) -> Self {
        self.api_key = Some(name);
        self
    }

    /// A tenant that speaks for itself.
    #[must_use]
    pub fn as_tenant(mut self) -> Self {
        self.is_tenant = true;
        self
    }

    /// Whether it has that role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| **own == *role)
    }

    /// Whether it has that scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| **own == *scope)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use rstest::rstest;

    use super::RequestId;

    #[test]
    fn ids_do_not_repeat_where_randomness_is_drawn_anew() {
        let ids: std::collections::HashSet<RequestId> = (0..1_000).map(|_| RequestId::random()).collect();
        assert_eq!(ids.len(), 1_000);
    }

    #[test]
    fn random_ids_differ_and_can_be_read_back() {
        let (one, two) = (RequestId::random(), RequestId::random());
        assert_ne!(one, two);
        assert_eq!(one.as_str().len(), 32);
        assert_eq!(RequestId::parse(&one.header()), Some(one));
    }

    #[rstest]
    #[case("abc-1.2_3", true)]
    #[case("", false)]
    #[case("a b", false)]
    #[case("<script>", false)]
    #[case("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    fn an_id_of_a_proxy_is_taken_when_it_is_short_and_plain(#[case] text: &'static str, #[case] taken: bool) {
        assert_eq!(RequestId::parse(&HeaderValue::from_static(text)).is_some(), taken);
    }
}
