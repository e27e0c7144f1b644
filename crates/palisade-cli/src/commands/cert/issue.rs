//! `palisade cert issue`: a certificate of the authority, in a file with its key, and registered.
//!
//! 1. What can be refused is refused before anything is made: names, files that exist, the authority.
//! 2. The files are written first, then the certificate is registered; where that fails, they are taken back.
//! 3. A name that is too long for a certificate is cut in it: owners are recognised by the certificate's fingerprint, and servers
//!    by their alternative names, never by the common name.
//! 4. The password of a keystore is random, and goes into a file of its own, unless it is given or asked for.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use palisade_core::{Secret, SubjectAltName};
use palisade_directory::sql::{Origin, Owner};
use palisade_keystore::{CertificateRequest, Issued, KeySource, SigningRequest, Subject, random_password};
use serde::Serialize;

use super::forms::{self, Content, Material};
use super::records::{Records, ShownOwner};
use super::{authority, given_password, print_properties};
use crate::cli::{Common, FileType, IssueArguments};
use crate::commands::keystore::{DescribedCertificate, print_certificate};
use crate::commands::new_files::{self, NewFile};
use crate::instant;
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{GOOD, Output, styled};

/// The largest signing request.
const LARGEST_REQUEST: u64 = 1 << 20;

/// The result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Done {
    #[serde(flatten)]
    owner: Option<ShownOwner>,
    #[serde(rename = "type")]
    form: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// What the property file needs, where users and tenants stand there.
    properties: Vec<String>,
    certificate: DescribedCertificate,
}

/// Where the password comes from, and goes to.
enum Password {
    /// There is none.
    None,
    /// It was given.
    Given(Secret),
    /// It is made, and printed.
    Printed(Secret),
    /// It is made, and goes into a file.
    Kept(Secret, PathBuf),
}

impl Password {
    fn secret(&self) -> Option<&Secret> {
        match self {
            Self::None => None,
            Self::Given(secret) | Self::Printed(secret) | Self::Kept(secret, _) => Some(secret),
        }
    }
}

/// What is to be made, and where it goes.
struct Plan {
    name: String,
    owner: Option<Owner>,
    form: FileType,
    /// `None` for standard output.
    file: Option<PathBuf>,
    request: Option<SigningRequest>,
    password: Password,
}

pub(super) fn run(common: &Common, arguments: &IssueArguments, output: &mut Output) -> Outcome {
    let plan = plan(arguments, output)?;
    let records = Records::open_to_change(common, &arguments.acting)?;
    let organization = match &plan.owner {
        Some(owner) => records.organization(owner, arguments.create)?,
        None => None,
    };
    let folder = authority::folder(common, &arguments.authority.place);
    let authority = authority::open(&folder, &arguments.authority)?;

    let now = instant::now();
    let wanted = wanted(arguments, &plan, organization);
    let Issued { certificate, key } = authority
        .issue(&wanted, now)
        .map_err(|error| authority::failure(&error))?;
    let material = Material {
        alias: plan.name.clone(),
        key,
        chain: [&[certificate.clone()][..], authority.chain()].concat(),
    };
    let content = material.in_form(plan.form, plan.password.secret(), now)?;
    let (files, to_print) = files(&plan, content);
    new_files::write(&files)?;
    let registered = match &plan.owner {
        Some(owner) => records.record(&certificate, owner, Origin::Issued, now),
        None => folder
            .add_server(&certificate)
            .map(|()| Vec::new())
            .map_err(|error| authority::failure(&error)),
    };
    let properties = registered.inspect_err(|_| new_files::remove(&files))?;

    note_cut_name(&plan, &wanted.subject, output)?;
    let done = done(plan, properties, DescribedCertificate::new(&certificate));
    match to_print {
        Some(content) => print_content(&content, &done, output)?,
        None if output.is_json() => output.json(&done)?,
        None => print(&done, output)?,
    }
    Ok(Exit::Fine)
}

/// Checks what the arguments say together, and that nothing is overwritten; reads what they name.
fn plan(arguments: &IssueArguments, output: &Output) -> Result<Plan, Failure> {
    let owner = owner(arguments);
    let name = match (&owner, arguments.server.first()) {
        (Some(owner), _) => owner.name().to_owned(),
        (None, Some(host)) => host.clone(),
        (None, None) => String::new(),
    };
    let form = arguments.form.unwrap_or_else(|| default_form(arguments));
    if arguments.csr.is_some() {
        if form.is_keystore() {
            return Err(forms::no_key(form));
        }
        if arguments.password_stdin {
            return Err(Failure::wrong("a certificate needs no password: it is public"));
        }
    } else if form == FileType::Der {
        return Err(Failure::wrong(
            "a der file has no private key in it, and there is no copy: choose pem, or give --csr",
        ));
    }
    let file = match arguments.out.as_deref() {
        None => Some(forms::file_of(&name, form.extension())),
        Some(path) if path == Path::new("-") => None,
        Some(path) => Some(path.to_owned()),
    };
    if file.is_none() && output.is_json() {
        return Err(Failure::wrong(
            "--out - writes the file itself to standard output, where JSON has no place",
        ));
    }
    let password = password(arguments, form, file.as_deref())?;
    let kept = match &password {
        Password::Kept(_, path) => Some(path),
        Password::None | Password::Given(_) | Password::Printed(_) => None,
    };
    new_files::check(file.iter().chain(kept))?;
    Ok(Plan {
        request: arguments.csr.as_deref().map(signing_request).transpose()?,
        name,
        owner,
        form,
        file,
        password,
    })
}

fn owner(arguments: &IssueArguments) -> Option<Owner> {
    let user = arguments.user.clone().map(Owner::User);
    user.or_else(|| arguments.tenant.clone().map(Owner::Tenant))
}

fn default_form(arguments: &IssueArguments) -> FileType {
    if arguments.csr.is_some() || !arguments.server.is_empty() {
        FileType::Pem
    } else {
        FileType::P12
    }
}

fn password(arguments: &IssueArguments, form: FileType, file: Option<&Path>) -> Result<Password, Failure> {
    if arguments.password_stdin {
        return given_password().map(Password::Given);
    }
    if !form.is_keystore() {
        return if arguments.print_password {
            let extension = form.extension();
            Err(Failure::wrong(format!(
                "a {extension} file has no password unless one is given"
            )))
        } else {
            Ok(Password::None)
        };
    }
    let random = random_password().map_err(|error| Failure::wrong(error.to_string()))?;
    match file {
        _ if arguments.print_password => Ok(Password::Printed(random)),
        Some(file) => {
            let mut path = file.as_os_str().to_owned();
            path.push(".password");
            Ok(Password::Kept(random, path.into()))
        }
        None => Err(Failure::wrong(
            "--out - leaves no place for the password: give --password-stdin, or --print-password",
        )),
    }
}

fn signing_request(file: &Path) -> Result<SigningRequest, Failure> {
    let failed = |what: &dyn std::fmt::Display| Failure::wrong(format!("{}: {what}", file.display()));
    let size = fs::metadata(file).map_err(|error| failed(&error))?.len();
    if size > LARGEST_REQUEST {
        return Err(failed(&"larger than any signing request"));
    }
    let bytes = fs::read(file).map_err(|error| failed(&error))?;
    SigningRequest::from_bytes(&bytes).map_err(|error| failed(&error))
}

fn wanted(arguments: &IssueArguments, plan: &Plan, organization: Option<String>) -> CertificateRequest {
    let mut subject = Subject::new(&plan.name);
    subject.organization = organization;
    let subject = subject.fitting();
    let valid_for = arguments.valid.get();
    let request = if plan.owner.is_some() {
        CertificateRequest::client(subject, valid_for)
    } else {
        let names = arguments.server.iter().map(|host| host_name(host)).collect();
        CertificateRequest::server(subject, names, valid_for)
    };
    request.with_key(match &plan.request {
        Some(request) => KeySource::Requested(request.clone()),
        None => KeySource::New(arguments.key.into()),
    })
}

/// Says what the certificate has in place of a name that is too long for it.
fn note_cut_name(plan: &Plan, subject: &Subject, output: &mut Output) -> Result<(), Failure> {
    if subject.common_name == plan.name {
        return Ok(());
    }
    let all_the_same = if plan.owner.is_some() {
        "its owner is recognised by its fingerprint all the same"
    } else {
        "its alternative names are whole"
    };
    output.note(format_args!(
        "note: a certificate has room for 64 characters of a name; it says {}, and {all_the_same}",
        subject.common_name
    ))?;
    Ok(())
}

fn host_name(host: &str) -> SubjectAltName {
    match host.parse::<IpAddr>() {
        Ok(address) => SubjectAltName::Ip(address),
        Err(_) => SubjectAltName::Dns(host.to_owned()),
    }
}

/// The files to write, and what goes to standard output instead.
fn files(plan: &Plan, content: Content) -> (Vec<NewFile>, Option<Content>) {
    let Some(path) = &plan.file else {
        return (Vec::new(), Some(content));
    };
    let bytes = content.bytes.as_slice();
    let mut files = vec![if content.is_private {
        NewFile::private(path, bytes)
    } else {
        NewFile::public(path, bytes)
    }];
    if let Password::Kept(password, path) = &plan.password {
        files.push(NewFile::private(path, format!("{}\n", password.expose())));
    }
    (files, None)
}

fn done(plan: Plan, properties: Vec<String>, certificate: DescribedCertificate) -> Done {
    let (password, password_file) = match plan.password {
        Password::None | Password::Given(_) => (None, None),
        Password::Printed(password) => (Some(password.expose().to_owned()), None),
        Password::Kept(_, path) => (None, Some(path)),
    };
    Done {
        owner: plan.owner.as_ref().map(ShownOwner::from),
        form: plan.form.extension(),
        file: plan.file,
        password_file,
        password,
        properties,
        certificate,
    }
}

/// The file itself on standard output, and everything else beside it.
fn print_content(content: &Content, done: &Done, output: &mut Output) -> Result<(), Failure> {
    output.raw(&content.bytes)?;
    if let Some(password) = &done.password {
        output.note(format_args!("password: {password}"))?;
    }
    for line in &done.properties {
        output.note(line)?;
    }
    Ok(())
}

fn print(done: &Done, output: &mut Output) -> Result<(), Failure> {
    output.line(format_args!(
        "{} {}, valid until {}",
        styled(GOOD, "issued"),
        done.certificate.subject,
        done.certificate.not_after
    ))?;
    print_certificate(&done.certificate, output)?;
    if let Some(file) = &done.file {
        output.line(format_args!("{} {}", styled(GOOD, "wrote"), file.display()))?;
    }
    if let Some(file) = &done.password_file {
        output.line(format_args!(
            "{} {}, its password",
            styled(GOOD, "wrote"),
            file.display()
        ))?;
    }
    if let Some(password) = &done.password {
        output.line(format_args!("password: {password}"))?;
    }
    print_properties(&done.properties, output)
}
