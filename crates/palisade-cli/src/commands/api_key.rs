//! `palisade api-key`: keys with which programs of users sign in.
//!
//! 1. A key is printed once, when it is made, alone on standard output; its SHA-256 is all that is kept.
//! 2. A key is known by its ID, the first twelve hexadecimal digits of that, which opens nothing.
//! 3. In a user's name (`--as`) administrators may do everything, others make, see and revoke their own. Scopes are given by administrators
//!    alone: a scope is a right, and nobody gives themselves one.

use std::io;

use comfy_table::{Table, presets};
use palisade_directory::sql::ApiKeyRecord;
use palisade_directory::{ApiKeyHash, GeneratedApiKey};
use serde_json::json;

use super::user::{KeyState, ListedKey, Session};
use crate::cli::{ApiKeyCommand, Common, CreateKeyArguments, KeyListArguments, RevokeKeyArguments};
use crate::instant::{self, rfc3339};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{FAINT, GOOD, Output, styled};

/// Runs one of its commands.
pub(super) fn run(common: &Common, command: &ApiKeyCommand, output: &mut Output) -> Outcome {
    match command {
        ApiKeyCommand::Create(arguments) => create(common, arguments, output),
        ApiKeyCommand::List(arguments) => list(common, arguments, output),
        ApiKeyCommand::Revoke(arguments) => revoke(common, arguments, output),
    }
}

fn create(common: &Common, arguments: &CreateKeyArguments, output: &mut Output) -> Outcome {
    let now = instant::now();
    let end = match arguments.expires {
        None => None,
        Some(end) => Some(
            end.of(now)
                .filter(|end| *end > now)
                .ok_or_else(|| Failure::wrong("--expires: expected an end that is yet to come"))?,
        ),
    };
    let session = Session::to_change(common, &arguments.acting)?;
    session.need_right_over(&arguments.user)?;
    need_right_to_scopes(&session, &arguments.scopes)?;
    session.need_user(&arguments.user)?;
    let (user, scopes) = (arguments.user.clone(), arguments.scopes.clone());
    let key =
        session.change(|database| async move { database.create_api_key(&user, &scopes, end, now).await })?;
    session.remark(output)?;
    let (text, id) = (key.text().expose(), key.hash().name());
    if output.is_json() {
        output.json(&json!({
            "api-key": text,
            "id": id,
            "user": arguments.user,
            "scopes": arguments.scopes,
            "expires-at": end.map(rfc3339),
        }))?;
        return Ok(Exit::Fine);
    }
    output.line(text)?;
    let until = end
        .map(|end| format!(", until {}", rfc3339(end)))
        .unwrap_or_default();
    let note = format!("API key {id} of {}{until}; it is not shown again", arguments.user);
    output.note(styled(FAINT, note))?;
    Ok(Exit::Fine)
}

/// Refuses scopes of one who is no administrator: the rules of endpoint groups admit by them.
fn need_right_to_scopes(session: &Session, scopes: &[String]) -> Result<(), Failure> {
    match session.own() {
        Some(name) if !scopes.is_empty() => Err(Failure::refused(format!(
            "--as: user `{}` may make keys without scopes alone: --scope takes the role administrator",
            name.escape_debug()
        ))),
        _ => Ok(()),
    }
}

fn list(common: &Common, arguments: &KeyListArguments, output: &mut Output) -> Outcome {
    let session = Session::to_look(common, &arguments.acting)?;
    if let Some(name) = &arguments.user {
        session.need_right_over(name)?;
        session.need_user(name)?;
    }
    session.remark(output)?;
    let wanted = arguments.user.as_deref().or(session.own());
    let now = instant::now();
    let keys: Vec<ListedKey> = keys(&session)?
        .into_iter()
        .filter(|key| wanted.is_none_or(|name| key.user == name))
        .map(|key| ListedKey::recorded(key, now))
        .collect();
    if output.is_json() {
        output.json(&json!({ "api-keys": keys }))?;
    } else {
        print(&keys, output)?;
    }
    Ok(Exit::Fine)
}

fn revoke(common: &Common, arguments: &RevokeKeyArguments, output: &mut Output) -> Outcome {
    let id = arguments.id.as_str();
    if GeneratedApiKey::is_well_formed(id) {
        // Whoever found a key somewhere has this alone.
        let id = ApiKeyHash::of(id).name();
        let message = format!("that is a key itself, which the list of processes shows now; its ID is {id}");
        return Err(Failure::wrong(message));
    }
    let session = Session::to_change(common, &arguments.acting)?;
    let key = keys(&session)?.into_iter().find(|key| key.name == id);
    // One who may see nothing of others is not told whether there is such a key.
    match (&key, session.own()) {
        (Some(key), Some(own)) if key.user == own => {}
        (_, Some(_)) => return Err(Failure::refused("--as: the user has no such API key")),
        (Some(_), None) => {}
        (None, None) => {
            return Err(Failure::wrong(
                "there is no such API key; palisade api-key list shows all IDs",
            ));
        }
    }
    let name = arguments.id.clone();
    session.change(|database| async move { database.revoke_api_key(&name, instant::now()).await })?;
    session.remark(output)?;
    let user = key.map(|key| key.user).unwrap_or_default();
    if output.is_json() {
        output.json(&json!({ "id": id, "user": user, "state": KeyState::Revoked }))?;
    } else {
        output.line(format_args!("{} API key {id} of {user}", styled(GOOD, "revoked")))?;
    }
    Ok(Exit::Fine)
}

fn keys(session: &Session) -> Result<Vec<ApiKeyRecord>, Failure> {
    session.ask(|database| async move { database.api_keys().await })
}

fn print(keys: &[ListedKey], output: &mut Output) -> io::Result<()> {
    if keys.is_empty() {
        return output.line("no API keys");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["ID", "USER", "STATE", "CREATED", "ENDS", "SCOPES"]);
    for key in keys {
        let end = key.revoked_at.as_ref().or(key.expires_at.as_ref());
        table.add_row([
            key.id.clone(),
            key.user.escape_debug().to_string(),
            key.state.word().to_owned(),
            key.created_at.clone().unwrap_or_default(),
            end.cloned().unwrap_or_else(|| "never".to_owned()),
            key.scopes.join(" "),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    output.line(table.trim_fmt())
}
