//! Where an amount stands: [`AmountPath`].
//!
//! A path is a JSON Pointer (RFC 6901), and the same text is a path of elements in XML:
//!
//! 1. It begins with `/`, and each `/` begins a token. In a token `~1` is `/` and `~0` is `~`.
//! 2. In JSON a token names a member of an object. At an array, an array index (RFC 6901 section 4: `0`, `12`, not `01`) picks one
//!    element; `*` is every element; any other token applies to every element.
//! 3. In XML a token is the local name of an element, in any namespace, and the first one names the root. `{urn:x}Amount` is the name in
//!    that namespace, `{}Amount` in none, and `*` any element. The last token may name an attribute: `@currency`, `@{urn:x}currency`.

use std::fmt;
use std::str::FromStr;

/// How many tokens a path has at most. Walkers may go as deep on the stack as twice this.
const MOST_TOKENS: usize = 32;

/// A path to amounts, or to their currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AmountPath(Box<[Token]>);

/// One step of a path, as JSON and as XML read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    text: Box<str>,
    name: Name,
}

/// The name of an element or of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// Empty for none; `None` where any is right.
    namespace: Option<Box<str>>,
    /// `None` where any is right.
    local: Option<Box<str>>,
    attribute: bool,
}

/// What a token is at an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtArray {
    /// It picks that element.
    Index(usize),
    /// It is used up, and what follows applies to every element.
    Every,
    /// It applies to every element itself.
    Member,
}

/// Why a text is no [`AmountPath`]. It says what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PathError {
    /// It does not begin with `/`.
    #[error("a JSON Pointer, which begins with / such as /payment/amount")]
    NotRooted,
    /// A `~` is followed by neither `0` nor `1`.
    #[error("a JSON Pointer, in which ~ is written ~0, and / inside a name ~1")]
    Escape,
    /// It has too many tokens.
    #[error("a JSON Pointer of at most {MOST_TOKENS} names")]
    TooLong,
}

impl AmountPath {
    /// Whether a token picks one element of an array: the others are not counted.
    pub(crate) fn has_index(&self) -> bool {
        let mut tokens = self.0.iter();
        tokens.any(|token| matches!(token.at_array(), AtArray::Index(_)))
    }

    /// How many tokens there are; at least one.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The token after that many others.
    pub(super) fn token(&self, at: usize) -> Option<&Token> {
        self.0.get(at)
    }

    /// How many tokens both paths have in common before they part.
    pub(super) fn shared_with(&self, other: &Self) -> usize {
        let pairs = self.0.iter().zip(&other.0);
        pairs.take_while(|(one, other)| one == other).count()
    }

    /// The first tokens as they were written, for a log.
    pub(super) fn prefix(&self, tokens: usize) -> String {
        Self(self.0.iter().take(tokens).cloned().collect()).to_string()
    }
}

impl Token {
    /// The name of the member that it is.
    pub(super) fn member(&self) -> &str {
        &self.text
    }

    /// What it is at an array.
    pub(super) fn at_array(&self) -> AtArray {
        match self.text.as_bytes() {
            b"*" => AtArray::Every,
            b"0" => AtArray::Index(0),
            // No array has as many elements as an index that does not fit.
            [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
                AtArray::Index(self.text.parse().unwrap_or(usize::MAX))
            }
            _ => AtArray::Member,
        }
    }

    /// The name of the element or of the attribute that it is.
    pub(super) fn name(&self) -> &Name {
        &self.name
    }
}

impl Name {
    /// Whether it names an attribute.
    pub(super) fn is_attribute(&self) -> bool {
        self.attribute
    }

    /// Whether an element or attribute with that namespace (`None` for none) and local name is meant.
    pub(super) fn matches(&self, namespace: Option<&str>, local: &str) -> bool {
        self.local.as_deref().is_none_or(|wanted| wanted == local)
            && self
                .namespace
                .as_deref()
                .is_none_or(|wanted| wanted == namespace.unwrap_or_default())
    }

    fn of(text: &str) -> Self {
        let (attribute, name) = match text.strip_prefix('@') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let (namespace, local) = match name.strip_prefix('{').and_then(|name| name.split_once('}')) {
            Some((namespace, local)) => (Some(namespace.into()), local),
            None => (None, name),
        };
        Self {
            namespace,
            local: (local != "*").then(|| local.into()),
            attribute,
        }
    }
}

impl FromStr for AmountPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tokens = text.strip_prefix('/').ok_or(PathError::NotRooted)?;
        if tokens.split('/').count() > MOST_TOKENS {
            return Err(PathError::TooLong);
        }
        tokens.split('/').map(token).collect::<Result<_, _>>().map(Self)
    }
}

/// As it is written in settings.
impl fmt::Display for AmountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tokens = self.0.iter();
        tokens.try_for_each(|token| write!(f, "/{}", token.text.replace('~', "~0").replace('/', "~1")))
    }
}

fn token(written: &str) -> Result<Token, PathError> {
    let mut parts = written.split('~');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (plain, rest) = match (part.strip_prefix('0'), part.strip_prefix('1')) {
            (Some(rest), _) => ('~', rest),
            (_, Some(rest)) => ('/', rest),
            (None, None) => return Err(PathError::Escape),
        };
        text.push(plain);
        text.push_str(rest);
    }
    Ok(Token {
        name: Name::of(&text),
        text: text.into(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{AmountPath, AtArray, PathError, token};

    #[rstest]
    #[case("/amount", &["amount"])]
    #[case("/a/b/0", &["a", "b", "0"])]
    #[case("/", &[""])]
    #[case("//", &["", ""])]
    #[case("/a~1b/m~0n/~01", &["a/b", "m~n", "~1"])]
    #[case("/c%d/ /\u{e9}", &["c%d", " ", "\u{e9}"])]
    fn a_path_is_a_json_pointer(#[case] text: &str, #[case] tokens: &[&str]) {
        let path: AmountPath = text.parse().unwrap();
        let members: Vec<_> = path.0.iter().map(super::Token::member).collect();
        assert_eq!(members, tokens);
        assert_eq!(path.to_string(), text);
    }

    #[rstest]
    #[case("", PathError::NotRooted)]
    #[case("amount", PathError::NotRooted)]
    #[case("#/amount", PathError::NotRooted)]
    #[case("$.amount", PathError::NotRooted)]
    #[case(" /amount", PathError::NotRooted)]
    #[case("/a~", PathError::Escape)]
    #[case("/a~2", PathError::Escape)]
    #[case("/~~0", PathError::Escape)]
    #[case(
        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/1/2/3/4/5/6/7",
        PathError::TooLong
    )]
    fn another_text_is_no_path(#[case] text: &str, #[case] expected: PathError) {
        assert_eq!(text.parse::<AmountPath>(), Err(expected));
    }

    #[rstest]
    #[case("0", AtArray::Index(0))]
    #[case("12", AtArray::Index(12))]
    #[case("99999999999999999999999999", AtArray::Index(usize::MAX))]
    #[case("*", AtArray::Every)]
    #[case("01", AtArray::Member)]
    #[case("-", AtArray::Member)]
    #[case("-1", AtArray::Member)]
    #[case("1a", AtArray::Member)]
    #[case("", AtArray::Member)]
    #[case("amount", AtArray::Member)]
    fn an_index_is_one_of_rfc_6901(#[case] text: &str, #[case] expected: AtArray) {
        assert_eq!(token(text).unwrap().at_array(), expected);
    }

    #[rstest]
    #[case("/payments/0/amount", true)]
    #[case("/payments/*/amount", false)]
    #[case("/payments/amount", false)]
    #[case("/payments/01", false)]
    fn a_path_tells_whether_it_leaves_elements_out(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(text.parse::<AmountPath>().unwrap().has_index(), expected);
    }

    #[rstest]
    #[case("Amount", None, "Amount", true)]
    #[case("Amount", Some("urn:x"), "Amount", true)]
    #[case("Amount", None, "amount", false)]
    #[case("{urn:x}Amount", Some("urn:x"), "Amount", true)]
    #[case("{urn:x}Amount", Some("urn:y"), "Amount", false)]
    #[case("{urn:x}Amount", None, "Amount", false)]
    #[case(
        "{http:~1~1x.example~1pay}Amount",
        Some("http://x.example/pay"),
        "Amount",
        true
    )]
    #[case("{}Amount", None, "Amount", true)]
    #[case("{}Amount", Some("urn:x"), "Amount", false)]
    #[case("*", Some("urn:x"), "Anything", true)]
    #[case("{urn:x}*", Some("urn:x"), "Anything", true)]
    #[case("{urn:x}*", Some("urn:y"), "Anything", false)]
    #[case("@ccy", None, "ccy", true)]
    #[case("@{urn:x}ccy", None, "ccy", false)]
    #[case("{urn:x", None, "Amount", false)]
    fn a_token_names_elements_by_local_name_and_namespace(
        #[case] text: &str,
        #[case] namespace: Option<&str>,
        #[case] local: &str,
        #[case] expected: bool,
    ) {
        let token = token(text).unwrap();
        assert_eq!(token.name().matches(namespace, local), expected);
        assert_eq!(token.name().is_attribute(), text.starts_with('@'));
    }

    proptest! {
        #[test]
        fn names_survive_being_written(names in prop::collection::vec(".{0,8}", 1..8)) {
            let text = names
                .iter()
                .map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1")))
                .collect::<Vec<_>>()
                .concat();
            let path: AmountPath = text.parse().unwrap();
            let members: Vec<_> = path.0.iter().map(super::Token::member).collect();
            prop_assert_eq!(members, names);
            prop_assert_eq!(path.to_string(), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = text.parse::<AmountPath>();
        }
    }
}
