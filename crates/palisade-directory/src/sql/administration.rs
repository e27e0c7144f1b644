//! Adding, changing and listing users and tenants.

use std::time::SystemTime;

use sqlx::{AnyConnection, query, query_scalar};

use super::passwords::NewPassword;
use super::records::{NewUser, TenantRecord, UserRecord, seconds};
use super::{SqlDirectory, SqlError, reading};
use crate::name::check_name;

impl SqlDirectory {
    /// Adds a user. Returns other users who have the same password.
    pub async fn add_user(&self, new: &NewUser, now: SystemTime) -> Result<Vec<String>, SqlError> {
        check_name(&new.name)?;
        check_roles(&new.roles)?;
        let password = match &new.password {
            Some(password) => Some(self.hashed(&new.name, password).await?),
            None => None,
        };
        let mut change = self.change().await?;
        if let Some(tenant) = &new.tenant {
            self.need_tenant(&mut change, tenant).await?;
        }
        let (hash, mark) = password.as_ref().map(NewPassword::columns).unzip();
        query(
            "INSERT INTO palisade_users (name, tenant, added_at, password_hash, password_mark, password_set_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(new.name.as_str())
        .bind(new.tenant.as_deref())
        .bind(seconds(now))
        .bind(hash)
        .bind(mark)
        .bind(password.as_ref().map(|_| seconds(now)))
        .execute(&mut *change)
        .await
        .map_err(|error| self.or_if_taken(&error, || SqlError::UserExists(new.name.clone())))?;
        self.insert_roles(&mut change, &new.name, &new.roles).await?;
        let others = match &password {
            Some(password) => self.others_with(&mut change, &new.name, password).await?,
            None => Vec::new(),
        };
        self.commit(change).await?;
        Ok(others)
    }

    /// Lets a user sign in again.
    pub async fn enable_user(&self, name: &str) -> Result<(), SqlError> {
        self.set_disabled(name, None).await
    }

    /// Lets a user sign in no more. What the user signs in with stays.
    pub async fn disable_user(&self, name: &str, now: SystemTime) -> Result<(), SqlError> {
        self.set_disabled(name, Some(seconds(now))).await
    }

    async fn set_disabled(&self, name: &str, at: Option<i64>) -> Result<(), SqlError> {
        let mut change = self.change().await?;
        let done = query("UPDATE palisade_users SET disabled_at = $1 WHERE name = $2")
            .bind(at)
            .bind(name)
            .execute(&mut *change)
            .await
            .map_err(|error| self.failed(&error))?;
        found(done.rows_affected(), name)?;
        self.commit(change).await
    }

    /// Gives a user these roles, and no others.
    pub async fn set_roles(&self, name: &str, roles: &[String]) -> Result<(), SqlError> {
        check_roles(roles)?;
        let mut change = self.change().await?;
        self.need_user(&mut change, name).await?;
        query("DELETE FROM palisade_roles WHERE user_name = $1")
            .bind(name)
            .execute(&mut *change)
            .await
            .map_err(|error| self.failed(&error))?;
        self.insert_roles(&mut change, name, roles).await?;
        self.commit(change).await
    }

    /// Has a user belong to that tenant, or to none.
    pub async fn set_tenant(&self, name: &str, tenant: Option<&str>) -> Result<(), SqlError> {
        let mut change = self.change().await?;
        if let Some(tenant) = tenant {
            self.need_tenant(&mut change, tenant).await?;
        }
        let done = query("UPDATE palisade_users SET tenant = $1 WHERE name = $2")
            .bind(tenant)
            .bind(name)
            .execute(&mut *change)
            .await
            .map_err(|error| self.failed(&error))?;
        found(done.rows_affected(), name)?;
        self.commit(change).await
    }

    /// Adds a tenant.
    pub async fn add_tenant(&self, name: &str, now: SystemTime) -> Result<(), SqlError> {
        check_name(name)?;
        let mut change = self.change().await?;
        query("INSERT INTO palisade_tenants (name, added_at) VALUES ($1, $2)")
            .bind(name)
            .bind(seconds(now))
            .execute(&mut *change)
            .await
            .map_err(|error| self.or_if_taken(&error, || SqlError::TenantExists(name.to_owned())))?;
        self.commit(change).await
    }

    /// Every user with everything on record, in the order of names.
    pub async fn users(&self) -> Result<Vec<UserRecord>, SqlError> {
        let mut reading = self.read().await?;
        reading::users(&mut reading)
            .await
            .map_err(|trouble| self.troubled(trouble))
    }

    /// The names of all users, in their order. Nothing else of them is read.
    pub async fn user_names(&self) -> Result<Vec<String>, SqlError> {
        query_scalar("SELECT name FROM palisade_users ORDER BY name")
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.failed(&error))
    }

    /// Every tenant, in the order of names.
    pub async fn tenants(&self) -> Result<Vec<TenantRecord>, SqlError> {
        let mut reading = self.read().await?;
        reading::tenants(&mut reading)
            .await
            .map_err(|trouble| self.troubled(trouble))
    }

    async fn insert_roles(
        &self,
        change: &mut AnyConnection,
        name: &str,
        roles: &[String],
    ) -> Result<(), SqlError> {
        for role in roles {
            query("INSERT INTO palisade_roles (user_name, role) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(name)
                .bind(role.as_str())
                .execute(&mut *change)
                .await
                .map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    pub(super) async fn need_user(&self, connection: &mut AnyConnection, name: &str) -> Result<(), SqlError> {
        let count: i64 = query_scalar("SELECT COUNT(*) FROM palisade_users WHERE name = $1")
            .bind(name)
            .fetch_one(connection)
            .await
            .map_err(|error| self.failed(&error))?;
        found(count.cast_unsigned(), name)
    }

    pub(super) async fn need_tenant(
        &self,
        connection: &mut AnyConnection,
        name: &str,
    ) -> Result<(), SqlError> {
        let count: i64 = query_scalar("SELECT COUNT(*) FROM palisade_tenants WHERE name = $1")
            .bind(name)
            .fetch_one(connection)
            .await
            .map_err(|error| self.failed(&error))?;
        if count == 0 {
            return Err(SqlError::NoSuchTenant(name.to_owned()));
        }
        Ok(())
    }

    /// What a failed insertion means: that something is there already, or that the database failed.
    fn or_if_taken(&self, error: &sqlx::Error, taken: impl FnOnce() -> SqlError) -> SqlError {
        let is_taken = error
            .as_database_error()
            .is_some_and(sqlx::error::DatabaseError::is_unique_violation);
        if is_taken { taken() } else { self.failed(error) }
    }
}

fn check_roles(roles: &[String]) -> Result<(), SqlError> {
    roles.iter().try_for_each(|role| Ok(check_name(role)?))
}

pub(super) fn found(rows: u64, user: &str) -> Result<(), SqlError> {
    if rows == 0 {
        return Err(SqlError::NoSuchUser(user.to_owned()));
    }
    Ok(())
}
