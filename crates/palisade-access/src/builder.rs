//! How the rules are told.

use std::fmt;

use http::Method;

use crate::access::Grant;
use crate::methods::Methods;
use crate::operation::PerOperation;
use crate::rule::{Rule, Rules};
use crate::{Access, Operation};

/// Something about rules that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: expected {expected}")]
#[non_exhaustive]
pub struct AccessError {
    /// The setting, as in a configuration: `create[1]`, `methods.get`; empty for the whole.
    pub key: String,
    /// What was expected.
    pub expected: String,
}

/// Everything about rules that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct AccessErrors(Vec<AccessError>);

impl AccessErrors {
    /// The errors; at least one.
    pub fn errors(&self) -> &[AccessError] {
        &self.0
    }
}

/// Gathers the rules of an [`Access`]. What is not spoken of is denied.
#[derive(Debug, Clone, Default)]
pub struct AccessBuilder {
    said: PerOperation<Option<Said>>,
    methods: Vec<(Method, Operation)>,
    errors: Vec<AccessError>,
}

/// What was said of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Allow,
    Deny,
    Rules(Vec<Rule>),
}

impl AccessBuilder {
    /// Allows an operation to whom one of these rules matches: `role:x`, `scope:x`, `user:x` or `tenant:x`. Said twice, the rules
    /// add up.
    #[must_use]
    pub fn allow<T: AsRef<str>>(mut self, operation: Operation, rules: impl IntoIterator<Item = T>) -> Self {
        let mut parsed = Vec::new();
        let mut count = 0;
        for rule in rules {
            match rule.as_ref().parse() {
                Ok(rule) => parsed.push(rule),
                Err(error) => self.error(format!("{operation}[{count}]"), &error),
            }
            count += 1;
        }
        if count == 0 {
            self.error(operation.as_str(), &"at least one rule; deny is for nobody");
        }
        self.say(operation, Said::Rules(parsed))
    }

    /// Allows an operation to everybody who comes this far, also to callers of whom nothing is known.
    #[must_use]
    pub fn allow_everybody(self, operation: Operation) -> Self {
        self.say(operation, Said::Allow)
    }

    /// Allows an operation to nobody, as is also the case without a word on it.
    #[must_use]
    pub fn deny(self, operation: Operation) -> Self {
        self.say(operation, Said::Deny)
    }

    /// Has a method belong to that operation, whatever it belonged to before.
    #[must_use]
    pub fn map_method(mut self, method: Method, operation: Operation) -> Self {
        self.methods.push((method, operation));
        self
    }

    /// The rules, or everything that is wrong with them. Without a word on any operation it is an error.
    pub fn build(mut self) -> Result<Access, AccessErrors> {
        if Operation::ALL
            .into_iter()
            .all(|operation| self.said.of(operation).is_none())
        {
            self.error("", &"at least one of create, read, update and delete");
        }
        if !self.errors.is_empty() {
            return Err(AccessErrors(self.errors));
        }
        let grants = PerOperation::from_fn(|operation| match self.said.of_mut(operation).take() {
            None | Some(Said::Deny) => Grant::Nobody,
            Some(Said::Allow) => Grant::Everybody,
            Some(Said::Rules(rules)) => Grant::Rules(Rules::new(rules)),
        });
        Ok(Access::new(Methods::new(&self.methods), grants))
    }

    pub(crate) fn error(&mut self, key: impl Into<String>, expected: &dyn fmt::Display) {
        self.errors.push(AccessError {
            key: key.into(),
            expected: expected.to_string(),
        });
    }

    fn say(mut self, operation: Operation, more: Said) -> Self {
        match (self.said.of_mut(operation), more) {
            (Some(Said::Rules(rules)), Said::Rules(more)) => rules.extend(more),
            (Some(before), more) if *before != more => {
                self.error(operation.as_str(), &"one of allow, deny and rules, not several");
            }
            (said, more) => *said = Some(more),
        }
        self
    }
}
