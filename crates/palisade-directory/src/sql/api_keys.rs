//! API keys in a database.

use std::time::SystemTime;

use sqlx::query;

use super::records::{ApiKeyRecord, seconds};
use super::{SqlDirectory, SqlError, reading};
use crate::api_key::{GeneratedApiKey, is_scope};
use crate::fingerprint::hex;

impl SqlDirectory {
    /// Makes an API key for a user: the one time that its text is known.
    pub async fn create_api_key(
        &self,
        user: &str,
        scopes: &[String],
        expires_at: Option<SystemTime>,
        now: SystemTime,
    ) -> Result<GeneratedApiKey, SqlError> {
        if !scopes.iter().all(|scope| is_scope(scope)) {
            return Err(SqlError::Scope);
        }
        let key = GeneratedApiKey::generate()?;
        let hash = key.hash();
        let mut change = self.change().await?;
        self.need_user(&mut change, user).await?;
        query(
            "INSERT INTO palisade_api_keys (name, sha256, user_name, scopes, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(hash.name())
        .bind(hex(hash.as_bytes()))
        .bind(user)
        .bind(scopes.join(" "))
        .bind(seconds(now))
        .bind(expires_at.map(seconds))
        .execute(&mut *change)
        .await
        .map_err(|error| self.failed(&error))?;
        self.commit(change).await?;
        Ok(key)
    }

    /// Every API key on record, in the order of creation.
    pub async fn api_keys(&self) -> Result<Vec<ApiKeyRecord>, SqlError> {
        let mut reading = self.read().await?;
        reading::api_keys(&mut reading)
            .await
            .map_err(|trouble| self.troubled(trouble))
    }

    /// Revokes the API key of that name. It cannot be brought back.
    pub async fn revoke_api_key(&self, name: &str, now: SystemTime) -> Result<(), SqlError> {
        let mut change = self.change().await?;
        let done =
            query("UPDATE palisade_api_keys SET revoked_at = $1 WHERE name = $2 AND revoked_at IS NULL")
                .bind(seconds(now))
                .bind(name)
                .execute(&mut *change)
                .await
                .map_err(|error| self.failed(&error))?;
        if done.rows_affected() == 0 {
            return Err(SqlError::NoSuchApiKey(name.to_owned()));
        }
        self.commit(change).await
    }
}
