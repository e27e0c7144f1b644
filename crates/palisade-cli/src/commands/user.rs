//! `palisade user`: users and tenants in the directory, and what they may do.
//!
//! 1. Commands work on the database that `palisade.directory` names. With property files as directory they work on `directory.db`
//!    of the data directory, which servers read once they are told to: every command says so.
//! 2. Whoever can run a command with these files is the operator, and may do everything. In a user's name (`--as`) an administrator
//!    may do everything, others what concerns themselves; who is unknown or disabled may do nothing.
//! 3. A password is refused with everything that makes it weak. That another user has the same, or that it stands in the
//!    configuration, is a finding, told to whoever may see others.
//! 4. No password is an argument, and none is shown.

mod listed;
mod listing;
mod passwords;
mod printed;
mod session;

use palisade_core::Finding;
use palisade_directory::sql::NewUser;
use serde_json::json;

pub(super) use self::listed::{KeyState, ListedKey};
pub(super) use self::passwords::new_password;
pub(super) use self::session::Session;
use crate::cli::{
    AddTenantArguments, AddUserArguments, Common, NamedUserArguments, SetRolesArguments, SetTenantArguments,
    UserCommand,
};
use crate::instant;
use crate::outcome::{Exit, Outcome};
use crate::output::{GOOD, Output, styled};

/// Runs one of its commands.
pub(super) fn run(common: &Common, command: &UserCommand, output: &mut Output) -> Outcome {
    match command {
        UserCommand::Add(arguments) => add(common, arguments, output),
        UserCommand::AddTenant(arguments) => add_tenant(common, arguments, output),
        UserCommand::List(arguments) => listing::run(common, arguments, output),
        UserCommand::Disable(arguments) => disable(common, arguments, output),
        UserCommand::Enable(arguments) => enable(common, arguments, output),
        UserCommand::SetPassword(arguments) => passwords::set(common, arguments, output),
        UserCommand::SetRoles(arguments) => set_roles(common, arguments, output),
        UserCommand::SetTenant(arguments) => set_tenant(common, arguments, output),
    }
}

fn add(common: &Common, arguments: &AddUserArguments, output: &mut Output) -> Outcome {
    Session::need_administrator(common, &arguments.acting)?;
    let name = arguments.user.as_str();
    let password = if arguments.no_password {
        None
    } else {
        let help = "--stdin reads it, --no-password does without";
        Some(new_password(arguments.stdin, Some(name), help)?)
    };
    let new = NewUser::new(name)
        .of_tenant(arguments.tenant.clone())
        .with_roles(arguments.roles.clone())
        .with_password(password.clone());
    let tenant = arguments.tenant.clone().filter(|_| arguments.create_tenant);
    let now = instant::now();
    let session = Session::to_administer(common, &arguments.acting)?;
    let others = session.change(|database| async move {
        if let Some(tenant) = tenant
            && !database.tenants().await?.iter().any(|known| known.name == tenant)
        {
            database.add_tenant(&tenant, now).await?;
        }
        database.add_user(&new, now).await
    })?;
    let findings = passwords::findings(&session, password.as_ref(), &others);
    told(&session, name, "added", &findings, output)
}

fn add_tenant(common: &Common, arguments: &AddTenantArguments, output: &mut Output) -> Outcome {
    let session = Session::to_administer(common, &arguments.acting)?;
    let name = arguments.tenant.clone();
    session.change(|database| async move { database.add_tenant(&name, instant::now()).await })?;
    session.remark(output)?;
    if output.is_json() {
        output.json(&json!({ "tenant": arguments.tenant }))?;
    } else {
        output.line(format_args!(
            "{} tenant {}",
            styled(GOOD, "added"),
            arguments.tenant
        ))?;
    }
    Ok(Exit::Fine)
}

fn disable(common: &Common, arguments: &NamedUserArguments, output: &mut Output) -> Outcome {
    let session = Session::to_administer(common, &arguments.acting)?;
    session.need_user(&arguments.user)?;
    let name = arguments.user.clone();
    session.change(|database| async move { database.disable_user(&name, instant::now()).await })?;
    told(&session, &arguments.user, "disabled", &[], output)
}

fn enable(common: &Common, arguments: &NamedUserArguments, output: &mut Output) -> Outcome {
    let session = Session::to_administer(common, &arguments.acting)?;
    session.need_user(&arguments.user)?;
    let name = arguments.user.clone();
    session.change(|database| async move { database.enable_user(&name).await })?;
    told(&session, &arguments.user, "enabled", &[], output)
}

fn set_roles(common: &Common, arguments: &SetRolesArguments, output: &mut Output) -> Outcome {
    let session = Session::to_administer(common, &arguments.acting)?;
    session.need_user(&arguments.user)?;
    let (name, roles) = (arguments.user.clone(), arguments.roles.clone());
    session.change(|database| async move { database.set_roles(&name, &roles).await })?;
    told(&session, &arguments.user, "changed", &[], output)
}

fn set_tenant(common: &Common, arguments: &SetTenantArguments, output: &mut Output) -> Outcome {
    let session = Session::to_administer(common, &arguments.acting)?;
    session.need_user(&arguments.user)?;
    let (name, tenant) = (arguments.user.clone(), arguments.tenant.clone());
    session.change(|database| async move { database.set_tenant(&name, tenant.as_deref()).await })?;
    told(&session, &arguments.user, "changed", &[], output)
}

/// Says what was done to a user, how the user stands now, and what is unwise about it.
fn told(session: &Session, name: &str, done: &str, findings: &[Finding], output: &mut Output) -> Outcome {
    session.remark(output)?;
    let user = listed::of_database(session)?
        .into_iter()
        .find(|user| user.name == name);
    if output.is_json() {
        output.json(&json!({ "user": user, "findings": findings }))?;
        return Ok(Exit::Fine);
    }
    let standing = user.map(|user| printed::standing(&user)).unwrap_or_default();
    output.line(format_args!("{} user {name}: {standing}", styled(GOOD, done)))?;
    for finding in findings {
        printed::warning(&finding.message, output)?;
    }
    Ok(Exit::Fine)
}
