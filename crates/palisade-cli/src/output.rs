//! Where results and errors go: as text, coloured on a terminal only, or as JSON.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use palisade_config::Errors;
use palisade_core::Severity;
use serde::Serialize;
use serde_json::json;

use crate::cli::Format;

/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// Places and other things of less weight.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// Good news.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What is refused or wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What deserves a look.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// The style of a severity.
pub(crate) fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Severe => BAD,
        Severity::Moderate => WARNING,
        _ => FAINT,
    }
}

/// A text in a style.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A text of others, without anything that would move a terminal's cursor or turn its direction.
pub(crate) fn printable(text: &str) -> String {
    let is_plain = |c: char| {
        !(c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    text.chars()
        .map(|c| if is_plain(c) { c } else { '\u{fffd}' })
        .collect()
}

/// Standard output and standard error.
pub(crate) struct Output {
    format: Format,
    out: Box<dyn Write>,
    err: Box<dyn Write>,
}

impl Output {
    /// The streams of this process.
    pub(crate) fn of_process(format: Format, color: ColorChoice) -> Self {
        let choice = match color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        let of_error = if choice == anstream::ColorChoice::Auto {
            AutoStream::choice(&io::stderr())
        } else {
            choice
        };
        Self {
            format,
            out: Box::new(AutoStream::new(io::stdout(), choice)),
            err: Box::new(AutoStream::new(io::stderr(), of_error)),
        }
    }

    /// Whether results are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// A line of the result.
    pub(crate) fn line(&mut self, text: impl Display) -> io::Result<()> {
        forgive(writeln!(self.out, "{text}"))
    }

    /// The result as one JSON document.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.line(text)
    }

    /// The result as JSON on one line, for results that come one by one.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        self.line(text)?;
        self.flush()
    }

    /// The result byte for byte, with nothing added that a program would have to take off again.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Through `out` escape sequences would be left out.
        forgive(self.out.flush())?;
        let mut out = io::stdout().lock();
        forgive(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// A remark that is no result.
    pub(crate) fn note(&mut self, text: impl Display) -> io::Result<()> {
        forgive(writeln!(self.err, "{text}"))
    }

    /// Everything that is wrong, each error once.
    pub(crate) fn errors(&mut self, errors: &Errors) -> io::Result<()> {
        let sorted = errors.clone().sorted();
        if self.is_json() {
            return self.json(&json!({ "errors": sorted }));
        }
        for error in &sorted {
            self.note(format_args!("{} {error}", styled(BAD, "error:")))?;
        }
        if sorted.len() > 1 {
            self.note(format_args!("{} errors", sorted.len()))?;
        }
        Ok(())
    }

    /// Writes out what is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        forgive(self.err.flush())?;
        forgive(self.out.flush())
    }
}

/// Whoever closed the pipe does not want to read on; the exit status still tells the outcome.
fn forgive(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
