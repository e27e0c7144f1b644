//! A server: loaded from configuration, then serving an application, an upstream, or an echo.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum_server::accept::DefaultAcceptor;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use metrics_exporter_prometheus::PrometheusHandle;
use palisade_config::{Errors, Sources};
use palisade_core::pipeline::BoxError;
use palisade_core::{Finding, Resources, SystemClock};
use palisade_endpoint::{EndpointGroupsLayer, Environment, PolicyHandle, Registry};
use tokio::task::JoinSet;
use tower_layer::Layer as _;
use tower_service::Service;

use crate::admin;
use crate::assembly::{Assembly, Recipe};
use crate::control::{Bindings, ServerHandle, Steering, Stop};
use crate::echo::Echo;
use crate::entry::Entry;
use crate::gateway::{Gateway, Upstream};
use crate::listener::{Bound, ListenerHandle};
use crate::logs::LogHandle;
use crate::reload::Running;
use crate::settings::ServerSettings;
use crate::signals::Signals;
use crate::status::LifePhase;
use crate::watch::Watch;

/// How many connections the admin listener takes at a time.
const ADMIN_CONNECTIONS: usize = 64;

/// Chooses how a [`Server`] is loaded.
#[derive(Debug)]
pub struct Loader {
    recipe: Recipe,
}

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

/// Why a server does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// An address cannot be bound.
    #[error("palisade.{listener}: cannot listen on {address}: {source}")]
    Bind {
        /// `listeners.<name>` or `admin`.
        listener: String,
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A listener ended by itself.
    #[error("a listener ended: {0}")]
    Listener(#[source] io::Error),
    /// Signals cannot be caught.
    #[error("signals cannot be caught: {0}")]
    Signals(#[source] io::Error),
    /// The gateway has no upstream.
    #[error("palisade.upstream.url is not set")]
    NoUpstream,
}

impl Loader {
    /// Loads from these sources, with these kinds of stage.
    pub fn new(sources: Sources, registry: Registry) -> Self {
        let environment = Environment::new(Arc::new(SystemClock::new()));
        Self {
            recipe: Recipe {
                sources,
                registry,
                environment,
                needs_upstream: false,
            },
        }
    }

    /// Demands `palisade.upstream.url`, for [`Server::serve_gateway`].
    #[must_use]
    pub fn for_gateway(mut self) -> Self {
        self.recipe.needs_upstream = true;
        self
    }

    /// Takes time from that clock and shares these things with stages.
    #[must_use]
    pub fn environment(mut self, clock: Arc<dyn palisade_core::Clock>, resources: Resources) -> Self {
        self.recipe.environment = Environment::new(clock);
        self.recipe.environment.resources = resources;
        self
    }

    /// Reads and checks everything: configuration, keystores, listeners, policy, upstream. All errors come at once, sorted.
    pub fn load(self) -> Result<Server, Errors> {
        let assembly = self.recipe.assemble(None).map_err(|refused| refused.errors)?;
        Ok(Server::new(self.recipe, assembly))
    }
}

impl Server {
    /// Loads a server for an application: [`Loader`] with its defaults.
    pub fn load(sources: Sources, registry: Registry) -> Result<Self, Errors> {
        Loader::new(sources, registry).load()
    }

    fn new(recipe: Recipe, mut assembly: Assembly) -> Self {
        let findings = assembly.findings.clone();
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
        let signals = if self.obeys_signals {
            Some(Signals::install().map_err(ServeError::Signals)?)
        } else {
            None
        };
        let listeners = self.bind().await?;
        let admin = self.bind_admin().await?;
        let bindings = Bindings {
            listeners: listeners
                .iter()
                .map(|bound| (bound.name().to_string(), bound.local()))
                .collect(),
            admin: admin.as_ref().map(Bound::local),
        };

        let guarded = EndpointGroupsLayer::new(self.running.policy.clone()).layer(app);
        let entry = Entry::new(guarded, self.settings().body_read_timeout.get());
        let mut serving = JoinSet::new();
        let mut handles = Vec::new();
        for bound in listeners {
            let Some(acceptor) = self.running.acceptors.get(bound.name().as_ref()).cloned() else {
                continue;
            };
            let handle = ListenerHandle::new();
            handles.push(handle.clone());
            serving.spawn(bound.serve(acceptor, entry.clone(), handle));
        }
        let mut background = JoinSet::new();
        let admin_handle = ListenerHandle::new();
        if let Some(bound) = admin {
            let service = admin::service(Arc::clone(&self.running.status), self.metrics);
            let handle = admin_handle.clone();
            background.spawn(async move {
                if let Err(error) = bound.serve(DefaultAcceptor::new(), service, handle).await {
                    tracing::error!(target: "palisade::listener", %error, "the admin listener ended");
                }
            });
        }
        if let Some(signals) = signals {
            background.spawn(signals.obey(self.handle.clone()));
        }
        let Steering { stop, reload } = self.steering;
        background.spawn(follow_files(Arc::clone(&self.running), reload));

        self.running.status.enter(LifePhase::Ready);
        self.handle.listens(bindings);
        let drain = self.running.started.drain_timeout.get();
        let ended = supervise(serving, &handles, stop, drain, &self.running).await;
        admin_handle.stop();
        ended
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
        let timeout = std::time::Duration::from_secs(10);
        match Bound::bind("admin", address, ADMIN_CONNECTIONS, timeout).await {
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

/// Reloads when files change or somebody asks.
async fn follow_files(
    running: Arc<Running>,
    mut asked: tokio::sync::mpsc::Receiver<tokio::sync::oneshot::Sender<crate::status::Reload>>,
) {
    let mut watch = Watch::new(&running.files());
    loop {
        let answer = tokio::select! {
            () = watch.changed() => None,
            answer = asked.recv() => match answer {
                Some(answer) => {
                    watch.look();
                    Some(answer)
                }
                None => return,
            },
        };
        let reloading = Arc::clone(&running);
        let Ok(outcome) = tokio::task::spawn_blocking(move || reloading.reload()).await else {
            tracing::error!(target: "palisade::reload", "the reload broke off; what applied before stays in force");
            continue;
        };
        watch.follow(&running.files());
        if let Some(answer) = answer {
            // Whoever asked may have gone.
            let _ = answer.send(outcome);
        }
    }
}

/// Waits for the end, and sees to it that it is orderly.
async fn supervise(
    mut serving: JoinSet<io::Result<()>>,
    handles: &[ListenerHandle],
    mut stop: tokio::sync::watch::Receiver<Stop>,
    drain: std::time::Duration,
    running: &Running,
) -> Result<(), ServeError> {
    let ended = tokio::select! {
        result = serving.join_next() => of_listener(result),
        () = told(&mut stop, Stop::Drain) => Ok(()),
    };
    running.status.enter(LifePhase::Draining);
    tracing::info!(target: "palisade::listener", ?drain, "draining");
    for handle in handles {
        handle.drain(drain);
    }
    let finished = tokio::select! {
        finished = all(&mut serving) => finished,
        () = told(&mut stop, Stop::Now) => {
            for handle in handles {
                handle.stop();
            }
            all(&mut serving).await
        }
    };
    ended.and(finished)
}

/// Waits until the server is told to stop that far. The server itself holds a sender, so nothing else ends the wait.
async fn told(stop: &mut tokio::sync::watch::Receiver<Stop>, how: Stop) {
    let _ = stop.wait_for(|stop| *stop >= how).await;
}

/// Waits for every listener; the first error counts.
async fn all(serving: &mut JoinSet<io::Result<()>>) -> Result<(), ServeError> {
    let mut outcome = Ok(());
    while let Some(result) = serving.join_next().await {
        outcome = outcome.and(of_listener(Some(result)));
    }
    outcome
}

fn of_listener(result: Option<Result<io::Result<()>, tokio::task::JoinError>>) -> Result<(), ServeError> {
    match result {
        None | Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(error))) => Err(ServeError::Listener(error)),
        Some(Err(error)) => Err(ServeError::Listener(io::Error::other(error))),
    }
}
