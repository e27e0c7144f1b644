//! The CPU time of one request over HTTPS with keep-alive: the guarded server beside bare axum on the same kind of listener.
//!
//! Each server runs in a process of its own, with one worker thread; this process is the client. Rounds alternate, and the
//! median of each server's rounds counts, so that what else happens on the machine falls on both. The policy of the guarded
//! server has the TLS floor, an address filter and header rules.
//!
//! The goal is a ratio of at most 1.2.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot be set up must stop"
)]

mod client;
mod servers;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client::Client;
use palisade_test::ca::TestCa;

const ROUNDS: usize = 9;
const REQUESTS: usize = 20_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("serve"), Some(kind)) => servers::run(&kind, arguments.next().expect("a folder").as_ref()),
        _ => compare(),
    }
}

fn compare() {
    let folder = tempfile::tempdir().unwrap();
    let ca = TestCa::new("Bench Root");
    ca.server(&["localhost"]).write_pem(folder.path(), "server");
    std::fs::write(folder.path().join("application.properties"), servers::PROPERTIES).unwrap();
    println(format_args!(
        "{REQUESTS} requests a round, {ROUNDS} rounds, median CPU time of the server a request"
    ));
    for protocol in ["http/1.1", "h2"] {
        let mut measured: Vec<Measured> = ["bare", "guarded"]
            .iter()
            .map(|kind| Measured::start(kind, folder.path(), &ca, protocol))
            .collect();
        for _ in 0..ROUNDS {
            for one in &mut measured {
                one.round();
            }
        }
        let times: Vec<f64> = measured.iter_mut().map(Measured::median_micros).collect();
        let [bare, guarded] = times.as_slice() else { return };
        let ratio = guarded / bare;
        println(format_args!(
            "{protocol:<8}  bare axum {bare:6.2} µs   guarded {guarded:6.2} µs   ratio {ratio:.3}"
        ));
    }
}

#[expect(clippy::disallowed_macros, reason = "a measurement prints its figures")]
fn println(line: std::fmt::Arguments<'_>) {
    println!("{line}");
}

/// A server in a process of its own, and a client of it.
struct Measured {
    process: Child,
    client: Client,
    rounds: Vec<Duration>,
}

impl Measured {
    fn start(kind: &str, folder: &Path, ca: &TestCa, protocol: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["serve", kind])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address: SocketAddr = line.trim().parse().expect("the server's address");
        let mut client = Client::connect(address, ca, protocol);
        client.requests(REQUESTS / 4);
        Self {
            process,
            client,
            rounds: Vec::new(),
        }
    }

    fn round(&mut self) {
        let before = cpu_time(self.process.id());
        let started = Instant::now();
        self.client.requests(REQUESTS);
        let used = cpu_time(self.process.id()).saturating_sub(before);
        assert!(used < started.elapsed() * 4, "the clock of the process runs");
        self.rounds.push(used);
    }

    fn median_micros(&mut self) -> f64 {
        self.rounds.sort_unstable();
        let median = self
            .rounds
            .get(self.rounds.len() / 2)
            .copied()
            .unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a count of requests is small")]
        let requests = REQUESTS as f64;
        median.as_secs_f64() * 1e6 / requests
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The time that all threads of a process have run, in nanoseconds as the scheduler counts them.
fn cpu_time(process: u32) -> Duration {
    let tasks =
        std::fs::read_dir(format!("/proc/{process}/task")).expect("Linux, for its scheduler's figures");
    let of_task = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(tasks.filter_map(|task| of_task(task.ok()?)).sum())
}
