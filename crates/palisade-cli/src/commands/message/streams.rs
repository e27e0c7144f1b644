//! Bytes in and out.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use crate::cli::Streams;
use crate::outcome::Failure;
use crate::output::Output;

/// The largest input: far more than a server buffers.
const LARGEST: u64 = 64 << 20;

impl Streams {
    /// All of the file, or of standard input.
    pub(super) fn read(&self) -> Result<Vec<u8>, Failure> {
        match self.file.as_deref().filter(|file| *file != Path::new("-")) {
            None => read(io::stdin().lock(), "standard input"),
            Some(path) => {
                let name = path.display().to_string();
                let file = File::open(path).map_err(|error| Failure::wrong(format!("{name}: {error}")))?;
                read(file, &name)
            }
        }
    }

    /// Writes the result, byte for byte; on a terminal, which is for people, the line is ended.
    pub(super) fn write(&self, bytes: &[u8], output: &mut Output) -> Result<(), Failure> {
        if let Some(path) = &self.output {
            return fs::write(path, bytes)
                .map_err(|error| Failure::wrong(format!("{}: {error}", path.display())));
        }
        let is_terminal = io::stdout().is_terminal();
        if is_terminal && !is_text(bytes) {
            let size = bytes.len();
            output.note(format_args!(
                "the body is binary, {size} bytes: --output FILE writes it, a pipe takes it"
            ))?;
            return Ok(());
        }
        output.raw(bytes)?;
        if is_terminal && !bytes.is_empty() && !bytes.ends_with(b"\n") {
            output.raw(b"\n")?;
        }
        Ok(())
    }
}

fn read(source: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    source
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::wrong(format!("{name}: {error}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::wrong(format!("{name}: larger than 64 MiB")));
    }
    Ok(bytes)
}

/// Whether a terminal may be given it: what a partner wrote must not steer the operator's terminal.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        !text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    })
}

#[cfg(test)]
mod tests {
    use super::is_text;

    #[test]
    fn what_would_steer_a_terminal_is_no_text() {
        assert!(is_text("{\"naïve\":\t1}\r\n".as_bytes()));
        assert!(is_text(b""));
        assert!(!is_text(b"\x1b]0;title\x07"));
        assert!(!is_text("\u{9b}31m".as_bytes()));
        assert!(!is_text(b"\xff\xfe"));
    }
}
