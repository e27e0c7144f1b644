//! Where the configuration comes from.

use std::fmt;
use std::path::{Path, PathBuf};

use palisade_core::Secret;

use crate::source::files::reason;
use crate::{Error, Errors, Origin};

/// Everything that [`Config::load`](crate::Config::load) reads, besides the files themselves.
///
/// The environment is a field so that tests and tools decide what it is; [`Sources::from_process`] takes the real one.
#[derive(Clone, Default)]
pub struct Sources {
    /// The configuration folder.
    pub folder: PathBuf,
    /// Profiles from the command line. When there are any, `palisade.profiles.active` is not consulted.
    pub profiles: Vec<String>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// `--set key=value`, in order.
    pub overrides: Vec<(String, String)>,
    /// The password of encrypted values. When absent, `palisade.properties.encryption.password` is.
    pub encryption_password: Option<Secret>,
    /// Built-in defaults, below every file.
    pub defaults: Vec<(String, String)>,
    /// Variables whose value is not Unicode.
    pub(crate) unreadable: Vec<String>,
}

impl Sources {
    /// The files of `folder` alone.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            ..Self::default()
        }
    }

    /// The files of `folder` and the environment of this process.
    pub fn from_process(folder: impl Into<PathBuf>) -> Self {
        let mut sources = Self::new(folder);
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => sources.environment.push((name, value)),
                (Ok(name), Err(_)) => sources.unreadable.push(name),
                (Err(name), _) => sources.unreadable.push(name.to_string_lossy().into_owned()),
            }
        }
        // The order of the process's environment means nothing; errors should not depend on it.
        sources.environment.sort();
        sources
    }

    /// Reads the encryption password from a file: its first line, without the line break.
    pub fn read_encryption_password(&mut self, file: &Path) -> Result<(), Errors> {
        let origin = Origin::File {
            path: file.to_owned(),
            line: 0,
        };
        let text = std::fs::read_to_string(file).map(Secret::new).map_err(|error| {
            let message = format!("cannot read the encryption password: {}", reason(&error));
            Errors::from(Error::general(message).at(origin.clone()))
        })?;
        match text.expose().lines().next() {
            Some(password) if !password.is_empty() => {
                self.encryption_password = Some(Secret::new(password));
                Ok(())
            }
            _ => Err(
                Error::general("expected the encryption password on the first line")
                    .at(origin)
                    .into(),
            ),
        }
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secret.
        f.debug_struct("Sources")
            .field("folder", &self.folder)
            .field("profiles", &self.profiles)
            .field(
                "overrides",
                &self.overrides.iter().map(|(key, _)| key).collect::<Vec<_>>(),
            )
            .finish_non_exhaustive()
    }
}
