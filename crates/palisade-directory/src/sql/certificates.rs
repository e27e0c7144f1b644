//! Certificates in a database.

use std::time::SystemTime;

use sqlx::{AnyConnection, query};

use super::records::{CertificateId, CertificateRecord, NewCertificate, Origin, Owner, seconds};
use super::{SqlDirectory, SqlError, reading};
use crate::fingerprint::hex;

impl SqlDirectory {
    /// Registers a certificate, whether it was issued here or brought along. A user and a tenant may have the same one; otherwise
    /// one that is somebody's already, or was revoked, is refused.
    pub async fn add_certificate(&self, new: &NewCertificate, now: SystemTime) -> Result<(), SqlError> {
        let mut change = self.change().await?;
        match &new.owner {
            Owner::User(name) => self.need_user(&mut change, name).await?,
            Owner::Tenant(name) => self.need_tenant(&mut change, name).await?,
        }
        self.need_new(&mut change, new).await?;
        self.insert(&mut change, new, now).await?;
        self.commit(change).await
    }

    /// Every certificate on record, revoked ones included, in the order of registration.
    pub async fn certificates(&self) -> Result<Vec<CertificateRecord>, SqlError> {
        let mut reading = self.read().await?;
        reading::certificates(&mut reading)
            .await
            .map_err(|trouble| self.troubled(trouble))
    }

    /// Every certificate that was issued here, revoked ones included, in the order of registration.
    pub async fn issued_certificates(&self) -> Result<Vec<CertificateRecord>, SqlError> {
        let mut certificates = self.certificates().await?;
        certificates.retain(|certificate| certificate.origin == Origin::Issued);
        Ok(certificates)
    }

    /// Revokes a certificate, whosever it is, and returns what was revoked: two records where a user and a tenant had it. It
    /// cannot be registered anew.
    pub async fn revoke_certificate(
        &self,
        id: &CertificateId,
        reason: &str,
        at: SystemTime,
    ) -> Result<Vec<CertificateRecord>, SqlError> {
        let mut change = self.change().await?;
        let fingerprint = self.only_one(&mut change, id).await?;
        query(
            "UPDATE palisade_certificates SET revoked_at = $1, revocation_reason = $2 \
             WHERE sha256 = $3 AND revoked_at IS NULL",
        )
        .bind(seconds(at))
        .bind(reason)
        .bind(hex(&fingerprint))
        .execute(&mut *change)
        .await
        .map_err(|error| self.failed(&error))?;
        let revoked = self
            .meant(&mut change, &CertificateId::Fingerprint(fingerprint))
            .await?;
        self.commit(change).await?;
        Ok(revoked)
    }

    /// Forgets a certificate of that owner, which may be registered anew. One that is revoked stays on record.
    pub async fn remove_certificate(&self, owner: &Owner, fingerprint: &[u8; 32]) -> Result<(), SqlError> {
        let mut change = self.change().await?;
        let done = query(
            "DELETE FROM palisade_certificates WHERE owner_kind = $1 AND sha256 = $2 AND revoked_at IS NULL \
             AND (user_name = $3 OR tenant_name = $3)",
        )
        .bind(owner.kind())
        .bind(hex(fingerprint))
        .bind(owner.name())
        .execute(&mut *change)
        .await
        .map_err(|error| self.failed(&error))?;
        if done.rows_affected() == 0 {
            return Err(SqlError::NoSuchCertificate);
        }
        self.commit(change).await
    }

    async fn meant(
        &self,
        connection: &mut AnyConnection,
        id: &CertificateId,
    ) -> Result<Vec<CertificateRecord>, SqlError> {
        reading::certificates_of(connection, id)
            .await
            .map_err(|trouble| self.troubled(trouble))
    }

    /// Refuses a certificate that another of the same kind has, and one that is revoked, whosever it was.
    async fn need_new(&self, connection: &mut AnyConnection, new: &NewCertificate) -> Result<(), SqlError> {
        let on_record = self
            .meant(connection, &CertificateId::Fingerprint(new.fingerprint))
            .await?;
        let stands_against = on_record.into_iter().find(|certificate| {
            certificate.owner.kind() == new.owner.kind() || certificate.revoked.is_some()
        });
        match stands_against {
            None => Ok(()),
            Some(certificate) => Err(SqlError::CertificateExists {
                fingerprint: new.fingerprint,
                is_revoked: certificate.revoked.is_some(),
                owner: certificate.owner,
            }),
        }
    }

    /// The fingerprint of the one certificate that is meant, and that is not revoked.
    async fn only_one(
        &self,
        connection: &mut AnyConnection,
        id: &CertificateId,
    ) -> Result<[u8; 32], SqlError> {
        let mut fingerprints: Vec<[u8; 32]> = self
            .meant(connection, id)
            .await?
            .into_iter()
            .filter(|certificate| certificate.revoked.is_none())
            .map(|certificate| certificate.fingerprint)
            .collect();
        fingerprints.sort_unstable();
        fingerprints.dedup();
        match fingerprints.as_slice() {
            [] => Err(SqlError::NoSuchCertificate),
            [fingerprint] => Ok(*fingerprint),
            several => Err(SqlError::Ambiguous { count: several.len() }),
        }
    }

    async fn insert(
        &self,
        connection: &mut AnyConnection,
        new: &NewCertificate,
        now: SystemTime,
    ) -> Result<(), SqlError> {
        let (user, tenant) = match &new.owner {
            Owner::User(name) => (Some(name.as_str()), None),
            Owner::Tenant(name) => (None, Some(name.as_str())),
        };
        let details = new.details.as_ref();
        query(
            "INSERT INTO palisade_certificates (owner_kind, sha256, user_name, tenant_name, label, is_issued, added_at, subject, \
             issuer, serial, not_before, not_after, der) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(new.owner.kind())
        .bind(hex(&new.fingerprint))
        .bind(user)
        .bind(tenant)
        .bind(new.label.as_deref())
        .bind(i64::from(new.origin == Origin::Issued))
        .bind(seconds(now))
        .bind(details.map(|details| details.subject.as_str()))
        .bind(details.map(|details| details.issuer.as_str()))
        .bind(details.map(|details| details.serial.as_str()))
        .bind(details.map(|details| seconds(details.not_before)))
        .bind(details.map(|details| seconds(details.not_after)))
        .bind(details.map(|details| details.der.as_slice()))
        .execute(connection)
        .await
        .map(drop)
        .map_err(|error| self.failed(&error))
    }
}
