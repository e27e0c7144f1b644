//! The lines to paste, each with what is answered.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::demo::Demo;

/// What is printed; what differs from one start to the next stands in braces.
const TEXT: &str = include_str!("lines.txt");

/// What the lines speak of.
#[derive(Debug)]
pub(crate) struct Lines {
    /// The file of the configuration.
    pub(crate) config: PathBuf,
    pub(crate) demo: Demo,
    /// The listener that asks for certificates.
    pub(crate) asking: SocketAddr,
    /// The one that does not.
    pub(crate) silent: SocketAddr,
}

impl Lines {
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let url = |listener: SocketAddr| format!("https://localhost:{}", listener.port());
        let text = TEXT
            .replace("{config}", &quoted(&self.config))
            .replace("{callers}", &quoted(&self.demo.callers))
            .replace("{asking}", &url(self.asking))
            .replace("{silent}", &url(self.silent))
            .replace("{lost}", &self.demo.lost);
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// A path that holds from everywhere, quoted where the shell needs it.
fn quoted(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text = path.display().to_string();
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if plain {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
