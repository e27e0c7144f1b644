//! `palisade init`: a starter folder that can be served at once.
//!
//! 1. Nothing that exists is overwritten: either every file is new, or none is written.
//! 2. The certificates are for a demonstration: the authority's key is dropped as soon as both are issued.
//! 3. Files that hold private keys are readable for their owner alone, and so is a property file taken over from elsewhere.

mod demo;
mod starter;
mod taken_over;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use palisade_config::{Error, Errors};
use serde::Serialize;

use self::taken_over::TakenOver;
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

impl Planned {
    fn public(path: &'static str, text: String) -> Self {
        Self {
            path,
            text,
            is_private: false,
        }
    }

    fn private(path: &'static str, text: String) -> Self {
        Self {
            path,
            text,
            is_private: true,
        }
    }
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
    // What could fail comes before anything is written.
    let sources = common.sources_of(folder)?;
    let taken_over = arguments
        .from_blueriq
        .as_deref()
        .map(|file| TakenOver::read(file, folder))
        .transpose()?;
    let planned = match &taken_over {
        Some(taken_over) if taken_over.has_listener => {
            vec![Planned::private(
                "application.properties",
                taken_over.text.clone(),
            )]
        }
        Some(taken_over) => {
            let text = format!("{}\n{}", starter::LISTENER, taken_over.text);
            with_keys(Planned::private("application.properties", text))?
        }
        None => with_keys(Planned::public(
            "application.properties",
            starter::PROPERTIES.to_owned(),
        ))?,
    };
    write(folder, &planned)?;

    let result = Written {
        folder: folder.to_owned(),
        files: planned.iter().map(|file| folder.join(file.path)).collect(),
        remaining: taken_over
            .as_ref()
            .map(|taken_over| taken_over.remaining(&sources))
            .unwrap_or_default(),
        next: starter::next(folder, taken_over.is_some()),
    };
    if output.is_json() {
        output.json(&result)?;
    } else {
        print(&result, output)?;
    }
    Ok(Exit::Fine)
}

/// The property file, and keys and certificates for its listener.
fn with_keys(properties: Planned) -> Result<Vec<Planned>, Failure> {
    let demo = demo::make().map_err(|error| Failure::wrong(format!("the demo certificates: {error}")))?;
    Ok(vec![
        properties,
        Planned::public("keys/demo-ca.pem", demo.authority),
        Planned::private("keys/demo-server.pem", demo.server),
        Planned::private("demo-client.pem", demo.client),
    ])
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
