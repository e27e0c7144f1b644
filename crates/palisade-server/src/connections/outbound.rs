//! One connection, as handlers hold it.

use std::fmt;
use std::sync::Arc;
use std::task::{self, Poll};

use axum::body::Body;
use http::header::HOST;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use palisade_client::{ClientError, ErrorKind, MailStream};
use palisade_core::BoxFuture;
use palisade_core::outbound::OutboundError;
use tower_service::Service;

use super::{Bounded, Client, ConnectionError, Connections, Way};
use crate::gateway::Target;
use crate::settings::CONNECTIONS;

/// A connection of `palisade.connections`, made by [`Connections::get`]: a tower service over HTTP, or a mail server to open.
///
/// Clones are cheap and share pooled connections. It is always ready.
#[derive(Clone)]
pub struct OutboundConnection {
    connections: Connections,
    name: Arc<str>,
    is_dynamic: bool,
}

impl OutboundConnection {
    pub(super) fn new(connections: Connections, name: &str) -> Self {
        Self {
            connections,
            name: Arc::from(name),
            is_dynamic: false,
        }
    }

    /// The same connection for requests that name their whole target, which must be `https`: whoever chooses the target chooses who
    /// gets the request. The floor, trust, certificate and interceptors are those of the connection.
    #[must_use]
    pub fn dynamic(mut self) -> Self {
        self.is_dynamic = true;
        self
    }

    /// Sends a request by the settings in force now.
    pub fn send(
        &self,
        mut request: Request<Body>,
    ) -> BoxFuture<'static, Result<Response<Body>, ConnectionError>> {
        let aimed = self.find().and_then(|way| {
            let pool = self.aim(&mut request, &way.client)?;
            Ok((way, pool))
        });
        let (way, mut pool) = match aimed {
            Ok(aimed) => aimed,
            Err(refused) => return Box::pin(std::future::ready(Err(OutboundError::Inner(refused)))),
        };
        let exchange = way.stages.exchange_outbound(&mut pool, request);
        Box::pin(async move { Ok(exchange.await?.map(Body::new)) })
    }

    /// Connects to the mail server, by the settings in force now.
    pub async fn open(&self) -> Result<MailStream, ClientError> {
        match &self.find()?.client {
            Client::Mail { url, connector } => connector.open(url).await,
            Client::Http { .. } => {
                let reason = "it is no mail server; requests are sent to it";
                Err(self.refused(ErrorKind::SchemeNotAllowed, self.key(), reason))
            }
        }
    }

    fn find(&self) -> Result<Arc<Way>, ClientError> {
        self.connections.way(&self.name).ok_or_else(|| {
            tracing::error!(
                target: "palisade::outbound", connection = %self.name,
                "a connection is no longer configured; nothing is sent over it"
            );
            ClientError::refused(ErrorKind::NotConfigured, self.key(), None)
        })
    }

    /// Gives the request its whole target; what sends it there comes back.
    fn aim(&self, request: &mut Request<Body>, client: &Client) -> Result<Bounded, ClientError> {
        let (target, pool) = match client {
            Client::Http { target, pool } => (target.as_ref(), pool),
            Client::Mail { url, .. } => {
                let reason = "it is a mail server, which is opened";
                return Err(self.refused(ErrorKind::SchemeNotAllowed, url.to_string(), reason));
            }
        };
        // The client writes it for the target: one that a handler copied would be somebody else's.
        request.headers_mut().remove(HOST);
        let asked = request.uri();
        if self.is_dynamic {
            if asked.scheme() != Some(&Scheme::HTTPS) {
                let reason = "a dynamic target must name https and a host";
                return Err(self.refused(ErrorKind::SchemeNotAllowed, origin(asked), reason));
            }
        } else {
            *request.uri_mut() = self.beside(target, asked)?;
        }
        Ok(Bounded::clone(pool))
    }

    /// What was asked for, at the host of the connection.
    fn beside(&self, target: Option<&Target>, asked: &Uri) -> Result<Uri, ClientError> {
        let kind = ErrorKind::InvalidRequest;
        let Some(target) = target else {
            let reason = "it has no url, so that only dynamic requests can be sent";
            return Err(self.refused(kind, self.key(), reason));
        };
        if asked.authority().is_some() || asked.scheme().is_some() {
            let reason = "the request names a host itself, which only a dynamic one may";
            return Err(self.refused(kind, origin(asked), reason));
        }
        let uri = target.uri(asked);
        uri.map_err(|error| ClientError::refused(kind, self.key(), Some(error.into())))
    }

    fn refused(&self, kind: ErrorKind, target: String, reason: &str) -> ClientError {
        ClientError::refused(kind, target, Some(format!("{}: {reason}", self.key()).into()))
    }

    fn key(&self) -> String {
        format!("{CONNECTIONS}.{}", self.name)
    }
}

/// Scheme, host and port of a target; a path may be confidential.
fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("(no scheme)");
    let host = uri.host().unwrap_or("(no host)");
    match uri.port_u16() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

impl Service<Request<Body>> for OutboundConnection {
    type Response = Response<Body>;
    type Error = ConnectionError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.send(request)
    }
}

impl fmt::Debug for OutboundConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundConnection")
            .field("name", &self.name)
            .field("is_dynamic", &self.is_dynamic)
            .finish_non_exhaustive()
    }
}
