//! Two servers, one truth: two nodes that count what each caller uses in one Redis. Either node may be killed, and so may Redis.
//!
//! - `./examples/run two-nodes` starts Redis and both nodes, each a process of its own, and prints lines to paste.
//! - `./examples/run two-nodes demo` does by itself what the lines say, shows what callers see, and fails where that is not what
//!   was expected.
//!
//! A folder behind that is read in place of this example's `config`. The server itself is in `node.rs`: everything else is there to
//! have something to kill.

mod node;
mod play;
mod prepare;
mod script;
mod world;

use std::env::args_os;
use std::error::Error;
use std::ffi::OsString;
use std::io::{Write, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::script::Script;
use crate::world::World;

type Failure = Box<dyn Error>;

/// What a process says that a signal ended, as shells do.
const INTERRUPTED: u8 = 130;

/// What a process says that could not do what it was asked.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    start().unwrap_or_else(|failure| {
        // Where standard error is gone too, the exit status remains.
        let _ = writeln!(stderr(), "{failure}");
        ExitCode::from(FAILED)
    })
}

fn start() -> Result<ExitCode, Failure> {
    let mut arguments: Vec<OsString> = args_os().skip(1).collect();
    match arguments.first().and_then(|first| first.to_str()) {
        // The command is built in, so that nobody waits for another build.
        Some("palisade") => Ok(palisade_cli::run(arguments)),
        Some("node") => {
            let name = arguments.get(1).ok_or("which node?")?.to_string_lossy();
            node::serve(&folder(arguments.get(2)), &name)
        }
        Some("demo") => run(&folder(arguments.get(1)), Mode::Demo),
        _ => run(&folder(arguments.pop().as_ref()), Mode::Lines),
    }
}

/// The configuration.
fn folder(argument: Option<&OsString>) -> PathBuf {
    argument.map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/config").into(),
        PathBuf::from,
    )
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    /// Prints the lines, and waits.
    Lines,
    /// Does what they say.
    Demo,
}

/// Starts everything, and stops everything whatever happens.
#[tokio::main(flavor = "current_thread")]
async fn run(config: &Path, mode: Mode) -> Result<ExitCode, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let prepared = prepare::prepare(config)?;
    let mut world = World::new(config, &prepared)?;
    select! {
        ended = go_on(config, mode, &mut world, &prepared.callers) => ended,
        _ = interrupt.recv() => Ok(ExitCode::from(INTERRUPTED)),
        _ = terminate.recv() => Ok(ExitCode::from(INTERRUPTED)),
        _ = hang_up.recv() => Ok(ExitCode::from(INTERRUPTED)),
    }
}

async fn go_on(config: &Path, mode: Mode, world: &mut World, callers: &Path) -> Result<ExitCode, Failure> {
    world.start_all().await?;
    let script = Script::new(config, callers, world)?;
    match mode {
        Mode::Demo => Ok(match play::play(&script, world, &mut stdout()).await? {
            play::Outcome::AsExpected => ExitCode::SUCCESS,
            play::Outcome::Otherwise => ExitCode::FAILURE,
        }),
        Mode::Lines => {
            stdout().write_all(script.text().as_bytes())?;
            stdout().flush()?;
            obey(world).await
        }
    }
}

/// Kills and starts what is typed. Where nobody can type, it waits.
async fn obey(world: &mut World) -> Result<ExitCode, Failure> {
    loop {
        let typed = beside(|| {
            let mut line = String::new();
            stdin()
                .read_line(&mut line)
                .map(|length| (length > 0).then_some(line))
        });
        let Some(line) = typed.await?? else {
            return std::future::pending().await;
        };
        let order = line.trim_start_matches('>').trim();
        match world.obey(order).await {
            Ok(()) => writeln!(stdout(), "done: {order}")?,
            Err(failure) => writeln!(stderr(), "{failure}")?,
        }
    }
}

/// Waits for work that cannot be interrupted: in a thread of its own, which nobody waits for when the program ends.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new().spawn(move || {
        // Where nobody wants to know any more, that is fine.
        let _ = tell.send(work());
    })?;
    Ok(told.await?)
}
