//! Redis and the two nodes: processes that are killed and started again.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::prepare::Prepared;
use crate::{Failure, beside};

/// How long something may take until it is ready.
const START: Duration = Duration::from_secs(60);

/// Everything that runs; it ends with this.
#[derive(Debug)]
pub(crate) struct World {
    config: PathBuf,
    redis_folder: PathBuf,
    /// The port of Redis.
    pub(crate) redis_port: u16,
    /// The folder with what everything logs.
    pub(crate) logs: PathBuf,
    redis: Option<Child>,
    /// Node a.
    pub(crate) a: Node,
    /// Node b.
    pub(crate) b: Node,
}

/// A node, and where it listens.
#[derive(Debug, Default)]
pub(crate) struct Node {
    process: Option<Child>,
    /// The port for callers.
    pub(crate) port: u16,
    /// The port for operators.
    pub(crate) admin_port: u16,
}

impl World {
    /// Nothing runs yet.
    pub(crate) fn new(config: &Path, prepared: &Prepared) -> io::Result<Self> {
        Ok(Self {
            config: std::path::absolute(config)?,
            redis_folder: std::path::absolute(&prepared.redis)?,
            redis_port: prepared.redis_port,
            logs: std::path::absolute(&prepared.logs)?,
            redis: None,
            a: Node::default(),
            b: Node::default(),
        })
    }

    /// Starts Redis and both nodes.
    pub(crate) async fn start_all(&mut self) -> Result<(), Failure> {
        for part in ["redis", "a", "b"] {
            self.start(part).await?;
        }
        Ok(())
    }

    /// Does what somebody says: `kill a`, `start redis`.
    pub(crate) async fn obey(&mut self, order: &str) -> Result<(), Failure> {
        match order.split_once(' ') {
            Some(("start", part)) => self.start(part).await,
            Some(("kill", part)) => self.kill(part),
            _ => Err("expected kill or start, and a, b or redis".into()),
        }
    }

    /// Starts a part that does not run, and waits until it is ready.
    async fn start(&mut self, part: &str) -> Result<(), Failure> {
        if let Some(process) = self.process(part)?
            && process.try_wait()?.is_none()
        {
            return Err(format!("{part} runs").into());
        }
        let started = async {
            match part {
                "redis" => self.start_redis().await,
                _ => self.start_node(part).await,
            }
        };
        let started = timeout(START, started).await.map_err(Failure::from).flatten();
        started.map_err(|failure| {
            let log = std::fs::read_to_string(self.log(part)).unwrap_or_default();
            format!("{part} does not start: {failure}\n{log}").into()
        })
    }

    /// Ends a part at once, as `kill -9` does: it can save nothing.
    fn kill(&mut self, part: &str) -> Result<(), Failure> {
        let process = self.process(part)?.take();
        let mut process = process.ok_or_else(|| format!("{part} does not run"))?;
        Ok(kill(&mut process)?)
    }

    fn process(&mut self, part: &str) -> Result<&mut Option<Child>, Failure> {
        match part {
            "redis" => Ok(&mut self.redis),
            _ => Ok(&mut self.node(part)?.process),
        }
    }

    fn node(&mut self, name: &str) -> Result<&mut Node, Failure> {
        match name {
            "a" => Ok(&mut self.a),
            "b" => Ok(&mut self.b),
            _ => Err(format!("there is no {name}: expected a, b or redis").into()),
        }
    }

    async fn start_redis(&mut self) -> Result<(), Failure> {
        let mut command = Command::new("redis-server");
        command
            .arg(self.config.join("redis.conf"))
            .arg("--port")
            .arg(self.redis_port.to_string())
            .arg("--dir")
            .arg(&self.redis_folder);
        let log = self.open_log("redis")?;
        let process = self.redis.insert(spawn(&mut command, log.into())?);
        while !answers(self.redis_port).await {
            if let Some(status) = process.try_wait()? {
                return Err(status.to_string().into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// It is this program again, which as a node prints its ports once it listens.
    async fn start_node(&mut self, name: &str) -> Result<(), Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["node", name]).arg(&self.config);
        command.stderr(self.open_log(name)?);
        let node = self.node(name)?;
        let process = node.process.insert(spawn(&mut command, Stdio::piped())?);
        let out = process.stdout.take().ok_or("it has no output")?;
        let first = beside(|| BufReader::new(out).lines().next()).await?;
        let printed = first.ok_or("it ended")??;
        let (port, admin_port) = printed.split_once(' ').ok_or("it printed no ports")?;
        (node.port, node.admin_port) = (port.parse()?, admin_port.parse()?);
        Ok(())
    }

    /// What it logged before it was killed stays there.
    fn open_log(&self, part: &str) -> io::Result<File> {
        File::options().create(true).append(true).open(self.log(part))
    }

    fn log(&self, part: &str) -> PathBuf {
        self.logs.join(part).with_extension("log")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for process in [&mut self.a.process, &mut self.b.process, &mut self.redis] {
            // One that has ended by itself is waited for, and that is all.
            let _ = process.as_mut().map(kill);
        }
    }
}

/// In a group of its own, so that Ctrl-C is for this program alone, which then ends them all.
fn spawn(command: &mut Command, stdout: Stdio) -> io::Result<Child> {
    command
        .stdin(Stdio::null())
        .stdout(stdout)
        .process_group(0)
        .spawn()
        .map_err(|error| {
            let program = command.get_program().display();
            io::Error::new(error.kind(), format!("{program}: {error}"))
        })
}

/// SIGKILL, and wait until it is gone.
fn kill(process: &mut Child) -> io::Result<()> {
    process.kill()?;
    process.wait().map(|_| ())
}

/// Whether a Redis answers there, and has read its files.
async fn answers(port: u16) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        io::Result::Ok(answer)
    };
    ask.await.is_ok_and(|answer| &answer == b"+PONG")
}
