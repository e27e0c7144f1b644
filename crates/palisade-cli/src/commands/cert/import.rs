//! `palisade cert import`: a certificate that somebody else issued, checked and registered.

use std::path::{Path, absolute};

use palisade_config::Config;
use palisade_core::Secret;
use palisade_directory::sql::{Origin, Owner};
use palisade_keystore::{Certificate, Entry, Keystore, KeystoreSettings, Purpose, check_chain};
use serde::Serialize;

use super::records::{Records, ShownOwner};
use super::{authority, given_password, print_properties};
use crate::cli::{Common, ImportArguments};
use crate::commands::keystore::{self, DescribedCertificate, print_certificate};
use crate::instant::{self, rfc3339};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{GOOD, Output, styled};

/// The result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Imported {
    #[serde(flatten)]
    owner: ShownOwner,
    /// The trusted issuer that it leads to.
    trusted_issuer: String,
    properties: Vec<String>,
    certificate: DescribedCertificate,
}

pub(super) fn run(common: &Common, arguments: &ImportArguments, output: &mut Output) -> Outcome {
    let password = if arguments.password_stdin {
        Some(given_password()?)
    } else {
        None
    };
    let (certificate, beside) = read(&arguments.file, password)?;
    let owner = match (&arguments.user, &arguments.tenant) {
        (Some(name), _) => Owner::User(name.clone()),
        (None, tenant) => Owner::Tenant(tenant.clone().unwrap_or_default()),
    };
    let records = Records::open_to_change(common, &arguments.acting)?;
    records.organization(&owner, arguments.create)?;
    let trusted = trusted(common, arguments, records.directory().config())?;
    let now = instant::now();
    let issuer = check_chain(&certificate, &beside, &trusted, Purpose::Client, now);
    let refused = |what: &dyn std::fmt::Display| {
        Failure::refused(format!("{} is refused: {what}", arguments.file.display()))
    };
    let issuer = issuer.map_err(|error| refused(&error))?;
    if let Some(at) = revoked_here(common, arguments, &certificate, issuer)? {
        return Err(refused(&format_args!("the authority revoked it on {at}")));
    }
    let properties = records.record(&certificate, &owner, Origin::Registered, now)?;
    let imported = Imported {
        owner: ShownOwner::from(&owner),
        trusted_issuer: issuer.facts().subject.clone(),
        properties,
        certificate: DescribedCertificate::new(&certificate),
    };
    if output.is_json() {
        output.json(&imported)?;
    } else {
        output.line(format_args!(
            "{} {}, issued below {}, to {owner}",
            styled(GOOD, "registered"),
            imported.certificate.subject,
            imported.trusted_issuer
        ))?;
        print_certificate(&imported.certificate, output)?;
        print_properties(&imported.properties, output)?;
    }
    Ok(Exit::Fine)
}

/// The certificate of a file in any form that a keystore may have, and those beside it. The one that is no authority's is meant.
pub(super) fn read(
    file: &Path,
    password: Option<Secret>,
) -> Result<(Certificate, Vec<Certificate>), Failure> {
    let mut all = certificates(file, password)?;
    let own: Vec<usize> = (0..)
        .zip(&all)
        .filter(|(_, certificate)| !certificate.facts().is_ca)
        .map(|(at, _)| at)
        .collect();
    match (own.as_slice(), all.len()) {
        ([only], _) => {
            let certificate = all.remove(*only);
            Ok((certificate, all))
        }
        ([], 1) => Ok((all.remove(0), Vec::new())),
        (own, _) => Err(Failure::wrong(format!(
            "{} holds {} certificates that are no authority's: expected one, and its issuers beside it",
            file.display(),
            own.len()
        ))),
    }
}

/// The certificates of a file in any form that a keystore may have, each once.
pub(in crate::commands) fn certificates(
    file: &Path,
    password: Option<Secret>,
) -> Result<Vec<Certificate>, Failure> {
    let failed = |what: &dyn std::fmt::Display| Failure::wrong(format!("{}: {what}", file.display()));
    // From the root on, so that no part of it is taken for the scheme of a URL.
    let path = absolute(file).map_err(|error| failed(&error))?;
    let location = path.to_str().ok_or_else(|| failed(&"its name is not UTF-8"))?;
    let mut settings = KeystoreSettings::new(location);
    settings.password = password;
    let store = Keystore::load("file", &settings, Path::new("/")).map_err(|errors| {
        let first = errors.first().map(ToString::to_string);
        Failure::wrong(first.unwrap_or_else(|| format!("{}: it cannot be read", file.display())))
    })?;
    let mut all: Vec<Certificate> = Vec::new();
    for certificate in store.entries().iter().flat_map(Entry::all_certificates) {
        if !all.contains(certificate) {
            all.push(certificate.clone());
        }
    }
    if all.is_empty() {
        return Err(failed(&"it holds no certificate"));
    }
    Ok(all)
}

/// The issuers that count: the one that is given, else those that listeners trust, and the authority beside the configuration.
fn trusted(
    common: &Common,
    arguments: &ImportArguments,
    config: &Config,
) -> Result<Vec<Certificate>, Failure> {
    const LISTENERS: &str = "palisade.listeners";
    if let Some(file) = &arguments.issuer {
        return certificates(file, None);
    }
    let mut aliases: Vec<String> = Vec::new();
    for listener in config.names(LISTENERS) {
        let key = format!("{}.tls.client-ca-aliases", config.child_key(LISTENERS, listener));
        aliases.extend(config.get::<Vec<String>>(&key)?.unwrap_or_default());
    }
    let mut trusted = Vec::new();
    if !aliases.is_empty() {
        let (_, keystores) = keystore::load(common)?;
        for alias in &aliases {
            let found = keystores
                .certificates(alias)
                .map_err(|error| Failure::wrong(format!("client-ca-aliases: {error}")))?;
            trusted.extend(found);
        }
    }
    let folder = authority::folder(common, &arguments.authority.place);
    if folder.exists() {
        trusted.push(folder.certificate().map_err(|error| authority::failure(&error))?);
    }
    if trusted.is_empty() {
        return Err(Failure::wrong(
            "no issuer is trusted to check it against: no listener has client-ca-aliases, and there is no authority; give --issuer",
        ));
    }
    Ok(trusted)
}

/// When the authority revoked a certificate, where it is one of its own.
fn revoked_here(
    common: &Common,
    arguments: &ImportArguments,
    certificate: &Certificate,
    issuer: &Certificate,
) -> Result<Option<String>, Failure> {
    let folder = authority::folder(common, &arguments.authority.place);
    if !folder.exists() || folder.certificate().ok().as_ref() != Some(issuer) {
        return Ok(None);
    }
    let list = folder.list().map_err(|error| authority::failure(&error))?;
    let entry = list.find(&certificate.facts().serial);
    Ok(entry.map(|entry| rfc3339(entry.at)))
}
