//! Serving: listeners, drain, reload, admin endpoints, and the gateway to an upstream.
//!
//! 1. [`Server::load`] reads and checks everything, and returns every error at once; nothing listens before all of it is sound.
//! 2. A request passes the listener's acceptor (`palisade-tls`: handshake, facts), then the endpoint groups
//!    (`palisade-endpoint`), then the application: an axum router, the [`gateway`], or the [`echo`]. One that panics is answered
//!    for with 500 `internal-error`.
//! 3. Slow and many clients are bounded: heads, handshakes and bodies have their times, connections and streams their numbers;
//!    answers reach clients that are still sending. [`listener`] has the rules.
//! 4. Changed files apply whole or not at all, without dropping a connection; what applied before stays in force after an error.
//! 5. SIGTERM and SIGINT drain: nothing new is accepted, what is under way finishes within `palisade.drain-timeout`; a second
//!    signal ends at once. SIGHUP reloads.
//! 6. `/health`, `/ready`, `/status`, `/metrics` and `/limits` are on a listener of their own, on loopback, at `palisade.admin.bind`
//!    (`127.0.0.1:9080`).
//! 7. Stages that accept a message once share one memory, `palisade.replay`, which is opened when the server serves and one of
//!    them asks for it. An application that shares a [`SharedReplay`](palisade_core::SharedReplay) of its own is left to it.
//! 8. Limits find the stores `embedded` and `redis` among the [`LimitStores`](palisade_core::LimitStores), beside those that an application
//!    shares under other names: see [`CounterStores`]. They keep what was used over reloads.
//! 9. Callers are those of the property files, which apply with a reload, or of the database that `palisade.directory` names, which
//!    is followed. What stages want done beside requests, such as keeping the keys of tokens fresh, is done from when they are
//!    in force until they are gone.
//! 10. The application connects to others by what is set for each of them under `palisade.connections`: see [`connections`].
//!
//! What this does not protect against: a handler that never answers (put a timeout around it); more traffic than the machine
//! can take; a bare status without problem document where the HTTP library itself refuses bytes that are no HTTP.
//!
//! # Example
//!
//! ```
//! use axum::{Router, routing::get};
//! use palisade_config::Sources;
//! use palisade_endpoint::Registry;
//! use palisade_server::Server;
//! use palisade_test::ca::{ClientTls, TestCa};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let ca = TestCa::new("Example Root");
//! ca.server(&["localhost"]).write_pem(folder.path(), "server");
//! std::fs::write(
//!     folder.path().join("application.properties"),
//!     "palisade.keystores.server.location=server.pem\n\
//!      palisade.listeners.main.bind=127.0.0.1:0\n\
//!      palisade.listeners.main.tls.key-alias=server\n\
//!      palisade.admin.enabled=false\n\
//!      palisade.endpoints[0].paths=/orders/{id}\n",
//! )?;
//! let server = Server::load(Sources::new(folder.path()), Registry::new())?.without_signals();
//! let handle = server.handle();
//! let app = Router::new().fallback(get(|| async { "an order" }));
//! let serving = tokio::spawn(server.serve(app));
//! let address = handle.listening().await.ok_or("it does not listen")?.listeners["main"];
//!
//! for (path, status) in [("/orders/7", "HTTP/1.1 200"), ("/elsewhere", "HTTP/1.1 404")] {
//!     let stream = tokio::net::TcpStream::connect(address).await?;
//!     let connector = tokio_rustls::TlsConnector::from(ClientTls::trusting(&ca).build());
//!     let mut stream = connector.connect("localhost".try_into()?, stream).await?;
//!     let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
//!     stream.write_all(request.as_bytes()).await?;
//!     let mut answer = String::new();
//!     stream.read_to_string(&mut answer).await?;
//!     assert!(answer.starts_with(status), "{answer}");
//! }
//! handle.stop();
//! serving.await??;
//! # Ok(()) }
//! ```

mod admin;
mod answer;
mod assembly;
mod callers;
mod certificates;
pub mod connections;
mod control;
mod counters;
mod data_dir;
pub mod echo;
mod entry;
mod error;
pub mod gateway;
mod idle;
mod ingredients;
mod instant;
mod linger;
pub mod listener;
mod loader;
pub mod logs;
mod observe;
mod panics;
mod reload;
mod replay;
mod server;
pub mod settings;
mod signals;
pub mod status;
mod supervise;
mod watch;

pub use callers::Callers;
pub use connections::{Connections, OutboundConnection};
pub use control::{Bindings, ServerHandle};
pub use counters::CounterStores;
pub use error::ServeError;
pub use loader::Loader;
pub use observe::ObserveError;
pub use server::Server;
