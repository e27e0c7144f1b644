//! `palisade cert ca`: a certificate authority, and the settings of a listener that trusts it.

use std::path::{Path, PathBuf, absolute};

use palisade_config::Config;
use palisade_config::properties::{escape_key, escape_value};
use palisade_keystore::{Authority, AuthorityFolder, NewAuthority, Subject};
use serde::Serialize;

use super::authority;
use crate::cli::{CaArguments, Common};
use crate::commands::keystore::DescribedCertificate;
use crate::instant::{self, rfc3339};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{GOOD, HEADING, Output, WARNING, styled};

/// The alias by which listeners know the authority.
const ALIAS: &str = "ca";

/// The result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Made {
    folder: PathBuf,
    certificate_file: PathBuf,
    key_file: PathBuf,
    key_is_encrypted: bool,
    crl_file: PathBuf,
    crl_next_update: String,
    certificate: DescribedCertificate,
    /// What a listener needs to trust the authority.
    properties: Vec<String>,
}

pub(super) fn run(common: &Common, arguments: &CaArguments, output: &mut Output) -> Outcome {
    let folder = authority::folder(common, &arguments.authority.place);
    let password = authority::password(&arguments.authority)?;
    let mut subject = Subject::new(&arguments.name);
    subject.organization.clone_from(&arguments.organization);
    let mut new = NewAuthority::new("", arguments.valid.get());
    new.subject = subject;
    new.key = arguments.key.into();
    let now = instant::now();
    let authority = Authority::create(&new, now).map_err(|error| authority::failure(&error))?;
    let list = folder
        .create(&authority, password.as_ref(), now, arguments.crl_valid.get())
        .map_err(|error| authority::failure(&error))?;
    // Only names and lists are wanted of the configuration, which may be unfinished.
    let (config, _) = Config::load(&common.sources()?);
    let made = Made {
        folder: folder.path().to_owned(),
        certificate_file: folder.certificate_file(),
        key_file: folder.key_file(),
        key_is_encrypted: password.is_some(),
        crl_file: folder.list_file(),
        crl_next_update: rfc3339(list.next_update()),
        certificate: DescribedCertificate::new(authority.certificate()),
        properties: properties(&config, &folder)?,
    };
    if output.is_json() {
        output.json(&made)?;
    } else {
        print(&made, output)?;
    }
    Ok(Exit::Fine)
}

fn print(made: &Made, output: &mut Output) -> Result<(), Failure> {
    let certificate = &made.certificate;
    output.line(format_args!(
        "{} the authority {}, valid until {}",
        styled(GOOD, "made"),
        certificate.subject,
        certificate.not_after
    ))?;
    output.line(format_args!(
        "  {}  its certificate",
        made.certificate_file.display()
    ))?;
    output.line(format_args!(
        "  {}  its private key{}: no server needs it",
        made.key_file.display(),
        if made.key_is_encrypted { ", encrypted" } else { "" }
    ))?;
    output.line(format_args!(
        "  {}  its revocation list, to be renewed before {}",
        made.crl_file.display(),
        made.crl_next_update
    ))?;
    output.line(format_args!(
        "\n{}",
        styled(HEADING, "For application.properties")
    ))?;
    for line in &made.properties {
        output.line(line)?;
    }
    output.note(
        "note: a listener with crl-files refuses certificates of issuers that none of its lists is of",
    )?;
    if !made.key_is_encrypted {
        output.note(format_args!(
            "{} whoever can read {} issues what they like; --ca-password-file has it encrypted",
            styled(WARNING, "note:"),
            made.key_file.display()
        ))?;
    }
    Ok(())
}

/// The settings by which a listener asks for certificates of the authority and knows which are revoked. What it has already stays
/// as it is; with several listeners, which one is meant is for the operator to say.
fn properties(config: &Config, folder: &AuthorityFolder) -> Result<Vec<String>, Failure> {
    const LISTENERS: &str = "palisade.listeners";
    let listener = match config.names(LISTENERS).as_slice() {
        [] => config.child_key(LISTENERS, "main"),
        [only] => config.child_key(LISTENERS, only),
        _ => format!("{LISTENERS}.<listener>"),
    };
    let with_one_more = |key: &str, value: String| {
        let mut values: Vec<String> = config.get(key).ok().flatten().unwrap_or_default();
        if !values.contains(&value) {
            values.push(value);
        }
        values.join(",")
    };
    let aliases = format!("{listener}.tls.client-ca-aliases");
    let lists = format!("{listener}.tls.crl-files");
    let asks = format!("{listener}.tls.client-auth");
    let base = config.folder();
    let mut settings = vec![(
        format!("palisade.keystores.{ALIAS}.location"),
        location(base, &folder.certificate_file())?,
    )];
    if config.value(&asks).is_none_or(|value| value == "none") {
        settings.push((asks, "require".to_owned()));
    }
    settings.push((aliases.clone(), with_one_more(&aliases, ALIAS.to_owned())));
    let list = location(base, &folder.list_file())?;
    settings.push((lists.clone(), with_one_more(&lists, list)));
    let lines = settings
        .iter()
        .map(|(key, value)| format!("{}={}", escape_key(key), escape_value(value)));
    Ok(lines.collect())
}

/// The path as settings name it: from the configuration folder, or whole where it is elsewhere.
fn location(base: &Path, path: &Path) -> Result<String, Failure> {
    let whole =
        |path: &Path| absolute(path).map_err(|error| Failure::wrong(format!("{}: {error}", path.display())));
    let (base, path) = (whole(base)?, whole(path)?);
    let shown = path.strip_prefix(&base).unwrap_or(&path);
    Ok(shown.display().to_string())
}
