//! A Redis server of a test's own, or a cluster of three.
//!
//! 1. It is real: the `redis-server` of this machine, found on the path. Debian's `redis-tools` has the same program as
//!    `redis-check-rdb`, which is one under the right name.
//! 2. It has a folder and a port of its own, listens on the loopback interface alone, and is gone when it is dropped.
//! 3. It can be stopped and started again at the same port, with the data it had or without.
//! 4. A [`SlowProxy`] stands before it where answers are to be late.
//! 5. Where there is none, [`Redis::start`] says so and returns `None`; with `PALISADE_REQUIRE_REDIS` set that is a failure.
//!
//! It protects nothing: it is for tests only.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test that cannot start its Redis must stop"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use crate::ca::TestCert;

/// The password of the servers that have one.
pub const PASSWORD: &str = "Correct-Horse7-of-redis";
/// Set where a test must not pass for want of a server.
const REQUIRE: &str = "PALISADE_REQUIRE_REDIS";
/// How many slots a cluster has.
const SLOTS: u32 = 16_384;

/// What a server begins again with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// What it had when it was stopped.
    Kept,
    /// Nothing.
    Emptied,
}

/// A running server.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    options: Vec<String>,
    server: Option<Child>,
}

impl Redis {
    /// Starts a server without a password.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts a server that wants [`PASSWORD`].
    pub fn start_with_password() -> Option<Self> {
        Self::start_with(&["--requirepass", PASSWORD])
    }

    /// Starts a server with further options of its command line.
    pub fn start_with(options: &[&str]) -> Option<Self> {
        let Some(program) = program() else {
            assert!(
                std::env::var_os(REQUIRE).is_none(),
                "{REQUIRE} is set, and there is no redis-server"
            );
            let _ = writeln!(
                std::io::stderr(),
                "there is no redis-server on this machine: not tried"
            );
            return None;
        };
        let mut redis = Self {
            folder: tempfile::tempdir().expect("a folder can be made"),
            port: free_port(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            server: None,
        };
        redis.launch(&program);
        Some(redis)
    }

    /// Starts a server that speaks TLS with that certificate, too: at the port that is returned.
    pub fn start_with_tls(certificate: &TestCert) -> Option<(Self, u16)> {
        let files = tempfile::tempdir().expect("a folder can be made");
        let (chain, key) = certificate.write_crt_and_key(files.path(), "server");
        let port = free_port();
        // It has read them when it answers.
        let redis = Self::start_with(&[
            "--tls-port",
            &port.to_string(),
            "--tls-cert-file",
            &chain.display().to_string(),
            "--tls-key-file",
            &key.display().to_string(),
            "--tls-ca-cert-file",
            &chain.display().to_string(),
            "--tls-auth-clients",
            "no",
        ])?;
        Some((redis, port))
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// Its URL by way of another port, such as that of a [`SlowProxy`].
    pub fn url_at(&self, port: u16) -> String {
        let password = self.options.iter().any(|option| option == PASSWORD);
        let user = if password {
            format!(":{PASSWORD}@")
        } else {
            String::new()
        };
        format!("redis://{user}127.0.0.1:{port}/0")
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Writes what it has to disk, and ends it with every connection.
    pub fn stop(&mut self) {
        if self.server.is_some() {
            // It answers by ending.
            let _ = self.try_command(&["SHUTDOWN", "SAVE"]);
        }
        self.kill();
    }

    /// Ends it at once: what it did not write is lost.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Starts it again, at the same port.
    pub fn resume(&mut self, data: Data) {
        if data == Data::Emptied {
            for file in fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
                let path = file.path();
                let _ = if path.is_dir() {
                    fs::remove_dir_all(path)
                } else {
                    fs::remove_file(path)
                };
            }
        }
        let program = program().expect("it was there before");
        self.launch(&program);
    }

    /// Asks it something, and answers what it says, line by line without a reader of the protocol: for tests that look.
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words).expect("redis answers")
    }

    fn try_command(&self, words: &[&str]) -> std::io::Result<String> {
        let mut request = Vec::new();
        if self.options.iter().any(|option| option == PASSWORD) {
            request.extend(encoded(&["AUTH", PASSWORD]));
        }
        request.extend(encoded(words));
        // Of the connection, nothing is left to be read after this.
        request.extend(encoded(&["QUIT"]));
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(&request)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn launch(&mut self, program: &Path) {
        let log = fs::File::create(self.folder.path().join("log")).expect("a log can be made");
        let mut command = Command::new(program);
        command
            .arg0("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &self.port.to_string()])
            .args(["--daemonize", "no", "--dir"])
            .arg(self.folder.path())
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::null());
        self.server = Some(command.spawn().expect("redis-server can be started"));
        for _ in 0..600 {
            if self
                .try_command(&["PING"])
                .is_ok_and(|answer| answer.contains("PONG"))
            {
                return;
            }
            let ended = self
                .server
                .as_mut()
                .and_then(|server| server.try_wait().ok().flatten());
            assert!(ended.is_none(), "redis-server ended: {}", self.log());
            sleep(Duration::from_millis(20));
        }
        panic!("redis-server does not get ready: {}", self.log());
    }

    /// What it logged since it was started last.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts three servers that are one Redis Cluster.
pub fn start_cluster() -> Option<[Redis; 3]> {
    let node = || Redis::start_with(&["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]);
    let nodes = [node()?, node()?, node()?];
    for (node, (from, to)) in nodes.iter().zip([(0, 5460), (5461, 10_922), (10_923, SLOTS - 1)]) {
        let answer = node.command(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()]);
        assert!(answer.starts_with("+OK"), "{answer}");
    }
    let [first, others @ ..] = &nodes;
    for other in others {
        let answer = first.command(&["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string()]);
        assert!(answer.starts_with("+OK"), "{answer}");
    }
    for _ in 0..600 {
        let ready = |node: &Redis| {
            let info = node.command(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        };
        if nodes.iter().all(ready) {
            return Some(nodes);
        }
        sleep(Duration::from_millis(50));
    }
    panic!("the cluster does not get ready: {}", first.log());
}

/// Stands before a server and lets what it says wait; what it is told goes on at once.
#[derive(Debug)]
pub struct SlowProxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    delay: AtomicU64,
    ended: AtomicBool,
}

impl SlowProxy {
    /// Before that port, with no delay yet.
    pub fn before(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let shared = Arc::new(Shared::default());
        let for_all = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if for_all.ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) else {
                    continue;
                };
                carry(&client, &server, None);
                carry(&server, &client, Some(Arc::clone(&for_all)));
            }
        });
        Self { port, shared }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets everything that comes from the server from now on wait so long.
    pub fn delay(&self, by: Duration) {
        let milliseconds = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay.store(milliseconds, Ordering::Relaxed);
    }
}

impl Drop for SlowProxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // It waits for somebody to come.
        let _ = TcpStream::connect_timeout(
            &SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)),
            Duration::from_secs(1),
        );
    }
}

fn carry(from: &TcpStream, to: &TcpStream, slow: Option<Arc<Shared>>) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else {
        return;
    };
    let _ = to.set_nodelay(true);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if let Some(shared) = &slow {
                sleep(Duration::from_millis(shared.delay.load(Ordering::Relaxed)));
            }
            if to.write_all(buffer.get(..length).unwrap_or_default()).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
        let _ = from.shutdown(std::net::Shutdown::Both);
    });
}

fn encoded(words: &[&str]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    request
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    ["redis-server", "redis-check-rdb"].iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|program| program.exists())
    })
}

/// One that has another 10,000 above it: a node of a cluster listens there, too.
fn free_port() -> u16 {
    for _ in 0..1000 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let port = listener.local_addr().expect("it has an address").port();
        if let Some(bus) = port.checked_add(10_000)
            && TcpListener::bind((Ipv4Addr::LOCALHOST, bus)).is_ok()
        {
            return port;
        }
    }
    panic!("there are no two free ports 10,000 apart");
}
