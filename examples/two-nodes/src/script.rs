//! What is tried, line by line: to be pasted by somebody, or done by `demo`.

use std::io;
use std::path::Path;

use crate::world::World;

/// Behind `# ` stands what is expected, and what is done; then the line itself. Behind `## ` stands what the lines below it show.
const TEXT: &str = include_str!("lines.txt");

/// The text, with the paths and ports of this start.
#[derive(Debug)]
pub(crate) struct Script {
    text: String,
}

/// A piece of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// What the next lines show.
    Title(&'a str),
    /// Something is killed or started, where the example runs.
    Order { what: &'a str, order: &'a str },
    /// A line for a shell.
    Line {
        expected: &'a str,
        what: &'a str,
        line: &'a str,
    },
}

impl Script {
    pub(crate) fn new(config: &Path, callers: &Path, world: &World) -> io::Result<Self> {
        let url = |port: u16| format!("https://localhost:{port}");
        let admin = |port: u16| format!("http://127.0.0.1:{port}");
        let text = TEXT
            .replace("{config}", &quoted(config)?)
            .replace("{callers}", &quoted(callers)?)
            .replace("{logs}", &quoted(&world.logs)?)
            .replace("{program}", &quoted(&std::env::current_exe()?)?)
            .replace("{redis}", &world.redis_port.to_string())
            .replace("{a}", &url(world.a.port))
            .replace("{b}", &url(world.b.port))
            .replace("{admin-a}", &admin(world.a.admin_port))
            .replace("{admin-b}", &admin(world.b.admin_port));
        Ok(Self { text })
    }

    /// All of it, to read and to paste.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What is pasted before anything else.
    pub(crate) fn prelude(&self) -> &str {
        let from = self.text.find("\ncd ").unwrap_or_default();
        let (_, text) = self.text.split_at(from);
        text.split("\n\n").next().unwrap_or_default()
    }

    /// Its pieces, in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut lines = self.text.lines();
        std::iter::from_fn(move || {
            loop {
                let line = lines.next()?;
                if let Some(title) = line.strip_prefix("## ") {
                    return Some(Piece::Title(title));
                }
                if let Some(comment) = line.strip_prefix("# ") {
                    return piece(comment, lines.next()?);
                }
            }
        })
    }
}

fn piece<'a>(comment: &'a str, line: &'a str) -> Option<Piece<'a>> {
    if let Some(order) = line.strip_prefix("> ") {
        return Some(Piece::Order { what: comment, order });
    }
    let (expected, what) = comment.split_once(": ")?;
    Some(Piece::Line { expected, what, line })
}

/// A path that holds from everywhere, quoted where the shell needs it.
fn quoted(path: &Path) -> io::Result<String> {
    let text = std::path::absolute(path)?.display().to_string();
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    Ok(if plain {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    })
}
