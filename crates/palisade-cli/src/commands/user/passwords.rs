//! Passwords that are set: asked for, checked, and compared with what is there.

use palisade_core::{Finding, Secret, Severity};
use palisade_directory::{PasswordHash, check_strength};

use super::session::Session;
use super::told;
use crate::cli::{Common, SetPasswordArguments};
use crate::commands::secrets;
use crate::instant;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) fn set(common: &Common, arguments: &SetPasswordArguments, output: &mut Output) -> Outcome {
    let name = arguments.user.as_str();
    let help = "--stdin reads it";
    let looking = Session::to_look(common, &arguments.acting)?;
    looking.need_right_over(name)?;
    looking.need_user(name)?;
    let password = if looking.own().is_some() {
        let (current, password) = own_password(arguments.stdin, name, help)?;
        verify(&looking, name, &current)?;
        password
    } else {
        new_password(arguments.stdin, Some(name), help)?
    };
    drop(looking);
    let session = Session::to_change(common, &arguments.acting)?;
    session.need_right_over(name)?;
    let (user, new) = (name.to_owned(), password.clone());
    let others =
        session.change(|database| async move { database.set_password(&user, &new, instant::now()).await })?;
    let findings = findings(&session, Some(&password), &others);
    told(&session, name, "changed", &findings, output)
}

/// A new password of a user, given once on standard input or twice at a prompt. One that is weak is refused.
pub(in crate::commands) fn new_password(
    stdin: bool,
    user: Option<&str>,
    help: &str,
) -> Result<Secret, Failure> {
    let password = if stdin {
        secrets::from_stdin()?
    } else {
        secrets::ask_twice("Password", "the passwords differ", help)?
    };
    refuse_weak(&password, user)?;
    Ok(password)
}

/// The current password of a user, and the new one.
fn own_password(stdin: bool, user: &str, help: &str) -> Result<(Secret, Secret), Failure> {
    let (current, password) = if stdin {
        let both = secrets::from_stdin()?;
        let (current, password) = both.expose().split_once('\n').ok_or_else(|| {
            Failure::wrong(
                "standard input: expected the current password, a line break, and the new password",
            )
        })?;
        let current = current.strip_suffix('\r').unwrap_or(current);
        (Secret::new(current), Secret::new(password))
    } else {
        (
            secrets::ask("Current password", help)?,
            secrets::ask_twice("Password", "the passwords differ", help)?,
        )
    };
    refuse_weak(&password, Some(user))?;
    Ok((current, password))
}

/// Refuses one who does not know the current password.
fn verify(session: &Session, user: &str, current: &Secret) -> Result<(), Failure> {
    let name = user.to_owned();
    let hash: Option<PasswordHash> =
        session.ask(|database| async move { database.password_hash(&name).await })?;
    match hash {
        Some(hash) if hash.verify(current.expose().as_bytes()) => Ok(()),
        Some(_) => Err(Failure::refused("the current password is another one")),
        None => Err(Failure::refused(format!(
            "user `{}` has no password to show who is asking: an administrator sets the first one",
            user.escape_debug()
        ))),
    }
}

fn refuse_weak(password: &Secret, user: Option<&str>) -> Result<(), Failure> {
    check_strength(password.expose(), user).map_err(|weak| Failure::refused(weak.to_string()))
}

/// Where else a password stands. One who may see nothing of others is not told: that would tell another's password.
pub(super) fn findings(session: &Session, password: Option<&Secret>, others: &[String]) -> Vec<Finding> {
    let Some(password) = password.filter(|_| session.own().is_none()) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if !others.is_empty() {
        let others: Vec<String> = others
            .iter()
            .map(|name| format!("`{}`", name.escape_debug()))
            .collect();
        let message = format!("{} has the same password", others.join(", "));
        findings.push(Finding::new(Severity::Moderate, "password-reused", message));
    }
    findings.extend(session.config().keys_of_secret(password).into_iter().map(|key| {
        let message = format!("the same secret stands in the configuration, at {key}");
        Finding::new(Severity::Moderate, "password-in-configuration", message).at(key)
    }));
    findings
}
