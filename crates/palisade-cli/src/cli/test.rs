//! What stands behind `palisade test`.

use std::path::PathBuf;

use clap::Args;

use super::Common;

/// `palisade test`.
#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// The file with the cases, YAML or JSON; - is standard input
    pub(crate) file: PathBuf,
    /// Also write the results to this file, in the XML of `JUnit`
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: Common,
}
