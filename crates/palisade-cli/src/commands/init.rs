//! `palisade init`: a starter folder that can be served at once.
//!
//! 1. Nothing that exists is overwritten: either every file is new, or none is written.
//! 2. The certificates are for a demonstration: the authority's key is dropped as soon as both are issued.
//! 3. Files that hold private keys are readable for their owner alone, and so is a property file taken over from elsewhere.

mod demo;
mod starter;
mod taken_over;

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use self::taken_over::TakenOver;
use super::new_files::{self, NewFile};
use crate::cli::{Common, InitArguments};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{GOOD, HEADING, Output, styled};

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
    let properties = folder.join("application.properties");
    let planned = match &taken_over {
        Some(taken_over) if taken_over.has_listener => {
            vec![NewFile::private(properties, taken_over.text.clone())]
        }
        Some(taken_over) => {
            let text = format!("{}\n{}", starter::LISTENER, taken_over.text);
            with_keys(folder, NewFile::private(properties, text))?
        }
        None => {
            let mut files = with_keys(folder, NewFile::public(properties, starter::PROPERTIES))?;
            files.push(NewFile::public(folder.join(starter::TESTS_NAME), starter::TESTS));
            files
        }
    };
    new_files::write(&planned)?;

    let result = Written {
        folder: folder.to_owned(),
        files: planned.iter().map(|file| file.path().clone()).collect(),
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
fn with_keys(folder: &Path, properties: NewFile) -> Result<Vec<NewFile>, Failure> {
    let demo = demo::make()?;
    Ok(vec![
        properties,
        NewFile::public(folder.join("keys/demo-ca.pem"), demo.authority),
        NewFile::private(folder.join("keys/demo-server.pem"), demo.server),
        NewFile::private(folder.join("demo-client.pem"), demo.client),
    ])
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
