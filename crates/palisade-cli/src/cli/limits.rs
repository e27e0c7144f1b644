//! What stands behind `palisade limits`.

use clap::{Args, Subcommand};

use super::Common;
use super::help as text;

/// `palisade limits`.
#[derive(Debug, Subcommand)]
pub(crate) enum LimitsCommand {
    /// Show the limits in force, and what keys have left
    #[command(after_help = text::LIMITS_SHOW)]
    Show(ShowLimitsArguments),
    /// Forget what a key has used, or what all keys have
    #[command(after_help = text::LIMITS_RESET)]
    Reset(ResetLimitsArguments),
}

impl LimitsCommand {
    pub(super) fn common(&self) -> &Common {
        match self {
            Self::Show(arguments) => &arguments.common,
            Self::Reset(arguments) => &arguments.common,
        }
    }
}

/// `palisade limits show`.
#[derive(Debug, Args)]
pub(crate) struct ShowLimitsArguments {
    /// The limits of this interceptor alone
    #[arg(value_name = "INTERCEPTOR")]
    pub(crate) interceptor: Option<String>,
    /// Those of this stage alone, such as rate-limit
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Option<String>,
    /// How this key stands: an address, a name, the value of a field
    #[arg(long, value_name = "VALUE")]
    pub(crate) key: Option<String>,
    /// How many keys to show that have used something [default: 10, and none with --key]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(crate) keys: Option<u16>,
    #[command(flatten)]
    common: Common,
}

/// `palisade limits reset`.
#[derive(Debug, Args)]
pub(crate) struct ResetLimitsArguments {
    /// The interceptor whose limits are meant
    #[arg(value_name = "INTERCEPTOR")]
    pub(crate) interceptor: String,
    /// This stage alone, such as quota [default: every limit of the interceptor]
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Option<String>,
    /// The key: an address, a name, the value of a field
    #[arg(long, value_name = "VALUE", required_unless_present = "all")]
    pub(crate) key: Option<String>,
    /// Every key
    #[arg(long, conflicts_with = "key")]
    pub(crate) all: bool,
    #[command(flatten)]
    common: Common,
}
