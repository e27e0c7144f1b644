//! What was found, for people.

use std::fmt::Display;
use std::io;

use super::described::{Authorities, ClientCertificate, Described, Presented};
use crate::commands::keystore::print_certificate;
use crate::output::{BAD, FAINT, GOOD, HEADING, Output, WARNING, printable, styled};

/// Writes all of it.
pub(super) fn print(described: &Described, output: &mut Output) -> io::Result<()> {
    output.line(styled(HEADING, &described.target))?;
    print_session(described, output)?;
    if !described.chain.is_empty() {
        output.line(format_args!("\n{}", styled(HEADING, "Chain")))?;
    }
    for (position, presented) in described.chain.iter().enumerate() {
        print_presented(position + 1, presented, output)?;
    }
    output.line(format_args!("\n{}", styled(HEADING, "Checks")))?;
    print_checks(described, output)?;
    let verdict = if described.reasons.is_empty() {
        styled(GOOD, described.verdict)
    } else {
        styled(BAD, described.verdict)
    };
    output.line(format_args!("\nVerdict: {verdict}"))?;
    for reason in &described.reasons {
        output.line(format_args!("  {}: {}", reason.code, printable(&reason.message)))?;
    }
    if described.client_certificate.is_required == Some(true) {
        let text = "it accepts no client without a certificate, and none was shown";
        output.line(format_args!("  {}", styled(WARNING, text)))?;
    }
    Ok(())
}

fn print_session(described: &Described, output: &mut Output) -> io::Result<()> {
    row("address", described.address, output)?;
    if !described.target.contains(&described.server_name) {
        row("server name", Some(&described.server_name), output)?;
    }
    row("version", described.version, output)?;
    row("cipher suite", described.cipher_suite.as_ref(), output)?;
    row("key exchange", described.key_exchange.as_ref(), output)?;
    row("ALPN", described.alpn.as_deref().map(printable), output)?;
    row("client certificate", asked(&described.client_certificate), output)?;
    for issuer in &described.client_certificate.issuers {
        row("", Some(printable(issuer)), output)?;
    }
    let resumption = described
        .resumption
        .map(|offered| if offered { "offered" } else { "not offered" });
    row("resumption", resumption, output)
}

fn asked(certificate: &ClientCertificate) -> Option<&'static str> {
    match (certificate.is_asked_for?, certificate.issuers.is_empty()) {
        (false, _) => Some("not asked for"),
        (true, true) => Some("asked for, of any issuer"),
        (true, false) => Some("asked for, of these issuers:"),
    }
}

fn print_presented(position: usize, presented: &Presented, output: &mut Output) -> io::Result<()> {
    output.line(styled(FAINT, format_args!("  {position}.")))?;
    match presented {
        Presented::Read {
            certificate,
            signature_algorithm,
        } => {
            print_certificate(certificate, output)?;
            output.line(format_args!("  {:<14} {signature_algorithm}", "signed with"))
        }
        Presented::Unreadable { sha256, problem } => {
            output.line(format_args!("  {:<14} {sha256}", "sha-256"))?;
            output.line(format_args!("  {}", styled(BAD, printable(problem))))
        }
    }
}

fn print_checks(described: &Described, output: &mut Output) -> io::Result<()> {
    let floor = described.floor.minimum_version;
    let authorities = match &described.trust.authorities {
        Authorities::Public => "by the public authorities".to_owned(),
        Authorities::File(file) => format!("by {file}"),
        Authorities::Aliases(aliases) => format!("by {}", aliases.join(", ")),
    };
    let checks = [
        ("floor", described.floor.is_met, floor.to_string()),
        ("trusted", described.trust.is_trusted, authorities),
        (
            "name",
            described.name_matches,
            format!("for {}", described.server_name),
        ),
    ];
    for (what, holds, of) in checks {
        let holds = match holds {
            Some(true) => styled(GOOD, "yes"),
            Some(false) => styled(BAD, "no"),
            None => styled(WARNING, "not known"),
        };
        row(what, Some(format_args!("{holds}, {of}")), output)?;
    }
    Ok(())
}

fn row(what: &str, value: Option<impl Display>, output: &mut Output) -> io::Result<()> {
    match value {
        Some(value) => output.line(format_args!("  {what:<18} {value}")),
        None => Ok(()),
    }
}
