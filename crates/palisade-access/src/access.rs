//! The decision.

use std::fmt;
use std::sync::Arc;

use http::Method;
use palisade_core::Principal;
use serde::Serialize;

use crate::methods::{AllowedMethods, Methods};
use crate::operation::PerOperation;
use crate::rule::{Rule, Rules};
use crate::{AccessBuilder, Operation};

/// Who may create, read, update and delete. The rules stand in the [crate's documentation](crate).
#[derive(Debug, Clone)]
pub struct Access {
    methods: Methods,
    grants: PerOperation<Grant>,
    allowed: AllowedMethods,
}

/// Whom an operation is allowed to.
#[derive(Debug, Clone)]
pub(crate) enum Grant {
    Nobody,
    Everybody,
    Rules(Rules),
}

impl Access {
    /// Rules to be told; what is not spoken of is denied.
    pub fn builder() -> AccessBuilder {
        AccessBuilder::default()
    }

    pub(crate) fn new(methods: Methods, grants: PerOperation<Grant>) -> Self {
        let somebody_may = |operation| !matches!(grants.of(operation), Grant::Nobody);
        let allowed = methods.iter().filter(|(_, operation)| somebody_may(*operation));
        let allowed = allowed.map(|(method, _)| method.clone()).collect();
        Self {
            methods,
            grants,
            allowed,
        }
    }

    /// Decides on a method and its caller; `None` is a caller of whom nothing is known.
    pub fn admits(&self, method: &Method, principal: Option<&Principal>) -> Result<Admitted<'_>, Denied> {
        let Some(operation) = self.operation_of(method) else {
            return Err(Denied::NoOperation {
                allowed: self.allowed.clone(),
            });
        };
        match self.grants.of(operation) {
            Grant::Nobody => Err(Denied::Nobody {
                operation,
                allowed: self.allowed.clone(),
            }),
            Grant::Everybody => Ok(Admitted {
                operation,
                rule: None,
            }),
            Grant::Rules(rules) => match rules.matching(principal) {
                rule @ Some(_) => Ok(Admitted { operation, rule }),
                None => Err(Denied::NoMatch {
                    operation,
                    rules: rules.clone(),
                    caller: principal.map(|principal| Arc::clone(&principal.subject)),
                }),
            },
        }
    }

    /// What that caller may do, whether a method belongs to it or not; `None` is a caller of whom nothing is known.
    pub fn rights(&self, principal: Option<&Principal>) -> Rights {
        let may = |operation| match self.grants.of(operation) {
            Grant::Nobody => false,
            Grant::Everybody => true,
            Grant::Rules(rules) => rules.matching(principal).is_some(),
        };
        Rights {
            create: may(Operation::Create),
            read: may(Operation::Read),
            update: may(Operation::Update),
            delete: may(Operation::Delete),
        }
    }

    /// What a method does; `None` where it belongs to no operation, and nobody may use it.
    pub fn operation_of(&self, method: &Method) -> Option<Operation> {
        self.methods.operation_of(method)
    }

    /// The methods that belong to an operation.
    pub fn methods_of(&self, operation: Operation) -> impl Iterator<Item = &Method> {
        let belonging = self.methods.iter().filter(move |(_, own)| *own == operation);
        belonging.map(|(method, _)| method)
    }

    /// The methods that somebody may use.
    pub fn allowed_methods(&self) -> &AllowedMethods {
        &self.allowed
    }

    pub(crate) fn grant(&self, operation: Operation) -> &Grant {
        self.grants.of(operation)
    }

    /// Whether a verdict can hang on the caller.
    pub(crate) fn has_rules(&self) -> bool {
        let mut grants = Operation::ALL.into_iter().map(|operation| self.grant(operation));
        grants.any(|grant| matches!(grant, Grant::Rules(_)))
    }
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize)]
pub struct Rights {
    /// Whether it may create.
    pub create: bool,
    /// Whether it may read.
    pub read: bool,
    /// Whether it may update.
    pub update: bool,
    /// Whether it may delete.
    pub delete: bool,
}

/// What an admitted request does, and what admits it. Written out it is a reason: `read: role:clerk matches`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admitted<'a> {
    /// What it does.
    pub operation: Operation,
    /// The first rule that matches; `None` where everybody may.
    pub rule: Option<&'a Rule>,
}

impl fmt::Display for Admitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Some(rule) => write!(f, "{}: {rule} matches", self.operation),
            None => write!(f, "{}: everybody may", self.operation),
        }
    }
}

/// Why a request is refused. Written out it is a reason, for the log and for explanations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// The method belongs to no operation.
    #[error("the method belongs to no operation")]
    NoOperation {
        /// The methods that somebody may use.
        allowed: AllowedMethods,
    },
    /// The operation is denied to all.
    #[error("{operation}: nobody may")]
    Nobody {
        /// What the request would have done.
        operation: Operation,
        /// The methods that somebody may use.
        allowed: AllowedMethods,
    },
    /// No rule matches the caller.
    #[error("{operation}: needs {rules}; {}", called_by(.caller.as_deref()))]
    NoMatch {
        /// What the request would have done.
        operation: Operation,
        /// The rules of which one has to match.
        rules: Rules,
        /// The caller's subject, where it is known who calls.
        caller: Option<Arc<str>>,
    },
}

fn called_by(caller: Option<&str>) -> String {
    caller.map_or_else(
        || "the caller is not known".to_owned(),
        |caller| format!("the caller is {caller}"),
    )
}
