//! What keeps a directory, or a row of it, from being read.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::builder::SnapshotError;

/// What keeps a directory from being read.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The database does not answer.
    Database(sqlx::Error),
    /// What it holds makes no directory.
    Content(String),
}

impl Trouble {
    /// What is wrong with a row, without anything of it.
    pub(super) fn of_row(&self) -> &str {
        match self {
            // The error names a column, and may quote a value.
            Self::Database(_) => "a value in its rows is of another kind than its column",
            Self::Content(reason) => reason,
        }
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// What is wrong with rows, by hand or by another program: each makes its owner unusable, and nobody else.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// By the names of users.
    of_users: BTreeMap<String, String>,
    /// Of tenants, and of rows that do not say whose they are.
    others: BTreeSet<String>,
}

impl Faults {
    pub(super) fn of_user(&self, name: &str) -> Option<&str> {
        self.of_users.get(name).map(String::as_str)
    }

    /// Everything, for people. It has names of users and tenants, and nothing else of a row.
    pub(super) fn into_texts(self) -> impl Iterator<Item = String> {
        let of_users = self
            .of_users
            .into_iter()
            .map(|(name, fault)| format!("user `{}` cannot sign in: {fault}", name.escape_debug()));
        of_users.chain(self.others)
    }

    pub(super) fn add_user(&mut self, name: impl Into<String>, fault: impl Into<String>) {
        self.of_users.entry(name.into()).or_insert_with(|| fault.into());
    }

    pub(super) fn add_owner(&mut self, user: Option<String>, tenant: Option<String>, fault: &str) {
        match (user, tenant) {
            (Some(user), _) => self.add_user(user, fault),
            (None, Some(tenant)) => {
                let tenant = tenant.escape_debug();
                self.others
                    .insert(format!("a row of tenant `{tenant}` is not used: {fault}"));
            }
            (None, None) => {
                self.others.insert(format!("a row is not used: {fault}"));
            }
        }
    }

    pub(super) fn add_error(&mut self, error: &SnapshotError) {
        let text = error.to_string();
        let mut users = error.users().peekable();
        if users.peek().is_none() {
            self.others.insert(text);
            return;
        }
        users.for_each(|user| self.add_user(&**user, text.as_str()));
    }
}

/// Reads each row by itself; what is wrong with one is that owner's fault, whose name is in the column of that number.
pub(super) fn each<T>(
    rows: &[AnyRow],
    owner: usize,
    faults: &mut Faults,
    read: impl Fn(&AnyRow) -> Result<T, Trouble>,
) -> Vec<T> {
    let mut read_rows = Vec::with_capacity(rows.len());
    for row in rows {
        match read(row) {
            Ok(read) => read_rows.push(read),
            Err(trouble) => faults.add_owner(row.try_get(owner).ok(), None, trouble.of_row()),
        }
    }
    read_rows
}
