//! `palisade init`: a starter folder that can be served at once.
//!
//! 1. Nothing that exists is overwritten: either every file is new, or none is written.
//! 2. The certificates are for a demonstration: the authority's key is dropped as soon as both are issued.
//! 3. Files that hold private keys are readable for their owner alone, and so is a property file taken over from elsewhere.

mod demo;
mod starter;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use palisade_config::properties::{escape_key, parse};
use palisade_config::{Config, Error, Errors, Sources, encryption, to_native};
use palisade_keystore::resolve;
use serde::Serialize;

use crate::cli::{Common, InitArguments};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{GOOD, HEADING, Output, styled};

/// A file to write.
struct Planned {
    /// Relative to the folder.
    path: &'static str,
    text: String,
    is_private: bool,
}

/// The result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Written {
    folder: PathBuf,
    files: Vec<PathBuf>,
    /// What remains to be done before the folder can be served.
    remaining: Vec<String>,
    next: Vec<String>,
}

pub(super) fn run(common: &Common, arguments: &InitArguments, output: &mut Output) -> Outcome {
    let folder = arguments.folder.as_deref().unwrap_or_else(|| common.folder());
    let properties = match &arguments.from_blueriq {
        Some(file) => from_blueriq(file, folder)?,
        None => starter::PROPERTIES.to_owned(),
    };
    let is_taken_over = arguments.from_blueriq.is_some();
    let demo = demo::make().map_err(|error| Failure::wrong(format!("the demo certificates: {error}")))?;
    let planned = [
        Planned {
            path: "application.properties",
            text: properties,
            is_private: is_taken_over,
        },
        Planned {
            path: "keys/demo-ca.pem",
            text: demo.authority,
            is_private: false,
        },
        Planned {
            path: "keys/demo-server.pem",
            text: demo.server,
            is_private: true,
        },
        Planned {
            path: "demo-client.pem",
            text: demo.client,
            is_private: true,
        },
    ];
    write(folder, &planned)?;

    let result = Written {
        folder: folder.to_owned(),
        files: planned.iter().map(|file| folder.join(file.path)).collect(),
        remaining: if is_taken_over {
            remaining(common, folder)?
        } else {
            Vec::new()
        },
        next: starter::next(folder, is_taken_over),
    };
    if output.is_json() {
        output.json(&result)?;
    } else {
        print(&result, output)?;
    }
    Ok(Exit::Fine)
}

/// The settings of a Blueriq runtime, with a listener, which a Blueriq file has none of.
fn from_blueriq(file: &Path, folder: &Path) -> Result<String, Failure> {
    let bytes = fs::read(file).map_err(|error| Failure::wrong(format!("{}: {error}", file.display())))?;
    let native = to_native(file, &bytes);
    let text = native.errors.into_result(native.text)?;
    Ok(format!(
        "{}\n{text}{}",
        starter::LISTENER,
        declarations(&bytes, folder)
    ))
}

/// Where a Blueriq file declares no interceptor at all, its defaults hold for those that groups name; under native names an
/// interceptor must be declared. Where it declares some, another name is a mistake, and `check` says so.
fn declarations(bytes: &[u8], folder: &Path) -> String {
    let mut sources = Sources::new(folder);
    let properties = parse(bytes).properties.into_iter();
    sources.overrides = properties
        .map(|property| (property.key, property.value))
        .collect();
    // Only names are wanted of this configuration; what is wrong with it is for `check` to say.
    let (config, _) = Config::load(&sources);
    if !config.names("palisade.interceptors").is_empty() {
        return String::new();
    }
    let undeclared = config.blueriq().undeclared_interceptors.iter().map(|name| {
        let key = format!("{}.report-only", config.child_key("palisade.interceptors", name));
        format!(
            "\n# {name} has no settings: requests pass it unchecked.\n{}=false\n",
            escape_key(&key)
        )
    });
    undeclared.collect()
}

/// What a folder taken over lacks.
fn remaining(common: &Common, folder: &Path) -> Result<Vec<String>, Failure> {
    let sources = common.sources_of(folder)?;
    let (config, errors) = Config::load(&sources);
    let mut remaining = Vec::new();
    if let Ok(Some(location)) = config.get::<String>("palisade.keystores.blueriq.location")
        && let Ok(path) = resolve(&location, folder)
        && !path.exists()
    {
        remaining.push(format!("copy the keystore to {}", path.display()));
    }
    if errors.iter().any(|error| {
        error
            .message
            .contains(&encryption::EncryptionError::Undecryptable.to_string())
    }) {
        remaining.push("the encryption password does not decrypt every value".to_owned());
    }
    let lacks_password = sources.encryption_password.is_none()
        && !config.contains("palisade.properties.encryption.password")
        && holds_encrypted(folder);
    if lacks_password {
        remaining.push("give the password of encrypted values: --encryption-password-file FILE".to_owned());
    }
    Ok(remaining)
}

fn holds_encrypted(folder: &Path) -> bool {
    let bytes = fs::read(folder.join("application.properties")).unwrap_or_default();
    let properties = parse(&bytes).properties;
    properties
        .iter()
        .any(|property| encryption::is_encrypted(&property.value))
}

/// Writes every file, or none.
fn write(folder: &Path, planned: &[Planned]) -> Result<(), Failure> {
    let existing = planned
        .iter()
        .map(|file| folder.join(file.path))
        .filter(|path| path.symlink_metadata().is_ok());
    let errors: Errors = existing
        .map(|path| Error::general(format!("{} exists, and is not overwritten", path.display())))
        .collect();
    errors.into_result(())?;
    let mut written = Vec::new();
    for file in planned {
        let path = folder.join(file.path);
        let result = write_one(&path, file);
        written.push(path);
        if let Err(error) = result {
            let path = written.pop().unwrap_or_default();
            for path in &written {
                // What cannot be removed was at least made by this run.
                let _ = fs::remove_file(path);
            }
            return Err(Failure::wrong(format!("{}: {error}", path.display())));
        }
    }
    Ok(())
}

fn write_one(path: &Path, file: &Planned) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if file.is_private {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(file.text.as_bytes())
}

fn print(result: &Written, output: &mut Output) -> io::Result<()> {
    for file in &result.files {
        output.line(format_args!("{} {}", styled(GOOD, "wrote"), file.display()))?;
    }
    if !result.remaining.is_empty() {
        output.line(format_args!("\n{}", styled(HEADING, "Still to do")))?;
    }
    for step in &result.remaining {
        output.line(format_args!("  {step}"))?;
    }
    output.line(format_args!("\n{}", styled(HEADING, "Next")))?;
    for step in &result.next {
        output.line(format_args!("  {step}"))?;
    }
    Ok(())
}
