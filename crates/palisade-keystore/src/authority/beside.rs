//! The key of an authority where servers are.
//!
//! 1. Looked at are the folder of each keystore, for listeners trust `ca.crt` of an authority's folder, and `ca` of the
//!    configuration folder, where an authority is unless the operator says otherwise.
//! 2. A folder counts that holds both `ca.crt` and `ca.key`, as an authority's does.
//! 3. A key in the clear is severe, and so is one that is not PEM. One that is encrypted, or that the server may not read, is
//!    moderate: it is a step away.
//!
//! What it does not protect against: keys under other names, in keystores, or elsewhere on the machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use palisade_core::{Finding, Severity};

use super::AuthorityFolder;
use crate::pem::sections::{Section, sections};
use crate::store::{Keystore, read_file};

/// The folder of the authority below a configuration folder.
const FOLDER: &str = "ca";

/// The keys of authorities that stand beside what a server reads.
pub(crate) fn findings<'a>(folder: &Path, stores: impl Iterator<Item = &'a Keystore>) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    let of_stores = stores.filter_map(|store| {
        let key = format!("palisade.keystores.{}.location", store.name());
        Some((folder_of(store.path())?, Some(key)))
    });
    // Without a configuration folder there is none below it.
    let default = (!folder.as_os_str().is_empty()).then(|| (folder.join(FOLDER), None));
    for (place, key) in of_stores.chain(default) {
        let authority = AuthorityFolder::new(place);
        if !authority.exists() || authority.key_file().symlink_metadata().is_err() {
            continue;
        }
        // By whatever way a folder is named, it is told once.
        let file = authority.key_file();
        if seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
            let finding = finding(&file);
            findings.push(match key {
                Some(key) => finding.at(key),
                None => finding,
            });
        }
    }
    findings
}

fn folder_of(store: &Path) -> Option<PathBuf> {
    if store.is_dir() {
        Some(store.to_owned())
    } else {
        store.parent().map(Path::to_owned)
    }
}

fn finding(file: &Path) -> Finding {
    let shown = file.display();
    if is_in_the_clear(file) {
        Finding::new(
            Severity::Severe,
            "ca-key-beside-server",
            format!(
                "{shown} is the key of an authority, not encrypted: whoever breaks into the server issues certificates in any name; keep it elsewhere"
            ),
        )
    } else {
        Finding::new(
            Severity::Moderate,
            "ca-key-beside-server",
            format!(
                "{shown} is the key of an authority: its password alone keeps whoever breaks into the server from issuing certificates; keep it elsewhere"
            ),
        )
    }
}

/// Whether a key can be read without a password.
fn is_in_the_clear(file: &Path) -> bool {
    let Ok(bytes) = read_file(file) else {
        return false;
    };
    let is_key = |section: &Section| section.label.ends_with("PRIVATE KEY");
    let is_encrypted = |section: &Section| section.encrypted || section.label == "ENCRYPTED PRIVATE KEY";
    match sections(&bytes) {
        Ok(found) if found.iter().any(is_key) => {
            !found.iter().filter(|section| is_key(section)).all(is_encrypted)
        }
        _ => true,
    }
}
