//! The CPU time of one request over HTTPS with keep-alive: guarded servers, and one that is glued by hand, beside bare axum on the
//! same kind of listener.
//!
//! | column | what stands in front of the same router | goal |
//! |---|---|---|
//! | bare axum | nothing | |
//! | guarded | TLS floor, address filter, header rules | 1.2 |
//! | with a bearer token | these, then authentication by a token (RS256, RSA-2048) and access by its scope | 1.35 |
//! | glued by hand | about the same of `tower-http`, `tower_governor` and `jsonwebtoken`: see [`glued`] | |
//!
//! The goals are ratios to bare axum in the same run, at most. Each server runs in a process of its own, with one worker thread;
//! this process is the client, on another processor. All get the same request, token included. They take turns in many short
//! rounds, so that what else happens on the machine falls on all; of times and of ratios, which compare servers within a round, the
//! medians count.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot be set up must stop"
)]

mod client;
mod glued;
mod processors;
mod servers;
mod token;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client::Client;
use http::HeaderValue;
use palisade_test::ca::TestCa;
use servers::Kind;

const ROUNDS: usize = 51;
const REQUESTS: usize = 4_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |position: usize| arguments.get(position).map(String::as_str).unwrap_or_default();
    if argument(0) != "serve" {
        return compare();
    }
    if let Ok(processor) = argument(3).parse() {
        processors::keep_to(processor);
    }
    let kind = Kind::named(argument(1)).expect("the name of a server");
    servers::run(kind, argument(2).as_ref());
}

fn compare() {
    let folder = tempfile::tempdir().unwrap();
    let ca = TestCa::new("Bench Root");
    ca.server(&["localhost"]).write_pem(folder.path(), "server");
    for (name, text) in servers::files() {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let credentials = token::issue(folder.path());
    let apart = processors::apart();
    if let Some([own, _]) = apart {
        processors::keep_to(own);
    }
    let setting = Setting {
        folder: folder.path(),
        ca: &ca,
        credentials: &credentials,
        processor: apart.map(|[_, theirs]| theirs),
    };
    println(format_args!(
        "{ROUNDS} rounds of {REQUESTS} requests, medians of the CPU time of the server a request"
    ));
    for protocol in ["http/1.1", "h2"] {
        let mut measured: Vec<Measured> = Kind::ALL
            .into_iter()
            .map(|kind| Measured::start(kind, protocol, &setting))
            .collect();
        for _ in 0..ROUNDS {
            for one in &mut measured {
                one.round();
            }
        }
        report(protocol, &measured);
    }
}

/// Writes a table. All are compared with the first.
fn report(protocol: &str, measured: &[Measured]) {
    let Some(bare) = measured.first() else { return };
    for one in measured {
        let time = median(one.rounds.clone());
        let ratio = median(
            one.rounds
                .iter()
                .zip(&bare.rounds)
                .map(|(own, bare)| own / bare)
                .collect(),
        );
        let goal = one.kind.goal().map(|goal| format!("   at most {goal}"));
        println(format_args!(
            "{protocol:<8}  {:<19}  {time:6.2} µs   ratio {ratio:.3}{}",
            one.kind.title(),
            goal.unwrap_or_default()
        ));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::disallowed_macros, reason = "a measurement prints its figures")]
fn println(line: std::fmt::Arguments<'_>) {
    println!("{line}");
}

/// What all servers have in common.
struct Setting<'a> {
    folder: &'a Path,
    ca: &'a TestCa,
    credentials: &'a HeaderValue,
    /// Where servers run.
    processor: Option<usize>,
}

/// A server in a process of its own, and a client of it.
struct Measured {
    kind: Kind,
    process: Child,
    client: Client,
    /// Microseconds a request.
    rounds: Vec<f64>,
}

impl Measured {
    fn start(kind: Kind, protocol: &str, setting: &Setting<'_>) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["serve", kind.name()])
            .arg(setting.folder)
            .args(setting.processor.map(|processor| processor.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address: SocketAddr = line.trim().parse().expect("the server's address");
        let mut client = Client::connect(address, setting.ca, protocol);
        kind.prove(&mut client, setting.credentials);
        client.bring(setting.credentials);
        client.requests(REQUESTS);
        Self {
            kind,
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
        #[expect(clippy::cast_precision_loss, reason = "a count of requests is small")]
        let requests = REQUESTS as f64;
        self.rounds.push(used.as_secs_f64() * 1e6 / requests);
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
