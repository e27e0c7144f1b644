//! What is due of the authority itself: its certificate, and its revocation list.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use palisade_keystore::AuthorityFolder;
use serde::Serialize;

use crate::instant::{days_until, rfc3339};
use crate::output::{BAD, Output, WARNING, styled};

/// What ends, or has ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Due {
    what: What,
    file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days_left: Option<i64>,
    /// Why it cannot be told when it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    /// The authority's own certificate: what it issued ends with it.
    Certificate,
    /// The revocation list: listeners refuse everybody whom it covers once it has ended.
    Crl,
}

/// What of the authority ends by `limit`, or cannot be read; nothing where there is no authority.
pub(super) fn due(folder: &AuthorityFolder, limit: Option<SystemTime>, now: SystemTime) -> Vec<Due> {
    if !folder.exists() {
        return Vec::new();
    }
    let certificate = folder.certificate().map(|own| own.facts().not_after);
    let list = folder.list().map(|list| list.next_update());
    [
        (What::Certificate, folder.certificate_file(), certificate),
        (What::Crl, folder.list_file(), list),
    ]
    .into_iter()
    .filter(|(_, _, end)| match (end, limit) {
        (Ok(end), Some(limit)) => *end <= limit,
        (Ok(_) | Err(_), _) => true,
    })
    .map(|(what, file, end)| {
        let (end, fault) = match end {
            Ok(end) => (Some(end), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Due {
            what,
            file,
            until: end.map(rfc3339),
            days_left: end.map(|end| days_until(end, now)),
            fault,
        }
    })
    .collect()
}

impl Due {
    pub(super) fn print(&self, output: &mut Output) -> io::Result<()> {
        let (what, remedy) = match self.what {
            What::Certificate => (
                "the authority's own certificate",
                "what it issued ends with it; make another authority, and let listeners trust both",
            ),
            What::Crl => (
                "the revocation list",
                "listeners refuse everybody it covers from then on; palisade cert renew-crl",
            ),
        };
        let style = match self.days_left {
            Some(0..) => WARNING,
            Some(_) | None => BAD,
        };
        let when = match (&self.until, self.days_left, &self.fault) {
            (Some(until), Some(days), _) => format!("until {until}, {days} days left: {remedy}"),
            (_, _, fault) => format!("cannot be used: {}", fault.as_deref().unwrap_or_default()),
        };
        output.line(format_args!(
            "{} {what}, {}, {when}",
            styled(style, "due"),
            self.file.display()
        ))
    }
}
