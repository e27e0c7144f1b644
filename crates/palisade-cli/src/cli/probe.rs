//! What stands behind `palisade probe`.

use std::path::PathBuf;

use clap::Args;
use palisade_core::TlsVersion;
use palisade_core::settings::Period;

use super::Common;

/// `palisade probe`.
#[derive(Debug, Args)]
pub(crate) struct ProbeArguments {
    /// Whom to ask: `https`, `smtps`, `imaps`, `pop3s`, or `smtp`, `imap`, `pop3` with STARTTLS
    #[arg(required_unless_present = "connection")]
    pub(crate) url: Option<String>,
    /// Ask as this connection of the configuration does: its URL, floor, trust and timeout, where no option says otherwise
    #[arg(long, value_name = "NAME")]
    pub(crate) connection: Option<String>,
    /// The least version of TLS: TLSv1.2 or TLSv1.3 [default: TLSv1.2]
    #[arg(long, value_name = "VERSION", value_parser = floor)]
    pub(crate) minimum_version: Option<TlsVersion>,
    /// Trust the certificates in this file, and no others [default: the public authorities]
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// Ask for this name, and expect it in the certificate [default: the host of the URL]
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,
    /// How long all of it may take [default: 10s]
    #[arg(long, value_name = "TIME")]
    pub(crate) timeout: Option<Period>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// A version that is ever spoken here.
fn floor(text: &str) -> Result<TlsVersion, String> {
    text.parse()
        .ok()
        .filter(|version| *version >= TlsVersion::LOWEST_SERVED)
        .ok_or_else(|| "expected TLSv1.2 or TLSv1.3: nothing older is spoken".to_owned())
}
