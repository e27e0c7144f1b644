//! A server: loaded from configuration, then serving an application, an upstream, or an echo.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum_server::accept::DefaultAcceptor;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use metrics_exporter_prometheus::PrometheusHandle;
use palisade_config::{Errors, Sources};
use palisade_core::Finding;
use palisade_core::pipeline::BoxError;
use palisade_endpoint::{
    ClientInterceptorLayer, EndpointGroupsLayer, PolicyHandle, Registry, UnknownClientInterceptor,
};
use tokio::task::JoinSet;
use tower_layer::Layer as _;
use tower_service::Service;

use crate::admin::Admin;
use crate::assembly::{Assembly, Recipe};
use crate::certificates;
use crate::connections::Connections;
use crate::control::{Bindings, ServerHandle, Steering};
use crate::echo::Echo;
use crate::entry::Entry;
use crate::error::ServeError;
use crate::gateway::{Gateway, Upstream};
use crate::listener::{Bound, ListenerHandle};
use crate::loader::Loader;
use crate::logs::LogHandle;
use crate::observe;
use crate::panics::Unpanicking;
use crate::reload::Running;
use crate::settings::ServerSettings;
use crate::signals::Signals;
use crate::status::LifePhase;
use crate::supervise;

/// How many connections the admin listener takes at a time.
const ADMIN_CONNECTIONS: usize = 64;
/// How long a client of the admin listener may take for the head of a request.
const ADMIN_HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A server whose configuration is loaded and sound, and that does not listen yet.
pub struct Server {
    running: Arc<Running>,
    findings: Vec<Finding>,
    upstream: Option<Upstream>,
    handle: ServerHandle,
    steering: Steering,
    metrics: Option<PrometheusHandle>,
    obeys_signals: bool,
}

impl Server {
    /// Loads a server for an application: [`Loader`] with its defaults.
    pub fn load(sources: Sources, registry: Registry) -> Result<Self, Errors> {
        Loader::new(sources, registry).load()
    }

    pub(crate) fn new(recipe: Recipe, mut assembly: Assembly) -> Self {
        let mut findings = assembly.findings.clone();
        findings.extend_from_slice(&assembly.of_directory.load());
        let upstream = assembly.upstream.take();
        let running = Arc::new(Running::new(recipe, assembly));
        let (handle, steering) = ServerHandle::new(Arc::clone(&running.status));
        Self {
            running,
            findings,
            upstream,
            handle,
            steering,
            metrics: None,
            obeys_signals: true,
        }
    }

    /// What is allowed and unwise.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The policy in force.
    pub fn policy(&self) -> &PolicyHandle {
        &self.running.policy
    }

    /// The stages of `palisade.client.interceptors.<name>`, as a layer for the HTTP client with which the application calls a
    /// partner. Reloads apply to it; it may outlive the server.
    ///
    /// ```
    /// use palisade_config::Sources;
    /// use palisade_endpoint::Registry;
    /// use palisade_server::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// std::fs::write(
    ///     folder.path().join("application.properties"),
    ///     "palisade.listeners.main.tls.enabled=false\n\
    ///      palisade.client.interceptors.Partner.report-only=false\n",
    /// )?;
    /// let server = Server::load(Sources::new(folder.path()), Registry::new())?;
    /// assert!(server.client("Partner").is_ok());
    /// let unknown = server.client("Patner").unwrap_err();
    /// assert!(unknown.to_string().ends_with("did you mean \"Partner\"?"));
    /// # Ok(()) }
    /// ```
    pub fn client(&self, name: &str) -> Result<ClientInterceptorLayer, UnknownClientInterceptor> {
        self.running.policy.client(name)
    }

    /// Connections of the application's own to others: `palisade.connections`. Reloads apply to them; they may outlive the server.
    pub fn connections(&self) -> Connections {
        self.running.connections.clone()
    }

    /// The settings it starts with.
    pub fn settings(&self) -> &ServerSettings {
        &self.running.started
    }

    /// Steers it once it serves.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Shows these metrics on the admin listener.
    #[must_use]
    pub fn with_metrics(mut self, metrics: PrometheusHandle) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Lets reloads change the level of that log.
    #[must_use]
    pub fn with_log(self, log: LogHandle) -> Self {
        // Taking the server by value, nobody can have set one twice at once.
        let _ = self.running.log.set(log);
        self
    }

    /// Leaves SIGTERM, SIGINT and SIGHUP to the application, which stops the server through its [`handle`](Self::handle).
    #[must_use]
    pub fn without_signals(mut self) -> Self {
        self.obeys_signals = false;
        self
    }

    /// Serves `palisade.upstream.url`.
    pub async fn serve_gateway(mut self) -> Result<(), ServeError> {
        let gateway = Gateway::new(self.upstream.take().ok_or(ServeError::NoUpstream)?);
        let _ = self.running.gateway.set(gateway.clone());
        self.serve(gateway).await
    }

    /// Serves the built-in echo.
    pub async fn serve_echo(self) -> Result<(), ServeError> {
        self.serve(Echo::new()).await
    }

    /// Serves an application, such as an axum router, behind the endpoint groups.
    ///
    /// Ends when the server was told to stop and its connections are closed. It catches SIGTERM, SIGINT and SIGHUP, unless
    /// [`without_signals`](Self::without_signals) says otherwise.
    pub async fn serve<S, R>(self, app: S) -> Result<(), ServeError>
    where
        S: Service<Request<Body>, Response = Response<R>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        R: HttpBody<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let signals = self.obeys_signals.then(Signals::install).transpose();
        let signals = signals.map_err(ServeError::Signals)?;
        if let Some(memory) = self.running.replay() {
            memory.begin().await.map_err(ServeError::Replay)?;
        }
        if let Some(counters) = self.running.counters() {
            counters.begin().await.map_err(ServeError::Counters)?;
        }
        let listeners = self.bind().await?;
        let admin = self.bind_admin().await?;
        let addresses = listeners
            .iter()
            .map(|bound| (bound.name().to_string(), bound.local()));
        let bindings = Bindings {
            listeners: addresses.collect(),
            admin: admin.as_ref().map(Bound::local),
        };

        let guarded = EndpointGroupsLayer::new(self.running.policy.clone()).layer(Unpanicking(app));
        let entry = Entry::new(guarded, self.settings().body_read_timeout.get());
        let mut serving = JoinSet::new();
        let mut handles = Vec::new();
        for bound in listeners {
            // Each listener that was bound has one.
            if let Some(acceptor) = self.running.acceptors.get(bound.name().as_ref()) {
                let handle = ListenerHandle::new();
                handles.push(handle.clone());
                serving.spawn(bound.serve(acceptor.clone(), entry.clone(), handle));
            }
        }
        // These end with this function.
        let mut background = JoinSet::new();
        if let Some(metrics) = &self.metrics {
            background.spawn(observe::keep_up(metrics.clone()));
        }
        if let Some(memory) = self.running.replay() {
            background.spawn(Arc::clone(memory).keep_up());
        }
        self.running.begin();
        background.spawn(certificates::watch(
            Arc::clone(&self.running),
            self.running.clock(),
        ));
        if let Some(bound) = admin {
            let admin = Admin::new(&self.running, self.metrics);
            background.spawn(serve_admin(bound, admin));
        }
        if let Some(signals) = signals {
            background.spawn(signals.obey(self.handle.clone()));
        }
        let Steering { stop, reload } = self.steering;
        background.spawn(supervise::follow_files(Arc::clone(&self.running), reload));

        self.running.status.enter(LifePhase::Ready);
        self.handle.listens(bindings);
        supervise::supervise(serving, &handles, stop, &self.running).await
    }

    async fn bind(&self) -> Result<Vec<Bound>, ServeError> {
        let mut bound = Vec::new();
        for (name, settings) in &self.settings().listeners {
            let timeout = settings.header_read_timeout.get();
            let listener = Bound::bind(name.as_str(), settings.bind, settings.max_connections, timeout).await;
            bound.push(listener.map_err(|source| ServeError::Bind {
                listener: format!("listeners.{name}"),
                address: settings.bind,
                source,
            })?);
        }
        Ok(bound)
    }

    /// The default address may be taken by another server on the same machine; one that was chosen must be had.
    async fn bind_admin(&self) -> Result<Option<Bound>, ServeError> {
        let settings = self.settings();
        if !settings.admin.enabled {
            return Ok(None);
        }
        let address = settings.admin.bind;
        match Bound::bind("admin", address, ADMIN_CONNECTIONS, ADMIN_HEAD_TIMEOUT).await {
            Ok(bound) => Ok(Some(bound)),
            Err(source) if settings.admin_is_chosen => Err(ServeError::Bind {
                listener: "admin".to_owned(),
                address,
                source,
            }),
            Err(error) => {
                tracing::error!(
                    target: "palisade::listener", %address, %error,
                    "no admin listener; choose palisade.admin.bind, or set palisade.admin.enabled=false"
                );
                Ok(None)
            }
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

async fn serve_admin(bound: Bound, admin: Admin) {
    let served = bound
        .serve(DefaultAcceptor::new(), admin.service(), ListenerHandle::new())
        .await;
    if let Err(error) = served {
        tracing::error!(target: "palisade::listener", %error, "the admin listener ended");
    }
}
