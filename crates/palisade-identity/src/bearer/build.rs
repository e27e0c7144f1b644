//! A verifier out of settings.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use palisade_core::{Alarms, Background, BuildContext, BuildError, Finding, Severity, SharedFetch};
use palisade_keystore::Keystores;

use super::keys::{KeySet, Keys, MAX_SET};
use super::remote::{KnownSources, Lease, RemoteKeys, Source, keep_fresh};
use super::rules::{BearerError, Rules};
use super::settings::BearerSettings;
use super::verifier::Bearer;

impl Bearer {
    /// Builds one from settings. Keys of faults and findings begin with `bearer.`.
    ///
    /// Nothing is fetched here. Among the resources, [`SharedFetch`] is needed for `jwks-uri`; where there is a [`Background`],
    /// keys are fetched as soon as its work begins, otherwise when the first token comes. Where there are [`Alarms`], one is raised
    /// while keys cannot be fetched.
    pub fn build(settings: &BearerSettings, cx: &BuildContext<'_>) -> Result<Self, BuildError> {
        let rules = settings.rules();
        let mut errors = BuildError::default();
        for fault in rules.faults() {
            errors.push(key_of(fault), fault);
        }
        let keys = match (&settings.jwks_uri, &settings.jwks_file) {
            (Some(uri), None) => remote(uri, settings, cx, &mut errors),
            (None, Some(file)) => fixed(file, &rules, cx, &mut errors),
            (None, None) => {
                errors.push(
                    "bearer.jwks-uri",
                    "where the issuer's keys are: this, or bearer.jwks-file",
                );
                None
            }
            (Some(_), Some(_)) => {
                errors.push("bearer.jwks-file", "one source of keys: this, or bearer.jwks-uri");
                None
            }
        };
        if settings.jwks_uri.is_none() && !settings.jwks_trust_aliases.is_empty() {
            errors.push(
                "bearer.jwks-trust-aliases",
                "bearer.jwks-uri, which they are trusted for",
            );
        }
        match keys {
            Some(keys) => errors
                .or_ok(())
                .map(|()| Self::assemble(rules, keys, Arc::clone(cx.clock))),
            None => Err(errors),
        }
    }
}

impl BearerSettings {
    fn rules(&self) -> Rules {
        let defaults = Rules::default();
        Rules {
            issuer: self.issuer.clone().unwrap_or_default(),
            audience: self.audience.clone(),
            algorithms: self.algorithms.clone().unwrap_or(defaults.algorithms),
            clock_skew: self.clock_skew.get(),
        }
    }
}

fn key_of(fault: BearerError) -> &'static str {
    match fault {
        BearerError::Issuer => "bearer.issuer",
        BearerError::Audience => "bearer.audience",
        BearerError::Algorithms => "bearer.algorithms",
        BearerError::ClockSkew => "bearer.clock-skew",
        BearerError::NoKeys | BearerError::SeveralSources | BearerError::NoUsableKey => "bearer.jwks-file",
    }
}

/// Keys that are fetched. What is known of them outlives a reload.
fn remote(
    uri: &str,
    settings: &BearerSettings,
    cx: &BuildContext<'_>,
    errors: &mut BuildError,
) -> Option<Keys> {
    let key = "bearer.jwks-uri";
    let url = uri.parse().map_err(|bad| errors.push(key, bad)).ok();
    let authorities = authorities(&settings.jwks_trust_aliases, cx, errors);
    let Some(fetch) = cx.resources.find::<SharedFetch>() else {
        errors.push_consequence(
            key,
            "a client to fetch documents with, which this application does not share",
        );
        return None;
    };
    let source = Source {
        url: url?,
        authorities: authorities?,
    };
    let known = cx
        .state
        .keep(cx.interceptor, "authentication", KnownSources::default);
    let keys = known.keys(&source, || {
        let fetch = SharedFetch::clone(&fetch);
        let keys = RemoteKeys::new(source.clone(), cx.interceptor, fetch, Arc::clone(cx.clock));
        match cx.resources.find::<Alarms>() {
            Some(alarms) => keys.alarming(alarms.slot()),
            None => keys,
        }
    });
    let lease = Arc::new(Lease(keys));
    if let Some(background) = cx.resources.find::<Background>() {
        background.add(keep_fresh(Arc::downgrade(&lease)));
    }
    Some(Keys::Remote(lease))
}

fn authorities(aliases: &[String], cx: &BuildContext<'_>, errors: &mut BuildError) -> Option<Vec<Bytes>> {
    let at = "bearer.jwks-trust-aliases";
    if aliases.is_empty() {
        return Some(Vec::new());
    }
    let Some(keystores) = cx.resources.find::<Keystores>() else {
        errors.push_consequence(at, "keystores to take the authorities from");
        return None;
    };
    let mut authorities = Vec::new();
    let mut is_complete = true;
    for alias in aliases {
        match keystores.certificates(alias) {
            Ok(found) => authorities.extend(found.iter().map(|found| Bytes::copy_from_slice(found.der()))),
            Err(why) => {
                errors.push(at, format!("another alias: {why}"));
                is_complete = false;
            }
        }
    }
    is_complete.then_some(authorities)
}

/// The keys of a file, which is watched.
fn fixed(file: &Path, rules: &Rules, cx: &BuildContext<'_>, errors: &mut BuildError) -> Option<Keys> {
    let key = "bearer.jwks-file";
    let path = cx.file(file);
    let read = read(&path).and_then(|document| KeySet::read(&document).map_err(|bad| bad.to_string()));
    let (keys, skipped) = read
        .map_err(|why| errors.push(key, format!("a JWK Set at {}: {why}", path.display())))
        .ok()?;
    if !keys.does_any(&rules.algorithms) {
        let reasons: Vec<_> = skipped.iter().map(ToString::to_string).collect();
        let expected = BearerError::NoUsableKey;
        let separator = if reasons.is_empty() { "" } else { ": " };
        errors.push(key, format!("{expected}{separator}{}", reasons.join("; ")));
        return None;
    }
    for unusable in skipped.iter().filter(|skipped| skipped.is_faulty) {
        let message = format!("a key of the set is skipped: {unusable}");
        cx.report(Finding::new(Severity::Moderate, "jwks-key-unusable", message).at(key));
    }
    Some(Keys::Fixed(Arc::new(keys)))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    // A pipe would wait for ever.
    if path.metadata().map_err(|error| error.to_string())?.is_file() {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let mut document = Vec::new();
        let limit = MAX_SET as u64 + 1;
        file.take(limit)
            .read_to_end(&mut document)
            .map_err(|error| error.to_string())?;
        if document.len() <= MAX_SET {
            return Ok(document);
        }
        return Err(format!("it has more than {MAX_SET} bytes"));
    }
    Err("it is no regular file".to_owned())
}
