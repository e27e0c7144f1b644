//! Connections to one server, or to a cluster.

use std::fmt;
use std::io;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, PushInfo, PushKind, RedisError, TlsCertificates,
    Value,
};

use super::config::{RedisConfig, RedisConfigError, RedisTopology, is_tls};

/// How often a cluster is asked again, at another node or a little later, within one call.
const CLUSTER_RETRIES: u32 = 3;
/// The longest wait before that, in milliseconds.
const CLUSTER_WAIT: u64 = 50;

/// Makes connections.
pub(crate) struct Connector {
    target: Target,
    connect_timeout: Duration,
}

enum Target {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

/// A connection that carries any number of calls at a time.
#[derive(Clone)]
pub(crate) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connector {
    /// Checks the settings; connects to nothing.
    pub(crate) fn new(config: &RedisConfig) -> Result<Self, RedisConfigError> {
        let mut infos = config.addresses()?;
        let tls = infos.first().is_some_and(is_tls);
        if tls && rustls::crypto::CryptoProvider::get_default().is_none() {
            // The client library takes that of the process, and panics without one. Where two set it at once, both set this one.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let certificates = config.trust.as_ref().filter(|_| tls).map(|pem| TlsCertificates {
            client_tls: None,
            root_cert: Some(pem.clone()),
        });
        let target = match config.topology {
            RedisTopology::Single => {
                let info = infos.pop().ok_or(RedisConfigError::Count)?;
                Target::Single(Box::new(single(info, certificates)?))
            }
            RedisTopology::Cluster => Target::Cluster(Box::new(cluster(infos, certificates, config)?)),
        };
        Ok(Self {
            target,
            connect_timeout: config.connect_timeout,
        })
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.target, Target::Cluster(_))
    }

    /// Connects; `ended` is told when the server ends the connection.
    pub(crate) async fn connect(
        &self,
        ended: impl Fn() + Send + Sync + 'static,
    ) -> Result<Connection, RedisError> {
        let connecting = Box::pin(async {
            match &self.target {
                Target::Single(client) => {
                    let config = AsyncConnectionConfig::new()
                        .set_connection_timeout(None)
                        // Calls have a time limit of their own.
                        .set_response_timeout(None)
                        .set_push_sender(move |push: PushInfo| {
                            if push.kind == PushKind::Disconnection {
                                ended();
                            }
                            Ok::<_, redis::aio::SendError>(())
                        });
                    let connected = client.get_multiplexed_async_connection_with_config(&config).await;
                    connected.map(Connection::Single)
                }
                // It finds its nodes again by itself.
                Target::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
            }
        });
        let late = |_| Err(RedisError::from(io::Error::from(io::ErrorKind::TimedOut)));
        tokio::time::timeout(self.connect_timeout, connecting)
            .await
            .unwrap_or_else(late)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_cluster() { "cluster" } else { "single" };
        f.debug_tuple("Connector").field(&kind).finish()
    }
}

fn single(info: ConnectionInfo, certificates: Option<TlsCertificates>) -> Result<Client, RedisConfigError> {
    match certificates {
        Some(certificates) => Client::build_with_tls(info, certificates).map_err(|_| RedisConfigError::Trust),
        None => Client::open(info).map_err(|_| RedisConfigError::Url),
    }
}

fn cluster(
    infos: Vec<ConnectionInfo>,
    certificates: Option<TlsCertificates>,
    config: &RedisConfig,
) -> Result<ClusterClient, RedisConfigError> {
    let mut builder = ClusterClientBuilder::new(infos)
        .retries(CLUSTER_RETRIES)
        .min_retry_wait(1)
        .max_retry_wait(CLUSTER_WAIT)
        .connection_timeout(config.connect_timeout)
        .response_timeout(config.timeout);
    if let Some(certificates) = certificates {
        builder = builder.certs(certificates);
    }
    builder.build().map_err(|_| RedisConfigError::Trust)
}

impl Connection {
    pub(crate) async fn send(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let answer = match self {
            Self::Single(connection) => connection.req_packed_command(command).await,
            Self::Cluster(connection) => connection.req_packed_command(command).await,
        };
        answer.and_then(Value::extract_error)
    }
}
