//! The decision, and what happens to responses.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, request};
use palisade_core::head;
use palisade_core::settings::ByteSize;
use regex::bytes::{Regex, RegexBuilder};

use crate::faults::{self, Fault};
use crate::pattern::NamePattern;
use crate::settings::Verdict;

/// Which header fields are admitted, and which leave. The rules stand in the [crate's documentation](crate).
#[derive(Debug, Clone)]
pub struct HeaderRules {
    max_count: usize,
    max_bytes: ByteSize,
    block: Vec<NamePattern>,
    block_values: Vec<(HeaderName, Regex)>,
    require: Vec<NamePattern>,
    faulty: Verdict,
    body_on_get: Verdict,
    remove: Vec<NamePattern>,
    set: Vec<(HeaderName, HeaderValue)>,
}

/// Why the head of a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There are more fields, or more bytes in them, than admitted.
    #[error("the fields exceed {max_count} in number or {max_bytes} bytes")]
    TooLarge {
        /// The most fields.
        max_count: usize,
        /// The most bytes of names and values together.
        max_bytes: ByteSize,
    },
    /// A field is there that is blocked.
    #[error("a field matches the blocked name {0}")]
    Blocked(NamePattern),
    /// A field has a value that is blocked.
    #[error("the value of {0} is blocked")]
    BlockedValue(HeaderName),
    /// The head is faulty.
    #[error(transparent)]
    Faulty(#[from] Fault),
    /// Required fields are not there.
    #[error("required fields are missing")]
    Missing(Vec<NamePattern>),
}

impl HeaderRules {
    /// Rules with the defaults: at most 100 fields and 16 KiB, and no fault of the catalogue.
    pub fn builder() -> HeaderRulesBuilder {
        HeaderRulesBuilder::default()
    }

    /// Decides on the head of a request.
    pub fn admits(&self, head: &request::Parts) -> Result<(), Refused> {
        let headers = &head.headers;
        let (max_count, max_bytes) = (self.max_count, self.max_bytes);
        let too_large = Refused::TooLarge { max_count, max_bytes };
        if headers.len() > max_count {
            return Err(too_large);
        }
        // Faults are looked for first, because that measures the fields as well; they are told of in their turn.
        let found = match self.faulty {
            Verdict::Reject => faults::find(head),
            Verdict::Allow => Ok(head::size(headers)),
        };
        if found.unwrap_or_else(|_| head::size(headers)) > max_bytes.as_usize() {
            return Err(too_large);
        }
        if let Some(blocked) = self.block.iter().find(|pattern| pattern.is_in(headers)) {
            return Err(Refused::Blocked(blocked.clone()));
        }
        found?;
        if self.body_on_get == Verdict::Reject {
            faults::body_on_get(head)?;
        }
        for (name, regex) in &self.block_values {
            if headers
                .get_all(name)
                .iter()
                .any(|value| regex.is_match(value.as_bytes()))
            {
                return Err(Refused::BlockedValue(name.clone()));
            }
        }
        if self.require.iter().all(|pattern| pattern.is_in(headers)) {
            return Ok(());
        }
        let missing = self.require.iter().filter(|pattern| !pattern.is_in(headers));
        Err(Refused::Missing(missing.cloned().collect()))
    }

    /// Removes and sets fields of a response.
    pub fn mend_response(&self, headers: &mut HeaderMap) {
        for pattern in &self.remove {
            if let Some(name) = pattern.exact() {
                headers.remove(name);
                continue;
            }
            let matching = |name: &HeaderName| pattern.matches(name.as_str()) && !is_framing(name);
            while let Some(name) = headers.keys().find(|name| matching(name)).cloned() {
                headers.remove(name);
            }
        }
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// Whether a field frames the message or governs the connection: no rule may touch those.
fn is_framing(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// A rule that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: expected {expected}")]
#[non_exhaustive]
pub struct RuleError {
    /// The setting, as in a configuration: `block[1]`, `block-value.x-debug`.
    pub key: String,
    /// What was expected.
    pub expected: String,
}

/// Every rule that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct RuleErrors(Vec<RuleError>);

impl RuleErrors {
    /// The errors; at least one.
    pub fn errors(&self) -> &[RuleError] {
        &self.0
    }
}

/// Gathers the rules of a [`HeaderRules`].
#[derive(Debug, Clone)]
pub struct HeaderRulesBuilder {
    rules: HeaderRules,
    errors: Vec<RuleError>,
}

impl Default for HeaderRulesBuilder {
    fn default() -> Self {
        Self {
            rules: HeaderRules {
                max_count: 100,
                max_bytes: ByteSize::kib(16),
                block: Vec::new(),
                block_values: Vec::new(),
                require: Vec::new(),
                faulty: Verdict::Reject,
                body_on_get: Verdict::Allow,
                remove: Vec::new(),
                set: Vec::new(),
            },
            errors: Vec::new(),
        }
    }
}

impl HeaderRulesBuilder {
    /// Refuses requests with fields of these names or patterns.
    #[must_use]
    pub fn block<T: AsRef<str>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        let patterns = self.patterns("block", names);
        self.rules
            .block
            .extend(patterns.into_iter().map(|(_, pattern)| pattern));
        self
    }

    /// Refuses requests in which the value of that field matches the regular expression somewhere.
    #[must_use]
    pub fn block_value(mut self, name: &str, expression: &str) -> Self {
        let key = format!("block-value.{}", name.to_ascii_lowercase());
        let Some(name) = self.name(&key, name) else {
            return self;
        };
        let regex = RegexBuilder::new(expression)
            .size_limit(1 << 20)
            .dfa_size_limit(1 << 20)
            .build();
        match regex {
            Ok(regex) => self.rules.block_values.push((name, regex)),
            Err(error) => self.error(key, format!("a regular expression; {}", in_one_line(&error))),
        }
        self
    }

    /// Refuses requests without a field of each of these names or patterns.
    #[must_use]
    pub fn require<T: AsRef<str>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        let patterns = self.patterns("require", names);
        self.rules
            .require
            .extend(patterns.into_iter().map(|(_, pattern)| pattern));
        self
    }

    /// Admits heads with the faults of the catalogue.
    #[must_use]
    pub fn dangerously_allow_faulty(mut self) -> Self {
        self.rules.faulty = Verdict::Allow;
        self
    }

    /// Refuses GET and HEAD that announce a body.
    #[must_use]
    pub fn reject_body_on_get(mut self) -> Self {
        self.rules.body_on_get = Verdict::Reject;
        self
    }

    /// Admits so many fields, and so many bytes of names and values together.
    #[must_use]
    pub fn allow_at_most(mut self, count: usize, bytes: ByteSize) -> Self {
        self.rules.max_count = count;
        self.rules.max_bytes = bytes;
        self
    }

    /// Removes fields of these names or patterns from responses; those that frame the message stay.
    #[must_use]
    pub fn remove_from_response<T: AsRef<str>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        for (position, pattern) in self.patterns("response-remove", names) {
            match pattern.exact() {
                Some(name) if is_framing(name) => {
                    self.error(format!("response-remove[{position}]"), FRAMING.to_owned());
                }
                _ => self.rules.remove.push(pattern),
            }
        }
        self
    }

    /// Sets that field of responses, in place of any it had.
    #[must_use]
    pub fn set_in_response(mut self, name: &str, value: &str) -> Self {
        let key = format!("response-set.{}", name.to_ascii_lowercase());
        let Some(name) = self.name(&key, name) else {
            return self;
        };
        match HeaderValue::from_str(value) {
            _ if is_framing(&name) => self.error(key, FRAMING.to_owned()),
            Ok(text) if text.to_str().is_ok() => self.rules.set.push((name, text)),
            _ => self.error(
                key,
                "a value of visible ASCII characters, spaces and tabs".to_owned(),
            ),
        }
        self
    }

    /// The rules, or everything that is wrong with them.
    pub fn build(self) -> Result<HeaderRules, RuleErrors> {
        if self.errors.is_empty() {
            Ok(self.rules)
        } else {
            Err(RuleErrors(self.errors))
        }
    }

    fn error(&mut self, key: String, expected: String) {
        self.errors.push(RuleError { key, expected });
    }

    fn name(&mut self, key: &str, name: &str) -> Option<HeaderName> {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
        if parsed.is_none() {
            self.error(key.to_owned(), "the name of a header field".to_owned());
        }
        parsed
    }

    fn patterns<T: AsRef<str>>(
        &mut self,
        key: &str,
        names: impl IntoIterator<Item = T>,
    ) -> Vec<(usize, NamePattern)> {
        let mut patterns = Vec::new();
        for (position, name) in names.into_iter().enumerate() {
            match name.as_ref().parse::<NamePattern>() {
                Ok(pattern) => patterns.push((position, pattern)),
                Err(error) => self.error(format!("{key}[{position}]"), error.to_string()),
            }
        }
        patterns
    }
}

/// What framing fields are told.
const FRAMING: &str = "a field that neither frames the message nor governs the connection";

/// The last line of the explanation that a regular expression's error draws over several.
fn in_one_line(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines()
        .last()
        .unwrap_or_default()
        .trim()
        .trim_start_matches("error: ")
        .to_owned()
}
