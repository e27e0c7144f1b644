//! A configuration folder with everybody who calls, and servers that run from it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use metrics_exporter_prometheus::PrometheusBuilder;
use palisade::config::{Errors, Sources};
use palisade::core::{Resources, Secret};
use palisade::directory::{GeneratedApiKey, PasswordHash};
use palisade::server::status::Reload;
use palisade::server::{Bindings, Loader, ServerHandle};
use palisade::{Registry, StandardRegistry};
use palisade_test::FakeClock;
use rustls::{ALL_VERSIONS, SupportedProtocolVersion};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::{Ask, Connection, Tls};
use super::issuer::{AUDIENCE, ISSUER, Issuer};
use super::pki::{Pki, fingerprint};

pub(crate) const PASSWORD: &str = "Correct-Horse-7";
pub(crate) const WRONG_PASSWORD: &str = "Wrong-Battery-8";

/// The three modes, each with an interceptor and a group of that name, below `/<mode>/`.
pub(crate) const MODES: [&str; 3] = ["default", "force", "exclusive"];

/// What a request brings beside a certificate, all of it alice's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credentials {
    Nothing,
    Basic,
    Bearer,
    ApiKey,
    WrongPassword,
}

/// - acme, a tenant with a certificate, and its users alice (everything), carol (a certificate), dave (nothing), and erin
///   (everything, but inactive);
/// - globex, a tenant without one, and its user bob (a certificate);
/// - stranger, a certificate of the same authority that is registered for nobody.
///
/// The listener `asks` asks for certificates, `requires` requires them, and `silent` does neither.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) pki: Pki,
    pub(crate) issuer: Issuer,
    pub(crate) api_key: String,
    pub(crate) password_hash: String,
    properties: BTreeMap<String, String>,
}

impl World {
    pub(crate) fn new() -> Self {
        let pki = Pki::new();
        for name in ["alice", "acme", "carol", "erin", "bob", "stranger"] {
            pki.issue(name);
        }
        let key = GeneratedApiKey::generate().unwrap();
        let hash = PasswordHash::hash(&Secret::new(PASSWORD)).unwrap();
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            pki,
            issuer: Issuer::new(),
            api_key: key.text().expose().to_owned(),
            password_hash: hash.to_phc().expose().to_owned(),
            properties: BTreeMap::new(),
        };
        let identity =
            world.pki.pem("server") + &std::fs::read_to_string(world.pki.file("server.key")).unwrap();
        world.put("server.pem", identity);
        world.put("ca.pem", world.pki.pem("ca"));
        world.put("jwks.json", world.issuer.key_set());
        world.set("palisade.admin.bind", "127.0.0.1:0");
        world.set("palisade.keystores.server.location", "server.pem");
        world.set("palisade.keystores.ca.location", "ca.pem");
        for (name, client_auth) in [("asks", "request"), ("requires", "require"), ("silent", "none")] {
            world.listener(
                name,
                &[("tls.key-alias", "server"), ("tls.client-auth", client_auth)],
            );
        }
        world.people();
        for (position, mode) in MODES.into_iter().enumerate() {
            world.interceptor(mode, &[("two-way-mode", mode)]);
            world.group(
                position,
                mode,
                &[("paths", &format!("/{mode}/{{*rest}}")), ("interceptors", mode)],
            );
        }
        world
    }

    fn people(&mut self) {
        let (hash, key) = (self.password_hash.clone(), fingerprint(self.api_key.as_bytes()));
        self.set(
            "palisade.tenants.acme.certificates",
            &self.pki.fingerprint("acme"),
        );
        self.set("palisade.tenants.globex.certificates", "");
        for (name, tenant) in [
            ("alice", "acme"),
            ("carol", "acme"),
            ("dave", "acme"),
            ("erin", "acme"),
            ("bob", "globex"),
        ] {
            self.set(&format!("palisade.users.{name}.tenant"), tenant);
            if name != "dave" {
                let certificate = self.pki.fingerprint(name);
                self.set(&format!("palisade.users.{name}.certificates"), &certificate);
            }
        }
        self.set("palisade.users.alice.roles", "clerk");
        self.set("palisade.users.alice.password-hash", &hash);
        self.set(
            "palisade.users.alice.api-key-hashes",
            &format!("{key} orders.read"),
        );
        self.set("palisade.users.erin.password-hash", &hash);
        self.set("palisade.users.erin.api-key-hashes", &fingerprint(b"plsd_erin"));
        self.set("palisade.users.erin.active", "false");
    }

    /// Sets a property, in place of what it was.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.properties.insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.properties.remove(key).unwrap();
    }

    pub(crate) fn remove_all(&mut self, prefix: &str) {
        self.properties.retain(|key, _| !key.starts_with(prefix));
    }

    pub(crate) fn property(&self, key: &str) -> Option<String> {
        self.properties.get(key).cloned()
    }

    /// A listener that trusts the authority.
    pub(crate) fn listener(&mut self, name: &str, settings: &[(&str, &str)]) {
        for (key, value) in [("bind", "127.0.0.1:0"), ("tls.client-ca-aliases", "ca")]
            .iter()
            .chain(settings)
        {
            self.set(&format!("palisade.listeners.{name}.{key}"), value);
        }
    }

    /// An interceptor with all schemes; `settings` are those of `authentication`.
    pub(crate) fn interceptor(&mut self, name: &str, settings: &[(&str, &str)]) {
        let usual = [
            ("schemes", "certificate,basic,bearer,api-key"),
            ("bearer.issuer", ISSUER),
            ("bearer.audience", AUDIENCE),
            ("bearer.jwks-file", "jwks.json"),
        ];
        for (key, value) in usual.iter().chain(settings) {
            self.set(
                &format!("palisade.interceptors.{name}.authentication.{key}"),
                value,
            );
        }
    }

    /// An endpoint group; the modes have positions 0 to 2.
    pub(crate) fn group(&mut self, position: usize, name: &str, settings: &[(&str, &str)]) {
        for (key, value) in [("name", name)].iter().chain(settings) {
            self.set(&format!("palisade.endpoints[{position}].{key}"), value);
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder, by a rename as careful editors do it.
    pub(crate) fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        let next = self.path().join("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, self.path().join(name)).unwrap();
    }

    /// Writes the properties as they are set.
    pub(crate) fn write(&self) {
        let mut text = String::new();
        for (key, value) in &self.properties {
            writeln!(text, "{key}={value}").unwrap();
        }
        self.put("application.properties", text);
    }

    /// Writes everything, and serves the echo.
    pub(crate) fn start(&self) -> Server {
        self.try_start().unwrap_or_else(|errors| panic!("{errors}"))
    }

    pub(crate) fn try_start(&self) -> Result<Server, Errors> {
        self.write();
        Server::start(self.path())
    }

    /// A client that shows that certificate, with any version of TLS.
    pub(crate) fn tls(&self, certificate: Option<&str>) -> Tls {
        self.tls_of(certificate, ALL_VERSIONS)
    }

    pub(crate) fn tls_of(
        &self,
        certificate: Option<&str>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Tls {
        Tls::new(&self.pki, certificate.map(|name| (&self.pki, name)), versions)
    }

    /// The fields that carry credentials.
    pub(crate) fn fields(&self, credentials: Credentials) -> Vec<(&'static str, String)> {
        match credentials {
            Credentials::Nothing => Vec::new(),
            Credentials::Basic => vec![basic("alice", PASSWORD)],
            Credentials::WrongPassword => vec![basic("alice", WRONG_PASSWORD)],
            Credentials::Bearer => vec![bearer(&self.issuer.token("alice", &json!({})))],
            Credentials::ApiKey => vec![("x-api-key", self.api_key.clone())],
        }
    }

    /// A request to a group with credentials.
    pub(crate) fn ask(&self, group: &str, credentials: Credentials) -> Ask {
        Ask::get(&format!("/{group}/x")).with_all(&self.fields(credentials))
    }
}

pub(crate) fn basic(user: &str, password: &str) -> (&'static str, String) {
    let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    ("authorization", format!("Basic {encoded}"))
}

pub(crate) fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

/// A server on a thread of its own, with a clock that stands and metrics of its own. It stops when it is dropped.
pub(crate) struct Server {
    pub(crate) clock: Arc<FakeClock>,
    handle: ServerHandle,
    at: Bindings,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(folder: &Path) -> Result<Self, Errors> {
        let clock = Arc::new(FakeClock::now_and_standing());
        let sources = Sources::new(folder);
        let loader = Loader::new(sources, Registry::standard())
            .environment(Arc::clone(&clock) as _, Resources::default());
        let recorder = PrometheusBuilder::new().build_recorder();
        let server = loader.load()?.without_signals().with_metrics(recorder.handle());
        let handle = server.handle();
        let thread = std::thread::spawn(move || {
            metrics::with_local_recorder(&recorder, || wait_for(server.serve_echo())).unwrap();
        });
        let at = wait_for(handle.listening()).unwrap();
        Ok(Self {
            clock,
            handle,
            at,
            thread: Some(thread),
        })
    }

    pub(crate) fn at(&self, listener: &str) -> SocketAddr {
        self.at.listeners[listener]
    }

    /// Has it read its files anew, and says how that went.
    pub(crate) fn reload(&self) -> Reload {
        wait_for(self.handle.reload()).unwrap()
    }

    /// Writes the files as they are now meant to be, and has them applied.
    pub(crate) fn apply(&self, world: &World) {
        world.write();
        let outcome = self.reload();
        assert!(matches!(outcome, Reload::Applied { .. }), "{outcome:?}");
    }

    /// What the admin listener answers.
    pub(crate) fn admin(&self, path: &str) -> String {
        let mut connection = Connection::plain(self.at.admin.unwrap(), b"").unwrap();
        connection.ask(&Ask::get(path)).unwrap().body
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.admin("/status")).unwrap()
    }

    /// A counter without labels, as `/metrics` shows it.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let metrics = self.admin("/metrics");
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |count| count.parse().unwrap())
    }

    pub(crate) fn handle(&self) -> &ServerHandle {
        &self.handle
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.handle.stop_now();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}

/// Runs something to its end on this thread alone.
pub(crate) fn wait_for<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "{what} does not come about"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
