//! `palisade cert export`: a registered certificate in a file, without a key, for there is none.

use std::path::{Path, PathBuf};

use palisade_directory::print_fingerprint;
use palisade_keystore::Certificate;
use serde::Serialize;

use super::forms::{self, Content, Material};
use super::records::{Recorded, Records, ShownOwner, Status};
use crate::cli::{Common, ExportArguments, FileType};
use crate::commands::keystore::DescribedCertificate;
use crate::commands::new_files::{self, NewFile};
use crate::instant;
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{GOOD, Output, styled};

/// The result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Exported {
    #[serde(flatten)]
    owner: ShownOwner,
    #[serde(rename = "type")]
    form: &'static str,
    file: PathBuf,
    certificate: DescribedCertificate,
}

pub(super) fn run(common: &Common, arguments: &ExportArguments, output: &mut Output) -> Outcome {
    if arguments.form.is_keystore() {
        return Err(forms::no_key(arguments.form));
    }
    let records = Records::open(common, &arguments.acting)?;
    let found = records.find(&arguments.which)?;
    let (recorded, certificate) = only_one(&found, arguments.which.serial.is_some())?;
    let material = Material {
        alias: recorded.owner.name().to_owned(),
        key: None,
        chain: vec![certificate.clone()],
    };
    let content = material.in_form(arguments.form, None, instant::now())?;
    match arguments.out.as_deref() {
        Some(path) if path == Path::new("-") => {
            if output.is_json() {
                return Err(Failure::wrong(
                    "--out - writes the file itself to standard output, where JSON has no place",
                ));
            }
            output.raw(&content.bytes)?;
        }
        path => {
            let file = path.map_or_else(|| default_file(recorded, arguments.form), Path::to_owned);
            write(recorded, certificate, arguments.form, file, &content, output)?;
        }
    }
    Ok(Exit::Fine)
}

fn write(
    recorded: &Recorded,
    certificate: &Certificate,
    form: FileType,
    file: PathBuf,
    content: &Content,
    output: &mut Output,
) -> Result<(), Failure> {
    new_files::write(&[NewFile::public(&file, content.bytes.as_slice())])?;
    let exported = Exported {
        owner: ShownOwner::from(&recorded.owner),
        form: form.extension(),
        file,
        certificate: DescribedCertificate::new(certificate),
    };
    if output.is_json() {
        output.json(&exported)?;
    } else {
        output.line(format_args!(
            "{} {}: {}, valid until {}",
            styled(GOOD, "wrote"),
            exported.file.display(),
            exported.certificate.subject,
            exported.certificate.not_after
        ))?;
    }
    Ok(())
}

/// `NAME.crt`, which is what a certificate alone is called.
fn default_file(recorded: &Recorded, form: FileType) -> PathBuf {
    let extension = match form {
        FileType::Pem | FileType::Der => "crt",
        other => other.extension(),
    };
    forms::file_of(recorded.owner.name(), extension)
}

/// The one that is meant: of several that an owner has, the one that is good.
fn only_one(found: &[Recorded], is_named: bool) -> Result<(&Recorded, &Certificate), Failure> {
    let now = instant::now();
    let is_meant = |recorded: &&Recorded| is_named || recorded.status(now) == Status::Valid;
    let meant: Vec<&Recorded> = found.iter().filter(is_meant).collect();
    let listed = |all: &[&Recorded]| {
        let names: Vec<String> = all.iter().map(|recorded| name(recorded)).collect();
        names.join(", ")
    };
    match meant.as_slice() {
        [] => Err(Failure::wrong(format!(
            "none of the certificates on record is good: {}; say which by --serial",
            listed(&found.iter().collect::<Vec<_>>())
        ))),
        [first, rest @ ..] if is_named || rest.is_empty() => match &first.certificate {
            Some(certificate) => Ok((first, certificate)),
            None => Err(Failure::wrong(format!(
                "{}: its fingerprint alone is on record, not the certificate itself",
                name(first)
            ))),
        },
        several => Err(Failure::wrong(format!(
            "{} has several certificates: {}; say which by --serial",
            several
                .first()
                .map(|first| first.owner.to_string())
                .unwrap_or_default(),
            listed(several)
        ))),
    }
}

fn name(recorded: &Recorded) -> String {
    match &recorded.certificate {
        Some(certificate) => certificate.facts().serial_hex(),
        None => print_fingerprint(&recorded.fingerprint),
    }
}
