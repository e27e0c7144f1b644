//! Message security over HTTPS: what an exchange costs beside its cryptographic operations alone, and what other routes feel.
//!
//! The server runs in a process of its own, as `palisade` would run it: all six profiles, a replay memory, HTTPS with keep-alive.
//! This process is the partner, with messages made beforehand.
//!
//! 1. The processor time of the server for an exchange, beside that of the bare operations (decrypt and verify, sign and encrypt,
//!    RSA-2048, A128CBC-HS256) with OpenSSL in the same run, and beside the same bytes over HTTPS without message security. The
//!    goal is at least 0.87 of what the bare operations allow.
//! 2. The latency of a route without message security, on an idle server and while a second process keeps every core of it busy
//!    with messages. The goal is a 99th percentile within three times that of the idle server. Partner, server and load share
//!    the machine, so this is the worst case: a load from elsewhere takes no time here.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot be set up must stop"
)]

/// As in the `palisade` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod bare;
mod partner;
mod server;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use palisade_test::ca::{KeyKind, TestCa};
use partner::{Messages, Partner};

const ROUNDS: usize = 7;
const MESSAGES: usize = 400;
const PROBES: usize = 4000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |position: usize| arguments.get(position).map(String::as_str).unwrap_or_default();
    match argument(0) {
        "serve" => server::run(Path::new(argument(1))),
        "load" => partner::load(Path::new(argument(1)), argument(2).parse().expect("an address")),
        _ => compare(),
    }
}

fn compare() {
    let folder = tempfile::tempdir().unwrap();
    let ca = TestCa::new("Bench Root");
    ca.write_pem(folder.path(), "root");
    ca.server(&["localhost"]).write_pem(folder.path(), "server");
    for name in ["us", "partner"] {
        let leaf = ca.leaf(name).key_kind(KeyKind::Rsa2048).issue();
        leaf.write_pem(folder.path(), name);
    }
    std::fs::write(folder.path().join("application.properties"), server::PROPERTIES).unwrap();
    let server = Running::start("serve", folder.path(), None);
    let address = server.address.expect("the server's address");
    for size in [1024, 64 * 1024] {
        cost(&server, address, folder.path(), size);
    }
    latency(address, folder.path());
}

/// Processor time of the server for an exchange.
fn cost(server: &Running, address: SocketAddr, folder: &Path, size: usize) {
    let messages = Messages::new(folder, size);
    let mut partner = Partner::connect(address, folder, 8);
    let mut rounds = Vec::new();
    let mut bare_rounds = Vec::new();
    let mut clear_rounds = Vec::new();
    let mut bare = bare::Operations::new(folder, &messages.one("bare"));
    for round in 0..=ROUNDS {
        let batch: Vec<_> = (0..MESSAGES)
            .map(|number| messages.one(&format!("{size}-{round}-{number}")))
            .collect();
        let mut processor_time = |path| {
            let before = cpu_time(server.process.id());
            partner.send(path, &batch);
            cpu_time(server.process.id()).saturating_sub(before)
        };
        let clear = processor_time(server::CLEAR);
        let used = processor_time(server::SECURED);
        let bare = bare.time(MESSAGES);
        if round > 0 {
            rounds.push(micros(used));
            bare_rounds.push(micros(bare));
            clear_rounds.push(micros(clear));
        }
    }
    let (used, bare, clear) = (
        median(&mut rounds),
        median(&mut bare_rounds),
        median(&mut clear_rounds),
    );
    println(format_args!(
        "{size:>6} bytes   bare operations {bare:7.1} µs   exchange over HTTPS {used:7.1} µs   {:.3} of what the bare \
         operations allow   (HTTPS alone with the same bytes {clear:6.1} µs: {:.3} of both together)",
        bare / used,
        (bare + clear) / used
    ));
}

/// What a route without message security feels.
fn latency(address: SocketAddr, folder: &Path) {
    let mut probe = Partner::connect(address, folder, 1);
    probe.probe(server::PLAIN, PROBES / 4);
    let idle = probe.probe(server::PLAIN, PROBES);
    let load = Running::start("load", folder, Some(address));
    std::thread::sleep(Duration::from_secs(1));
    let busy = probe.probe(server::PLAIN, PROBES);
    drop(load);
    for (name, of) in [("50th", 0.50), ("99th", 0.99)] {
        let (idle, busy) = (percentile(&idle, of), percentile(&busy, of));
        println(format_args!(
            "another route, {name} percentile   idle {idle:7.1} µs   under full load {busy:7.1} µs   ratio {:.2}",
            busy / idle
        ));
    }
}

/// Another process of this bench.
struct Running {
    process: Child,
    address: Option<SocketAddr>,
}

impl Running {
    fn start(role: &str, folder: &Path, address: Option<SocketAddr>) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg(role)
            .arg(folder)
            .args(address.map(|address| address.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            process,
            address: line.trim().parse().ok(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn micros(time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of messages is small")]
    let messages = MESSAGES as f64;
    time.as_secs_f64() * 1e6 / messages
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn percentile(sorted: &[Duration], of: f64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a position in a short list"
    )]
    let position = (sorted.len() as f64 * of) as usize;
    sorted
        .get(position)
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}

#[expect(clippy::disallowed_macros, reason = "a measurement prints its figures")]
fn println(line: std::fmt::Arguments<'_>) {
    println!("{line}");
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
