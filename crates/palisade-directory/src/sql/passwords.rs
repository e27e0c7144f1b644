//! Setting passwords, and seeing that two users have the same.

use std::collections::BTreeMap;
use std::time::SystemTime;

use palisade_core::{Finding, Secret, Severity};
use sqlx::{AnyConnection, query, query_scalar};

use super::administration::found;
use super::records::seconds;
use super::{PasswordRecord, SqlDirectory, SqlError, reading, snapshot};
use crate::builder::most_common;
use crate::configured::of_cost;
use crate::password::{Cost, HashingFailed, PasswordHash, derive};
use crate::snapshot::Snapshot;
use crate::strength::check_strength;

/// A password as it is stored.
#[derive(Debug)]
pub(super) struct NewPassword {
    hash: PasswordHash,
    mark: Mark,
}

/// The same for the same password, throughout a directory.
type Mark = [u8; 5];

impl NewPassword {
    /// What stands in the columns `password_hash` and `password_mark`.
    pub(super) fn columns(&self) -> (String, Vec<u8>) {
        (self.hash.to_phc().expose().to_owned(), self.mark.to_vec())
    }
}

impl SqlDirectory {
    /// Sets a user's password. Returns other users who have the same.
    pub async fn set_password(
        &self,
        name: &str,
        password: &Secret,
        now: SystemTime,
    ) -> Result<Vec<String>, SqlError> {
        let password = self.hashed(name, password).await?;
        let mut change = self.change().await?;
        let (hash, mark) = password.columns();
        let done = query(
            "UPDATE palisade_users SET password_hash = $1, password_mark = $2, password_set_at = $3 WHERE name = $4",
        )
        .bind(hash)
        .bind(mark)
        .bind(seconds(now))
        .bind(name)
        .execute(&mut *change)
        .await
        .map_err(|error| self.failed(&error))?;
        found(done.rows_affected(), name)?;
        let others = self.others_with(&mut change, name, &password).await?;
        self.commit(change).await?;
        Ok(others)
    }

    /// The hash of a user's password, where there is one that can be used.
    pub async fn password_hash(&self, name: &str) -> Result<Option<PasswordHash>, SqlError> {
        let mut reading = self.read().await?;
        let hash = reading::password_of(&mut reading, name).await;
        hash.map_err(|trouble| self.troubled(trouble))
    }

    /// What is unwise about users: rows that cannot be used, a password that several have, hashes that are too cheap or too costly
    /// to compute, and those that cost other than most.
    pub async fn findings(&self) -> Result<Vec<Finding>, SqlError> {
        let (_, findings) = self.snapshot_and_findings().await?;
        Ok(findings)
    }

    /// The directory as it is now, and what is unwise about it.
    pub(super) async fn snapshot_and_findings(&self) -> Result<(Snapshot, Vec<Finding>), SqlError> {
        let mut reading = self.read().await?;
        let read = async {
            let read = snapshot::snapshot(&mut reading).await?;
            Ok((read, reading::passwords(&mut reading).await?))
        };
        let ((snapshot, faults), passwords) = read.await.map_err(|trouble| self.troubled(trouble))?;
        let unusable = faults.into_texts().map(|text| {
            let message = format!("a row of {} cannot be used: {text}", self.place);
            Finding::new(Severity::Severe, "directory-row-unusable", message)
        });
        let mut all: Vec<Finding> = unusable.collect();
        all.extend(findings(&passwords));
        Ok((snapshot, all))
    }

    /// Checks a password and hashes it, away from the threads of the runtime.
    pub(super) async fn hashed(&self, user: &str, password: &Secret) -> Result<NewPassword, SqlError> {
        check_strength(password.expose(), Some(user))?;
        let salt: Vec<u8> = query_scalar("SELECT mark_salt FROM palisade_directory")
            .fetch_one(&self.pool)
            .await
            .map_err(|error| self.failed(&error))?;
        let password = password.clone();
        let hashed = tokio::task::spawn_blocking(move || {
            let mut mark = Mark::default();
            derive(Cost::RECOMMENDED, password.expose().as_bytes(), &salt, &mut mark)?;
            let hash = PasswordHash::hash(&password)?;
            Ok::<_, HashingFailed>(NewPassword { hash, mark })
        });
        Ok(hashed.await.unwrap_or(Err(HashingFailed))?)
    }

    /// Other users with that password, in the order of names.
    pub(super) async fn others_with(
        &self,
        connection: &mut AnyConnection,
        name: &str,
        password: &NewPassword,
    ) -> Result<Vec<String>, SqlError> {
        query_scalar("SELECT name FROM palisade_users WHERE password_mark = $1 AND name <> $2 ORDER BY name")
            .bind(password.mark.as_slice())
            .bind(name)
            .fetch_all(connection)
            .await
            .map_err(|error| self.failed(&error))
    }
}

fn findings(passwords: &BTreeMap<String, PasswordRecord>) -> Vec<Finding> {
    let common = most_common(passwords.values().filter_map(|password| password.cost));
    let mut findings = Vec::new();
    for (user, password) in passwords {
        // Told once, at the first of those who share it.
        if password.shared_with.first().is_some_and(|first| first > user) {
            let others: Vec<String> = password
                .shared_with
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            let message = format!("user `{user}` has the same password as {}", others.join(", "));
            findings.push(Finding::new(Severity::Moderate, "password-reused", message));
        }
        if let Some(cost) = password.cost {
            findings.extend(of_cost(user, cost, common));
        }
    }
    findings
}
