//! What a request does to a resource.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a request does to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// It makes one.
    Create,
    /// It looks at one.
    Read,
    /// It changes one.
    Update,
    /// It removes one.
    Delete,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Create, Self::Read, Self::Update, Self::Delete];

    /// As operators write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One value for each operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct PerOperation<T> {
    create: T,
    read: T,
    update: T,
    delete: T,
}

impl<T> PerOperation<T> {
    /// Makes the values one by one.
    pub(crate) fn from_fn(mut make: impl FnMut(Operation) -> T) -> Self {
        Self {
            create: make(Operation::Create),
            read: make(Operation::Read),
            update: make(Operation::Update),
            delete: make(Operation::Delete),
        }
    }

    pub(crate) fn of(&self, operation: Operation) -> &T {
        match operation {
            Operation::Create => &self.create,
            Operation::Read => &self.read,
            Operation::Update => &self.update,
            Operation::Delete => &self.delete,
        }
    }

    pub(crate) fn of_mut(&mut self, operation: Operation) -> &mut T {
        match operation {
            Operation::Create => &mut self.create,
            Operation::Read => &mut self.read,
            Operation::Update => &mut self.update,
            Operation::Delete => &mut self.delete,
        }
    }
}
