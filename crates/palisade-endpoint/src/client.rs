//! Client interceptors: the stages around an HTTP client, by name, replaced with the rest of the policy.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::task::{self, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use palisade_config::{Config, Entry as Setting, nearest};
use palisade_core::outbound::{OutboundError, OutboundFuture};
use palisade_core::pipeline::{BoxError, ExchangeBody};
use palisade_core::{Entry, Finding, Pipeline, PipelineLimits, Rejection, Severity};
use tower_layer::Layer;
use tower_service::Service;

use crate::compile::located;
use crate::interceptor::{CLIENT_INTERCEPTORS, Interceptor};
use crate::policy::{Policy, PolicyHandle};

/// A client interceptor with its pipeline.
#[derive(Debug)]
pub(crate) struct CompiledClient {
    pub(crate) pipeline: Pipeline,
    report_only: bool,
    /// The settings that each stage of the pipeline was built from.
    settings: Vec<Arc<[Setting]>>,
    /// The roots of its stages of which several interceptors together can have one.
    singles: Vec<&'static str>,
}

impl CompiledClient {
    fn new(name: &str, interceptor: Interceptor, limits: PipelineLimits) -> Self {
        let mut stages = interceptor.stages;
        stages.sort_by_key(|stage| stage.phase);
        let name: Arc<str> = Arc::from(name);
        let entries = stages.iter().map(|built| Entry {
            stage: built.stage.clone(),
            interceptor: Arc::clone(&name),
            phase: Some(built.phase),
            report_only: interceptor.report_only,
        });
        Self {
            pipeline: Pipeline::new(entries, limits),
            report_only: interceptor.report_only,
            singles: stages
                .iter()
                .filter(|built| built.single)
                .map(|built| built.root)
                .collect(),
            settings: stages.into_iter().map(|built| built.settings).collect(),
        }
    }

    /// Whether its stages or their settings differ. Contents of files that stages read are not compared.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        let stages = |client: &Self| {
            let names = client.pipeline.entries().iter().map(|entry| entry.stage.name());
            names.collect::<Vec<_>>()
        };
        let settings = |client: &Self| {
            let settings = client.settings.iter().flat_map(|settings| settings.iter());
            settings
                .map(|setting| (setting.key.clone(), setting.value.clone()))
                .collect::<Vec<_>>()
        };
        self.report_only != other.report_only
            || stages(self) != stages(other)
            || settings(self) != settings(other)
    }
}

/// Sorts the stages of each by phase, as those of a group.
pub(crate) fn compile(
    clients: BTreeMap<String, Interceptor>,
    limits: PipelineLimits,
) -> BTreeMap<String, CompiledClient> {
    clients
        .into_iter()
        .map(|(name, interceptor)| {
            let client = CompiledClient::new(&name, interceptor, limits);
            (name, client)
        })
        .collect()
}

/// What is unwise about client interceptors.
pub(crate) fn findings(config: &Config, clients: &BTreeMap<String, Interceptor>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, client) in clients {
        findings.extend(client.findings.iter().cloned());
        if client.stages.is_empty() {
            let message =
                format!("no stage of the client interceptor {name} is on: messages go out as they are");
            let key = config.child_key(CLIENT_INTERCEPTORS, name);
            findings.push(located(
                config,
                Severity::Moderate,
                "client-interceptor-empty",
                message,
                &key,
            ));
        }
    }
    findings
}

impl Policy {
    /// The stages of `palisade.client.interceptors.<name>`.
    pub fn client(&self, name: &str) -> Option<&Pipeline> {
        self.clients.get(name).map(|client| &client.pipeline)
    }

    /// The stages of several client interceptors as one pipeline, sorted by phase as those of a group; of none, no stages.
    pub fn clients_together(&self, names: &[String]) -> Result<Pipeline, ClientsNotTogether> {
        let mut entries = Vec::new();
        let mut singles: Vec<(&str, &str)> = Vec::new();
        for name in names {
            let client = self
                .clients
                .get(name)
                .ok_or_else(|| ClientsNotTogether::Unknown(self.unknown_client(name)))?;
            for root in client.singles.iter().copied() {
                if let Some((_, other)) = singles
                    .iter()
                    .find(|(known, other)| *known == root && other != name)
                {
                    return Err(ClientsNotTogether::Twice {
                        stage: root,
                        first: (*other).to_owned(),
                        second: name.clone(),
                    });
                }
                singles.push((root, name));
            }
            entries.extend_from_slice(client.pipeline.entries());
        }
        entries.sort_by_key(|entry: &Entry| entry.phase);
        Ok(Pipeline::new(entries, self.passing.limits()))
    }

    fn unknown_client(&self, name: &str) -> UnknownClientInterceptor {
        UnknownClientInterceptor {
            name: name.to_owned(),
            nearest: nearest(name, self.client_names()).map(str::to_owned),
        }
    }

    /// The names of the client interceptors, sorted.
    pub fn client_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.clients.keys().map(String::as_str)
    }
}

impl PolicyHandle {
    /// The stages of `palisade.client.interceptors.<name>`, as a layer for HTTP clients.
    ///
    /// Each request passes the stages in force when it is sent, so that a policy put in force later applies to clients that
    /// exist already.
    pub fn client(&self, name: &str) -> Result<ClientInterceptorLayer, UnknownClientInterceptor> {
        let policy = self.current();
        if policy.client(name).is_some() {
            return Ok(ClientInterceptorLayer {
                policy: self.clone(),
                name: Arc::from(name),
            });
        }
        Err(policy.unknown_client(name))
    }
}

/// Why client interceptors cannot stand around one client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientsNotTogether {
    /// One of them is not configured.
    Unknown(UnknownClientInterceptor),
    /// Two of them have a stage that an exchange can pass once.
    Twice {
        /// The root of the stage.
        stage: &'static str,
        /// The interceptor that has it first.
        first: String,
        /// The one that has it again.
        second: String,
    },
}

impl fmt::Display for ClientsNotTogether {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(unknown) => unknown.fmt(f),
            Self::Twice { stage, first, second } => write!(
                f,
                "{first} and {second} both have {stage}, which a connection can have once"
            ),
        }
    }
}

impl std::error::Error for ClientsNotTogether {}

/// No client interceptor has that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownClientInterceptor {
    name: String,
    nearest: Option<String>,
}

impl fmt::Display for UnknownClientInterceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{CLIENT_INTERCEPTORS}.{} is not configured", self.name)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest:?}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownClientInterceptor {}

/// Puts the stages of a client interceptor around an HTTP client; made by [`PolicyHandle::client`].
///
/// The client is a [`Service`] from an [`http::Request`] to an [`http::Response`]. What comes out is one again, whose errors
/// are [`OutboundError`]: a refusal by a stage, or the client's own.
///
/// Should a policy put in force later have no interceptor of that name, requests are refused with
/// `client-interceptor-missing`: nothing goes out in the clear because a name is gone.
#[derive(Debug, Clone)]
pub struct ClientInterceptorLayer {
    policy: PolicyHandle,
    name: Arc<str>,
}

impl<S> Layer<S> for ClientInterceptorLayer {
    type Service = ClientInterceptor<S>;

    fn layer(&self, inner: S) -> ClientInterceptor<S> {
        ClientInterceptor {
            inner,
            policy: self.policy.clone(),
            name: Arc::clone(&self.name),
        }
    }
}

/// An HTTP client behind a client interceptor.
#[derive(Debug, Clone)]
pub struct ClientInterceptor<S> {
    inner: S,
    policy: PolicyHandle,
    name: Arc<str>,
}

impl<S, B, R> Service<Request<B>> for ClientInterceptor<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + From<Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<ExchangeBody<R>>;
    type Error = OutboundError<S::Error>;
    type Future = OutboundFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(OutboundError::Inner)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let pipeline = self.policy.snapshot().client(&self.name).cloned();
        if let Some(pipeline) = pipeline {
            return pipeline.exchange_outbound(&mut self.inner, request);
        }
        let (head, _) = request.into_parts();
        OutboundFuture::refused(missing(&self.name), &head, "client-interceptors", &self.name)
    }
}

fn missing(name: &str) -> Rejection {
    Rejection::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "client-interceptor-missing",
        "The client interceptor is no longer configured",
    )
    .caused_by(format!(
        "{CLIENT_INTERCEPTORS}.{name} is not in the policy in force"
    ))
}
