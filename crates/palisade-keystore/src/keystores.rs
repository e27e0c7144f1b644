//! All keystores of a server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use palisade_core::{Finding, Severity};

use crate::age;
use crate::authority::beside;
use crate::entry::{Certificate, Entry, KeyEntry, lowest};
use crate::error::{LoadError, LoadErrors, LookupError, StoreError};
use crate::public_key::PublicKey;
use crate::settings::KeystoreSettings;
use crate::store::Keystore;

/// All keystores of a server: an immutable snapshot.
///
/// A change of files makes a new snapshot with [`reload`](Self::reload); whoever holds the old one keeps it whole.
#[derive(Clone, Debug, Default)]
pub struct Keystores {
    folder: PathBuf,
    stores: BTreeMap<String, Held>,
}

/// A keystore with what is needed to read it anew.
#[derive(Clone, Debug)]
struct Held {
    settings: KeystoreSettings,
    store: Arc<Keystore>,
    /// Why the files do not load any more, where they do not.
    stale: Vec<LoadError>,
}

/// A keystore that no longer loads; its last good state stays in use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alarm {
    /// The keystore's name.
    pub store: String,
    /// Everything that is wrong with it.
    pub errors: Vec<LoadError>,
}

impl Keystores {
    /// Reads every keystore; relative locations start at `folder`. All errors of all keystores are reported.
    pub fn load(folder: &Path, settings: &BTreeMap<String, KeystoreSettings>) -> Result<Self, LoadErrors> {
        let mut stores = BTreeMap::new();
        let mut errors = Vec::new();
        for (name, settings) in settings {
            match Keystore::load(name, settings, folder) {
                Ok(store) => {
                    let held = Held {
                        settings: settings.clone(),
                        store: Arc::new(store),
                        stale: Vec::new(),
                    };
                    stores.insert(name.clone(), held);
                }
                Err(found) => errors.extend(named(name, found)),
            }
        }
        if errors.is_empty() {
            Ok(Self {
                folder: folder.to_owned(),
                stores,
            })
        } else {
            Err(LoadErrors(errors))
        }
    }

    /// Reads every keystore anew from the same places.
    ///
    /// A keystore that does not load keeps its last good state and raises an alarm, in the log, in the result, and in
    /// [`findings`](Self::findings) until it loads again.
    #[must_use]
    pub fn reload(&self) -> (Self, Vec<Alarm>) {
        let mut stores = BTreeMap::new();
        let mut alarms = Vec::new();
        for (name, held) in &self.stores {
            let mut held = held.clone();
            match Keystore::load(name, &held.settings, &self.folder) {
                Ok(store) => {
                    held.store = Arc::new(store);
                    held.stale.clear();
                }
                Err(found) => {
                    held.stale = named(name, found).collect();
                    for error in &held.stale {
                        tracing::error!(
                            target: "palisade::keystore", code = "keystore-stale", keystore = %name, %error,
                            "a keystore does not load; its last good state stays in use"
                        );
                    }
                    alarms.push(Alarm {
                        store: name.clone(),
                        errors: held.stale.clone(),
                    });
                }
            }
            stores.insert(name.clone(), held);
        }
        (
            Self {
                folder: self.folder.clone(),
                stores,
            },
            alarms,
        )
    }

    /// The private key under `alias` or `keystore/alias`, with or without a certificate.
    pub fn key(&self, alias: &str) -> Result<Arc<KeyEntry>, LookupError> {
        match self.find(alias)? {
            Entry::Key(entry) => Ok(Arc::clone(entry)),
            Entry::Unusable { reason, .. } => Err(LookupError::Unusable {
                alias: alias.to_owned(),
                reason: reason.clone(),
            }),
            entry @ (Entry::Certificates { .. } | Entry::PublicKey(_)) => {
                let with_keys = self.written_aliases(Entry::has_key);
                Err(LookupError::NoPrivateKey {
                    alias: alias.to_owned(),
                    found: entry.described(),
                    with_keys,
                })
            }
        }
    }

    /// The private key under `alias` or `keystore/alias`, with its certificate: what a TLS server or client presents.
    pub fn identity(&self, alias: &str) -> Result<Arc<KeyEntry>, LookupError> {
        let entry = self.key(alias)?;
        if entry.chain().is_empty() {
            let with_certificates =
                self.written_aliases(|entry| entry.has_key() && !entry.all_certificates().is_empty());
            return Err(LookupError::NoCertificate {
                alias: alias.to_owned(),
                found: "a private key without a certificate",
                with_certificates,
            });
        }
        Ok(entry)
    }

    /// The public key under `alias` or `keystore/alias`: of a certificate (of a chain its first), of a private key its other
    /// half, or a bare one.
    pub fn public_key(&self, alias: &str) -> Result<PublicKey, LookupError> {
        match self.find(alias)? {
            Entry::Key(entry) => Ok(entry.public_key().clone()),
            Entry::PublicKey(key) => Ok(key.clone()),
            Entry::Certificates {
                alias: own,
                certificates,
            } => {
                let several = || LookupError::SeveralCertificates {
                    alias: alias.to_owned(),
                    count: certificates.len(),
                };
                let leaf = lowest(certificates).ok_or_else(several)?;
                PublicKey::from_certificate(own.clone(), leaf.clone()).map_err(|reason| {
                    LookupError::UnusableCertificate {
                        alias: alias.to_owned(),
                        subject: leaf.facts().subject.clone(),
                        reason,
                    }
                })
            }
            Entry::Unusable { reason, .. } => Err(LookupError::Unusable {
                alias: alias.to_owned(),
                reason: reason.clone(),
            }),
        }
    }

    /// The certificates under `alias` or `keystore/alias`: a bundle whole, of a key its own certificate alone.
    ///
    /// The issuers above a key's certificate are not included: naming a key's alias does not make its issuers trusted.
    pub fn certificates(&self, alias: &str) -> Result<Vec<Certificate>, LookupError> {
        let entry = self.find(alias)?;
        let certificates: Vec<Certificate> = match entry {
            Entry::Key(entry) => entry.certificate().into_iter().cloned().collect(),
            Entry::Certificates { certificates, .. } => certificates.to_vec(),
            Entry::PublicKey(_) | Entry::Unusable { .. } => entry.all_certificates().to_vec(),
        };
        if certificates.is_empty() {
            let with_certificates = self.written_aliases(|entry| !entry.all_certificates().is_empty());
            return Err(LookupError::NoCertificate {
                alias: alias.to_owned(),
                found: entry.described(),
                with_certificates,
            });
        }
        Ok(certificates)
    }

    /// Every keystore, by name.
    pub fn stores(&self) -> impl Iterator<Item = &Keystore> {
        self.stores.values().map(|held| held.store.as_ref())
    }

    /// Every alias as it can be written: alone, or with its keystore where several have it.
    pub fn aliases(&self) -> Vec<String> {
        self.written_aliases(|_| true)
    }

    /// The files and folders to watch for changes.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.stores().map(|store| store.path().to_owned()).collect()
    }

    /// What is unwise about the keystores as of `now`: ages of certificates, readable keys, stores that no longer load, keys of
    /// authorities beside them. Looks for the last on the disk.
    pub fn findings(&self, now: SystemTime) -> Vec<Finding> {
        let mut findings = beside::findings(&self.folder, self.stores());
        for held in self.stores.values() {
            let store = &held.store;
            let key = format!("palisade.keystores.{}.location", store.name());
            findings.extend(held.stale.iter().map(|error| {
                let message = format!("its last good state stays in use, for it does not load: {error}");
                Finding::new(Severity::Severe, "keystore-stale", message).at(error.key())
            }));
            findings.extend_from_slice(store.findings());
            for entry in store.entries() {
                let found = entry
                    .all_certificates()
                    .iter()
                    .filter_map(|certificate| age::finding(entry, certificate, now));
                findings.extend(found.map(|finding| finding.at(key.clone())));
            }
        }
        findings
    }

    fn find(&self, alias: &str) -> Result<&Entry, LookupError> {
        if let Some((store, rest)) = alias.split_once('/')
            && let Some(held) = self.stores.get(store)
        {
            // A name of ours means that keystore and no other, whatever aliases others have.
            let found = matching(std::iter::once(held.store.as_ref()), rest);
            return only_one(alias, &found)?.ok_or_else(|| self.no_such(alias));
        }
        let found = matching(self.stores(), alias);
        only_one(alias, &found)?.ok_or_else(|| self.no_such(alias))
    }

    fn no_such(&self, alias: &str) -> LookupError {
        let known = self.aliases();
        LookupError::NoSuchAlias {
            alias: alias.to_owned(),
            nearest: nearest(alias, &known),
            known,
        }
    }

    fn written_aliases(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<String> {
        let all = || {
            self.stores()
                .flat_map(|store| store.entries().iter().map(move |entry| (store, entry)))
        };
        all()
            .filter(|(_, entry)| wanted(entry))
            .map(|(store, entry)| {
                let twice = all()
                    .filter(|(_, other)| other.alias() == entry.alias())
                    .nth(1)
                    .is_some();
                let prefix = entry.alias().split_once('/').map(|(prefix, _)| prefix);
                if twice || prefix.is_some_and(|prefix| self.stores.contains_key(prefix)) {
                    qualified(store, entry)
                } else {
                    entry.alias().to_owned()
                }
            })
            .collect()
    }
}

impl Alarm {
    /// The alarm in one line.
    pub fn message(&self) -> String {
        let errors: Vec<String> = self.errors.iter().map(ToString::to_string).collect();
        format!(
            "keystore `{}` keeps its last good state: {}",
            self.store,
            errors.join("; ")
        )
    }
}

fn named(store: &str, errors: Vec<StoreError>) -> impl Iterator<Item = LoadError> {
    errors.into_iter().map(move |error| LoadError {
        store: store.to_owned(),
        error,
    })
}

fn qualified(store: &Keystore, entry: &Entry) -> String {
    format!("{}/{}", store.name(), entry.alias())
}

fn only_one<'a>(alias: &str, found: &[(&'a Keystore, &'a Entry)]) -> Result<Option<&'a Entry>, LookupError> {
    match found {
        [] => Ok(None),
        [(_, entry)] => Ok(Some(entry)),
        several => {
            let candidates = several
                .iter()
                .map(|(store, entry)| qualified(store, entry))
                .collect();
            Err(LookupError::Ambiguous {
                alias: alias.to_owned(),
                candidates,
            })
        }
    }
}

/// Exact matches; where there are none, those that differ in case alone, in formats that ignore it.
fn matching<'a>(stores: impl Iterator<Item = &'a Keystore>, alias: &str) -> Vec<(&'a Keystore, &'a Entry)> {
    let entries: Vec<_> = stores
        .flat_map(|store| store.entries().iter().map(move |entry| (store, entry)))
        .collect();
    let exact: Vec<_> = entries
        .iter()
        .copied()
        .filter(|(_, entry)| entry.alias() == alias)
        .collect();
    if !exact.is_empty() {
        return exact;
    }
    let folded = alias.to_lowercase();
    entries
        .into_iter()
        .filter(|(store, entry)| store.ignores_case() && entry.alias().to_lowercase() == folded)
        .collect()
}

fn nearest(alias: &str, known: &[String]) -> Option<String> {
    let limit = (alias.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| {
            (
                strsim::osa_distance(&alias.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.clone())
}
