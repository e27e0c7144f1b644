//! Secrets that a command is given: from standard input or a prompt, never from an argument.

use std::io::{self, Read as _};

use palisade_core::Secret;

use crate::outcome::Failure;

/// The largest secret that is read from standard input.
const LARGEST: u64 = 1 << 20;

/// All of standard input; one line break at its end is dropped.
pub(super) fn from_stdin() -> Result<Secret, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().take(LARGEST + 1).read_to_string(&mut text);
    let read = read.map_err(|error| Failure::wrong(format!("standard input: {error}")))?;
    if read as u64 > LARGEST {
        return Err(Failure::wrong("standard input: the value is larger than 1 MiB"));
    }
    let end = text
        .strip_suffix('\n')
        .map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
    text.truncate(end);
    Ok(Secret::new(text))
}

/// Asks at the terminal, without showing what is typed.
pub(super) fn prompt(prompt: &str) -> io::Result<Secret> {
    rpassword::prompt_password(prompt).map(Secret::new)
}

/// Asks for something; `help` says what else can be done where there is no terminal.
pub(super) fn ask(what: &str, help: &str) -> Result<Secret, Failure> {
    prompt(&format!("{what}: ")).map_err(|error| {
        Failure::wrong(format!(
            "{what} cannot be asked for without a terminal ({error}); {help}"
        ))
    })
}

/// Asks for something new twice, so that nobody sets what they did not mean; `differ` says so.
pub(super) fn ask_twice(what: &str, differ: &str, help: &str) -> Result<Secret, Failure> {
    let first = ask(what, help)?;
    if first == ask(&format!("{what} again"), help)? {
        Ok(first)
    } else {
        Err(Failure::wrong(differ))
    }
}
