//! From settings to connections, with every error collected.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use palisade_client::{ClientBuilder, TlsSetupError};
use palisade_config::{Config, Error, Errors};
use palisade_core::Pipeline;
use palisade_endpoint::Policy;
use palisade_keystore::Keystores;

use super::{Bounded, Client, Prepared, Way};
use crate::gateway::Target;
use crate::ingredients::Ingredients;
use crate::settings::{CLIENT_INTERCEPTORS, CONNECTIONS, ConnectionSettings, Destination};

/// Connecting takes no longer than this, however long an answer may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a connection's client is not made of.
const BESIDE: [&str; 1] = ["interceptors"];

/// Makes every connection ready; those that are made of what they were made of before keep their client, with its pool.
///
/// Without a policy nothing comes of it, and aliases are checked all the same.
pub(crate) fn prepare(
    config: &Config,
    connections: &BTreeMap<String, ConnectionSettings>,
    keystores: &Keystores,
    policy: Option<&Policy>,
    earlier: &Prepared,
) -> Result<Prepared, Errors> {
    let mut errors = Errors::new();
    let mut prepared = BTreeMap::new();
    for (name, settings) in connections {
        let place = Place {
            config,
            key: config.child_key(CONNECTIONS, name),
            settings,
        };
        let made_of = Ingredients::of(config, &place.key, &BESIDE, &settings.tls, keystores);
        let known = earlier.0.get(name).filter(|known| known.made_of == made_of);
        let client = match known {
            Some(known) => Ok(known.client.clone()),
            None => place.client(keystores),
        };
        let stages = policy.map(|policy| place.stages(policy)).transpose();
        match (client, stages) {
            (Ok(client), Ok(Some(stages))) => {
                let way = Way {
                    client,
                    made_of,
                    interceptors: settings.interceptors.clone(),
                    stages,
                };
                prepared.insert(name.clone(), Arc::new(way));
            }
            (client, stages) => {
                errors.extend(client.err().into_iter().flatten());
                errors.extend(stages.err().into_iter().flatten());
            }
        }
    }
    errors.into_result(Prepared(prepared))
}

/// The settings of one connection, and where they stand.
struct Place<'a> {
    config: &'a Config,
    key: String,
    settings: &'a ConnectionSettings,
}

impl Place<'_> {
    fn wrong(&self, below: &str, error: impl Display) -> Error {
        self.config
            .complaint(&format!("{}.{below}", self.key), error.to_string())
    }

    /// What requests and answers pass. No errors are told where a name that nobody declares was told of with the settings.
    fn stages(&self, policy: &Policy) -> Result<Pipeline, Errors> {
        let names = &self.settings.interceptors;
        policy.clients_together(names).map_err(|error| {
            let declared = self.config.names(CLIENT_INTERCEPTORS);
            if names.iter().all(|name| declared.contains(&name.as_str())) {
                self.wrong("interceptors", error).into()
            } else {
                Errors::new()
            }
        })
    }

    /// What connects. No errors are told where the URL was told of with the settings.
    fn client(&self, keystores: &Keystores) -> Result<Client, Errors> {
        let limit = self.settings.timeout.get();
        let builder = ClientBuilder::new().connect_timeout(limit);
        let builder = self.settings.tls.apply(builder, keystores).map_err(|errors| {
            let errors = errors.into_iter();
            errors
                .map(|(setting, error)| self.wrong(&format!("tls.{setting}"), error))
                .collect::<Errors>()
        })?;
        let destination = self.settings.url.as_deref().map(Destination::parse).transpose();
        let destination = destination.map_err(|_| Errors::new())?;
        let client = match destination {
            Some(Destination::Mail(url)) => {
                let connector = builder.build_mail();
                connector.map(|connector| Client::Mail { url, connector })
            }
            Some(Destination::Http(target)) => pool(builder, limit, Some(target)),
            None => pool(builder, limit, None),
        };
        client.map_err(|error| self.wrong("tls", error).into())
    }
}

fn pool(builder: ClientBuilder, limit: Duration, target: Option<Target>) -> Result<Client, TlsSetupError> {
    let mut builder = builder
        .connect_timeout(limit.min(CONNECT_TIMEOUT))
        .response_timeout(limit);
    if target.as_ref().is_some_and(|target| !target.is_https()) {
        builder = builder.allow_plain_http();
    }
    let pool = Box::new(Bounded::new(builder.build()?, limit));
    Ok(Client::Http { target, pool })
}
