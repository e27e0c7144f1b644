//! The users and tenants that stages find callers among.
//!
//! 1. Those of property files are read with every assembly: they apply with the policy that was compiled for them, or not at all.
//! 2. Those of a database are loaded once, and reloads go on with them; a server that serves follows the database, from one second
//!    to the next, without a reload.
//! 3. A database that is not there yet is an empty directory, in which nobody is found; one that cannot be reached, or read, stops
//!    the start. Loading makes nothing: files and tables come with the first `palisade user add`, or when the server serves.

use std::sync::Arc;
use std::time::Duration;

use palisade_config::{Config, Errors};
use palisade_core::{Background, Finding, Severity};
use palisade_directory::sql::{self, Refresher};
use palisade_directory::{Directory, DirectorySource, Snapshot, from_settings};
use palisade_keystore::Keystores;

use crate::settings::ServerSettings;

/// Where the source of the directory stands.
const DIRECTORY: &str = "palisade.directory";
/// How often a database is asked whether it changed.
const EACH: Duration = Duration::from_secs(1);

/// The directory of a configuration, and what is unwise about it.
#[derive(Debug, Default)]
pub struct Callers {
    /// `None` where property files name neither users nor tenants.
    pub directory: Option<Arc<Directory>>,
    /// What is unwise about them.
    pub findings: Vec<Finding>,
}

impl Callers {
    /// Reads users and tenants of the property files, or loads them from the database that the settings name. This may block.
    pub fn load(config: &Config, settings: &ServerSettings, keystores: &Keystores) -> Result<Self, Errors> {
        match &settings.directory {
            DirectorySource::Config => Self::of_files(config, settings, keystores),
            source => Self::of_database(config, source),
        }
    }

    /// A directory in which nobody is found yet, for compiling stages whose verdicts nobody asks for.
    pub fn unknown() -> Self {
        Self {
            directory: Some(Arc::new(Directory::followed(Snapshot::default()))),
            findings: Vec::new(),
        }
    }

    fn of_files(config: &Config, settings: &ServerSettings, keystores: &Keystores) -> Result<Self, Errors> {
        if settings.users.is_empty() && settings.tenants.is_empty() {
            return Ok(Self::default());
        }
        match from_settings(&settings.users, &settings.tenants, keystores) {
            Ok((snapshot, findings)) => Ok(Self {
                directory: Some(Arc::new(Directory::new(snapshot))),
                findings: findings
                    .into_iter()
                    .map(|finding| placed(config, finding))
                    .collect(),
            }),
            Err(faults) => {
                let faults = faults.into_iter();
                Err(faults
                    .map(|fault| config.complaint(&fault.key, fault.reason.to_string()))
                    .collect())
            }
        }
    }

    fn of_database(config: &Config, source: &DirectorySource) -> Result<Self, Errors> {
        let loaded = sql::load(source, config.folder());
        let (snapshot, mut findings) =
            loaded.map_err(|error| config.complaint(DIRECTORY, error.to_string()))?;
        if snapshot.users().len() == 0 && snapshot.tenants().len() == 0 {
            let message = format!("{source} has neither users nor tenants: nobody of it can sign in");
            findings.push(Finding::new(Severity::Caution, "directory-empty", message).at(DIRECTORY));
        }
        Ok(Self {
            directory: Some(Arc::new(Directory::followed(snapshot))),
            findings: findings
                .into_iter()
                .map(|finding| placed(config, finding))
                .collect(),
        })
    }
}

fn placed(config: &Config, finding: Finding) -> Finding {
    let origin = finding.key.as_deref().and_then(|key| config.origin(key));
    match origin {
        Some(origin) => finding.from_origin(origin.to_string()),
        None => finding,
    }
}

/// The directory of a database, which outlives reloads.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    source: DirectorySource,
    directory: Arc<Directory>,
    findings: Vec<Finding>,
}

impl Followed {
    /// The callers of a configuration, and what is to be followed of them: a database that is followed already goes on, and a new
    /// one is followed as soon as the assembly is in force.
    pub(crate) fn callers(
        earlier: Option<&Self>,
        config: &Config,
        settings: &ServerSettings,
        keystores: &Keystores,
        background: &Background,
    ) -> Result<(Callers, Option<Self>), Errors> {
        if let Some(earlier) = earlier.filter(|earlier| earlier.source == settings.directory) {
            let callers = Callers {
                directory: Some(Arc::clone(&earlier.directory)),
                findings: earlier.findings.clone(),
            };
            return Ok((callers, Some(earlier.clone())));
        }
        let callers = Callers::load(config, settings, keystores)?;
        let followed = match (&settings.directory, &callers.directory) {
            (DirectorySource::Config, _) | (_, None) => None,
            (source, Some(directory)) => {
                let refresher = Refresher::new(source.clone(), config.folder(), directory, EACH);
                background.add(refresher.run());
                Some(Self {
                    source: source.clone(),
                    directory: Arc::clone(directory),
                    findings: callers.findings.clone(),
                })
            }
        };
        Ok((callers, followed))
    }
}
