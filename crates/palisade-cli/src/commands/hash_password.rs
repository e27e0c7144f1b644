//! `palisade hash-password`: the hash of a password, for a property file.

use palisade_directory::PasswordHash;
use serde_json::json;

use super::user::new_password;
use crate::cli::HashPasswordArguments;
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::Output;

pub(super) fn run(arguments: &HashPasswordArguments, output: &mut Output) -> Outcome {
    let password = new_password(arguments.stdin, arguments.user.as_deref(), "--stdin reads it")?;
    let hash = PasswordHash::hash(&password).map_err(|error| Failure::wrong(error.to_string()))?;
    let phc = hash.to_phc();
    if output.is_json() {
        output.json(&json!({ "password-hash": phc.expose() }))?;
    } else {
        output.line(phc.expose())?;
    }
    Ok(Exit::Fine)
}
