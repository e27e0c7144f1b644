//! Certificates that were issued to servers.
//!
//! They are nobody's, and no directory has them: they are on record in the folder of the authority, to tell when they end. Whether
//! one is revoked stands in the authority's list.

use std::time::SystemTime;

use palisade_directory::sql::CertificateId;
use palisade_keystore::{AuthorityFolder, Certificate};

use super::authority;
use super::records::{Shown, is_named};
use crate::outcome::Failure;

/// All of them, as they are shown; the oldest first.
pub(super) fn all(
    folder: &AuthorityFolder,
    now: SystemTime,
) -> Result<Vec<(Option<SystemTime>, Shown)>, Failure> {
    let servers = folder.servers().map_err(|error| authority::failure(&error))?;
    let shown = servers.iter().map(|server| {
        let ends = server.facts().not_after;
        (Some(ends), shown(folder, server, now))
    });
    Ok(shown.collect())
}

/// One of them, as it is shown.
pub(super) fn shown(folder: &AuthorityFolder, server: &Certificate, now: SystemTime) -> Shown {
    // A list that cannot be read is told of where the authority is.
    let list = folder.list().ok();
    let entry = list.as_ref().and_then(|list| list.find(&server.facts().serial));
    Shown::of_server(server, entry, now)
}

/// The one of that serial number or fingerprint.
pub(super) fn find(folder: &AuthorityFolder, id: &CertificateId) -> Result<Option<Certificate>, Failure> {
    let servers = folder.servers().map_err(|error| authority::failure(&error))?;
    Ok(servers.into_iter().find(|server| is_named(server, id)))
}
