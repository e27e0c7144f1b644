//! From an interceptor, or from aliases, to the keys and rules of one direction.

use std::collections::BTreeMap;
use std::sync::Arc;

use palisade::jose::{
    Algorithms, ClientMessageSecurity, ClientMessageSecuritySettings, Incoming, MessageSecurity,
    MessageSecuritySettings, Outgoing, ReadProfileSettings, WriteProfileSettings,
};
use palisade_config::{Config, Error, Errors};
use palisade_core::{BuildContext, BuildError, Clock, Resources, StageKind, StateStore, SystemClock};
use serde::de::DeserializeOwned;

use crate::cli::Common;
use crate::commands::keystore;
use crate::outcome::Failure;

const SERVER: &str = "palisade.interceptors";
const CLIENT: &str = "palisade.client.interceptors";

/// The configuration and its keystores, and what stages are built with.
pub(super) struct Bench {
    config: Config,
    clock: Arc<dyn Clock>,
    state: StateStore,
    resources: Resources,
}

/// Which profiles of an interceptor are of use; the keys of others are not looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Signature,
    Encryption,
    Everything,
}

/// The settings that an option of the command line stands for.
pub(super) type Options = BTreeMap<&'static str, &'static str>;

impl Bench {
    pub(super) fn open(common: &Common) -> Result<Self, Failure> {
        let (config, keystores) = keystore::load(common)?;
        Ok(Self {
            config,
            clock: Arc::new(SystemClock::new()),
            state: StateStore::default(),
            resources: Resources::default().with(Arc::new(keystores)),
        })
    }

    fn context<'a>(&'a self, interceptor: &'a str) -> BuildContext<'a> {
        BuildContext::new(
            interceptor,
            self.config.folder(),
            &self.clock,
            &self.state,
            &self.resources,
        )
    }

    /// What makes the requests of a client interceptor, or the responses of one of the server.
    pub(super) fn outgoing(
        &self,
        name: &str,
        is_response: bool,
        wanted: Wanted,
    ) -> Result<Outgoing, Failure> {
        let choose = |signature: &mut WriteProfileSettings, encryption: &mut WriteProfileSettings| {
            signature.enabled &= wanted != Wanted::Encryption;
            encryption.enabled &= wanted != Wanted::Signature;
        };
        let (place, direction, built) = if is_response {
            let hint = format!("{CLIENT}.{name} is: it makes requests, without --response");
            let mut settings: MessageSecuritySettings =
                self.settings(SERVER, name, <MessageSecurity as StageKind>::ROOTS, &hint)?;
            choose(
                &mut settings.response.signature,
                &mut settings.response.encryption,
            );
            (SERVER, "response", settings.outgoing(&self.context(name)))
        } else {
            let hint = format!("{SERVER}.{name} is: it makes responses, with --response");
            let mut settings: ClientMessageSecuritySettings =
                self.settings(CLIENT, name, <ClientMessageSecurity as StageKind>::ROOTS, &hint)?;
            choose(&mut settings.request.signature, &mut settings.request.encryption);
            (CLIENT, "request", settings.outgoing(&self.context(name)))
        };
        let prefix = self.config.child_key(place, name);
        let built = built.map_err(|error| self.placed(&prefix, &error))?;
        let key_of = |profile: &str| format!("{prefix}.{direction}.{profile}.enabled");
        let has = |has: fn(&Outgoing) -> bool| built.as_ref().is_some_and(has);
        if wanted == Wanted::Signature && !has(|made| made.signing.is_some()) {
            return Err(self.off(&key_of("signature"), "there is no key to sign with"));
        }
        if wanted != Wanted::Signature && !has(|made| made.encryption.is_some()) {
            return Err(self.off(&key_of("encryption"), "there is no key to encrypt to"));
        }
        built.ok_or_else(|| self.off(&prefix, "no message is made by it"))
    }

    /// What opens the requests of an interceptor of the server, or the responses of one of a client.
    pub(super) fn incoming(&self, name: &str, is_response: bool) -> Result<Incoming, Failure> {
        let (place, direction, built) = if is_response {
            let hint = format!(
                "{SERVER}.{name} is: what it answers is read by the partner, whose private key it takes"
            );
            let settings: ClientMessageSecuritySettings =
                self.settings(CLIENT, name, <ClientMessageSecurity as StageKind>::ROOTS, &hint)?;
            (CLIENT, "response", settings.incoming(&self.context(name)))
        } else {
            let hint = format!(
                "{CLIENT}.{name} is: it reads responses, with --response; its requests are read by the partner"
            );
            let settings: MessageSecuritySettings =
                self.settings(SERVER, name, <MessageSecurity as StageKind>::ROOTS, &hint)?;
            (SERVER, "request", settings.incoming(&self.context(name)))
        };
        let prefix = self.config.child_key(place, name);
        let built = built.map_err(|error| self.placed(&prefix, &error))?;
        built
            .filter(|rules| !rules.decryption.is_empty() || !rules.verification.is_empty())
            .ok_or_else(|| {
                let why = "neither decryption nor signature is on, and there is nothing to verify";
                Failure::Errors(
                    self.config
                        .complaint(&format!("{prefix}.{direction}"), why)
                        .into(),
                )
            })
    }

    /// What makes messages by these settings; `options` are what people wrote for them.
    pub(super) fn outgoing_by(
        &self,
        settings: &ClientMessageSecuritySettings,
        options: &Options,
    ) -> Result<Outgoing, Failure> {
        let built = settings.outgoing(&self.context("command line"));
        built
            .map_err(|error| renamed(&error, options))?
            .ok_or_else(|| Failure::wrong("no key is given"))
    }

    /// What opens messages by these settings; `options` are what people wrote for them.
    pub(super) fn incoming_by(
        &self,
        settings: &MessageSecuritySettings,
        options: &Options,
    ) -> Result<Incoming, Failure> {
        let built = settings.incoming(&self.context("command line"));
        built
            .map_err(|error| renamed(&error, options))?
            .ok_or_else(|| Failure::wrong("no key is given"))
    }

    /// The settings of message security of an interceptor. `hint` says why one of that name on the other side does not do.
    fn settings<T: DeserializeOwned>(
        &self,
        place: &str,
        name: &str,
        roots: &[&str],
        hint: &str,
    ) -> Result<T, Failure> {
        let names = self.config.names(place);
        let prefix = self.config.child_key(place, name);
        if !names.contains(&name) {
            let other = if place == SERVER { CLIENT } else { SERVER };
            let mut message = "is not configured".to_owned();
            if self.config.names(other).contains(&name) {
                message = format!("{message}, but {hint}");
            }
            let error = Error::new(prefix, message).nearest(name, names);
            return Err(Failure::Errors(error.into()));
        }
        let found = self.config.get_some(&prefix, roots)?;
        found.ok_or_else(|| {
            let message = "has no settings of message security";
            Failure::Errors(self.config.complaint(&prefix, message).into())
        })
    }

    /// Errors of an interceptor's settings, with their places.
    fn placed(&self, prefix: &str, error: &BuildError) -> Failure {
        let faults = error.faults.iter();
        let errors = faults.map(|fault| {
            self.config
                .error(&format!("{prefix}.{}", fault.key), &fault.expected)
        });
        Failure::Errors(errors.collect())
    }

    fn off(&self, key: &str, so: &str) -> Failure {
        Failure::Errors(self.config.complaint(key, format!("is not on: {so}")).into())
    }
}

/// Errors of settings that stand for options, by the options' names.
fn renamed(error: &BuildError, options: &Options) -> Failure {
    let errors = error.faults.iter().map(|fault| {
        let option = options.get(fault.key.as_str()).copied();
        Error::new(
            option.unwrap_or(&fault.key),
            format!("expected {}", fault.expected),
        )
    });
    Failure::Errors(errors.collect::<Errors>())
}

/// A list of algorithms for both purposes, told apart: for signatures, and for encryption.
pub(super) fn by_purpose(names: &[String]) -> Result<(Vec<String>, Vec<String>), Failure> {
    let wrong = |error: palisade::jose::UnknownAlgorithm| {
        Failure::Errors(Error::new("--algorithms", error.to_string()).into())
    };
    let mut purposes = (Vec::new(), Vec::new());
    for name in names {
        let parsed = Algorithms::parse(&[name]).map_err(wrong)?;
        if parsed.signature().is_empty() {
            purposes.1.push(name.clone());
        } else {
            purposes.0.push(name.clone());
        }
    }
    Ok(purposes)
}

/// A profile that writes with the key under an alias; off without one.
pub(super) fn write_profile(alias: Option<&String>, algorithms: Vec<String>) -> WriteProfileSettings {
    WriteProfileSettings {
        enabled: alias.is_some(),
        key_alias: alias.cloned(),
        algorithms,
    }
}

/// A profile that reads with the keys under these aliases; off without any.
pub(super) fn read_profile(aliases: &[String], algorithms: Vec<String>) -> ReadProfileSettings {
    ReadProfileSettings {
        enabled: !aliases.is_empty(),
        key_alias: aliases.to_vec(),
        algorithms,
    }
}
