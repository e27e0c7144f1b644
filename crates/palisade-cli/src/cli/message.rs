//! What stands behind `palisade message`.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::{ArgGroup, Args, Subcommand};
use http::Method;
use palisade_core::settings::Period;

use super::Common;
use super::help as text;
use crate::instant;

/// `palisade message`.
#[derive(Debug, Subcommand)]
pub(crate) enum MessageCommand {
    /// Sign a body: a JWS with its times, its name and its target
    #[command(after_help = text::MESSAGE_SIGN)]
    Sign(SignArguments),
    /// Encrypt a body, or a message that is signed already
    #[command(after_help = text::MESSAGE_ENCRYPT)]
    Encrypt(SealArguments),
    /// Decrypt and verify a message, step by step
    #[command(after_help = text::MESSAGE_VERIFY)]
    Verify(VerifyArguments),
}

impl MessageCommand {
    pub(super) fn common(&self) -> &Common {
        match self {
            Self::Sign(arguments) => &arguments.common,
            Self::Encrypt(arguments) => &arguments.common,
            Self::Verify(arguments) => &arguments.common,
        }
    }
}

/// Where bytes come from and go to.
#[derive(Debug, Args)]
pub(crate) struct Streams {
    /// The file to read [default: standard input, as for -]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Write the result into this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// An interceptor that says how messages are made and read.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// The interceptor whose profiles say which keys, algorithms, times and format
    #[arg(long, value_name = "NAME")]
    pub(crate) interceptor: Option<String>,
    /// The message is a response of the interceptor, not a request
    #[arg(long)]
    pub(crate) response: bool,
}

/// What a message says beside its body.
#[derive(Debug, Args)]
pub(crate) struct Said {
    /// The life of the message [default: 300s]
    #[arg(long, value_name = "PERIOD", conflicts_with = "interceptor")]
    pub(crate) ttl: Option<Period>,
    /// The method of the request it is made for
    #[arg(long, value_name = "METHOD", requires = "target", value_parser = method)]
    pub(crate) method: Option<Method>,
    /// The target of the request it is made for: its path, or its absolute URI, without query
    #[arg(long, value_name = "TARGET", requires = "method", value_parser = target)]
    pub(crate) target: Option<String>,
    /// Whom it is for
    #[arg(long, value_name = "NAME", conflicts_with = "interceptor")]
    pub(crate) audience: Option<String>,
    /// The jti of the request that it answers
    #[arg(long, value_name = "JTI")]
    pub(crate) in_reply_to: Option<String>,
    /// The media type of the body [default: application/json where it is JSON, else application/octet-stream]
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// The message format: jwt or raw [default: jwt]
    #[arg(long, value_name = "FORMAT", conflicts_with = "interceptor")]
    pub(crate) message_format: Option<String>,
    /// The algorithms to use, alg and enc in one list [default: those of the keys' types]
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        conflicts_with = "interceptor"
    )]
    pub(crate) algorithms: Vec<String>,
}

/// `palisade message sign`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("keys").args(["interceptor", "key_alias"]).required(true))]
pub(crate) struct SignArguments {
    #[command(flatten)]
    pub(crate) streams: Streams,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Sign with the key under this alias
    #[arg(long, value_name = "ALIAS", conflicts_with = "response")]
    pub(crate) key_alias: Option<String>,
    /// Encrypt the signed message to the key under this alias
    #[arg(long, value_name = "ALIAS", conflicts_with = "interceptor")]
    pub(crate) encrypt_alias: Option<String>,
    #[command(flatten)]
    pub(crate) said: Said,
    #[command(flatten)]
    common: Common,
}

/// `palisade message encrypt`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("keys").args(["interceptor", "key_alias"]).required(true))]
pub(crate) struct SealArguments {
    #[command(flatten)]
    pub(crate) streams: Streams,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Encrypt to the key under this alias
    #[arg(long, value_name = "ALIAS", conflicts_with = "response")]
    pub(crate) key_alias: Option<String>,
    /// Take the input for a body, even where it is a signed message
    #[arg(long)]
    pub(crate) as_body: bool,
    #[command(flatten)]
    pub(crate) said: Said,
    #[command(flatten)]
    common: Common,
}

/// `palisade message verify`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("keys")
        .args(["interceptor", "decrypt_alias", "verify_alias"])
        .required(true)
        .multiple(true)
)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) streams: Streams,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Decrypt with one of the keys under these aliases
    #[arg(
        long,
        value_name = "ALIASES",
        value_delimiter = ',',
        conflicts_with_all = ["interceptor", "response"]
    )]
    pub(crate) decrypt_alias: Vec<String>,
    /// Verify with one of the keys under these aliases
    #[arg(
        long,
        value_name = "ALIASES",
        value_delimiter = ',',
        conflicts_with_all = ["interceptor", "response"]
    )]
    pub(crate) verify_alias: Vec<String>,
    /// Check times at this instant instead of now, such as 2026-11-22T10:00:00Z
    #[arg(long, value_name = "INSTANT", value_parser = instant::parse)]
    pub(crate) at: Option<SystemTime>,
    /// How far the clocks of both sides may differ [default: 300s]
    #[arg(long, value_name = "PERIOD", conflicts_with = "interceptor")]
    pub(crate) max_clock_skew: Option<Period>,
    /// The longest life of a message [default: 300s]
    #[arg(long, value_name = "PERIOD", conflicts_with = "interceptor")]
    pub(crate) max_ttl: Option<Period>,
    /// The method of the request that carries it
    #[arg(long, value_name = "METHOD", requires = "target", value_parser = method)]
    pub(crate) method: Option<Method>,
    /// The target of the request that carries it: its path, or its absolute URI, without query
    #[arg(long, value_name = "TARGET", requires = "method", value_parser = target)]
    pub(crate) target: Option<String>,
    /// The name that aud has to hold
    #[arg(long, value_name = "NAME", conflicts_with = "interceptor")]
    pub(crate) audience: Option<String>,
    /// The jti of the request that it has to answer
    #[arg(long, value_name = "JTI")]
    pub(crate) in_reply_to: Option<String>,
    /// The message format: jwt or raw [default: jwt]
    #[arg(long, value_name = "FORMAT", conflicts_with = "interceptor")]
    pub(crate) message_format: Option<String>,
    /// The algorithms to accept, alg and enc in one list [default: those of the keys' types]
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        conflicts_with = "interceptor"
    )]
    pub(crate) algorithms: Vec<String>,
    #[command(flatten)]
    common: Common,
}

fn method(text: &str) -> Result<Method, String> {
    // The names that everybody knows are written in capitals; `get` would be another method (RFC 9110 section 9.1).
    let upper = text.to_ascii_uppercase();
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    if upper != text && known.contains(&upper.as_str()) {
        return Err(format!("methods are case-sensitive (did you mean \"{upper}\"?)"));
    }
    Method::from_bytes(text.as_bytes()).map_err(|_| "expected a method such as POST".to_owned())
}

fn target(text: &str) -> Result<String, String> {
    let authority = text
        .split_once("://")
        .filter(|(scheme, _)| ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()));
    let is_target = text.starts_with('/') || authority.is_some_and(|(_, rest)| !rest.is_empty());
    if is_target && !text.contains(['?', '#']) {
        Ok(text.to_owned())
    } else {
        Err(
            "expected a path such as /server/rest/orders/create, or an absolute URI, without query"
                .to_owned(),
        )
    }
}
