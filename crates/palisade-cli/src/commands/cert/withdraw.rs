//! `palisade cert delete`, `palisade cert revoke` and `palisade cert renew-crl`: what ends a certificate before its time.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use palisade_keystore::{
    Authority, AuthorityFolder, Certificate, Revocation, RevocationList, RevocationReason,
};
use serde::Serialize;
use serde_json::json;

use super::records::{Recorded, Records, Shown};
use super::{authority, import, list, print_properties, servers};
use crate::cli::{AuthorityOptions, Common, DeleteArguments, RenewCrlArguments, RevokeArguments, Which};
use crate::commands::keystore::{DescribedCertificate, print_certificate};
use crate::instant::{self, rfc3339};
use crate::outcome::{Exit, Failure, Outcome};
use crate::output::{GOOD, HEADING, Output, WARNING, styled};

/// A revocation list, as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ShownList {
    file: PathBuf,
    number: u64,
    this_update: String,
    next_update: String,
    revoked: usize,
}

impl ShownList {
    fn new(folder: &AuthorityFolder, list: &RevocationList) -> Self {
        Self {
            file: folder.list_file(),
            number: list.number(),
            this_update: rfc3339(list.this_update()),
            next_update: rfc3339(list.next_update()),
            revoked: list.entries().len(),
        }
    }

    fn print(&self, output: &mut Output) -> Result<(), Failure> {
        output.line(format_args!(
            "{} {}, number {}, with {} revoked, to be renewed before {}",
            styled(GOOD, "wrote"),
            self.file.display(),
            self.number,
            self.revoked,
            self.next_update
        ))?;
        Ok(())
    }
}

/// Takes the registration of one certificate away.
pub(super) fn delete(common: &Common, arguments: &DeleteArguments, output: &mut Output) -> Outcome {
    let records = Records::open_to_change(common, &arguments.acting)?;
    let which = Which {
        serial: Some(arguments.serial.clone()),
        user: None,
        tenant: None,
    };
    let folder = authority::folder(common, &arguments.place);
    if let Some(server) = records.find_server(&which, &folder)? {
        return forget(&folder, &server, output);
    }
    let found = records.find_id(&arguments.serial)?;
    if let Some(revoked) = found.iter().find(|recorded| recorded.revoked.is_some()) {
        return Err(Failure::wrong(format!(
            "the certificate of {} is revoked: nobody is recognised by it, and it stays on record so that it does not come back",
            revoked.owner
        )));
    }
    let now = instant::now();
    for recorded in &found {
        records.delete(recorded)?;
    }
    let properties = records.without(&found);
    let shown: Vec<Shown> = found.iter().map(|recorded| recorded.shown(now)).collect();
    if output.is_json() {
        output.json(&json!({ "deleted": shown, "properties": properties }))?;
        return Ok(Exit::Fine);
    }
    for (recorded, entry) in found.iter().zip(&shown) {
        let name = entry
            .certificate
            .as_ref()
            .map(|certificate| certificate.subject.as_str());
        output.line(format_args!(
            "{} {} of {}",
            styled(GOOD, "deleted"),
            name.unwrap_or("the certificate"),
            recorded.owner
        ))?;
    }
    print_properties(&properties, output)?;
    output.note("note: it can still complete a handshake until it ends; palisade cert revoke ends that")?;
    Ok(Exit::Fine)
}

/// Takes the certificate of a server off the record.
fn forget(folder: &AuthorityFolder, server: &Certificate, output: &mut Output) -> Outcome {
    let shown = servers::shown(folder, server, instant::now());
    folder
        .remove_server(&server.facts().fingerprint)
        .map_err(|error| authority::failure(&error))?;
    if output.is_json() {
        output.json(&json!({ "deleted": [shown], "properties": [] }))?;
    } else {
        let subject = &server.facts().subject;
        output.line(format_args!("{} {subject} of a server", styled(GOOD, "deleted")))?;
        output.note("note: the server can use it until it ends; palisade cert revoke ends that")?;
    }
    Ok(Exit::Fine)
}

/// What came of the revocation of one certificate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Revoked {
    #[serde(flatten)]
    entry: Entry,
    /// Whether it stands in the authority's list.
    in_crl: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Entry {
    OnRecord(Box<Shown>),
    NotRegistered(Box<DescribedCertificate>),
}

/// Revokes certificates: in the list of the authority that issued them, then in the directory.
pub(super) fn revoke(common: &Common, arguments: &RevokeArguments, output: &mut Output) -> Outcome {
    let records = Records::open_to_change(common, &arguments.acting)?;
    let folder = authority::folder(common, &arguments.authority.place);
    let chosen = Chosen::new(&records, arguments, &folder)?;
    let now = instant::now();
    let reason: RevocationReason = arguments.reason.into();
    let list = chosen.write_list(&folder, arguments, reason, now)?;
    let mut marked = BTreeSet::new();
    for recorded in &chosen.recorded {
        if recorded.revoked.is_none() && marked.insert(recorded.fingerprint) {
            records.revoke(recorded, reason, now)?;
        }
    }
    let properties = records.without(&chosen.recorded);
    // As they stand now, in the record itself.
    let revoked = chosen.shown(&records.all()?, now);
    let list = list.map(|list| ShownList::new(&folder, &list));
    if output.is_json() {
        output.json(&json!({ "revoked": revoked, "crl": list, "properties": properties }))?;
    } else {
        print_revoked(&revoked, list.as_ref(), &properties, output)?;
    }
    Ok(Exit::Fine)
}

/// The certificates that are to be revoked.
struct Chosen {
    recorded: Vec<Recorded>,
    /// That of a file, where it is not registered, or that of a server.
    unregistered: Option<Certificate>,
    /// The authority's own certificate.
    issuer: Option<Certificate>,
}

impl Chosen {
    fn new(
        records: &Records,
        arguments: &RevokeArguments,
        folder: &AuthorityFolder,
    ) -> Result<Self, Failure> {
        let issuer = if folder.exists() {
            Some(folder.certificate().map_err(|error| authority::failure(&error))?)
        } else {
            None
        };
        let mut chosen = Self {
            recorded: Vec::new(),
            unregistered: None,
            issuer,
        };
        let Some(file) = &arguments.certificate else {
            chosen.unregistered = records.find_server(&arguments.which, folder)?;
            if chosen.unregistered.is_none() {
                chosen.recorded = records.find(&arguments.which)?;
            }
            return chosen.sound(folder);
        };
        let (certificate, _) = import::read(file, None)?;
        if !chosen.is_ours(Some(&certificate)) {
            let issuer = &certificate.facts().issuer;
            return Err(Failure::wrong(format!(
                "{}: the authority in {} did not issue it, {issuer} did",
                file.display(),
                folder.path().display()
            )));
        }
        chosen.recorded = records.all()?;
        chosen
            .recorded
            .retain(|recorded| recorded.fingerprint == certificate.facts().fingerprint);
        chosen.unregistered = Some(certificate).filter(|_| chosen.recorded.is_empty());
        Ok(chosen)
    }

    /// Refuses what an authority of this directory issued that is not here: marked alone, its holder could still connect.
    fn sound(self, folder: &AuthorityFolder) -> Result<Self, Failure> {
        let elsewhere = self
            .recorded
            .iter()
            .find(|recorded| recorded.is_issued && !self.is_ours(recorded.certificate.as_ref()));
        match elsewhere.and_then(|recorded| recorded.certificate.as_ref()) {
            None => Ok(self),
            Some(certificate) => Err(Failure::wrong(format!(
                "{} was issued by the authority {}, which is not in {}: say where it is by --dir",
                certificate.facts().subject,
                certificate.facts().issuer,
                folder.path().display()
            ))),
        }
    }

    fn is_ours(&self, certificate: Option<&Certificate>) -> bool {
        let both = certificate.zip(self.issuer.as_ref());
        both.is_some_and(|(certificate, issuer)| certificate.is_issued_by(issuer))
    }

    /// Puts those of the authority into its list; nothing is written where there are none.
    fn write_list(
        &self,
        folder: &AuthorityFolder,
        arguments: &RevokeArguments,
        reason: RevocationReason,
        now: SystemTime,
    ) -> Result<Option<RevocationList>, Failure> {
        let certificates = self
            .recorded
            .iter()
            .filter_map(|recorded| recorded.certificate.as_ref());
        let ours: Vec<Revocation> = certificates
            .chain(&self.unregistered)
            .filter(|certificate| self.is_ours(Some(certificate)))
            .map(|certificate| revocation(certificate, reason, now))
            .collect();
        if ours.is_empty() {
            return Ok(None);
        }
        let authority = authority::open(folder, &arguments.authority)?;
        let written = folder.revoke(&authority, &ours, now, arguments.crl_valid.get());
        written.map(Some).map_err(|error| authority::failure(&error))
    }

    fn shown(&self, after: &[Recorded], now: SystemTime) -> Vec<Revoked> {
        let recorded = self.recorded.iter().map(|before| {
            let is_same = |recorded: &&Recorded| {
                recorded.owner == before.owner && recorded.fingerprint == before.fingerprint
            };
            let recorded = after.iter().find(is_same).unwrap_or(before);
            Revoked {
                entry: Entry::OnRecord(Box::new(recorded.shown(now))),
                in_crl: self.is_ours(recorded.certificate.as_ref()),
            }
        });
        let unregistered = self.unregistered.iter().map(|certificate| Revoked {
            entry: Entry::NotRegistered(Box::new(DescribedCertificate::new(certificate))),
            in_crl: true,
        });
        recorded.chain(unregistered).collect()
    }
}

fn print_revoked(
    revoked: &[Revoked],
    list: Option<&ShownList>,
    properties: &[String],
    output: &mut Output,
) -> Result<(), Failure> {
    for Revoked { entry, in_crl } in revoked {
        match entry {
            Entry::OnRecord(entry) => list::print(entry, output)?,
            Entry::NotRegistered(certificate) => {
                output.line(styled(HEADING, "not registered"))?;
                print_certificate(certificate, output)?;
            }
        }
        if !in_crl {
            output.note(format_args!(
                "{} this authority did not issue it, so that no list of it names it: its owner is not recognised by it any more, \
                 and its issuer is to be told",
                styled(WARNING, "note:")
            ))?;
        }
    }
    if let Some(list) = list {
        list.print(output)?;
        output.line("servers that watch the list refuse what it names within seconds")?;
    }
    print_properties(properties, output)
}

fn revocation(certificate: &Certificate, reason: RevocationReason, at: SystemTime) -> Revocation {
    Revocation {
        serial: certificate.facts().serial.to_vec(),
        at,
        reason,
    }
}

/// Writes the list anew, with what the directory has as revoked.
pub(super) fn renew(common: &Common, arguments: &RenewCrlArguments, output: &mut Output) -> Outcome {
    let records = Records::open(common, &arguments.acting)?;
    records.need_administrator()?;
    let folder = authority::folder(common, &arguments.authority.place);
    let (authority, list) = renewed(
        &records,
        &folder,
        &arguments.authority,
        |authority, revoked, now| {
            let period: Duration = arguments.crl_valid.get();
            if arguments.rebuild {
                folder.rebuild_list(authority, revoked, now, period)
            } else {
                folder.revoke(authority, revoked, now, period)
            }
        },
    )?;
    let shown = ShownList::new(&folder, &list);
    if output.is_json() {
        output.json(&json!({ "authority": authority.certificate().facts().subject, "crl": shown }))?;
    } else {
        shown.print(output)?;
    }
    Ok(Exit::Fine)
}

fn renewed(
    records: &Records,
    folder: &AuthorityFolder,
    options: &AuthorityOptions,
    write: impl FnOnce(
        &Authority,
        &[Revocation],
        SystemTime,
    ) -> Result<RevocationList, palisade_keystore::AuthorityError>,
) -> Result<(Authority, RevocationList), Failure> {
    let authority = authority::open(folder, options)?;
    let issuer = authority.certificate();
    let revoked: Vec<Revocation> = records
        .all()?
        .iter()
        .filter_map(|recorded| {
            let certificate = recorded.certificate.as_ref()?;
            let (at, reason) = recorded.revoked.as_ref()?;
            let reason = RevocationReason::from_name(reason).unwrap_or_default();
            certificate
                .is_issued_by(issuer)
                .then(|| revocation(certificate, reason, *at))
        })
        .collect();
    let written = write(&authority, &revoked, instant::now());
    let list = written.map_err(|error| authority::failure(&error))?;
    Ok((authority, list))
}
