//! The lines to paste, each with what is answered.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

/// What is printed; what differs from one start to the next stands in braces. Behind `# ` stands what is expected, and why; then the
/// line itself. Behind `## ` stands what the lines below it show.
const TEXT: &str = include_str!("lines.txt");

pub(crate) fn print(out: &mut impl Write, folder: &Path, main: SocketAddr) -> io::Result<()> {
    let text = TEXT
        .replace("{config}", &quoted(folder)?)
        .replace("{program}", &quoted(&std::env::current_exe()?)?)
        .replace("{main}", &format!("http://{main}"));
    out.write_all(text.as_bytes())?;
    out.flush()
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
