//! Certificates on record, and whose they are.
//!
//! 1. The record is the directory's database. With property files as directory a database beside them keeps it, and a certificate
//!    is recognised once the property file has its fingerprint: the line to write is told.
//! 2. What the property files have and the record has not is listed too; where an alias stands there, with what the certificate
//!    says.

mod id;
mod listed;
mod recorded;

use std::collections::BTreeSet;
use std::time::SystemTime;

use palisade_config::properties::{escape_key, escape_value};
use palisade_directory::sql::{CertificateId, NewCertificate, NewUser, Origin, Owner, SqlError};
use palisade_directory::{check_name, print_fingerprint};
use palisade_keystore::{AuthorityFolder, Certificate, RevocationReason};

use self::id::id;
pub(super) use self::id::is_named;
use self::listed::{Listed, add_listed, listed};
pub(super) use self::recorded::{Recorded, Shown, ShownOwner, Status};
use super::servers;
use crate::cli::{ActingAs, Common, Which};
use crate::commands::directory::{Administered, Permission};
use crate::outcome::Failure;

/// The record, as far as the one who acts may see it.
pub(super) struct Records {
    directory: Administered,
    permission: Permission,
    listed: Listed,
}

impl Records {
    /// Opens the record to look at it.
    pub(super) fn open(common: &Common, acting: &ActingAs) -> Result<Self, Failure> {
        let directory = Administered::open(common)?;
        let permission = directory.permission(acting.name.as_deref())?;
        Self::new(common, directory, permission)
    }

    /// Opens the record to change it, which is for administrators.
    pub(super) fn open_to_change(common: &Common, acting: &ActingAs) -> Result<Self, Failure> {
        if acting.name.is_some() {
            // Who may not change anything makes no database either.
            Administered::open(common)?
                .permission(acting.name.as_deref())?
                .need_everything()?;
        }
        Self::new(
            common,
            Administered::open_to_change(common)?,
            Permission::Everything,
        )
    }

    fn new(common: &Common, directory: Administered, permission: Permission) -> Result<Self, Failure> {
        let listed = match directory.configured() {
            Some(configured) => listed(common, configured)?,
            None => Listed::new(),
        };
        Ok(Self {
            directory,
            permission,
            listed,
        })
    }

    /// All of it, those that end soonest first, and at last those of which that is not known.
    pub(super) fn all(&self) -> Result<Vec<Recorded>, Failure> {
        let on_record = self
            .directory
            .ask(|database| async move { database.certificates().await })?;
        let mut certificates: Vec<Recorded> = on_record.into_iter().map(Recorded::from).collect();
        if self.directory.configured().is_some() {
            add_listed(&mut certificates, &self.listed);
        }
        certificates.retain(|recorded| self.permission.sees(&recorded.owner));
        certificates.sort_by_key(|recorded| (recorded.ends().is_none(), recorded.ends()));
        Ok(certificates)
    }

    pub(super) fn directory(&self) -> &Administered {
        &self.directory
    }

    /// Those that an operator names; at least one.
    pub(super) fn find(&self, which: &Which) -> Result<Vec<Recorded>, Failure> {
        let owner = match which {
            Which { user: Some(name), .. } => Owner::User(name.clone()),
            Which {
                tenant: Some(name), ..
            } => Owner::Tenant(name.clone()),
            Which { serial, .. } => return self.find_id(serial.as_deref().unwrap_or_default()),
        };
        self.need_sight_of(&owner)?;
        let mut found = self.all()?;
        found.retain(|recorded| recorded.owner == owner);
        if found.is_empty() {
            self.directory.need(&owner, "")?;
            return Err(Failure::wrong(format!("{owner} has no certificate on record")));
        }
        Ok(found)
    }

    /// The certificate of a server that an operator names, where all may be seen and nobody else has one of that name.
    pub(super) fn find_server(
        &self,
        which: &Which,
        folder: &AuthorityFolder,
    ) -> Result<Option<Certificate>, Failure> {
        let Some(text) = which.serial.as_deref().filter(|_| self.is_whole()) else {
            return Ok(None);
        };
        let id = id(text)?;
        if self.all()?.iter().any(|recorded| recorded.is(&id)) {
            return Ok(None);
        }
        servers::find(folder, &id)
    }

    /// The one of that serial number or fingerprint: twice, where a user and a tenant have it.
    pub(super) fn find_id(&self, text: &str) -> Result<Vec<Recorded>, Failure> {
        let id = id(text)?;
        let mut found = self.all()?;
        found.retain(|recorded| recorded.is(&id));
        let Some(first) = found.first() else {
            let what = format!("no certificate on record has the serial number or fingerprint {text}");
            return Err(Failure::wrong(what));
        };
        if found.iter().all(|other| other.fingerprint == first.fingerprint) {
            return Ok(found);
        }
        let all: Vec<String> = found
            .iter()
            .map(|recorded| {
                format!(
                    "{} ({})",
                    print_fingerprint(&recorded.fingerprint),
                    recorded.owner
                )
            })
            .collect();
        Err(Failure::wrong(format!(
            "several certificates have the serial number {text}; say which by its fingerprint: {}",
            all.join(", ")
        )))
    }

    /// Refuses what is for administrators.
    pub(super) fn need_administrator(&self) -> Result<(), Failure> {
        self.permission.need_everything()
    }

    /// Refuses to look at what belongs to somebody else.
    pub(super) fn need_sight_of(&self, owner: &Owner) -> Result<(), Failure> {
        if self.permission.sees(owner) {
            Ok(())
        } else {
            self.permission.need_everything()
        }
    }

    /// Whether all of it may be seen.
    pub(super) fn is_whole(&self) -> bool {
        self.permission == Permission::Everything
    }

    /// The organization that the certificate of an owner names, once it is sure that there is such an owner, or may be made.
    /// A user who is disabled gets none: it would be recognised by nobody, until somebody enables the user for another reason.
    pub(super) fn organization(&self, owner: &Owner, create: bool) -> Result<Option<String>, Failure> {
        check_name(owner.name()).map_err(|error| Failure::wrong(format!("{owner}: {error}")))?;
        let user = match owner {
            Owner::User(name) => self.directory.user(name)?,
            Owner::Tenant(_) => None,
        };
        if user.as_ref().is_some_and(|user| !user.is_active) {
            return Err(Failure::refused(format!(
                "{owner} is disabled, and nobody is let in by a certificate: enable the user first"
            )));
        }
        if user.is_none() && !create {
            self.directory.need(owner, "; --create makes it")?;
        }
        Ok(match owner {
            Owner::User(_) => user.and_then(|user| user.tenant),
            Owner::Tenant(name) => Some(name.clone()),
        })
    }

    /// Registers a certificate, and makes its owner where that is missing. Returns what the property file needs.
    pub(super) fn record(
        &self,
        certificate: &Certificate,
        owner: &Owner,
        origin: Origin,
        now: SystemTime,
    ) -> Result<Vec<String>, Failure> {
        self.make_owner(owner, now)?;
        let new = NewCertificate::new(owner.clone(), certificate, origin);
        self.directory
            .change(|database| async move { database.add_certificate(&new, now).await })?;
        if self.directory.configured().is_none() {
            return Ok(Vec::new());
        }
        // With those that were registered before, and whose line was never written.
        let all = self.all()?.into_iter();
        let good = all.filter(|recorded| {
            recorded.owner == *owner && !recorded.is_recognised && recorded.status(now) == Status::Valid
        });
        let fingerprints: Vec<String> = good
            .map(|recorded| print_fingerprint(&recorded.fingerprint))
            .collect();
        Ok(self.property(owner, |texts| texts.extend(fingerprints)))
    }

    fn make_owner(&self, owner: &Owner, now: SystemTime) -> Result<(), Failure> {
        let owner = owner.clone();
        self.directory.change(|database| async move {
            let made = match &owner {
                Owner::User(name) => database.add_user(&NewUser::new(name), now).await.map(drop),
                Owner::Tenant(name) => database.add_tenant(name, now).await,
            };
            match made {
                Err(SqlError::UserExists(_) | SqlError::TenantExists(_)) => Ok(()),
                made => made,
            }
        })
    }

    /// Takes a registration away; one that is not on record is the property files' alone.
    pub(super) fn delete(&self, recorded: &Recorded) -> Result<(), Failure> {
        if recorded.added_at.is_none() {
            return Ok(());
        }
        let (owner, fingerprint) = (recorded.owner.clone(), recorded.fingerprint);
        self.directory
            .change(|database| async move { database.remove_certificate(&owner, &fingerprint).await })
    }

    /// Marks a certificate as revoked, whosever it is; one that is not on record is the property files' alone.
    pub(super) fn revoke(
        &self,
        recorded: &Recorded,
        reason: RevocationReason,
        at: SystemTime,
    ) -> Result<(), Failure> {
        if recorded.added_at.is_none() {
            return Ok(());
        }
        let id = CertificateId::Fingerprint(recorded.fingerprint);
        self.directory
            .change(|database| async move { database.revoke_certificate(&id, reason.name(), at).await })
            .map(drop)
    }

    /// The lines of the property file without these certificates, where it has them.
    pub(super) fn without(&self, gone: &[Recorded]) -> Vec<String> {
        let owners: BTreeSet<&Owner> = gone.iter().map(|recorded| &recorded.owner).collect();
        let lines = owners.into_iter().flat_map(|owner| {
            let of_owner = gone.iter().filter(move |recorded| recorded.owner == *owner);
            let texts: BTreeSet<&String> = of_owner
                .filter_map(|recorded| recorded.listed_as.as_ref())
                .collect();
            self.property(owner, |listed| listed.retain(|text| !texts.contains(text)))
        });
        lines.collect()
    }

    /// The line of the property file that lists an owner's certificates, where property files are the directory and the line is
    /// not the same after the change.
    fn property(&self, owner: &Owner, change: impl FnOnce(&mut Vec<String>)) -> Vec<String> {
        let Some(configured) = self.directory.configured() else {
            return Vec::new();
        };
        let before = configured.certificates_of(owner);
        let mut after = before.to_vec();
        change(&mut after);
        if *before == after {
            return Vec::new();
        }
        let prefix = format!("palisade.{}s", owner.kind());
        let key = self.directory.config().child_key(&prefix, owner.name());
        vec![format!(
            "{}={}",
            escape_key(&format!("{key}.certificates")),
            escape_value(&after.join(","))
        )]
    }
}
