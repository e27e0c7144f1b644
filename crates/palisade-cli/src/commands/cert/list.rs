//! `palisade cert list` and `palisade cert show`: what is on record, and when it ends.

use std::io;
use std::time::SystemTime;

use comfy_table::{Table, presets};
use palisade_directory::sql::Owner;
use serde_json::json;

use super::due::{Due, due};
use super::records::{Records, Shown, ShownOwner, Status};
use super::{authority, servers};
use crate::cli::{CertListArguments, CertShowArguments, Common};
use crate::commands::keystore::print_certificate;
use crate::instant;
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{BAD, FAINT, GOOD, HEADING, Output, WARNING, styled};

/// Lists what the arguments choose.
pub(super) fn run(common: &Common, arguments: &CertListArguments, output: &mut Output) -> Outcome {
    let records = Records::open(common, &arguments.acting)?;
    let owner = arguments.user.clone().map(Owner::User);
    let owner = owner.or_else(|| arguments.tenant.clone().map(Owner::Tenant));
    if let Some(owner) = &owner {
        records.need_sight_of(owner)?;
        records.directory().need(owner, "")?;
    }
    let now = instant::now();
    let on_record = records.all()?.into_iter();
    let mut all: Vec<(Option<SystemTime>, Shown)> = on_record
        .filter(|recorded| owner.as_ref().is_none_or(|owner| recorded.owner == *owner))
        .map(|recorded| (recorded.ends(), recorded.shown(now)))
        .collect();
    let mut dues = Vec::new();
    if owner.is_none() && records.is_whole() {
        let folder = authority::folder(common, &arguments.place);
        all.extend(servers::all(&folder, now)?);
        all.sort_by_key(|(ends, _)| (ends.is_none(), *ends));
        if let Some(period) = arguments.expiring {
            dues = due(&folder, now.checked_add(period.get()), now);
        }
    }
    let wanted = all
        .into_iter()
        .filter(|(ends, shown)| is_wanted(arguments, *ends, shown.status, now));
    let shown: Vec<Shown> = wanted.map(|(_, shown)| shown).collect();
    if output.is_json() {
        output.json(&json!({ "certificates": shown, "authority": dues }))?;
    } else {
        print_list(&shown, &dues, output)?;
    }
    Ok(Exit::Fine)
}

fn is_wanted(
    arguments: &CertListArguments,
    ends: Option<SystemTime>,
    status: Status,
    now: SystemTime,
) -> bool {
    if arguments.revoked {
        return status == Status::Revoked;
    }
    if arguments.expired {
        return status == Status::Expired;
    }
    let Some(period) = arguments.expiring else {
        return true;
    };
    // What nobody can use any more needs nobody's attention; what has ended does, for somebody may still need it.
    let limit = now.checked_add(period.get());
    status != Status::Revoked && ends.is_some_and(|ends| limit.is_none_or(|limit| ends <= limit))
}

fn print_list(shown: &[Shown], dues: &[Due], output: &mut Output) -> io::Result<()> {
    if shown.is_empty() {
        output.line("no certificates")?;
    } else {
        output.line(table(shown).trim_fmt())?;
    }
    for due in dues {
        due.print(output)?;
    }
    Ok(())
}

fn table(shown: &[Shown]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["OWNER", "SUBJECT", "NOT AFTER", "DAYS LEFT", "STATUS", "SERIAL"]);
    for entry in shown {
        let certificate = entry.certificate.as_ref();
        let unknown = || format!("sha256:{}", entry.fingerprint.as_deref().unwrap_or_default());
        table.add_row([
            owner(&entry.owner),
            certificate.map_or_else(unknown, |certificate| certificate.subject.clone()),
            certificate
                .map(|certificate| certificate.not_after.clone())
                .unwrap_or_default(),
            certificate
                .map(|certificate| certificate.days_left.to_string())
                .unwrap_or_default(),
            status(entry),
            certificate
                .map(|certificate| certificate.serial.clone())
                .unwrap_or_default(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

fn owner(owner: &ShownOwner) -> String {
    match owner {
        ShownOwner::User(name) => format!("user {name}"),
        ShownOwner::Tenant(name) => format!("tenant {name}"),
        ShownOwner::Server(name) => format!("server {name}"),
    }
}

fn status(entry: &Shown) -> String {
    let status = match entry.status {
        Status::Valid => "valid",
        Status::NotYetValid => "not valid yet",
        Status::Expired => "expired",
        Status::Revoked => "revoked",
        Status::Unknown => "fingerprint only",
    };
    let is_server = matches!(entry.owner, ShownOwner::Server(_));
    if entry.recognised || is_server || entry.status == Status::Revoked {
        status.to_owned()
    } else {
        format!("{status}, not in the property file")
    }
}

/// Shows those that are named, with everything that is known of them.
pub(super) fn show(common: &Common, arguments: &CertShowArguments, output: &mut Output) -> Outcome {
    let records = Records::open(common, &arguments.acting)?;
    let now = instant::now();
    let folder = authority::folder(common, &arguments.place);
    let shown: Vec<Shown> = if let Some(server) = records.find_server(&arguments.which, &folder)? {
        vec![servers::shown(&folder, &server, now)]
    } else {
        let found = records.find(&arguments.which)?;
        found.iter().map(|recorded| recorded.shown(now)).collect()
    };
    if output.is_json() {
        output.json(&json!({ "certificates": shown }))?;
        return Ok(Exit::Fine);
    }
    for (position, entry) in shown.iter().enumerate() {
        if position > 0 {
            output.line("")?;
        }
        print(entry, output)?;
    }
    Ok(Exit::Fine)
}

/// Prints one with everything that is known of it.
pub(super) fn print(entry: &Shown, output: &mut Output) -> Result<(), Failure> {
    let style = match entry.status {
        Status::Valid => GOOD,
        Status::NotYetValid => WARNING,
        Status::Expired | Status::Revoked => BAD,
        Status::Unknown => FAINT,
    };
    output.line(format_args!(
        "{}  {}",
        styled(HEADING, owner(&entry.owner)),
        styled(style, status(entry))
    ))?;
    if let Some(at) = &entry.revoked_at {
        let reason = entry.revocation_reason.as_deref().unwrap_or_default();
        output.line(format_args!("  {:<14} {at}, {reason}", "revoked"))?;
    }
    match (&entry.certificate, &entry.fingerprint) {
        (Some(certificate), _) => print_certificate(certificate, output)?,
        (None, Some(fingerprint)) => output.line(format_args!("  {:<14} {fingerprint}", "sha-256"))?,
        (None, None) => {}
    }
    Ok(())
}
