//! The authority in its folder.

use std::fs;
use std::path::Path;

use palisade_core::Secret;
use palisade_keystore::{Authority, AuthorityError, AuthorityFolder, BadPrivateKey, StoreError};

use crate::cli::{AuthorityOptions, AuthorityPlace, Common};
use crate::commands::secrets;
use crate::outcome::Failure;

/// The folder of the authority, below the configuration folder unless another is given.
const FOLDER: &str = "ca";

/// Where the authority is.
pub(super) fn folder(common: &Common, place: &AuthorityPlace) -> AuthorityFolder {
    match &place.dir {
        Some(folder) => AuthorityFolder::new(folder),
        None => AuthorityFolder::new(common.folder().join(FOLDER)),
    }
}

/// The authority with its key. Where that is encrypted and no file has its password, it is asked for.
pub(super) fn open(folder: &AuthorityFolder, options: &AuthorityOptions) -> Result<Authority, Failure> {
    let password = password(options)?;
    let opened = folder.open(password.as_ref());
    let opened = match opened {
        Err(AuthorityError::Store(StoreError::PrivateKey {
            reason: BadPrivateKey::PasswordMissing,
            ..
        })) => folder.open(Some(&ask(folder)?)),
        opened => opened,
    };
    opened.map_err(|error| failure(&error))
}

/// The first line of the file that has the password of the key.
pub(super) fn password(options: &AuthorityOptions) -> Result<Option<Secret>, Failure> {
    options.ca_password_file.as_deref().map(first_line).transpose()
}

fn first_line(file: &Path) -> Result<Secret, Failure> {
    let failed = |what: &str| Failure::wrong(format!("{}: {what}", file.display()));
    let text = fs::read_to_string(file).map(Secret::new);
    let text = text.map_err(|error| failed(&error.to_string()))?;
    match text.expose().lines().next() {
        Some(password) if !password.is_empty() => Ok(Secret::new(password)),
        _ => Err(failed(
            "expected the password of the authority's key on the first line",
        )),
    }
}

fn ask(folder: &AuthorityFolder) -> Result<Secret, Failure> {
    let prompt = format!("Password of {}: ", folder.key_file().display());
    secrets::prompt(&prompt).map_err(|error| {
        Failure::wrong(format!(
            "{} is encrypted, and its password cannot be asked for without a terminal ({error}): give --ca-password-file",
            folder.key_file().display()
        ))
    })
}

/// The error, and what helps.
pub(super) fn failure(error: &AuthorityError) -> Failure {
    let help = match error {
        AuthorityError::Missing { .. } => "; palisade cert ca makes one, --dir says where it is",
        AuthorityError::ListMissing { .. } => {
            "; restore it from a copy, or have palisade cert renew-crl --rebuild make it of what the directory knows"
        }
        _ => "",
    };
    Failure::wrong(format!("{error}{help}"))
}
