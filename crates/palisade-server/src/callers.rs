//! The users and tenants that stages find callers among.
//!
//! 1. Those of property files are read with every assembly: they apply with the policy that was compiled for them, or not at all.
//! 2. Those of a database are loaded once, and reloads go on with them; a server that serves follows the database, from one second
//!    to the next, without a reload. What is unwise about it is found anew whenever it has changed.
//! 3. A database that is not there yet is an empty directory, in which nobody is found; one that cannot be reached, or read, stops
//!    the start. Loading makes nothing: files and tables come with the first `palisade user add`, or when the server serves.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use palisade_config::{Config, Errors};
use palisade_core::{Alarms, Background, Finding, Severity};
use palisade_directory::sql::{self, Refresher};
use palisade_directory::{Directory, DirectorySource, Snapshot, from_settings};
use palisade_keystore::Keystores;

use crate::observe::log_finding;
use crate::settings::ServerSettings;
use crate::status::LiveFindings;

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
        let (snapshot, findings) = loaded.map_err(|error| config.complaint(DIRECTORY, error.to_string()))?;
        let findings = of_snapshot(&snapshot, findings, source, origin(config, DIRECTORY).as_deref());
        Ok(Self {
            directory: Some(Arc::new(Directory::followed(snapshot))),
            findings,
        })
    }
}

/// What is unwise about a database, with what only its snapshot tells, and the place where the database was set.
fn of_snapshot(
    snapshot: &Snapshot,
    mut findings: Vec<Finding>,
    source: &DirectorySource,
    origin: Option<&str>,
) -> Vec<Finding> {
    if snapshot.users().len() == 0 && snapshot.tenants().len() == 0 {
        let message = format!("{source} has neither users nor tenants: nobody of it can sign in");
        findings.push(Finding::new(Severity::Caution, "directory-empty", message).at(DIRECTORY));
    }
    let findings = findings.into_iter();
    findings
        .map(|finding| match origin {
            Some(origin) if finding.key.as_deref() == Some(DIRECTORY) => finding.from_origin(origin),
            _ => finding,
        })
        .collect()
}

fn origin(config: &Config, key: &str) -> Option<String> {
    config.origin(key).map(|origin| origin.to_string())
}

fn placed(config: &Config, finding: Finding) -> Finding {
    match finding.key.as_deref().and_then(|key| origin(config, key)) {
        Some(origin) => finding.from_origin(origin),
        None => finding,
    }
}

/// What goes on beside requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside<'a> {
    pub(crate) background: &'a Background,
    pub(crate) alarms: &'a Alarms,
}

/// The directory of a database, which outlives reloads.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    source: DirectorySource,
    directory: Arc<Directory>,
    findings: LiveFindings,
}

impl Followed {
    /// The callers of a configuration, and what is to be followed of them: a database that is followed already goes on, and a new
    /// one is followed as soon as the assembly is in force. What is unwise about a database is told by [`findings`](Self::findings)
    /// alone.
    pub(crate) fn callers(
        earlier: Option<&Self>,
        config: &Config,
        settings: &ServerSettings,
        keystores: &Keystores,
        beside: Beside<'_>,
    ) -> Result<(Callers, Option<Self>), Errors> {
        if let Some(earlier) = earlier.filter(|earlier| earlier.source == settings.directory) {
            let callers = Callers {
                directory: Some(Arc::clone(&earlier.directory)),
                findings: Vec::new(),
            };
            return Ok((callers, Some(earlier.clone())));
        }
        let mut callers = Callers::load(config, settings, keystores)?;
        let followed = match (&settings.directory, &callers.directory) {
            (DirectorySource::Config, _) | (_, None) => None,
            (source, Some(directory)) => {
                let findings = std::mem::take(&mut callers.findings);
                let followed = Self {
                    source: source.clone(),
                    directory: Arc::clone(directory),
                    findings: Arc::new(ArcSwap::from_pointee(findings)),
                };
                followed.begin(config, beside);
                Some(followed)
            }
        };
        Ok((callers, followed))
    }

    /// What is unwise about it, as it is now.
    pub(crate) fn findings(&self) -> LiveFindings {
        Arc::clone(&self.findings)
    }

    /// Hands over the work of following it.
    fn begin(&self, config: &Config, beside: Beside<'_>) {
        let (source, findings) = (self.source.clone(), self.findings());
        let origin = origin(config, DIRECTORY);
        let refresher = Refresher::new(source.clone(), config.folder(), &self.directory, EACH)
            .alarming(beside.alarms.slot())
            .reporting(move |snapshot, found| {
                let now = of_snapshot(snapshot, found, &source, origin.as_deref());
                let before = findings.swap(Arc::new(now.clone()));
                for finding in now.iter().filter(|finding| !before.contains(finding)) {
                    log_finding(finding);
                }
            });
        beside.background.add(refresher.run());
    }
}
