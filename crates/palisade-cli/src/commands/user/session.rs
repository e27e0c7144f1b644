//! A directory that is administered, and in whose name.

use std::future::Future;

use palisade_config::{Config, Error};
use palisade_directory::sql::{SqlDirectory, SqlError, UserRecord};

use crate::cli::{ActingAs, Common};
use crate::commands::directory::{Administered, Permission};
use crate::outcome::Failure;
use crate::output::{FAINT, Output, styled};

/// A directory, and in whose name it is administered.
pub(in crate::commands) struct Session {
    directory: Administered,
    permission: Permission,
}

impl Session {
    /// Looks.
    pub(in crate::commands) fn to_look(common: &Common, acting: &ActingAs) -> Result<Self, Failure> {
        let directory = Administered::open(common)?;
        let permission = directory.permission(acting.name.as_deref())?;
        Ok(Self {
            directory,
            permission,
        })
    }

    /// Changes something. Who may do nothing makes no database either.
    pub(in crate::commands) fn to_change(common: &Common, acting: &ActingAs) -> Result<Self, Failure> {
        let permission = match acting.name {
            None => Permission::Everything,
            Some(_) => Self::to_look(common, acting)?.permission,
        };
        let directory = Administered::open_to_change(common)?;
        Ok(Self {
            directory,
            permission,
        })
    }

    /// Changes what administrators alone may change.
    pub(in crate::commands) fn to_administer(common: &Common, acting: &ActingAs) -> Result<Self, Failure> {
        Self::need_administrator(common, acting)?;
        let directory = Administered::open_to_change(common)?;
        Ok(Self {
            directory,
            permission: Permission::Everything,
        })
    }

    /// Refuses one who is no administrator, before anything is asked or made.
    pub(in crate::commands) fn need_administrator(common: &Common, acting: &ActingAs) -> Result<(), Failure> {
        if acting.name.is_none() {
            return Ok(());
        }
        Self::to_look(common, acting)?.permission.need_administrator()
    }

    /// The user who may do what concerns themselves alone.
    pub(in crate::commands) fn own(&self) -> Option<&str> {
        self.permission.own()
    }

    /// Refuses what concerns others to one who is no administrator. Whether there are such others is not said.
    pub(in crate::commands) fn need_right_over(&self, user: &str) -> Result<(), Failure> {
        if self.own() == Some(user) {
            return Ok(());
        }
        self.permission.need_administrator()
    }

    /// Makes sure that there is such a user.
    pub(in crate::commands) fn need_user(&self, name: &str) -> Result<(), Failure> {
        let names: Vec<String> = self.ask(|database| async move { database.user_names().await })?;
        if names.iter().any(|known| known == name) {
            return Ok(());
        }
        let message = format!(
            "there is no user `{}` in {}",
            name.escape_debug(),
            self.directory.source()
        );
        let error = Error::general(message).nearest(name, names.iter().map(String::as_str));
        Err(Failure::Errors(error.into()))
    }

    /// Every user of the database.
    pub(in crate::commands) fn users(&self) -> Result<Vec<UserRecord>, Failure> {
        self.directory
            .ask(|database| async move { database.users().await })
    }

    /// Asks the database something; nothing comes of it where there is none.
    pub(in crate::commands) fn ask<T, F>(
        &self,
        question: impl FnOnce(SqlDirectory) -> F,
    ) -> Result<T, Failure>
    where
        T: Default,
        F: Future<Output = Result<T, SqlError>>,
    {
        self.directory.ask(question)
    }

    /// Changes something in the database.
    pub(in crate::commands) fn change<T, F>(
        &self,
        change: impl FnOnce(SqlDirectory) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SqlError>>,
    {
        self.directory.change(change)
    }

    pub(in crate::commands) fn config(&self) -> &Config {
        self.directory.config()
    }

    /// Whether servers read users and tenants of the property files, and not those of the database.
    pub(in crate::commands) fn is_beside_property_files(&self) -> bool {
        self.directory.configured().is_some()
    }

    /// Says that servers do not read the database, where that is so.
    pub(in crate::commands) fn remark(&self, output: &mut Output) -> Result<(), Failure> {
        if self.is_beside_property_files() {
            let source = self.directory.source();
            let remark = format!(
                "servers read users and tenants of the property files, and those of {source} once palisade.directory={source} is set"
            );
            output.note(styled(FAINT, remark))?;
        }
        Ok(())
    }
}
