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
    pub(crate) url: String,
    /// The least version of TLS: TLSv1.2 or TLSv1.3
    #[arg(long, value_name = "VERSION", default_value = "TLSv1.2", value_parser = floor)]
    pub(crate) minimum_version: TlsVersion,
    /// Trust the certificates in this file, and no others [default: the public authorities]
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// Ask for this name, and expect it in the certificate [default: the host of the URL]
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,
    /// How long all of it may take
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) timeout: Period,
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
