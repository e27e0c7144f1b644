//! Keystores out of settings.

use std::collections::BTreeMap;

use palisade_config::{Config, Errors};
use palisade_keystore::{KeystoreSettings, Keystores};

/// Where keystores stand.
const KEYSTORES: &str = "palisade.keystores";
/// Names of which a misspelt one means that keystores are missing.
const NAMES: [&str; 2] = ["keystores", "blueriq.security.keystore"];

/// Loads the keystores of a configuration: all of them, or none.
///
/// `told` are the errors that were found so far. Without its keystores, a configuration can be checked no further than to
/// errors that do not merely follow from that: [`Errors::causes`]. What is wrong with settings of keystores stands in `told`
/// already and is not told again, so that the errors may be none.
pub fn load_keystores(config: &Config, told: &Errors) -> Result<Keystores, Errors> {
    let mut settings: BTreeMap<String, KeystoreSettings> = BTreeMap::new();
    for name in config.names(KEYSTORES) {
        if let Ok(Some(store)) = config.get(&config.child_key(KEYSTORES, name)) {
            settings.insert(name.to_owned(), store);
        }
    }
    match Keystores::load(config.folder(), &settings) {
        Ok(keystores) if are_read(config, told) => Ok(keystores),
        Ok(_) => Err(Errors::new()),
        Err(errors) => Err(errors
            .0
            .iter()
            .map(|error| config.complaint(&error.key(), error.to_string()))
            .collect()),
    }
}

/// Whether all settings of keystores can be read.
pub(crate) fn are_read(config: &Config, told: &Errors) -> bool {
    let is_misspelt = told
        .iter()
        .any(|error| error.nearest.as_deref().is_some_and(|name| NAMES.contains(&name)));
    let settings = config.get::<BTreeMap<String, KeystoreSettings>>(KEYSTORES);
    settings.is_ok() && !is_misspelt
}
