//! The fields that the catalogue knows.

/// What a field is, and how often and how empty it may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// In lower case.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) single: bool,
    pub(super) may_be_empty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    Host,
    Number,
    TransferEncoding,
    Expect,
    MediaType,
    Credentials,
    MediaRanges,
    /// Tokens with weights.
    Weighted,
    Tokens,
    Directives,
    Range,
    ContentRange,
    Date,
    IfRange,
    EntityTags,
    Origin,
    Reference,
    Product,
    Disposition,
    Via,
    Connection,
    Te,
    Upgrade,
    KeepAlive,
    ConnectionSpecific,
    MethodOverride,
    ProxyInternal,
}

/// One value, and it says something.
const fn single(name: &'static str, kind: Kind) -> Rule {
    Rule {
        name,
        kind,
        single: true,
        may_be_empty: false,
    }
}

/// A list that may be spread over several fields, but says something.
const fn list(name: &'static str, kind: Kind) -> Rule {
    Rule {
        name,
        kind,
        single: false,
        may_be_empty: false,
    }
}

/// One value, which may be empty.
const fn optional(name: &'static str, kind: Kind) -> Rule {
    Rule {
        name,
        kind,
        single: true,
        may_be_empty: true,
    }
}

/// Every field with a rule, sorted by length and then by name.
pub(super) const ALL: &[Rule] = &[
    list("te", Kind::Te),
    list("via", Kind::Via),
    single("date", Kind::Date),
    single("from", Kind::Text),
    single("host", Kind::Host),
    single("proxy", Kind::ProxyInternal),
    single("range", Kind::Range),
    list("accept", Kind::MediaRanges),
    list("cookie", Kind::Text),
    single("expect", Kind::Expect),
    single("origin", Kind::Origin),
    list("pragma", Kind::Directives),
    optional("referer", Kind::Reference),
    list("trailer", Kind::Tokens),
    list("upgrade", Kind::Upgrade),
    list("if-match", Kind::EntityTags),
    single("if-range", Kind::IfRange),
    single("x-method", Kind::MethodOverride),
    list("connection", Kind::Connection),
    list("keep-alive", Kind::KeepAlive),
    optional("soapaction", Kind::Text),
    single("user-agent", Kind::Product),
    single("content-type", Kind::MediaType),
    single("max-forwards", Kind::Number),
    single("x-proxy-host", Kind::ProxyInternal),
    single("authorization", Kind::Credentials),
    list("cache-control", Kind::Directives),
    single("content-range", Kind::ContentRange),
    list("if-none-match", Kind::EntityTags),
    single("x-http-method", Kind::MethodOverride),
    single("x-rewrite-url", Kind::ProxyInternal),
    list("accept-charset", Kind::Weighted),
    single("content-length", Kind::Number),
    single("http2-settings", Kind::ConnectionSpecific),
    single("x-original-uri", Kind::ProxyInternal),
    single("x-original-url", Kind::ProxyInternal),
    single("x-override-url", Kind::ProxyInternal),
    list("accept-encoding", Kind::Weighted),
    list("accept-language", Kind::Weighted),
    list("content-encoding", Kind::Tokens),
    list("content-language", Kind::Tokens),
    single("content-location", Kind::Reference),
    list("proxy-connection", Kind::ProxyInternal),
    single("if-modified-since", Kind::Date),
    single("transfer-encoding", Kind::TransferEncoding),
    single("x-method-override", Kind::MethodOverride),
    single("content-disposition", Kind::Disposition),
    single("if-unmodified-since", Kind::Date),
    single("proxy-authorization", Kind::Credentials),
    single("x-http-method-override", Kind::MethodOverride),
    single("x-middleware-subrequest", Kind::ProxyInternal),
];

/// Other fields that decide something, which a name with underscores must not shadow.
pub(super) const SENSITIVE: &[&str] = &[
    "accept-signature",
    "client-cert",
    "client-cert-chain",
    "forwarded",
    "idempotency-key",
    "signature",
    "signature-input",
    "ssl-client-cert",
    "traceparent",
    "x-api-key",
    "x-auth-token",
    "x-client-cert",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-on-behalf-of",
    "x-real-ip",
    "x-remote-user",
    "x-request-id",
    "x-ssl-client-cert",
];

/// Where the rules of each length start in [`ALL`].
const STARTS: [u8; LONGEST + 2] = starts();

const LONGEST: usize = 23;

#[expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "the compiler evaluates it: there are fewer than 256 rules, and what is out of bounds does not compile"
)]
const fn starts() -> [u8; LONGEST + 2] {
    let mut starts = [0; LONGEST + 2];
    let mut length = 0;
    let mut position = 0;
    while length < starts.len() {
        while position < ALL.len() && ALL[position].name.len() < length {
            position += 1;
        }
        starts[length] = position as u8;
        length += 1;
    }
    starts
}

/// The rule of the field of that name, in lower case.
pub(super) fn rule(name: &str) -> Option<Rule> {
    let from = usize::from(*STARTS.get(name.len())?);
    let to = usize::from(*STARTS.get(name.len() + 1)?);
    // Names of one length mostly differ in their first letters: few are compared as a whole.
    let first = name.as_bytes().first();
    let mut of_length = ALL.get(from..to)?.iter();
    of_length
        .find(|rule| rule.name.as_bytes().first() == first && rule.name == name)
        .copied()
}

#[cfg(test)]
mod tests {
    use super::{ALL, LONGEST, rule};

    #[test]
    fn every_rule_is_found_by_its_name() {
        for wanted in ALL {
            assert_eq!(rule(wanted.name).map(|rule| rule.name), Some(wanted.name));
        }
        assert!(ALL.is_sorted_by_key(|rule| rule.name.len()));
        assert_eq!(ALL.last().map(|rule| rule.name.len()), Some(LONGEST));
        for unknown in ["", "x", "x-partner", "a-name-of-which-nobody-has-ever-heard"] {
            assert!(rule(unknown).is_none());
        }
    }
}
