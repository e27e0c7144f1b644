//! Does what the lines say, shows what is answered, and compares it with what is expected.
//!
//! What is expected is a list with commas, each of which must hold:
//!
//! | claim | holds where |
//! |---|---|
//! | `200`, `429 quota-exceeded` | that is the status, and the code of the problem |
//! | `3 left` | the field `RateLimit` says so |
//! | `uncounted` | there is no such field |
//! | `no connection` | curl got no answer |
//! | `says …` | that stands in what is answered |
//! | `in a moment` | all this may take a while: the line is repeated until it holds |

use std::fmt::Display;
use std::io::{self, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::sleep;

use crate::script::{Piece, Script};
use crate::world::World;
use crate::{Failure, beside};

/// How often, and how long apart, a line is repeated that may take a while.
const TRIES: usize = 150;
const APART: Duration = Duration::from_millis(200);

/// Whether everything was as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    AsExpected,
    Otherwise,
}

/// Does what all lines say, and stops where something else happens than was expected.
pub(crate) async fn play(
    script: &Script,
    world: &mut World,
    out: &mut impl Write,
) -> Result<Outcome, Failure> {
    let mut count = 0;
    for piece in script.pieces() {
        match piece {
            Piece::Title(title) => writeln!(out, "\n=== {title}")?,
            Piece::Order { what, order } => {
                writeln!(out, "\n--- {what}\n> {order}")?;
                world.obey(order).await?;
            }
            Piece::Line { expected, what, line } => {
                writeln!(out, "\n--- {what}\n$ {line}")?;
                let claims = Claims::read(expected)?;
                let shell = format!("{}\n{line}", script.prelude());
                let answer = claims.wait_for(&shell).await?;
                answer.show(out)?;
                if !claims.hold(&answer) {
                    writeln!(out, "    NOT AS EXPECTED: {expected}")?;
                    return Ok(Outcome::Otherwise);
                }
                writeln!(out, "    as expected: {expected}")?;
                count += 1;
            }
        }
        out.flush()?;
    }
    writeln!(out, "\nAll {count} answers are as expected.")?;
    Ok(Outcome::AsExpected)
}

/// What must hold of an answer.
#[derive(Debug)]
struct Claims<'a>(Vec<Claim<'a>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim<'a> {
    Status { status: &'a str, code: Option<&'a str> },
    Left(&'a str),
    Uncounted,
    NoConnection,
    Says(&'a str),
    InAMoment,
}

impl<'a> Claims<'a> {
    fn read(text: &'a str) -> Result<Self, Failure> {
        text.split(", ")
            .map(Claim::read)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn hold(&self, answer: &Answer) -> bool {
        self.0.iter().all(|claim| claim.holds(answer))
    }

    /// The first answer of which they hold, or the last one.
    async fn wait_for(&self, shell: &str) -> Result<Answer, Failure> {
        let tries = if self.0.contains(&Claim::InAMoment) {
            TRIES
        } else {
            1
        };
        let mut answer = Answer::to(shell).await?;
        for _ in 1..tries {
            if self.hold(&answer) {
                break;
            }
            sleep(APART).await;
            answer = Answer::to(shell).await?;
        }
        Ok(answer)
    }
}

impl<'a> Claim<'a> {
    fn read(text: &'a str) -> Result<Self, Failure> {
        if let Some(said) = text.strip_prefix("says ") {
            return Ok(Self::Says(said));
        }
        match text
            .split_once(' ')
            .map_or((text, None), |(first, rest)| (first, Some(rest)))
        {
            ("no", Some("connection")) => Ok(Self::NoConnection),
            ("in", Some("a moment")) => Ok(Self::InAMoment),
            ("uncounted", None) => Ok(Self::Uncounted),
            (number, Some("left")) => Ok(Self::Left(number)),
            (status, code) if status.parse::<u16>().is_ok() => Ok(Self::Status { status, code }),
            _ => Err(format!("{text:?} is no claim").into()),
        }
    }

    fn holds(self, answer: &Answer) -> bool {
        match self {
            Self::Status { status, code } => {
                let problem = |code| answer.contains(&format!("\"urn:palisade:problem:{code}\""));
                answer.status() == Some(status) && code.is_none_or(problem)
            }
            Self::Left(number) => answer.left() == Some(number),
            Self::Uncounted => answer.status().is_some() && answer.left().is_none(),
            Self::NoConnection => answer.status().is_none() && answer.contains("curl: "),
            Self::Says(said) => answer.contains(said),
            Self::InAMoment => true,
        }
    }
}

/// What a line printed.
#[derive(Debug)]
struct Answer(String);

impl Answer {
    async fn to(shell: &str) -> Result<Self, Failure> {
        let mut command = Command::new("sh");
        command.args(["-c", shell]).stdin(Stdio::null()).process_group(0);
        let output = beside(move || command.output()).await??;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text += &String::from_utf8_lossy(&output.stderr);
        Ok(Self(text))
    }

    fn contains(&self, part: &str) -> bool {
        self.0.contains(part)
    }

    /// Of an answer over HTTP.
    fn status(&self) -> Option<&str> {
        let rest = self.0.strip_prefix("HTTP/2 ")?;
        rest.split_whitespace().next()
    }

    /// What is left, by the first policy that `RateLimit` speaks of.
    fn left(&self) -> Option<&str> {
        let field = self.0.lines().find_map(|line| line.strip_prefix("ratelimit: "))?;
        let (_, behind) = field.split_once(";r=")?;
        behind.split(|c: char| !c.is_ascii_digit()).next()
    }

    /// The first line, the fields that matter, and what stands behind the fields.
    fn show(&self, out: &mut impl Write) -> io::Result<()> {
        let is_http = self.status().is_some();
        let mut show = |line: &dyn Display| writeln!(out, "    {line}");
        let mut lines = self.0.lines();
        if is_http {
            for line in lines.by_ref().take_while(|line| !line.is_empty()) {
                let shown = ["HTTP/2", "ratelimit: ", "retry-after: "];
                if shown.iter().any(|begin| line.starts_with(begin)) {
                    show(&line)?;
                }
            }
        }
        lines
            .filter(|line| !line.is_empty())
            .try_for_each(|line| show(&line))
    }
}
