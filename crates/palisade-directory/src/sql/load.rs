//! Loading a directory where there is no runtime.

#[cfg(unix)]
use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;
use std::thread;

use palisade_core::{Finding, Severity};
use sqlx::postgres::{PgConnectOptions, PgSslMode as Mode};
use tokio::runtime::Builder;

use super::{SqlDirectory, SqlError};
use crate::snapshot::Snapshot;
use crate::source::DirectorySource;

/// Loads a directory, and says what is unwise about it. This blocks; it may be called inside a runtime, and needs none.
///
/// Nothing is made or changed: a database that is not there yet is an empty directory, of version 0, and older tables are read as
/// they are, if they can be.
pub fn load(source: &DirectorySource, folder: &Path) -> Result<(Snapshot, Vec<Finding>), SqlError> {
    let failed = |reason: &dyn std::fmt::Display| SqlError::Unusable {
        place: source.to_string(),
        reason: reason.to_string(),
    };
    // A runtime cannot be entered in another one; a thread has none.
    thread::scope(|scope| {
        let loading = scope.spawn(|| {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| failed(&error))?;
            runtime.block_on(read(source, folder))
        });
        loading
            .join()
            .unwrap_or_else(|_| Err(failed(&"it could not be loaded")))
    })
}

async fn read(source: &DirectorySource, folder: &Path) -> Result<(Snapshot, Vec<Finding>), SqlError> {
    let mut findings = of_place(source, folder);
    let Some(directory) = SqlDirectory::open_to_read(source, folder).await? else {
        return Ok((Snapshot::builder().version(0).finish(), findings));
    };
    let read = directory.snapshot_and_findings().await;
    directory.close().await;
    let (snapshot, of_content) = read?;
    findings.extend(of_content);
    Ok((snapshot, findings))
}

/// What is unwise about where a database is, before it is read.
pub(super) fn of_place(source: &DirectorySource, folder: &Path) -> Vec<Finding> {
    let findings = [of_link(source), readable_by_others(source, folder)];
    findings.into_iter().flatten().collect()
}

/// Whether others than the owner of a file and its group get at it, or at the log beside it.
#[cfg(unix)]
fn readable_by_others(source: &DirectorySource, folder: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let DirectorySource::Sqlite(path) = source else {
        return None;
    };
    let file = folder.join(path);
    let mut log = file.clone().into_os_string();
    log.push("-wal");
    let (file, mode) = [file, log.into()].into_iter().find_map(|file: PathBuf| {
        let mode = fs::metadata(&file).ok()?.permissions().mode();
        (mode & 0o006 != 0).then_some((file, mode & 0o777))
    })?;
    let message = format!(
        "{} holds the hashes of passwords, and every user of this machine may read or write it (mode {mode:03o})",
        file.display()
    );
    let finding = Finding::new(Severity::Moderate, "directory-file-readable-by-others", message);
    Some(finding.at("palisade.directory"))
}

#[cfg(not(unix))]
fn readable_by_others(_: &DirectorySource, _: &Path) -> Option<Finding> {
    None
}

/// What is unwise about the link to a database.
fn of_link(source: &DirectorySource) -> Option<Finding> {
    let DirectorySource::Postgres(url) = source else {
        return None;
    };
    let options: PgConnectOptions = url.expose().parse().ok()?;
    let is_local = options.get_socket().is_some()
        || matches!(options.get_host(), "localhost" | "127.0.0.1" | "::1" | "[::1]")
        || options.get_host().starts_with('/');
    if is_local {
        return None;
    }
    let (severity, message) = match options.get_ssl_mode() {
        Mode::VerifyFull => return None,
        Mode::Disable | Mode::Allow | Mode::Prefer => (
            Severity::Severe,
            "may go over the network in the clear, with the hashes of passwords",
        ),
        Mode::Require | Mode::VerifyCa => (
            Severity::Moderate,
            "is encrypted to whoever answers at that address",
        ),
    };
    let message = format!("the link to {source} {message}; sslmode=verify-full tells who it is");
    Some(Finding::new(severity, "directory-link-unverified", message).at("palisade.directory"))
}

#[cfg(test)]
mod tests {
    use palisade_core::Severity;
    use rstest::rstest;

    use super::of_link;

    #[rstest]
    #[case("sqlite:d.db", None)]
    #[case("postgres://u@localhost/db", None)]
    #[case("postgres://u@127.0.0.1/db?sslmode=disable", None)]
    #[case("postgres:///db?host=/run/postgresql", None)]
    #[case("postgres://u@db.example/db?sslmode=verify-full", None)]
    #[case("postgres://u:hunter22@db.example/db", Some(Severity::Severe))]
    #[case("postgres://u:hunter22@db.example/db?sslmode=disable", Some(Severity::Severe))]
    #[case(
        "postgres://u:hunter22@db.example/db?sslmode=require",
        Some(Severity::Moderate)
    )]
    fn a_link_that_others_can_read_is_a_finding(#[case] source: &str, #[case] severity: Option<Severity>) {
        let finding = of_link(&source.parse().unwrap());
        assert_eq!(finding.as_ref().map(|finding| finding.severity), severity);
        assert!(finding.is_none_or(|finding| !finding.message.contains("hunter22")));
    }
}
