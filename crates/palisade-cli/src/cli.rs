//! What stands on the command line.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use palisade_config::Sources;
use palisade_core::TlsVersion;

use crate::cli::help as text;
use crate::outcome::Failure;

mod cert;
mod help;
mod limits;
mod message;
mod probe;
mod test;
mod user;

pub(crate) use cert::{
    ActingAs, AuthorityOptions, AuthorityPlace, CaArguments, CertCommand, CertListArguments,
    CertShowArguments, DeleteArguments, ExportArguments, FileType, ImportArguments, IssueArguments,
    RenewCrlArguments, RevokeArguments, Which,
};
pub(crate) use limits::{LimitsCommand, ResetLimitsArguments, ShowLimitsArguments};
pub(crate) use message::{MessageCommand, Said, SealArguments, SignArguments, Streams, VerifyArguments};
pub(crate) use probe::ProbeArguments;
pub(crate) use test::TestArguments;
pub(crate) use user::{
    AddTenantArguments, AddUserArguments, ApiKeyCommand, CreateKeyArguments, HashPasswordArguments,
    KeyListArguments, NamedUserArguments, RevokeKeyArguments, SetPasswordArguments, SetRolesArguments,
    SetTenantArguments, UserCommand, UserListArguments,
};

/// The configuration folder, unless another is given.
const DEFAULT_FOLDER: &str = "config";

/// Guards integration servers by endpoint groups from layered property files.
#[derive(Debug, Parser)]
#[command(name = "palisade", version, arg_required_else_help = true, after_help = text::PALISADE)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

impl Cli {
    /// The common options, wherever they stand, and the command.
    pub(crate) fn split(self) -> (Common, Command) {
        let inner = self.command.common().clone();
        (self.common.with(inner), self.command)
    }
}

/// Options of every command. They may stand before it, behind it, or both; lists go on, and the last of other options wins.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct Common {
    /// The configuration folder [default: config]
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// A profile, in place of palisade.profiles.active: application-NAME.properties is read too (repeatable, or a comma list)
    #[arg(long = "profile", value_name = "NAME", value_delimiter = ',')]
    profiles: Vec<String>,
    /// A setting, above every other source (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// A file whose first line is the password of encrypted values
    #[arg(long, value_name = "FILE")]
    encryption_password_file: Option<PathBuf>,
    /// The form of results and errors [default: text]
    #[arg(long, value_enum, help_heading = "Output")]
    format: Option<Format>,
    /// When to colour text [default: auto, on a terminal, unless `NO_COLOR` is set]
    #[arg(long, value_enum, value_name = "WHEN", help_heading = "Output")]
    color: Option<ColorChoice>,
}

/// The form of results and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs: one JSON document on standard output, errors included
    Json,
}

impl Common {
    fn with(mut self, inner: Self) -> Self {
        self.profiles.extend(inner.profiles);
        self.overrides.extend(inner.overrides);
        Self {
            config: inner.config.or(self.config),
            profiles: self.profiles,
            overrides: self.overrides,
            encryption_password_file: inner.encryption_password_file.or(self.encryption_password_file),
            format: inner.format.or(self.format),
            color: inner.color.or(self.color),
        }
    }

    pub(crate) fn format(&self) -> Format {
        self.format.unwrap_or(Format::Text)
    }

    pub(crate) fn color(&self) -> ColorChoice {
        self.color.unwrap_or(ColorChoice::Auto)
    }

    /// The configuration folder.
    pub(crate) fn folder(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(DEFAULT_FOLDER))
    }

    /// Where the configuration comes from.
    pub(crate) fn sources(&self) -> Result<Sources, Failure> {
        self.sources_of(self.folder())
    }

    /// The same sources over another folder.
    pub(crate) fn sources_of(&self, folder: &Path) -> Result<Sources, Failure> {
        let mut sources = Sources::from_process(folder);
        sources.profiles.clone_from(&self.profiles);
        sources.overrides = self
            .overrides
            .iter()
            .enumerate()
            .map(key_value)
            .collect::<Result<_, _>>()?;
        if let Some(file) = &self.encryption_password_file {
            sources.read_encryption_password(file)?;
        }
        Ok(sources)
    }
}

/// Reads one `--set`. The error does not repeat it: it may hold a secret.
fn key_value((position, text): (usize, &String)) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err(Failure::wrong(format!(
            "expected KEY=VALUE behind --set, number {}",
            position + 1
        ))),
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve: listeners and endpoint groups in front of an upstream, or of a built-in echo
    #[command(after_help = text::SERVE)]
    Serve(ServeArguments),
    /// Check everything that `serve` checks, without listening, and weigh what is unwise
    #[command(after_help = text::CHECK)]
    Check(CheckArguments),
    /// Explain what would happen to a request: the group, its stages in order, the verdict
    #[command(after_help = text::EXPLAIN)]
    Explain(ExplainArguments),
    /// Compare two configuration folders: settings, groups, and the routes that change group or lose a stage
    #[command(after_help = text::DIFF)]
    Diff(DiffArguments),
    /// Write a starter folder that can be served at once
    #[command(after_help = text::INIT)]
    Init(InitArguments),
    /// Encrypt a value for a property file
    #[command(after_help = text::ENCRYPT)]
    Encrypt(EncryptArguments),
    /// Look into the keystores of the configuration
    #[command(subcommand, arg_required_else_help = true, after_help = text::KEYSTORE)]
    Keystore(KeystoreCommand),
    /// Issue, register and revoke certificates, by an authority of one's own
    #[command(subcommand, arg_required_else_help = true, after_help = text::CERT)]
    Cert(CertCommand),
    /// Add users and tenants, let them sign in or not, and list what they may do
    #[command(subcommand, arg_required_else_help = true, after_help = text::USER)]
    User(UserCommand),
    /// Make, list and revoke the keys with which programs of users sign in
    #[command(subcommand, arg_required_else_help = true, after_help = text::API_KEY)]
    ApiKey(ApiKeyCommand),
    /// Hash a password for a property file
    #[command(after_help = text::HASH_PASSWORD)]
    HashPassword(HashPasswordArguments),
    /// See what is left of limits, and give it back
    #[command(subcommand, arg_required_else_help = true, after_help = text::LIMITS)]
    Limits(LimitsCommand),
    /// Make secured messages, and see why one is refused
    #[command(subcommand, arg_required_else_help = true, after_help = text::MESSAGE)]
    Message(MessageCommand),
    /// Ask a peer what it speaks, and tell whether a connection to it would come about
    #[command(after_help = text::PROBE)]
    Probe(ProbeArguments),
    /// Test a policy: requests in a file, and what is to become of each
    #[command(after_help = text::TEST)]
    Test(TestArguments),
}

impl Command {
    fn common(&self) -> &Common {
        match self {
            Self::Serve(arguments) => &arguments.common,
            Self::Check(arguments) => &arguments.common,
            Self::Explain(arguments) => &arguments.common,
            Self::Diff(arguments) => &arguments.common,
            Self::Init(arguments) => &arguments.common,
            Self::Encrypt(arguments) => &arguments.common,
            Self::Keystore(KeystoreCommand::List(arguments)) => &arguments.common,
            Self::Keystore(KeystoreCommand::Show(arguments)) => &arguments.common,
            Self::Cert(command) => command.common(),
            Self::User(command) => command.common(),
            Self::ApiKey(command) => command.common(),
            Self::HashPassword(arguments) => &arguments.common,
            Self::Limits(command) => command.common(),
            Self::Message(command) => command.common(),
            Self::Probe(arguments) => &arguments.common,
            Self::Test(arguments) => &arguments.common,
        }
    }
}

/// `palisade serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Answer with the request as a handler would see it, instead of asking `palisade.upstream.url`
    #[arg(long)]
    pub(crate) echo: bool,
    #[command(flatten)]
    common: Common,
}

/// `palisade check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// End with status 1 when the score is below this one, from 0 to 100
    #[arg(long, value_name = "SCORE", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) fail_below: Option<u8>,
    #[command(flatten)]
    common: Common,
}

/// `palisade explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The method, such as GET
    pub(crate) method: String,
    /// The path, with or without a query
    pub(crate) path: String,
    /// Suppose the client has this address
    #[arg(long, value_name = "IP")]
    pub(crate) peer: Option<IpAddr>,
    /// Suppose the caller is this user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Suppose the caller has this scope, of a token or an API key (repeatable)
    #[arg(long = "scope", value_name = "SCOPE", requires = "user")]
    pub(crate) scopes: Vec<String>,
    /// Suppose the request has this field (repeatable)
    #[arg(long = "header", value_name = "NAME:VALUE")]
    pub(crate) headers: Vec<String>,
    /// Suppose the request has this body; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<PathBuf>,
    /// Suppose a TLS session of this version, such as TLSv1.3
    #[arg(long, value_name = "VERSION")]
    pub(crate) tls: Option<TlsVersion>,
    #[command(flatten)]
    common: Common,
}

/// `palisade diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The configuration folder as it was
    pub(crate) old: PathBuf,
    /// The configuration folder as it is to be
    pub(crate) new: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// `palisade init`.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The folder to write [default: that of --config]
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Take over the settings of this Blueriq properties file, under native names
    #[arg(long, value_name = "FILE")]
    pub(crate) from_blueriq: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// `palisade encrypt`.
#[derive(Debug, Args)]
pub(crate) struct EncryptArguments {
    /// The full name of the property that the value is for
    pub(crate) name: String,
    /// Write the form that Jasypt reads, which is not bound to the property's name
    #[arg(long)]
    pub(crate) jasypt: bool,
    /// Read the value from standard input instead of a prompt; one line break at its end is dropped
    #[arg(long)]
    pub(crate) stdin: bool,
    #[command(flatten)]
    common: Common,
}

/// `palisade keystore`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeystoreCommand {
    /// List every key and certificate of every keystore
    #[command(after_help = text::KEYSTORE_LIST)]
    List(ListArguments),
    /// Show what stands under an alias
    #[command(after_help = text::KEYSTORE_SHOW)]
    Show(ShowArguments),
}

/// `palisade keystore list`.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    common: Common,
}

/// In what form a public key is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PublicKeyForm {
    /// A JWK with its kid, and with use and alg where the keystore says them
    Jwk,
    /// A PEM file, BEGIN PUBLIC KEY
    Pem,
}

/// `palisade keystore show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The alias, or keystore/alias where several keystores have it
    pub(crate) alias: String,
    /// Print the public key alone, to be handed to partners
    #[arg(long, value_name = "FORM")]
    pub(crate) public_key: Option<PublicKeyForm>,
    #[command(flatten)]
    common: Common,
}
