//! What can be wrong with a keystore, and with a question to it.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use crate::entry::UnusableKey;
use crate::location::BadLocation;
use crate::private_key::BadPrivateKey;
use crate::public_key::BadPublicKey;

/// What is wrong with one keystore. No text here carries a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The location is no path.
    #[error("location `{location}`: {reason}")]
    Location {
        /// What was written.
        location: String,
        /// What is wrong with it.
        reason: BadLocation,
    },
    /// The file is not there, or may not be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// The file is larger than any keystore.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// The format is known, and not supported by this build.
    #[error("{format} is not supported by this build; convert {} with {remedy}", path.display())]
    UnsupportedFormat {
        /// The file.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
        /// The command that converts it.
        remedy: &'static str,
    },
    /// The content is of no known format, or not of the configured one.
    #[error("{} is not {expected}", path.display())]
    WrongFormat {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: String,
    },
    /// There is neither key nor certificate.
    #[error("{} holds neither a private key nor a certificate", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
    /// A password is needed.
    #[error("{} needs a password", path.display())]
    PasswordMissing {
        /// The file.
        path: PathBuf,
    },
    /// The password is wrong. A PKCS#12 file altered after it was written looks the same.
    #[error("the password does not open {}: it is wrong, or the file was altered", path.display())]
    WrongPassword {
        /// The file.
        path: PathBuf,
    },
    /// A key inside has another password than the store.
    #[error("a private key in {} has another password than the store; give both the same", path.display())]
    KeyPasswordDiffers {
        /// The file.
        path: PathBuf,
    },
    /// The password does not open one key.
    #[error(
        "the password does not open the private key under alias `{alias}`{}",
        if *own { "" } else { ": give its own as `key-passwords`, by alias" }
    )]
    KeyPassword {
        /// The alias.
        alias: String,
        /// Whether the key has a password of its own.
        own: bool,
    },
    /// A password is given to a key that is not there.
    #[error(
        "a password is given to the key under alias `{alias}`, and there is none{}",
        listing("aliases", known)
    )]
    UnknownKeyPassword {
        /// The alias.
        alias: String,
        /// Every alias of the keystore.
        known: Vec<String>,
    },
    /// A password is given to a single key, in a format whose keys have none.
    #[error(
        "a password is given to the key under alias `{alias}`; keys of a {format} file have no passwords of their own"
    )]
    KeyPasswordNotPossible {
        /// The alias.
        alias: String,
        /// The format.
        format: &'static str,
    },
    /// Nothing vouches for the file.
    #[error("{} has no MAC: nothing tells whether it was altered; write it anew without `-nomac`", path.display())]
    NoMac {
        /// The file.
        path: PathBuf,
    },
    /// An algorithm that is not supported protects the file.
    #[error("{} is protected in an unsupported way: {reason}", path.display())]
    UnsupportedProtection {
        /// The file.
        path: PathBuf,
        /// What is not supported.
        reason: String,
    },
    /// The file is damaged.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where reading failed.
        reason: String,
    },
    /// A private key cannot be used.
    #[error("{}: {reason}", path.display())]
    PrivateKey {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: BadPrivateKey,
    },
    /// A public key cannot be used.
    #[error("{}: {reason}", path.display())]
    PublicKey {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: BadPublicKey,
    },
    /// A public key stands beside a private key or certificates it does not belong to.
    #[error("alias `{alias}`: the public key fits neither the private key nor the certificates beside it")]
    PublicKeyDoesNotFit {
        /// The alias.
        alias: String,
    },
    /// One alias, several keys.
    #[error("alias `{alias}` stands for {count} keys; give each key an alias of its own")]
    SeveralKeys {
        /// The alias.
        alias: String,
        /// How many keys.
        count: usize,
    },
    /// No certificate beside the key carries its public half.
    #[error("alias `{alias}`: the private key ({algorithm}) does not fit the certificate of `{subject}`")]
    KeyDoesNotFit {
        /// The alias.
        alias: String,
        /// The kind of key.
        algorithm: String,
        /// The subject of the first certificate beside it.
        subject: String,
    },
    /// The public half of a private key is of no supported kind.
    #[error("alias `{alias}`: the public half of the private key is of no supported kind")]
    UnusablePublicHalf {
        /// The alias.
        alias: String,
    },
    /// Two entries of one store have the same alias.
    #[error("alias `{alias}` is given to two entries of one keystore")]
    DuplicateAlias {
        /// The alias.
        alias: String,
    },
}

impl StoreError {
    /// The property under `palisade.keystores.<name>` that is at fault.
    pub fn setting(&self) -> Cow<'static, str> {
        let setting = match self {
            Self::KeyPassword { alias, own: true }
            | Self::UnknownKeyPassword { alias, .. }
            | Self::KeyPasswordNotPossible { alias, .. } => {
                return format!("key-passwords{}", segment(alias)).into();
            }
            Self::PasswordMissing { .. }
            | Self::WrongPassword { .. }
            | Self::KeyPasswordDiffers { .. }
            | Self::KeyPassword { .. }
            | Self::PrivateKey {
                reason: BadPrivateKey::PasswordMissing | BadPrivateKey::WrongPassword,
                ..
            } => "password",
            Self::WrongFormat { .. } | Self::UnsupportedFormat { .. } => "type",
            _ => "location",
        };
        setting.into()
    }
}

/// What is wrong with a keystore, and with which.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("keystore `{store}`: {error}")]
pub struct LoadError {
    /// The keystore's name.
    pub store: String,
    /// What is wrong.
    #[source]
    pub error: StoreError,
}

impl LoadError {
    /// The property at fault, such as `palisade.keystores.server.password`.
    pub fn key(&self) -> String {
        format!("palisade.keystores.{}.{}", self.store, self.error.setting())
    }
}

/// Everything that is wrong with the keystores, not the first thing only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadErrors(pub Vec<LoadError>);

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadErrors {}

/// Why an alias finds nothing usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// No store has the alias.
    #[error("there is no alias `{alias}`{}{}", suggestion(nearest.as_deref()), listing("aliases", known))]
    NoSuchAlias {
        /// The alias asked for.
        alias: String,
        /// The known alias that is written most alike.
        nearest: Option<String>,
        /// Every alias there is.
        known: Vec<String>,
    },
    /// Several entries have the alias.
    #[error(
        "alias `{alias}` is in more than one keystore: write {}",
        alternatives(candidates)
    )]
    Ambiguous {
        /// The alias asked for.
        alias: String,
        /// The ways to write which is meant.
        candidates: Vec<String>,
    },
    /// The alias holds certificates or a public key only.
    #[error("alias `{alias}` holds {found}{}", listing("aliases with a key", with_keys))]
    NoPrivateKey {
        /// The alias asked for.
        alias: String,
        /// What is there instead.
        found: &'static str,
        /// The aliases that have a private key.
        with_keys: Vec<String>,
    },
    /// The alias holds a key only.
    #[error(
        "alias `{alias}` holds {found}{}",
        listing("aliases with a certificate", with_certificates)
    )]
    NoCertificate {
        /// The alias asked for.
        alias: String,
        /// What is there instead.
        found: &'static str,
        /// The aliases that have a certificate.
        with_certificates: Vec<String>,
    },
    /// The key under the alias cannot be used.
    #[error("alias `{alias}`: {reason}")]
    Unusable {
        /// The alias asked for.
        alias: String,
        /// Why not.
        reason: UnusableKey,
    },
    /// The certificate under the alias has a key that cannot be used.
    #[error("alias `{alias}`, certificate of `{subject}`: {reason}")]
    UnusableCertificate {
        /// The alias asked for.
        alias: String,
        /// The certificate's subject.
        subject: String,
        /// Why not.
        reason: BadPublicKey,
    },
    /// Several certificates that are not one chain stand for several keys.
    #[error(
        "alias `{alias}` holds {count} certificates that are not one chain: which key is meant cannot be told; give each an alias of its own"
    )]
    SeveralCertificates {
        /// The alias asked for.
        alias: String,
        /// How many certificates.
        count: usize,
    },
}

/// An alias as the last part of a property's name.
fn segment(alias: &str) -> String {
    if alias.contains(['.', '[', ']']) {
        format!("[{alias}]")
    } else {
        format!(".{alias}")
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest
        .map(|nearest| format!("; did you mean `{nearest}`?"))
        .unwrap_or_default()
}

fn listing(what: &str, aliases: &[String]) -> String {
    const SHOWN: usize = 20;
    if aliases.is_empty() {
        return format!(" ({what}: none)");
    }
    let shown: Vec<String> = aliases
        .iter()
        .take(SHOWN)
        .map(|alias| format!("`{alias}`"))
        .collect();
    let more = aliases.len().saturating_sub(SHOWN);
    let rest = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    format!(" ({what}: {}{rest})", shown.join(", "))
}

fn alternatives(candidates: &[String]) -> String {
    candidates
        .iter()
        .map(|candidate| format!("`{candidate}`"))
        .collect::<Vec<_>>()
        .join(" or ")
}
