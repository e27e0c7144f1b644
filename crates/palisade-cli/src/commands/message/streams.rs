//! Bytes in and out.

use std::fs;
use std::io::{self, IsTerminal as _};

use crate::cli::Streams;
use crate::commands::input;
use crate::outcome::Failure;
use crate::output::Output;

impl Streams {
    /// All of the file, or of standard input.
    pub(super) fn read(&self) -> Result<Vec<u8>, Failure> {
        input::read(self.file.as_deref())
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
