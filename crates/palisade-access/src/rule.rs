//! Whom a rule matches.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use palisade_core::Principal;

use crate::nearest::{did_you_mean, nearest};

/// Whom an operation is allowed to: `role:x`, `scope:x`, `user:x` or `tenant:x`.
///
/// ```
/// use palisade_access::Rule;
/// use palisade_core::Principal;
///
/// let jane = Principal::new("jane", "basic").of_tenant(Some("acme".into()));
/// assert!("user:jane".parse::<Rule>()?.matches(&jane));
/// assert!("tenant:acme".parse::<Rule>()?.matches(&jane));
/// assert!(!"user:Jane".parse::<Rule>()?.matches(&jane));
/// assert_eq!(
///     "rol:clerk".parse::<Rule>().unwrap_err().to_string(),
///     "role:, scope:, user: or tenant: with a name, or allow or deny alone; did you mean `role:clerk`?"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    kind: Kind,
    name: Box<str>,
}

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Role,
    Scope,
    User,
    Tenant,
}

impl Rule {
    /// Whether it matches that caller.
    pub fn matches(&self, principal: &Principal) -> bool {
        let name = &*self.name;
        match self.kind {
            Kind::Role => principal.has_role(name),
            Kind::Scope => principal.has_scope(name),
            Kind::User => !principal.is_tenant && *principal.subject == *name,
            Kind::Tenant => {
                principal.tenant.as_deref() == Some(name)
                    || (principal.is_tenant && *principal.subject == *name)
            }
        }
    }
}

impl Kind {
    const ALL: [Self; 4] = [Self::Role, Self::Scope, Self::User, Self::Tenant];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Scope => "scope",
            Self::User => "user",
            Self::Tenant => "tenant",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for Rule {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.name)
    }
}

/// A text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// `allow` or `deny`, which are no rules.
    #[error("rules alone, for allow and deny stand by themselves")]
    NotAlone,
    /// No known word stands before a colon.
    #[error(
        "role:, scope:, user: or tenant: with a name, or allow or deny alone{}",
        did_you_mean(.nearest.as_deref())
    )]
    Unknown {
        /// What may be meant.
        nearest: Option<String>,
    },
    /// Nothing stands behind the colon.
    #[error("a name behind {0}:")]
    NoName(&'static str),
    /// The name begins or ends with white space, or has control characters.
    #[error("a name without control characters, and without white space around it")]
    Unclean,
    /// The name of a role, user or tenant has a `*`.
    #[error("a name in full, for * is no pattern; allow admits everybody")]
    Pattern,
    /// The name of a scope is none.
    #[error("one scope: visible ASCII characters without \" and \\ (RFC 6749 section 3.3)")]
    NoScope,
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        if matches!(text, "allow" | "deny") {
            return Err(RuleError::NotAlone);
        }
        let unknown = || RuleError::Unknown {
            nearest: suggest(text),
        };
        let (word, name) = text.split_once(':').ok_or_else(unknown)?;
        let kind = Kind::parse(word).ok_or_else(unknown)?;
        if name.is_empty() {
            return Err(RuleError::NoName(kind.as_str()));
        }
        match kind {
            // A scope may have a star in it, which means itself.
            Kind::Scope if !name.bytes().all(is_scope_byte) => return Err(RuleError::NoScope),
            Kind::Role | Kind::User | Kind::Tenant if name.contains('*') => return Err(RuleError::Pattern),
            _ if name.trim() != name || name.contains(char::is_control) => return Err(RuleError::Unclean),
            _ => {}
        }
        let name = name.into();
        Ok(Self { kind, name })
    }
}

/// A byte of a `scope-token` (RFC 6749 section 3.3).
fn is_scope_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\')
}

/// What a text that is no rule may mean.
fn suggest(text: &str) -> Option<String> {
    match text.split_once(':') {
        Some((word, name)) => nearest(&word.trim().to_lowercase(), Kind::ALL.map(Kind::as_str), 2)
            .map(|kind| format!("{kind}:{}", name.trim())),
        None => nearest(&text.to_lowercase(), ["allow", "deny"], 2).map(ToOwned::to_owned),
    }
}

/// Rules of which one has to match; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules(Arc<[Rule]>);

impl Rules {
    /// Rules, each once; there has to be one.
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        let mut each_once: Vec<Rule> = Vec::with_capacity(rules.len());
        for rule in rules {
            if !each_once.contains(&rule) {
                each_once.push(rule);
            }
        }
        Self(each_once.into())
    }

    /// The rules, in the order they were given.
    pub fn as_slice(&self) -> &[Rule] {
        &self.0
    }

    /// The first that matches.
    pub(crate) fn matching(&self, principal: Option<&Principal>) -> Option<&Rule> {
        let principal = principal?;
        self.0.iter().find(|rule| rule.matches(principal))
    }
}

impl fmt::Display for Rules {
    /// `role:clerk or scope:orders.write`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, rule) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { " or " };
            write!(f, "{separator}{rule}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use palisade_core::Principal;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{Rule, RuleError};

    fn unknown(nearest: Option<&str>) -> RuleError {
        RuleError::Unknown {
            nearest: nearest.map(ToOwned::to_owned),
        }
    }

    #[rstest]
    #[case::misspelt("rol:x", unknown(Some("role:x")))]
    #[case::plural("roles:clerk", unknown(Some("role:clerk")))]
    #[case::case("Role:x", unknown(Some("role:x")))]
    #[case::space_before("role :x", unknown(Some("role:x")))]
    #[case::transposed("socpe:orders.read", unknown(Some("scope:orders.read")))]
    #[case::other("group:x", unknown(None))]
    #[case::no_colon("clerk", unknown(None))]
    #[case::equals("role=clerk", unknown(None))]
    #[case::near_allow("alow", unknown(Some("allow")))]
    #[case::case_of_deny("DENY", unknown(Some("deny")))]
    #[case::nothing("", unknown(None))]
    #[case::colon(":", unknown(None))]
    #[case::no_word(":clerk", unknown(None))]
    #[case::allow("allow", RuleError::NotAlone)]
    #[case::deny("deny", RuleError::NotAlone)]
    #[case::no_role("role:", RuleError::NoName("role"))]
    #[case::no_tenant("tenant:", RuleError::NoName("tenant"))]
    #[case::space_behind("role: clerk", RuleError::Unclean)]
    #[case::space_alone("user: ", RuleError::Unclean)]
    #[case::line("user:jane\nallow", RuleError::Unclean)]
    #[case::star("role:*", RuleError::Pattern)]
    #[case::glob("user:jane*", RuleError::Pattern)]
    #[case::two_scopes("scope:a b", RuleError::NoScope)]
    #[case::quoted_scope("scope:\"a\"", RuleError::NoScope)]
    #[case::foreign_scope("scope:é", RuleError::NoScope)]
    fn what_is_no_rule_is_an_error_with_the_nearest_word(#[case] text: &str, #[case] error: RuleError) {
        assert_eq!(text.parse::<Rule>(), Err(error));
    }

    #[rstest]
    #[case("role:clerk")]
    #[case("role:Order clerk")]
    #[case("user:jane@acme.example")]
    #[case("user:Zoë")]
    #[case("tenant:acme")]
    #[case("scope:https://api.example/orders,read")]
    #[case("scope:urn:orders:read")]
    #[case("scope:user/*.read")]
    #[case("user:user:x")]
    fn a_rule_is_written_as_it_is_read(#[case] text: &str) {
        assert_eq!(
            text.parse::<Rule>().map(|rule| rule.to_string()).as_deref(),
            Ok(text)
        );
    }

    fn jane() -> Principal {
        Principal::new("jane", "bearer")
            .of_tenant(Some("acme".into()))
            .with_roles(["clerk".into(), "Order clerk".into()].into())
            .with_scopes(["orders.read".into(), "user/*.read".into()].into())
    }

    fn acme() -> Principal {
        Principal::new("acme", "certificate").as_tenant()
    }

    fn acme_of_itself() -> Principal {
        acme().of_tenant(Some("acme".into()))
    }

    #[rstest]
    #[case("role:clerk", jane(), true, "has the role")]
    #[case("role:Order clerk", jane(), true, "a name may have spaces")]
    #[case("role:Clerk", jane(), false, "case counts")]
    #[case("role:cler", jane(), false, "the whole name counts")]
    #[case("role:orders.read", jane(), false, "a scope is no role")]
    #[case("role:jane", jane(), false, "a user is no role")]
    #[case("scope:orders.read", jane(), true, "has the scope")]
    #[case("scope:orders", jane(), false, "scopes have no hierarchy")]
    #[case("scope:clerk", jane(), false, "a role is no scope")]
    #[case("scope:user/*.read", jane(), true, "a star of a scope means itself")]
    #[case("scope:user/a.read", jane(), false, "and nothing else")]
    #[case("user:jane", jane(), true, "is that user")]
    #[case("user:JANE", jane(), false, "case counts")]
    #[case("user:acme", jane(), false, "a tenant is no user")]
    #[case("tenant:acme", jane(), true, "is of that tenant")]
    #[case("tenant:jane", jane(), false, "a user is no tenant")]
    #[case("user:acme", acme(), false, "a tenant is never a user")]
    #[case("user:acme", acme_of_itself(), false, "a tenant is never a user")]
    #[case("tenant:acme", acme(), true, "the tenant itself")]
    #[case("tenant:acme", acme_of_itself(), true, "the tenant itself")]
    #[case("tenant:Acme", acme(), false, "case counts")]
    #[case(
        "user:acme",
        Principal::new("acme", "basic"),
        true,
        "a user may be called as a tenant is"
    )]
    #[case(
        "tenant:acme",
        Principal::new("acme", "basic"),
        false,
        "and is not that tenant"
    )]
    fn a_rule_matches_by_its_whole_name(
        #[case] rule: Rule,
        #[case] principal: Principal,
        #[case] matches: bool,
        #[case] why: &str,
    ) {
        assert_eq!(rule.matches(&principal), matches, "{why}");
    }

    proptest! {
        #[test]
        fn no_text_upsets_the_parser(text in "(role|scope|user|tenant|rol)?:?\\PC{0,12}") {
            if let Ok(rule) = text.parse::<Rule>() {
                prop_assert_eq!(rule.to_string(), text);
            }
        }
    }
}
