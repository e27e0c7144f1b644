//! Connections of the application's own to others: `palisade.connections.<name>`.
//!
//! 1. An [`OutboundConnection`] sends requests relative to its `url`: their path stands behind that of the URL, and their host is the URL's,
//!    whatever they say in `Host`. A request that names a host itself is refused, unless the connection is [dynamic](OutboundConnection::dynamic).
//! 2. A dynamic connection sends each request where it names, over `https` alone: with the same floor, trust, certificate and
//!    interceptors.
//! 3. Requests and answers pass the connection's client interceptors, whose stages stand in the order of phases as those of an
//!    endpoint group.
//! 4. No answer within `timeout`, connecting included, or one whose body then stands still that long, is an error. No redirect is
//!    followed.
//! 5. A mail server is [opened](OutboundConnection::open) instead: over TLS, or not at all ([`palisade_client::mail`]).
//! 6. Each request goes by the settings in force when it is sent. What a reload does not change keeps its pooled connections; a
//!    reload of which anything is wrong changes nothing; a connection that is no longer configured refuses.
//!
//! What this does not protect against: a path made of a caller's text that leads elsewhere on the same host, and a dynamic target
//! that a caller chose: check both before they are sent. An `http` URL is in the clear, which is a finding.
//!
//! # Example
//!
//! ```
//! use axum::body::Body;
//! use http::Request;
//! use palisade_client::ErrorKind;
//! use palisade_config::Sources;
//! use palisade_endpoint::Registry;
//! use palisade_server::Server;
//! use palisade_server::connections::ConnectionError;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?; // closed at once
//! std::fs::write(
//!     folder.path().join("application.properties"),
//!     format!("palisade.listeners.main.tls.enabled=false\npalisade.connections.crm.url=https://{nobody}/api\n"),
//! )?;
//! let server = Server::load(Sources::new(folder.path()), Registry::new())?;
//! let crm = server.connections().get("crm")?;
//!
//! let refused = crm.send(Request::get("/customers/7").body(Body::empty())?).await.unwrap_err();
//! let ConnectionError::Inner(error) = refused else { panic!("{refused}") };
//! assert_eq!(error.kind(), ErrorKind::Unreachable);
//!
//! let refused = crm.send(Request::get("https://elsewhere.example/").body(Body::empty())?).await.unwrap_err();
//! let ConnectionError::Inner(error) = refused else { panic!("{refused}") };
//! assert_eq!(error.kind(), ErrorKind::InvalidRequest);
//!
//! let unknown = server.connections().get("cmr").unwrap_err();
//! assert!(unknown.to_string().ends_with("did you mean \"crm\"?"));
//! # Ok(()) }
//! ```

mod bounded;
mod outbound;
mod prepare;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use palisade_client::{ClientError, MailConnector, MailUrl};
use palisade_config::{Config, Errors, nearest};
use palisade_core::Pipeline;
use palisade_core::outbound::OutboundError;
use palisade_endpoint::Policy;
use palisade_keystore::Keystores;

use self::bounded::Bounded;
pub use self::outbound::OutboundConnection;
pub(crate) use self::prepare::prepare;
use crate::gateway::Target;
use crate::ingredients::Ingredients;
use crate::settings::{CONNECTIONS, ConnectionSettings};

/// Why a request over a connection has no answer: a stage of a client interceptor refused it or its answer, or the client failed.
pub type ConnectionError = OutboundError<ClientError>;

/// The connections of a configuration, by name. Clones are the same connections; a reload applies to all of them.
#[derive(Clone)]
pub struct Connections(Arc<ArcSwap<Prepared>>);

/// Connections that are checked and ready, by name.
#[derive(Debug, Default)]
pub(crate) struct Prepared(BTreeMap<String, Arc<Way>>);

/// Where a connection leads, by which client, and what is passed on the way.
#[derive(Debug)]
struct Way {
    client: Client,
    made_of: Ingredients,
    interceptors: Vec<String>,
    stages: Pipeline,
}

#[derive(Debug, Clone)]
enum Client {
    Http {
        /// `None` where requests must name their whole target.
        target: Option<Target>,
        pool: Box<Bounded>,
    },
    Mail {
        url: MailUrl,
        connector: MailConnector,
    },
}

impl Connections {
    /// The connections of a configuration that is loaded without a [`Server`](crate::Server), with the keys of `keystores` and the client
    /// interceptors of `policy`.
    pub fn load(config: &Config, keystores: &Keystores, policy: &Policy) -> Result<Self, Errors> {
        Ok(Self::new(Self::read(
            config,
            keystores,
            policy,
            &Prepared::default(),
        )?))
    }

    /// Puts the connections of another configuration in force, whole or not at all.
    pub fn reload(&self, config: &Config, keystores: &Keystores, policy: &Policy) -> Result<(), Errors> {
        self.replace(Self::read(config, keystores, policy, &self.current())?);
        Ok(())
    }

    fn read(
        config: &Config,
        keystores: &Keystores,
        policy: &Policy,
        earlier: &Prepared,
    ) -> Result<Prepared, Errors> {
        let mut errors = Errors::new();
        let connections = ConnectionSettings::read_all(config, &mut errors);
        match prepare(config, &connections, keystores, Some(policy), earlier) {
            Ok(prepared) => errors.into_result(prepared),
            Err(found) => {
                errors.extend(found);
                Err(errors.sorted())
            }
        }
    }

    pub(crate) fn new(prepared: Prepared) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(prepared)))
    }

    /// Puts these in force for requests from now on; what changed comes back in words, if anything did.
    pub(crate) fn replace(&self, prepared: Prepared) -> Option<String> {
        let prepared = Arc::new(prepared);
        self.0.swap(Arc::clone(&prepared)).changes(&prepared)
    }

    pub(crate) fn current(&self) -> Arc<Prepared> {
        self.0.load_full()
    }

    /// The connection of that name. It follows reloads.
    pub fn get(&self, name: &str) -> Result<OutboundConnection, UnknownConnection> {
        let current = self.0.load();
        if current.0.contains_key(name) {
            return Ok(OutboundConnection::new(self.clone(), name));
        }
        Err(UnknownConnection {
            name: name.to_owned(),
            nearest: nearest(name, current.0.keys().map(String::as_str)).map(str::to_owned),
        })
    }

    /// The names of the connections in force, sorted.
    pub fn names(&self) -> Vec<String> {
        self.0.load().0.keys().cloned().collect()
    }

    fn way(&self, name: &str) -> Option<Arc<Way>> {
        self.0.load().0.get(name).map(Arc::clone)
    }
}

impl Prepared {
    /// How `new` differs, connection by connection. What differs inside an interceptor is told with the policy.
    fn changes(&self, new: &Self) -> Option<String> {
        let (mut added, mut changed) = (Vec::new(), Vec::new());
        for (name, way) in &new.0 {
            match self.0.get(name) {
                None => added.push(name.as_str()),
                Some(old) if old.made_of != way.made_of || old.interceptors != way.interceptors => {
                    changed.push(name.as_str());
                }
                Some(_) => {}
            }
        }
        let gone = self.0.keys().filter(|name| !new.0.contains_key(*name));
        let removed = gone.map(String::as_str).collect();
        let parts = [("added", added), ("removed", removed), ("changed", changed)].into_iter();
        let parts = parts.filter(|(_, names)| !names.is_empty());
        let parts = parts.map(|(what, names)| format!("connections {what}: {}", names.join(", ")));
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connections").field(&self.names()).finish()
    }
}

/// No connection has that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownConnection {
    name: String,
    nearest: Option<String>,
}

impl fmt::Display for UnknownConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{CONNECTIONS}.{} is not configured", self.name)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest:?}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownConnection {}
