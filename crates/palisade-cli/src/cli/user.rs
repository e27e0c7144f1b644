//! What stands behind `palisade user`, `palisade api-key` and `palisade hash-password`.

use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use palisade_core::settings::Period;

use super::help as text;
use super::{ActingAs, Common};
use crate::instant;

/// `palisade user`.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user
    #[command(after_help = text::USER_ADD)]
    Add(AddUserArguments),
    /// Add a tenant, to which users can belong
    #[command(after_help = text::USER_ADD_TENANT)]
    AddTenant(AddTenantArguments),
    /// List users and tenants: how they sign in, and what they may do
    #[command(after_help = text::USER_LIST)]
    List(UserListArguments),
    /// Let a user sign in no more
    #[command(after_help = text::USER_DISABLE)]
    Disable(NamedUserArguments),
    /// Let a disabled user sign in again
    #[command(after_help = text::USER_ENABLE)]
    Enable(NamedUserArguments),
    /// Set the password of a user
    #[command(after_help = text::USER_SET_PASSWORD)]
    SetPassword(SetPasswordArguments),
    /// Give a user these roles, and no others
    #[command(after_help = text::USER_SET_ROLES)]
    SetRoles(SetRolesArguments),
    /// Have a user belong to another tenant
    #[command(after_help = text::USER_SET_TENANT)]
    SetTenant(SetTenantArguments),
}

impl UserCommand {
    pub(super) fn common(&self) -> &Common {
        match self {
            Self::Add(arguments) => &arguments.common,
            Self::AddTenant(arguments) => &arguments.common,
            Self::List(arguments) => &arguments.common,
            Self::Disable(arguments) | Self::Enable(arguments) => &arguments.common,
            Self::SetPassword(arguments) => &arguments.common,
            Self::SetRoles(arguments) => &arguments.common,
            Self::SetTenant(arguments) => &arguments.common,
        }
    }
}

/// `palisade user add`.
#[derive(Debug, Args)]
pub(crate) struct AddUserArguments {
    /// The user's name
    #[arg(value_name = "NAME")]
    pub(crate) user: String,
    /// The tenant the user belongs to
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// Add the tenant too, where it is not there yet
    #[arg(long, requires = "tenant")]
    pub(crate) create_tenant: bool,
    /// A role of the user (repeatable)
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// Read the password from standard input instead of a prompt; one line break at its end is dropped
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Add the user without a password: one who signs in by a certificate, a token or an API key
    #[arg(long, conflicts_with = "stdin")]
    pub(crate) no_password: bool,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    common: Common,
}

/// `palisade user add-tenant`.
#[derive(Debug, Args)]
pub(crate) struct AddTenantArguments {
    /// The tenant's name
    #[arg(value_name = "NAME")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    common: Common,
}

/// `palisade user list`.
#[derive(Debug, Args)]
pub(crate) struct UserListArguments {
    /// This user alone
    #[arg(value_name = "NAME")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    common: Common,
}

/// `palisade user disable` and `palisade user enable`.
#[derive(Debug, Args)]
pub(crate) struct NamedUserArguments {
    /// The user's name
    #[arg(value_name = "NAME")]
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    common: Common,
}

/// `palisade user set-password`.
#[derive(Debug, Args)]
pub(crate) struct SetPasswordArguments {
    /// The user's name
    #[arg(value_name = "NAME")]
    pub(crate) user: String,
    /// Read the password from standard input instead of a prompt; a user who changes their own gives the current one on the line
    /// before
    #[arg(long)]
    pub(crate) stdin: bool,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    common: Common,
}

/// `palisade user set-roles`.
#[derive(Debug, Args)]
pub(crate) struct SetRolesArguments {
    /// The user's name
    #[arg(value_name = "NAME")]
    pub(crate) user: String,
    /// The roles; none takes all away
    #[arg(value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    common: Common,
}

/// `palisade user set-tenant`.
#[derive(Debug, Args)]
pub(crate) struct SetTenantArguments {
    /// The user's name
    #[arg(value_name = "NAME")]
    pub(crate) user: String,
    /// The tenant
    #[arg(required_unless_present = "none")]
    pub(crate) tenant: Option<String>,
    /// Have the user belong to no tenant
    #[arg(long, conflicts_with = "tenant")]
    pub(crate) none: bool,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    common: Common,
}

/// `palisade api-key`.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// Make an API key for a user, and print it: the one time that it is seen
    #[command(after_help = text::API_KEY_CREATE)]
    Create(CreateKeyArguments),
    /// List API keys, without their texts, which nobody knows
    #[command(after_help = text::API_KEY_LIST)]
    List(KeyListArguments),
    /// Revoke an API key
    #[command(after_help = text::API_KEY_REVOKE)]
    Revoke(RevokeKeyArguments),
}

impl ApiKeyCommand {
    pub(super) fn common(&self) -> &Common {
        match self {
            Self::Create(arguments) => &arguments.common,
            Self::List(arguments) => &arguments.common,
            Self::Revoke(arguments) => &arguments.common,
        }
    }
}

/// `palisade api-key create`.
#[derive(Debug, Args)]
pub(crate) struct CreateKeyArguments {
    /// The user's name
    #[arg(value_name = "NAME")]
    pub(crate) user: String,
    /// A scope of the key, which then has its scopes alone and none of its user's roles (repeatable; for administrators)
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// When the key ends: after a period such as 90d, as a day such as 2027-01-31 begins in UTC, or at an instant
    #[arg(long, value_name = "PERIOD|DATE", value_parser = end)]
    pub(crate) expires: Option<End>,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    common: Common,
}

/// `palisade api-key list`.
#[derive(Debug, Args)]
pub(crate) struct KeyListArguments {
    /// The keys of this user alone
    #[arg(value_name = "NAME")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    common: Common,
}

/// `palisade api-key revoke`.
#[derive(Debug, Args)]
pub(crate) struct RevokeKeyArguments {
    /// The key's ID, which `palisade api-key list` shows
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) acting: ActingAs,
    #[command(flatten)]
    common: Common,
}

/// `palisade hash-password`.
#[derive(Debug, Args)]
pub(crate) struct HashPasswordArguments {
    /// Read the password from standard input instead of a prompt; one line break at its end is dropped
    #[arg(long)]
    pub(crate) stdin: bool,
    /// The user whose password it is to be, whose name must not stand in it
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// When something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// So long after it began.
    After(Duration),
    /// At that instant.
    At(SystemTime),
}

impl End {
    /// The instant, for what begins now; absent beyond the end of time.
    pub(crate) fn of(self, now: SystemTime) -> Option<SystemTime> {
        match self {
            Self::After(length) => now.checked_add(length),
            Self::At(instant) => Some(instant),
        }
    }
}

fn end(text: &str) -> Result<End, String> {
    let instant = instant::parse(text).or_else(|_| instant::parse(&format!("{text}T00:00:00Z")));
    if let Ok(instant) = instant {
        return Ok(End::At(instant));
    }
    // A bare number would be seconds, and was meant as something else.
    let period = text
        .parse::<Period>()
        .ok()
        .filter(|_| text.ends_with(|c: char| c.is_ascii_alphabetic()));
    period.map(|period| End::After(period.get())).ok_or_else(|| {
        "expected a period such as 90d, a day such as 2027-01-31, or an instant such as 2027-01-31T10:00:00Z".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{End, end};
    use crate::instant;

    #[test]
    fn an_end_is_a_period_a_day_or_an_instant() {
        let at = |text| Ok(End::At(instant::parse(text).unwrap()));
        assert_eq!(end("90d"), Ok(End::After(Duration::from_secs(90 * 86_400))));
        assert_eq!(end("2027-01-31"), at("2027-01-31T00:00:00Z"));
        assert_eq!(end("2027-01-31T10:00:00+01:00"), at("2027-01-31T09:00:00Z"));
        for wrong in ["", "90", "soon", "2027-02-30", "2027-01-31T10:00", "31-01-2027"] {
            assert!(end(wrong).is_err(), "{wrong}");
        }
    }
}
