//! Where a value was written.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

/// The place where a value was written. Shown as `application.properties:12`,
/// `environment variable PALISADE__UNMATCHED`, `--set` or `default`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A line of a file.
    File {
        /// The file, relative to the configuration folder.
        path: PathBuf,
        /// The line, from 1; 0 stands for the file as a whole.
        line: u32,
    },
    /// An environment variable.
    Environment {
        /// Its name as the process has it.
        variable: String,
    },
    /// The command line: `--set key=value`.
    CommandLine,
    /// A built-in default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: 0 } => write!(f, "{}", path.display()),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::CommandLine => f.write_str("--set"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
