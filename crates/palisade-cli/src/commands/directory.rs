//! The directory that a configuration names, for commands that administer it.
//!
//! 1. Nothing is made by looking: a database that is not there has nobody in it. What changes it makes it first.
//! 2. With `palisade.directory=config` users and tenants are those of the property files, which no command writes. What has to be
//!    kept beside them is kept in `directory.db` of `palisade.data-dir`.
//! 3. What looks leaves older tables as they are; what changes something brings them up to date.
//! 4. In whose name a command acts, and what may be done in it, is said in one place for all commands: [`Permission`].

mod permission;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;

use palisade_config::{Config, Error};
use palisade_directory::sql::{Owner, SqlDirectory, SqlError, UserRecord};
use palisade_directory::{DirectorySource, TenantSettings, UserSettings};
use tokio::runtime::{self, Runtime};

pub(super) use self::permission::Permission;
use crate::cli::Common;
use crate::outcome::Failure;

/// The database beside property files.
const DATABASE: &str = "directory.db";

/// The directory of a configuration.
pub(super) struct Administered {
    config: Config,
    source: DirectorySource,
    /// Those of the property files, where they count.
    configured: Option<Configured>,
    runtime: Runtime,
    database: Option<SqlDirectory>,
}

/// Users and tenants of the property files.
pub(super) struct Configured {
    pub(super) users: BTreeMap<String, UserSettings>,
    pub(super) tenants: BTreeMap<String, TenantSettings>,
}

/// What is known of a user, wherever it stands.
pub(super) struct Known {
    pub(super) tenant: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) is_active: bool,
}

impl Administered {
    /// Opens the directory to look at it. Errors of other settings do not matter here, and are not hidden by `check`.
    pub(super) fn open(common: &Common) -> Result<Self, Failure> {
        let mut opened = Self::read(common)?;
        let folder = opened.config.folder();
        let existing = SqlDirectory::open_to_read(&opened.source, folder);
        opened.database = opened
            .runtime
            .block_on(existing)
            .map_err(|error| failed(&error))?;
        Ok(opened)
    }

    /// Opens the directory to change it, and makes its database where there is none.
    pub(super) fn open_to_change(common: &Common) -> Result<Self, Failure> {
        let mut opened = Self::read(common)?;
        let made = SqlDirectory::open(&opened.source, opened.config.folder());
        opened.database = Some(opened.runtime.block_on(made).map_err(|error| failed(&error))?);
        Ok(opened)
    }

    fn read(common: &Common) -> Result<Self, Failure> {
        let (config, errors) = Config::load(&common.sources()?);
        let config = errors.into_result(config)?;
        let named: DirectorySource = config.get("palisade.directory")?.unwrap_or_default();
        let (source, configured) = if named == DirectorySource::Config {
            let data_dir: Option<PathBuf> = config.get("palisade.data-dir")?;
            let file = data_dir.unwrap_or_else(|| PathBuf::from("data")).join(DATABASE);
            let configured = Configured {
                users: config.get("palisade.users")?.unwrap_or_default(),
                tenants: config.get("palisade.tenants")?.unwrap_or_default(),
            };
            (DirectorySource::Sqlite(file), Some(configured))
        } else {
            (named, None)
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::wrong(format!("the runtime cannot start: {error}")))?;
        Ok(Self {
            config,
            source,
            configured,
            runtime,
            database: None,
        })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The database.
    pub(super) fn source(&self) -> &DirectorySource {
        &self.source
    }

    /// The users and tenants of the property files, where they are the directory.
    pub(super) fn configured(&self) -> Option<&Configured> {
        self.configured.as_ref()
    }

    /// Asks the database something; nothing comes of it where there is none.
    pub(super) fn ask<T, F>(&self, question: impl FnOnce(SqlDirectory) -> F) -> Result<T, Failure>
    where
        T: Default,
        F: Future<Output = Result<T, SqlError>>,
    {
        match &self.database {
            Some(database) => self.run(question(database.clone())),
            None => Ok(T::default()),
        }
    }

    /// Changes something in the database, which has to be open for that.
    pub(super) fn change<T, F>(&self, change: impl FnOnce(SqlDirectory) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SqlError>>,
    {
        match &self.database {
            Some(database) => self.run(change(database.clone())),
            None => Err(Failure::wrong(format!("{} is not there", self.source))),
        }
    }

    fn run<T>(&self, work: impl Future<Output = Result<T, SqlError>>) -> Result<T, Failure> {
        self.runtime.block_on(work).map_err(|error| failed(&error))
    }

    /// What is known of a user, where servers find users.
    pub(super) fn user(&self, name: &str) -> Result<Option<Known>, Failure> {
        if self.configured.is_some() {
            return Ok(self.configured_user(name));
        }
        self.recorded_user(name)
    }

    /// What the property files say of a user.
    fn configured_user(&self, name: &str) -> Option<Known> {
        let user = self.configured.as_ref()?.users.get(name)?;
        Some(Known {
            tenant: user.tenant.clone(),
            roles: user.roles.clone(),
            is_active: user.active,
        })
    }

    /// What the database says of a user.
    fn recorded_user(&self, name: &str) -> Result<Option<Known>, Failure> {
        let users = self.ask(|database| async move { database.users().await })?;
        Ok(users.into_iter().find(|user| user.name == name).map(Known::from))
    }

    /// Makes sure that there is such a user or tenant; `help` says what else can be done.
    pub(super) fn need(&self, owner: &Owner, help: &str) -> Result<(), Failure> {
        let known = self.names(owner)?;
        if known.iter().any(|name| name == owner.name()) {
            return Ok(());
        }
        let (kind, name) = (owner.kind(), owner.name());
        let error = if self.configured.is_some() {
            let key = self.config.child_key(&format!("palisade.{kind}s"), name);
            Error::new(key, format!("the property files have no such {kind}{help}"))
        } else {
            Error::general(format!("there is no {owner} in {}{help}", self.source))
        };
        let error = error.nearest(name, known.iter().map(String::as_str));
        Err(Failure::Errors(error.into()))
    }

    /// The names of all users, or of all tenants.
    fn names(&self, owner: &Owner) -> Result<Vec<String>, Failure> {
        match (owner, &self.configured) {
            (Owner::User(_), Some(configured)) => Ok(configured.users.keys().cloned().collect()),
            (Owner::Tenant(_), Some(configured)) => Ok(configured.tenants.keys().cloned().collect()),
            (Owner::User(_), None) => self.ask(|database| async move { database.user_names().await }),
            (Owner::Tenant(_), None) => {
                let tenants = self.ask(|database| async move { database.tenants().await })?;
                Ok(tenants.into_iter().map(|tenant| tenant.name).collect())
            }
        }
    }
}

impl Drop for Administered {
    /// An SQLite file is left without the files beside it that are there while it is open.
    fn drop(&mut self) {
        if let Some(database) = self.database.take() {
            self.runtime.block_on(database.close());
        }
    }
}

impl From<UserRecord> for Known {
    fn from(user: UserRecord) -> Self {
        Self {
            is_active: user.is_active(),
            tenant: user.tenant,
            roles: user.roles,
        }
    }
}

fn failed(error: &SqlError) -> Failure {
    Failure::wrong(error.to_string())
}
