//! `palisade keystore list` and `palisade keystore show`: what the keystores of the configuration hold.
//!
//! Private keys are described by their algorithm and size; nothing here can print one.

mod described;
mod public_key;

use std::collections::BTreeMap;
use std::io;

use comfy_table::{Table, presets};
use palisade_config::{Config, Errors};
use palisade_keystore::{Entry, Keystore, KeystoreSettings, Keystores, LookupError};
use serde_json::json;

use self::described::Described;
pub(super) use self::described::DescribedCertificate;
use crate::cli::{Common, ShowArguments};
use crate::instant;
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{BAD, FAINT, HEADING, Output, WARNING, printable, styled};

const KEYSTORES: &str = "palisade.keystores";
/// After so many days a key ought to be replaced; `check` says so too.
const OLD: i64 = 730;
/// How many characters of a fingerprint, and of a `kid`, a list shows.
const FINGERPRINT: usize = 16;
const KID: usize = 64;

/// The configuration and the settings of its keystores. Errors elsewhere do not matter here, and are not hidden by `check`.
fn read(common: &Common) -> Result<(Config, BTreeMap<String, KeystoreSettings>), Failure> {
    let (config, errors) = Config::load(&common.sources()?);
    let config = errors.into_result(config)?;
    let settings = config.get(KEYSTORES)?.unwrap_or_default();
    Ok((config, settings))
}

/// Lists the keystores that load; the others are errors.
pub(super) fn list(common: &Common, output: &mut Output) -> Outcome {
    let (config, settings) = read(common)?;
    let mut errors = Errors::new();
    let mut entries = Vec::new();
    for (name, settings) in &settings {
        match Keystore::load(name, settings, config.folder()) {
            Ok(store) => entries.extend(store.entries().iter().map(|entry| Described::new(&store, entry))),
            Err(found) => errors.extend(found.iter().map(|error| {
                let key = format!("{}.{}", config.child_key(KEYSTORES, name), error.setting());
                config.complaint(&key, format!("keystore `{name}`: {error}"))
            })),
        }
    }
    if output.is_json() {
        let mut result = json!({ "entries": entries });
        if let (false, Some(members)) = (errors.is_empty(), result.as_object_mut()) {
            members.insert("errors".to_owned(), json!(errors.clone().sorted()));
        }
        output.json(&result)?;
    } else {
        print_list(&entries, output)?;
        output.errors(&errors)?;
    }
    Ok(if errors.is_empty() {
        Exit::Fine
    } else {
        Exit::Wrong
    })
}

fn print_list(entries: &[Described], output: &mut Output) -> io::Result<()> {
    if entries.is_empty() {
        return output.line("no keys and no certificates");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "KEYSTORE",
        "ALIAS",
        "KIND",
        "SUBJECT",
        "NOT AFTER",
        "DAYS LEFT",
        "SHA-256",
        "KID",
    ]);
    for entry in entries {
        let certificate = entry.certificates.first();
        let text = |field: fn(&DescribedCertificate) -> String| certificate.map(field).unwrap_or_default();
        table.add_row([
            entry.keystore.clone(),
            entry.alias.clone(),
            entry.kind_with_key(),
            text(|certificate| certificate.subject.clone()),
            text(|certificate| certificate.not_after.clone()),
            text(|certificate| certificate.days_left.to_string()),
            text(|certificate| short(&certificate.sha256, FINGERPRINT)),
            // Whole, to be copied: a thumbprint, and all but the longest names of partners.
            entry
                .kid
                .as_deref()
                .map(|kid| short(kid, KID))
                .unwrap_or_default(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    output.line(table.trim_fmt())
}

/// Enough to tell one from another; `show` has all of it.
fn short(text: &str, length: usize) -> String {
    let shown: String = text.chars().take(length).filter(|c| !c.is_control()).collect();
    if text.chars().nth(length).is_some() {
        shown + "…"
    } else {
        shown
    }
}

/// The configuration with all of its keystores.
pub(super) fn load(common: &Common) -> Result<(Config, Keystores), Failure> {
    let (config, settings) = read(common)?;
    let keystores = Keystores::load(config.folder(), &settings).map_err(|errors| {
        let errors = errors
            .0
            .iter()
            .map(|error| config.complaint(&error.key(), error.to_string()));
        Failure::Errors(errors.collect())
    })?;
    Ok((config, keystores))
}

/// Shows one alias.
pub(super) fn show(common: &Common, arguments: &ShowArguments, output: &mut Output) -> Outcome {
    let (_, keystores) = load(common)?;
    let (store, entry) =
        find(&keystores, &arguments.alias).map_err(|error| Failure::wrong(error.to_string()))?;
    if let Some(form) = arguments.public_key {
        return public_key::print(entry, form, output);
    }
    let entry = Described::new(store, entry);
    if output.is_json() {
        output.json(&entry)?;
    } else {
        print(&entry, output)?;
    }
    Ok(Exit::Fine)
}

/// The entry under an alias, found as a server finds it; here a key that cannot be used is no error.
fn find<'a>(keystores: &'a Keystores, alias: &str) -> Result<(&'a Keystore, &'a Entry), LookupError> {
    if let Err(error @ (LookupError::NoSuchAlias { .. } | LookupError::Ambiguous { .. })) =
        keystores.key(alias)
    {
        return Err(error);
    }
    let all = keystores
        .stores()
        .flat_map(|store| store.entries().iter().map(move |entry| (store, entry)));
    let ranked = all.filter_map(|(store, entry)| Some((rank(store, entry, alias)?, store, entry)));
    match ranked.min_by_key(|(rank, ..)| *rank) {
        Some((_, store, entry)) => Ok((store, entry)),
        None => Err(LookupError::NoSuchAlias {
            alias: alias.to_owned(),
            nearest: None,
            known: keystores.aliases(),
        }),
    }
}

/// How well an alias fits an entry, best first: `keystore/alias` before `alias`, exact before without regard to case, which
/// the formats of Java alone allow.
fn rank(store: &Keystore, entry: &Entry, alias: &str) -> Option<u8> {
    let inside = alias
        .strip_prefix(store.name())
        .and_then(|rest| rest.strip_prefix('/'));
    let fits = |wanted: &str| {
        if entry.alias() == wanted {
            Some(0)
        } else {
            (store.ignores_case() && entry.alias().to_lowercase() == wanted.to_lowercase()).then_some(1)
        }
    };
    inside.and_then(fits).or_else(|| fits(alias).map(|rank| rank + 2))
}

fn print(entry: &Described, output: &mut Output) -> io::Result<()> {
    let title = format!("{}/{}", entry.keystore, entry.alias);
    output.line(styled(HEADING, title))?;
    output.line(format_args!("  {:<14} {}", "kind", entry.kind_with_key()))?;
    output.line(format_args!(
        "  {:<14} {} ({})",
        "file",
        entry.path.display(),
        entry.format
    ))?;
    let rows = [
        ("kid", entry.kid.as_deref()),
        // The same as the kid where no JWK names another.
        (
            "thumbprint",
            entry
                .thumbprint
                .as_deref()
                .filter(|thumbprint| entry.kid.as_deref() != Some(thumbprint)),
        ),
        ("usage", entry.usage),
    ];
    for (what, value) in rows {
        if let Some(value) = value {
            output.line(format_args!("  {what:<14} {}", value.escape_debug()))?;
        }
    }
    for (position, certificate) in entry.certificates.iter().enumerate() {
        output.line(format_args!(
            "\n{}",
            styled(HEADING, format_args!("Certificate {}", position + 1))
        ))?;
        print_certificate(certificate, output)?;
    }
    Ok(())
}

/// Prints what a certificate says, and how its age is to be seen.
pub(super) fn print_certificate(certificate: &DescribedCertificate, output: &mut Output) -> io::Result<()> {
    for (what, value) in certificate.rows() {
        let remark = match what {
            "not before" => age(certificate),
            "not after" => remaining(certificate),
            _ => String::new(),
        };
        output.line(format_args!("  {what:<14} {}{remark}", printable(&value)))?;
    }
    Ok(())
}

fn age(certificate: &DescribedCertificate) -> String {
    let age = certificate.age_days;
    let style = if age > OLD { WARNING } else { FAINT };
    let text = if age < 0 {
        "  (not valid yet)".to_owned()
    } else {
        format!("  ({age} days old)")
    };
    styled(style, text)
}

fn remaining(certificate: &DescribedCertificate) -> String {
    let left = certificate.days_left;
    let style = match left {
        ..0 => BAD,
        0..30 => WARNING,
        _ => FAINT,
    };
    let text = if left < 0 {
        "  (expired)".to_owned()
    } else {
        format!("  ({left} days left)")
    };
    styled(style, text)
}

/// The time against which validity is shown.
fn now() -> std::time::SystemTime {
    instant::now()
}
