//! What the property files have, where they are the directory.

use std::collections::BTreeMap;

use palisade_directory::parse_fingerprint;
use palisade_directory::sql::Owner;
use palisade_keystore::Certificate;

use super::Recorded;
use crate::cli::Common;
use crate::commands::directory::Configured;
use crate::commands::keystore;
use crate::outcome::Failure;

impl Configured {
    pub(super) fn certificates_of(&self, owner: &Owner) -> &[String] {
        match owner {
            Owner::User(name) => self.users.get(name).map(|user| &user.certificates),
            Owner::Tenant(name) => self.tenants.get(name).map(|tenant| &tenant.certificates),
        }
        .map_or(&[], Vec::as_slice)
    }
}

/// What the property files list: each fingerprint, the text that stands for it, and the certificate where that is an alias.
pub(super) type Listed = BTreeMap<(Owner, [u8; 32]), (String, Option<Certificate>)>;

pub(super) fn listed(common: &Common, configured: &Configured) -> Result<Listed, Failure> {
    let users = configured.users.iter();
    let users = users.map(|(name, user)| (Owner::User(name.clone()), &user.certificates));
    let tenants = configured.tenants.iter();
    let tenants = tenants.map(|(name, tenant)| (Owner::Tenant(name.clone()), &tenant.certificates));
    let all: Vec<(Owner, &String)> = users
        .chain(tenants)
        .flat_map(|(owner, texts)| texts.iter().map(move |text| (owner.clone(), text)))
        .collect();
    // Keystores are opened where an alias asks for it alone.
    let keystores = if all.iter().any(|(_, text)| parse_fingerprint(text).is_err()) {
        Some(keystore::load(common)?.1)
    } else {
        None
    };
    let mut listed = Listed::new();
    for (owner, text) in all {
        match (parse_fingerprint(text), &keystores) {
            (Ok(fingerprint), _) => {
                listed.insert((owner, fingerprint), (text.clone(), None));
            }
            (Err(_), Some(keystores)) => {
                let found = keystores
                    .certificates(text)
                    .map_err(|error| Failure::wrong(format!("certificates of {owner}: {error}")))?;
                if let Some(own) = found.into_iter().next() {
                    let key = (owner, own.facts().fingerprint);
                    listed.insert(key, (text.clone(), Some(own)));
                }
            }
            (Err(error), None) => return Err(Failure::wrong(format!("certificates of {owner}: {error}"))),
        }
    }
    Ok(listed)
}

/// Says which certificates on record the property files have too, and adds those that they alone have.
pub(super) fn add_listed(certificates: &mut Vec<Recorded>, listed: &Listed) {
    for recorded in certificates.iter_mut() {
        let key = (recorded.owner.clone(), recorded.fingerprint);
        recorded.listed_as = listed.get(&key).map(|(text, _)| text.clone());
        recorded.is_recognised = recorded.listed_as.is_some();
    }
    for ((owner, fingerprint), (text, certificate)) in listed {
        let is_known = |recorded: &Recorded| recorded.owner == *owner && recorded.fingerprint == *fingerprint;
        if !certificates.iter().any(is_known) {
            certificates.push(Recorded {
                owner: owner.clone(),
                fingerprint: *fingerprint,
                certificate: certificate.clone(),
                label: None,
                is_issued: false,
                added_at: None,
                revoked: None,
                is_recognised: true,
                listed_as: Some(text.clone()),
            });
        }
    }
}
