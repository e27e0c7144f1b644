//! Users and tenants for people.

use std::io;

use palisade_endpoint::GroupRights;

use super::listed::{KeyState, ListedCertificate, ListedKey, ListedTenant, ListedUser, Source};
use super::listing::Listing;
use crate::output::{BAD, FAINT, HEADING, Output, WARNING, of_severity, styled};

/// How a user stands, in one line.
pub(super) fn standing(user: &ListedUser) -> String {
    let mut parts = vec![if user.is_active { "active" } else { "disabled" }.to_owned()];
    parts.extend(user.tenant.as_ref().map(|tenant| format!("tenant {tenant}")));
    parts.push(match user.roles.as_slice() {
        [] => "no roles".to_owned(),
        [role] => format!("role {role}"),
        roles => format!("roles {}", roles.join(", ")),
    });
    parts.join(", ")
}

/// Something that deserves a look, beside the result.
pub(super) fn warning(message: &str, output: &mut Output) -> io::Result<()> {
    output.note(format_args!("{} {message}", styled(WARNING, "warning:")))
}

pub(super) fn listing(listing: &Listing, output: &mut Output) -> io::Result<()> {
    if listing.users.is_empty() && listing.tenants.is_empty() {
        return output.line("no users and no tenants");
    }
    for user in &listing.users {
        print_user(user, output)?;
    }
    for tenant in &listing.tenants {
        print_tenant(tenant, output)?;
    }
    print_groups(listing, output)?;
    if !listing.findings.is_empty() {
        output.line(styled(HEADING, "Findings"))?;
    }
    for finding in &listing.findings {
        let severity = styled(
            of_severity(finding.severity),
            format_args!("{:<8}", finding.severity),
        );
        output.line(format_args!(
            "  {severity}  {}: {}",
            finding.code, finding.message
        ))?;
    }
    Ok(())
}

fn print_user(user: &ListedUser, output: &mut Output) -> io::Result<()> {
    let style = if user.is_active { HEADING } else { FAINT };
    let name = styled(style, user.name.escape_debug());
    output.line(format_args!(
        "{name}  {}{}",
        standing(user),
        place(user.source, user.is_read)
    ))?;
    if let Some(password) = &user.password {
        let set = password
            .set_at
            .as_deref()
            .map_or_else(|| "set".to_owned(), |at| format!("set {at}"));
        let shared = match password.shared_with.as_slice() {
            [] => String::new(),
            others => styled(WARNING, format_args!("  (the same as {})", others.join(", "))),
        };
        row("password", &format!("{set}{shared}"), output)?;
    }
    for certificate in &user.certificates {
        row("certificate", &described(certificate), output)?;
    }
    for key in &user.api_keys {
        row("API key", &key_described(key), output)?;
        if let Some(rights) = &key.rights {
            row("", &format!("with it: {}", may(rights)), output)?;
        }
    }
    if user.password.is_none() && user.certificates.is_empty() && user.api_keys.is_empty() {
        row("", "nothing to sign in with but tokens of others", output)?;
    }
    if let Some(rights) = &user.rights {
        row("may", &may(rights), output)?;
    }
    output.line("")
}

fn print_tenant(tenant: &ListedTenant, output: &mut Output) -> io::Result<()> {
    let name = styled(HEADING, tenant.name.escape_debug());
    output.line(format_args!(
        "{name}  tenant{}",
        place(tenant.source, tenant.is_read)
    ))?;
    for certificate in &tenant.certificates {
        row("certificate", &described(certificate), output)?;
    }
    // Without a certificate nobody can say to be the tenant.
    if let Some(rights) = tenant.rights.as_ref().filter(|_| !tenant.certificates.is_empty()) {
        row("may", &may(rights), output)?;
    }
    output.line("")
}

fn row(what: &str, value: &str, output: &mut Output) -> io::Result<()> {
    output.line(format_args!("  {what:<12} {value}"))
}

fn place(source: Source, is_read: bool) -> String {
    let text = match (source, is_read) {
        (_, false) => "  (in the database, which servers do not read)",
        (Source::PropertyFiles, true) => "  (in the property files)",
        (Source::Database, true) => "",
    };
    styled(FAINT, text)
}

fn described(certificate: &ListedCertificate) -> String {
    let names = [certificate.subject.as_deref(), certificate.label.as_deref()];
    let mut parts: Vec<String> = names
        .into_iter()
        .flatten()
        .map(|name| name.escape_debug().to_string())
        .collect();
    parts.extend(certificate.not_after.as_ref().map(|end| format!("until {end}")));
    parts.push(certificate.sha256.clone());
    parts.extend(
        certificate
            .revoked_at
            .as_ref()
            .map(|at| styled(BAD, format_args!("revoked {at}"))),
    );
    parts.join(", ")
}

fn key_described(key: &ListedKey) -> String {
    let mut parts = vec![key.id.clone()];
    if !key.scopes.is_empty() {
        parts.push(format!("scopes {}", key.scopes.join(" ")));
    }
    parts.extend(key.expires_at.as_ref().map(|end| format!("until {end}")));
    if key.state != KeyState::Usable {
        parts.push(styled(BAD, key.state.word()));
    }
    parts.join(", ")
}

/// What somebody may do in groups that ask who is calling.
fn may(rights: &[GroupRights]) -> String {
    let named = rights
        .iter()
        .filter(|group| group.is_authenticated && !group.methods.is_empty());
    let named: Vec<String> = named
        .map(|group| format!("{}: {}", group.group, group.methods.join(" ")))
        .collect();
    if named.is_empty() {
        "nothing that takes a name".to_owned()
    } else {
        named.join("; ")
    }
}

/// Groups in which it does not matter who is calling, once for all.
fn print_groups(listing: &Listing, output: &mut Output) -> io::Result<()> {
    let of_users = listing.users.iter().find_map(|user| user.rights.as_ref());
    let Some(rights) = of_users.or_else(|| listing.tenants.iter().find_map(|tenant| tenant.rights.as_ref()))
    else {
        return Ok(());
    };
    let names = |kept: fn(&&GroupRights) -> bool| -> Vec<&str> {
        rights
            .iter()
            .filter(kept)
            .map(|group| group.group.as_str())
            .collect()
    };
    let open = names(|group| !group.is_authenticated && !group.methods.is_empty());
    let unruled = names(|group| group.is_authenticated && !group.is_ruled);
    for (groups, what) in [
        (open, "do not ask who is calling"),
        (unruled, "have no rules: whoever is known may do everything"),
    ] {
        if !groups.is_empty() {
            output.line(styled(
                FAINT,
                format_args!("These groups {what}: {}", groups.join(", ")),
            ))?;
        }
    }
    Ok(())
}
