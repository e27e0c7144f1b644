//! The syntax of `java.util.Properties`, read as UTF-8.
//!
//! Rules, those of `Properties.load(Reader)`:
//!
//! 1. A line ends with LF, CR or CR LF; a blank line, and one whose first character is `#` or `!`, is skipped.
//! 2. An odd number of backslashes at the end of a line joins the next one to it, without its leading white space.
//! 3. White space is space, tab and form feed. A key ends at the first white space, `=` or `:` without a
//!    backslash before it; white space around the separator is not part of the value, that behind the value is.
//! 4. `\t`, `\n`, `\r`, `\f` and `\uXXXX` are escapes; a backslash before any other character is dropped.
//! 5. A malformed `\uXXXX` is an error, as in Java. Half of a surrogate pair is one too: no Rust text can hold it.
//! 6. Unlike Java, a byte order mark at the start is skipped, and bytes that are not UTF-8 are an error.
//!
//! Every property knows the line its key stands on. Values are plain text: this module knows neither secrets nor
//! placeholders.
//!
//! ```
//! let parsed = palisade_config::properties::parse(b"a.b = 1\\\n   2\nbad=\\u12");
//! assert_eq!((parsed.properties[0].key.as_str(), parsed.properties[0].value.as_str()), ("a.b", "12"));
//! assert_eq!(parsed.errors[0].line, 3);
//! ```

mod write;

pub use write::{escape_key, escape_value};

/// One property of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Property {
    /// The key, without escapes.
    pub key: String,
    /// The value, without escapes.
    pub value: String,
    /// The line on which the key stands, from 1.
    pub line: u32,
}

impl std::fmt::Debug for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Property")
            .field("key", &self.key)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxErrorKind {
    /// A `\u` is not followed by four hexadecimal digits.
    #[error("expected four hexadecimal digits behind \\u")]
    MalformedEscape,
    /// A `\uXXXX` names half of a surrogate pair.
    #[error("expected the other half of a surrogate pair beside \\uD800 to \\uDFFF")]
    LoneSurrogate,
    /// The bytes are not UTF-8.
    #[error("expected UTF-8")]
    NotUtf8,
}

/// A fault of syntax and its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong.
    pub kind: SyntaxErrorKind,
}

/// What a file holds: every property that could be read, in order, and every fault.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The properties in the order of the file, repeated keys included.
    pub properties: Vec<Property>,
    /// The faults in the order of the file.
    pub errors: Vec<SyntaxError>,
}

/// Reads a whole file.
pub fn parse(bytes: &[u8]) -> Parsed {
    let mut parsed = Parsed::default();
    if let Err(line) = utf8(bytes) {
        parsed.errors.push(SyntaxError {
            line,
            kind: SyntaxErrorKind::NotUtf8,
        });
    }
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    for LogicalLine { text, line } in logical_lines(text) {
        let (key, value) = split(&text);
        match (unescape(key), unescape(value)) {
            (Ok(key), Ok(value)) => parsed.properties.push(Property { key, value, line }),
            (Err(kind), _) | (_, Err(kind)) => parsed.errors.push(SyntaxError { line, kind }),
        }
    }
    parsed
}

/// Checks that `bytes` are UTF-8; the error is the line of the first byte that is not.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, u32> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        line_at(&String::from_utf8_lossy(valid), valid.len())
    })
}

/// The line, from 1, of the byte at `offset`.
pub(crate) fn line_at(text: &str, offset: usize) -> u32 {
    let mut line = 1u32;
    let mut after_cr = false;
    for byte in text.bytes().take(offset) {
        if byte == b'\r' || (byte == b'\n' && !after_cr) {
            line = line.saturating_add(1);
        }
        after_cr = byte == b'\r';
    }
    line
}

struct LogicalLine {
    text: String,
    line: u32,
}

/// Joins continued lines and drops comments.
///
/// Two habits of Java look odd and are kept: behind a line that holds nothing but a backslash, `#` still starts a
/// comment, and such a line at the end of a file is a property with an empty key, unless it ends with CR LF.
fn logical_lines(text: &str) -> Vec<LogicalLine> {
    let mut lines = Vec::new();
    let mut current = String::new();
    let (mut line, mut first) = (1u32, 1u32);
    let (mut leading, mut continued, mut escaped) = (true, false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let crlf = c == '\r' && chars.next_if_eq(&'\n').is_some();
        let newline = c == '\n' || c == '\r';
        if newline {
            line = line.saturating_add(1);
        }
        if leading {
            if matches!(c, ' ' | '\t' | '\u{c}') || (newline && !continued) {
                continue;
            }
            leading = false;
            continued = false;
        }
        if !newline {
            if current.is_empty() {
                if matches!(c, '#' | '!') {
                    while chars.next_if(|c| !matches!(c, '\r' | '\n')).is_some() {}
                    leading = true;
                    continue;
                }
                first = line;
            }
            current.push(c);
            escaped = c == '\\' && !escaped;
            continue;
        }
        if current.is_empty() {
            leading = true;
        } else if escaped && (crlf || chars.peek().is_some()) {
            current.pop();
            (leading, continued, escaped) = (true, true, false);
        } else {
            push(&mut lines, &mut current, first, escaped);
            (leading, escaped) = (true, false);
        }
    }
    if !current.is_empty() {
        push(&mut lines, &mut current, first, escaped);
    }
    lines
}

/// Ends a logical line; a backslash at the very end of the file is not part of it.
fn push(lines: &mut Vec<LogicalLine>, current: &mut String, line: u32, escaped: bool) {
    if escaped {
        current.pop();
    }
    lines.push(LogicalLine {
        text: std::mem::take(current),
        line,
    });
}

/// Splits a logical line into its escaped key and value.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|c: char| {
        let ends = !escaped && matches!(c, '=' | ':' | ' ' | '\t' | '\u{c}');
        escaped = c == '\\' && !escaped;
        ends
    });
    let Some((key, rest)) = end.and_then(|end| line.split_at_checked(end)) else {
        return (line, "");
    };
    let white = [' ', '\t', '\u{c}'];
    let rest = rest.trim_start_matches(white);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start_matches(white))
}

fn unescape(text: &str) -> Result<String, SyntaxErrorKind> {
    let mut out = String::with_capacity(text.len());
    let mut units = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    units.push(escaped_unit(&mut chars)?);
                    continue;
                }
                Some(other) => other,
                None => continue,
            },
            other => other,
        };
        push_units(&mut units, &mut out)?;
        out.push(plain);
    }
    push_units(&mut units, &mut out)?;
    Ok(out)
}

/// Moves a run of `\uXXXX` escapes to the output; two neighbours may be one character.
fn push_units(units: &mut Vec<u16>, out: &mut String) -> Result<(), SyntaxErrorKind> {
    for c in char::decode_utf16(units.drain(..)) {
        out.push(c.map_err(|_| SyntaxErrorKind::LoneSurrogate)?);
    }
    Ok(())
}

fn escaped_unit(chars: &mut std::str::Chars<'_>) -> Result<u16, SyntaxErrorKind> {
    (0..4).try_fold(0u16, |unit, _| {
        let digit = chars
            .next()
            .and_then(|c| c.to_digit(16))
            .ok_or(SyntaxErrorKind::MalformedEscape)?;
        let digit = u16::try_from(digit).map_err(|_| SyntaxErrorKind::MalformedEscape)?;
        Ok(unit << 4 | digit)
    })
}

#[cfg(test)]
mod tests;
