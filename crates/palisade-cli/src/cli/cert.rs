//! What stands behind `palisade cert`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use palisade_core::settings::Period;
use palisade_keystore::{KeyKind, RevocationReason};

use super::Common;
use super::help as text;

/// `palisade cert`.
#[derive(Debug, Subcommand)]
pub(crate) enum CertCommand {
    /// Make a certificate authority: its certificate, its key, and an empty revocation list
    #[command(after_help = text::CERT_CA)]
    Ca(CaArguments),
    /// Issue a certificate to a user or a tenant, or for a server
    #[command(after_help = text::CERT_ISSUE)]
    Issue(IssueArguments),
    /// Register a certificate that somebody else issued, once it is checked against its issuer
    #[command(after_help = text::CERT_IMPORT)]
    Import(ImportArguments),
    /// Write a registered certificate to a file
    #[command(after_help = text::CERT_EXPORT)]
    Export(ExportArguments),
    /// List the registered certificates, those that end soonest first
    #[command(after_help = text::CERT_LIST)]
    List(CertListArguments),
    /// Show a registered certificate
    #[command(after_help = text::CERT_SHOW)]
    Show(CertShowArguments),
    /// Take the registration of a certificate away: nobody is recognised by it any more
    #[command(after_help = text::CERT_DELETE)]
    Delete(DeleteArguments),
    /// Revoke certificates of the authority, and write its revocation list
    #[command(after_help = text::CERT_REVOKE)]
    Revoke(RevokeArguments),
    /// Write the revocation list anew before it is due
    #[command(after_help = text::CERT_RENEW_CRL)]
    RenewCrl(RenewCrlArguments),
}

impl CertCommand {
    pub(super) fn common(&self) -> &Common {
        match self {
            Self::Ca(arguments) => &arguments.common,
            Self::Issue(arguments) => &arguments.common,
            Self::Import(arguments) => &arguments.common,
            Self::Export(arguments) => &arguments.common,
            Self::List(arguments) => &arguments.common,
            Self::Show(arguments) => &arguments.common,
            Self::Delete(arguments) => &arguments.common,
            Self::Revoke(arguments) => &arguments.common,
            Self::RenewCrl(arguments) => &arguments.common,
        }
    }
}

/// Where the authority is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Authority")]
pub(crate) struct AuthorityPlace {
    /// The folder of the authority [default: ca in the configuration folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Where the authority is, and what opens its key.
#[derive(Debug, Args)]
#[command(next_help_heading = "Authority")]
pub(crate) struct AuthorityOptions {
    #[command(flatten)]
    pub(crate) place: AuthorityPlace,
    /// A file whose first line is the password of the authority's key, where that is encrypted [default: a prompt]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_password_file: Option<PathBuf>,
}

/// In whose name a command is run.
#[derive(Debug, Args)]
pub(crate) struct ActingAs {
    /// Act as this user: an administrator may do everything, others what concerns themselves alone
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// The kind of a key that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum NewKey {
    /// ECDSA on P-256
    #[default]
    EcP256,
    /// RSA with 3072 bits, for peers that know nothing else
    Rsa3072,
}

impl From<NewKey> for KeyKind {
    fn from(key: NewKey) -> Self {
        match key {
            NewKey::EcP256 => Self::EcP256,
            NewKey::Rsa3072 => Self::Rsa3072,
        }
    }
}

/// `palisade cert ca`.
#[derive(Debug, Args)]
pub(crate) struct CaArguments {
    /// The common name of the authority
    #[arg(long, value_name = "CN", default_value = "Palisade CA")]
    pub(crate) name: String,
    /// The organization of the authority
    #[arg(long, value_name = "O")]
    pub(crate) organization: Option<String>,
    /// How long it is valid; what it issues ends with it at the latest
    #[arg(long, value_name = "PERIOD", default_value = "3650d")]
    pub(crate) valid: Period,
    /// The kind of its key
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    pub(crate) key: NewKey,
    /// How long its first revocation list counts
    #[arg(long, value_name = "PERIOD", default_value = "30d")]
    pub(crate) crl_valid: Period,
    #[command(flatten)]
    pub(crate) authority: AuthorityOptions,
    #[command(flatten)]
    pub(super) common: Common,
}

/// The form of a file with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileType {
    /// The key and the chain, or the certificate alone, as PEM
    Pem,
    /// The certificate alone, DER
    Der,
    /// A keystore, PKCS#12
    P12,
    /// The same under the name that Windows gives it
    Pfx,
    /// The same under its full name
    Pkcs12,
    /// A keystore for old versions of Java
    Jks,
    /// The details, then the same as PEM
    Txt,
}

impl FileType {
    /// The ending of a file of that form.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Pem => "pem",
            Self::Der => "der",
            Self::P12 => "p12",
            Self::Pfx => "pfx",
            Self::Pkcs12 => "pkcs12",
            Self::Jks => "jks",
            Self::Txt => "txt",
        }
    }

    /// Whether it is a keystore, which has a password.
    pub(crate) fn is_keystore(self) -> bool {
        matches!(self, Self::P12 | Self::Pfx | Self::Pkcs12 | Self::Jks)
    }
}

/// `palisade cert issue`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").args(["user", "tenant", "server"]).multiple(true).required(true))]
pub(crate) struct IssueArguments {
    /// The user it is for, who calls with it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["tenant", "server"])]
    pub(crate) user: Option<String>,
    /// The tenant it is for, whose servers call with it
    #[arg(long, value_name = "NAME", conflicts_with = "server")]
    pub(crate) tenant: Option<String>,
    /// A certificate for a server of that host name or address, which nobody signs in with (repeatable)
    #[arg(long, value_name = "HOST")]
    pub(crate) server: Vec<String>,
    /// Make the user or tenant where the directory has none of that name
    #[arg(long, conflicts_with = "server")]
    pub(crate) create: bool,
    /// Issue to the key of this signing request (PKCS#10) instead of a new one; everything else in it is left out
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub(crate) csr: Option<PathBuf>,
    /// How long it is valid, and never longer than the authority
    #[arg(long, value_name = "PERIOD", default_value = "365d")]
    pub(crate) valid: Period,
    /// The kind of its key
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    pub(crate) key: NewKey,
    /// The form of the file [default: p12; with --csr, and with --server: pem]
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub(crate) form: Option<FileType>,
    /// The file to write, or - for standard output [default: NAME.TYPE in this folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Read the password of the file from standard input; PEM is encrypted with it [default: a random one, in FILE.password]
    #[arg(long, visible_alias = "stdin")]
    pub(crate) password_stdin: bool,
    /// Print the random password instead of writing it into FILE.password
    #[arg(long, conflicts_with = "password_stdin")]
    pub(crate) print_password: bool,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    pub(crate) authority: AuthorityOptions,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `palisade cert import`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").args(["user", "tenant"]).required(true))]
pub(crate) struct ImportArguments {
    /// The certificate, in whatever form a keystore may have; issuers beside it are taken into account
    pub(crate) file: PathBuf,
    /// The user who calls with it
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The tenant whose servers call with it
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Make the user or tenant where the directory has none of that name
    #[arg(long)]
    pub(crate) create: bool,
    /// The certificate of its issuer [default: the issuers that the listeners trust, and the authority]
    #[arg(long, value_name = "FILE")]
    pub(crate) issuer: Option<PathBuf>,
    /// Read the password of the file from standard input, where it is a keystore
    #[arg(long, visible_alias = "stdin")]
    pub(crate) password_stdin: bool,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    pub(crate) authority: AuthorityOptions,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Which registered certificates are meant.
#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false)]
pub(crate) struct Which {
    /// The certificate of this serial number, in hexadecimal, or of this SHA-256 fingerprint (sha256:…)
    #[arg(long, value_name = "HEX")]
    pub(crate) serial: Option<String>,
    /// Those of this user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Those of this tenant
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
}

/// `palisade cert export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The form of the file: pem, der or txt [default: pem]
    #[arg(
        long = "type",
        value_enum,
        value_name = "TYPE",
        default_value = "pem",
        hide_default_value = true
    )]
    pub(crate) form: FileType,
    /// The file to write, or - for standard output [default: NAME.crt in this folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `palisade cert list`.
#[derive(Debug, Args)]
pub(crate) struct CertListArguments {
    /// Those alone that end within this time, or have ended
    #[arg(long, value_name = "PERIOD", conflicts_with_all = ["expired", "revoked"])]
    pub(crate) expiring: Option<Period>,
    /// Those alone that have ended
    #[arg(long, conflicts_with = "revoked")]
    pub(crate) expired: bool,
    /// Those alone that are revoked
    #[arg(long)]
    pub(crate) revoked: bool,
    /// Those of this user alone
    #[arg(long, value_name = "NAME", conflicts_with = "tenant")]
    pub(crate) user: Option<String>,
    /// Those of this tenant alone
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    pub(crate) place: AuthorityPlace,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `palisade cert show`.
#[derive(Debug, Args)]
pub(crate) struct CertShowArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    pub(crate) place: AuthorityPlace,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `palisade cert delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// The certificate of this serial number, in hexadecimal, or of this SHA-256 fingerprint (sha256:…)
    #[arg(long, value_name = "HEX")]
    pub(crate) serial: String,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    pub(crate) place: AuthorityPlace,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Why a certificate is revoked, by the names of RFC 5280.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[value(rename_all = "camelCase")]
pub(crate) enum Reason {
    /// No reason is told
    #[default]
    Unspecified,
    /// Somebody else has, or may have, the private key
    KeyCompromise,
    /// Whom the certificate is for has changed
    AffiliationChanged,
    /// Another certificate takes its place
    Superseded,
    /// It is needed no more
    CessationOfOperation,
    /// Whom it is for may do less than it says
    PrivilegeWithdrawn,
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unspecified => Self::Unspecified,
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::AffiliationChanged => Self::AffiliationChanged,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
            Reason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
        }
    }
}

/// `palisade cert revoke`.
#[derive(Debug, Args)]
pub(crate) struct RevokeArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The certificate of this file, whether it is registered or not
    #[arg(long, value_name = "FILE", group = "which")]
    pub(crate) certificate: Option<PathBuf>,
    /// Why
    #[arg(long, value_enum, value_name = "REASON", default_value_t)]
    pub(crate) reason: Reason,
    /// How long the revocation list counts
    #[arg(long, value_name = "PERIOD", default_value = "30d")]
    pub(crate) crl_valid: Period,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    pub(crate) authority: AuthorityOptions,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `palisade cert renew-crl`.
#[derive(Debug, Args)]
pub(crate) struct RenewCrlArguments {
    /// How long the revocation list counts
    #[arg(long, value_name = "PERIOD", default_value = "30d")]
    pub(crate) crl_valid: Period,
    /// The list is lost: make it anew of what the directory knows to be revoked
    #[arg(long)]
    pub(crate) rebuild: bool,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    pub(crate) authority: AuthorityOptions,
    #[command(flatten)]
    pub(super) common: Common,
}
