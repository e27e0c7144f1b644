//! The settings of a Blueriq runtime, under native names.
//!
//! 1. Settings that the file has under native names already come along, save groups: the two kinds of group do not mix.
//! 2. Nothing is decrypted: encrypted values stay as they are.

use std::fs;
use std::path::{Path, PathBuf};

use palisade_config::encryption::{EncryptionError, is_encrypted};
use palisade_config::properties::{Property, escape_key, parse};
use palisade_config::{Config, Error, Errors, Origin, Sources, to_native};
use palisade_keystore::resolve;

use crate::outcome::Failure;

/// A property file under native names.
pub(super) struct TakenOver {
    pub(super) text: String,
    /// Whether the file says where to listen.
    pub(super) has_listener: bool,
    has_encrypted: bool,
    folder: PathBuf,
}

impl TakenOver {
    /// Reads a Blueriq file, for that folder.
    pub(super) fn read(file: &Path, folder: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(file).map_err(|error| Failure::wrong(format!("{}: {error}", file.display())))?;
        let properties = parse(&bytes).properties;
        let native = to_native(file, &bytes);
        let mut errors = native.errors;
        errors.extend(mixed_groups(file, &properties));
        let mut text = errors.into_result(native.text)?;
        text.push_str(&declarations(&properties, folder));
        Ok(Self {
            text,
            has_listener: properties
                .iter()
                .any(|property| property.key.starts_with("palisade.listeners.")),
            has_encrypted: properties.iter().any(|property| is_encrypted(&property.value)),
            folder: folder.to_owned(),
        })
    }

    /// What the folder lacks, once it is written.
    pub(super) fn remaining(&self, sources: &Sources) -> Vec<String> {
        let (config, errors) = Config::load(sources);
        let mut remaining = Vec::new();
        if let Ok(Some(location)) = config.get::<String>("palisade.keystores.blueriq.location")
            && let Ok(path) = resolve(&location, &self.folder)
            && !path.exists()
        {
            remaining.push(format!("copy the keystore to {}", path.display()));
        }
        let has_password = sources.encryption_password.is_some()
            || config.contains("palisade.properties.encryption.password");
        let undecryptable = EncryptionError::Undecryptable.to_string();
        if self.has_encrypted && !has_password {
            remaining
                .push("give the password of encrypted values: --encryption-password-file FILE".to_owned());
        } else if errors.iter().any(|error| error.message == undecryptable) {
            remaining
                .push("the encryption password does not decrypt every value: see palisade check".to_owned());
        }
        remaining
    }
}

/// Groups under native names beside those under Blueriq's would change each other's places.
fn mixed_groups(file: &Path, properties: &[Property]) -> Vec<Error> {
    if !properties
        .iter()
        .any(|property| property.key.starts_with("blueriq.baas."))
    {
        return Vec::new();
    }
    let native = properties
        .iter()
        .filter(|property| property.key.starts_with("palisade.endpoints"));
    let expected = "expected groups under Blueriq's names alone, or under native ones alone";
    let place = |line| Origin::File {
        path: file.to_owned(),
        line,
    };
    native
        .map(|property| Error::new(&property.key, expected).at(place(property.line)))
        .collect()
}

/// Where a Blueriq file declares no interceptor at all, its defaults hold for those that groups name; under native names an
/// interceptor must be declared. Where it declares some, another name is a mistake, and `check` says so.
fn declarations(properties: &[Property], folder: &Path) -> String {
    let mut sources = Sources::new(folder);
    let settings = properties
        .iter()
        .map(|property| (property.key.clone(), property.value.clone()));
    sources.overrides = settings.collect();
    // Only names are wanted of this configuration; what is wrong with it is for `check` to say.
    let (config, _): (Config, Errors) = Config::load(&sources);
    if !config.names("palisade.interceptors").is_empty() {
        return String::new();
    }
    let undeclared = config.blueriq().undeclared_interceptors.iter().map(|name| {
        let key = format!("{}.report-only", config.child_key("palisade.interceptors", name));
        format!(
            "\n# {name} has no settings: requests pass it unchecked.\n{}=false\n",
            escape_key(&key)
        )
    });
    undeclared.collect()
}
