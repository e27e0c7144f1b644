//! What a connection of the configuration says.

use std::collections::BTreeMap;

use palisade_config::{Config, Error, Errors};
use palisade_core::TlsVersion;
use palisade_core::settings::Period;
use palisade_keystore::Certificate;
use palisade_server::settings::ConnectionSettings;

use crate::cli::Common;
use crate::commands::keystore;
use crate::outcome::Failure;

const CONNECTIONS: &str = "palisade.connections";

/// What matters of `palisade.connections.<name>`.
#[derive(Default)]
pub(super) struct Connection {
    pub(super) url: Option<String>,
    pub(super) floor: Option<TlsVersion>,
    pub(super) timeout: Option<Period>,
    pub(super) trust_aliases: Vec<String>,
    /// What stands under the aliases.
    pub(super) authorities: Vec<Certificate>,
    pub(super) trusts_everybody: bool,
}

impl Connection {
    /// Reads the connection of that name, and the certificates it trusts.
    pub(super) fn read(common: &Common, name: &str) -> Result<Self, Failure> {
        let (config, errors) = Config::load(&common.sources()?);
        let config = errors.into_result(config)?;
        let mut all: BTreeMap<String, ConnectionSettings> = config.get(CONNECTIONS)?.unwrap_or_default();
        let Some(settings) = all.remove(name) else {
            let error = Error::general(format!("{CONNECTIONS} has no connection {name}"))
                .nearest(name, all.keys().map(String::as_str));
            return Err(Failure::from(Errors::from(error)));
        };
        let mut authorities = Vec::new();
        if !settings.tls.trust_aliases.is_empty() {
            let (_, keystores) = keystore::load(common)?;
            for alias in &settings.tls.trust_aliases {
                let found = keystores
                    .certificates(alias)
                    .map_err(|error| Failure::wrong(format!("tls.trust-aliases: {error}")))?;
                authorities.extend(found);
            }
        }
        Ok(Self {
            url: settings.url,
            floor: Some(settings.tls.minimum_version),
            timeout: Some(settings.timeout),
            trust_aliases: settings.tls.trust_aliases,
            authorities,
            trusts_everybody: settings.tls.insecure_trust_all,
        })
    }
}
