//! `palisade encrypt`: a value for a property file.

use std::num::NonZeroU32;
use std::path::Path;

use palisade_config::encryption::{DEFAULT_ITERATIONS, encrypt, encrypt_jasypt};
use palisade_config::properties::{escape_key, parse};
use palisade_config::{Config, Error, Errors, Sources, nearest, to_native};
use palisade_core::Secret;
use serde_json::json;

use super::secrets;
use crate::cli::{Common, EncryptArguments};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::Output;

/// What else can be done where there is no terminal.
const HELP: &str = "see palisade encrypt --help";

pub(super) fn run(common: &Common, arguments: &EncryptArguments, output: &mut Output) -> Outcome {
    let name = native_name(&arguments.name)?;
    let sources = common.sources()?;
    let (config, _) = Config::load(&sources);
    // The value comes first: where both are prompted for, that is the order in which people think of them.
    let value = if arguments.stdin {
        secrets::from_stdin()?
    } else {
        secrets::ask_twice("Value", "the values differ", HELP)?
    };
    let password = password(&sources, &config)?;
    let encrypted = if arguments.jasypt {
        encrypt_jasypt(&value, &password, iterations(&config)?)
    } else {
        encrypt(&name, &value, &password)
    };
    let encrypted = encrypted.map_err(|error| Failure::wrong(error.to_string()))?;
    if output.is_json() {
        output.json(&json!({ "name": name, "value": encrypted }))?;
    } else {
        output.line(encrypted)?;
    }
    Ok(Exit::Fine)
}

/// The full native name of a property, which the value is bound to.
fn native_name(name: &str) -> Result<String, Failure> {
    let root = name.split(['.', '[']).next().unwrap_or_default();
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '=' | ':' | '#' | '!');
    if root.is_empty() || !name.chars().all(is_plain) {
        let error = Error::new(
            name,
            "expected the full name of a property, such as palisade.keystores.main.password",
        );
        return Err(Failure::Errors(error.into()));
    }
    if root != "blueriq" {
        return match nearest(root, ["palisade", "blueriq"]) {
            Some(near) if near != root => {
                let error = Error::new(name, "unknown first name").nearest(root, [near]);
                Err(Failure::Errors(error.into()))
            }
            _ => Ok(name.to_owned()),
        };
    }
    let native = to_native(Path::new("NAME"), format!("{}=x", escape_key(name)).as_bytes());
    // The line and file are of the text made above.
    let errors = native.errors.into_iter().map(|mut error| {
        error.origin = None;
        error
    });
    errors.collect::<Errors>().into_result(())?;
    let translated = parse(native.text.as_bytes()).properties.into_iter();
    let translated = translated
        .map(|property| property.key)
        .find(|key| key != "palisade.unmatched");
    Ok(translated.unwrap_or_else(|| name.to_owned()))
}

/// The password: a file's, the configuration's, or a prompt's.
fn password(sources: &Sources, config: &Config) -> Result<Secret, Failure> {
    if let Some(password) = &sources.encryption_password {
        return Ok(password.clone());
    }
    match config.get::<Secret>("palisade.properties.encryption.password")? {
        Some(password) => Ok(password),
        None => secrets::ask_twice("Encryption password", "the passwords differ", HELP),
    }
}

fn iterations(config: &Config) -> Result<NonZeroU32, Failure> {
    let configured = config.get("palisade.properties.encryption.iterations")?;
    Ok(configured.unwrap_or(DEFAULT_ITERATIONS))
}

#[cfg(test)]
mod tests {
    use super::native_name;

    fn refused(name: &str) -> String {
        native_name(name).unwrap_err().into_errors().to_string()
    }

    #[test]
    fn a_blueriq_name_becomes_the_native_one() {
        let name = native_name("blueriq.security.keystore.password").unwrap();
        assert_eq!(name, "palisade.keystores.blueriq.password");
        let kept = native_name("palisade.keystores.main.password").unwrap();
        assert_eq!(kept, "palisade.keystores.main.password");
        assert_eq!(native_name("my.own.password").unwrap(), "my.own.password");
    }

    #[test]
    fn a_misspelt_or_malformed_name_is_refused() {
        assert!(refused("palisada.keystores.main.password").contains("did you mean \"palisade\"?"));
        assert!(refused("blueriq.securty.keystore.password").contains("blueriq.security.keystore"));
        assert!(refused("a=b").contains("expected the full name"));
        assert!(refused("").contains("expected the full name"));
    }
}
