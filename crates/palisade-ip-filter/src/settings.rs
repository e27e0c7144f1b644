//! What operators write.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of the stage `ip-filter`. At least one of them must be given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IpFilterSettings {
    /// The addresses, prefixes and ranges that are admitted; all others are refused. Given but empty, it admits nobody.
    pub allow: Option<Vec<String>>,
    /// The addresses, prefixes and ranges that are refused, allowed or not.
    pub deny: Option<Vec<String>>,
    /// A file with more elements for `allow`, one a line; `#` starts a comment.
    pub allow_file: Option<PathBuf>,
    /// A file with more elements for `deny`, one a line; `#` starts a comment.
    pub deny_file: Option<PathBuf>,
}
