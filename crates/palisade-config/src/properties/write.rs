//! Writing keys and values so that [`parse`](super::parse) reads them back unchanged.

use std::fmt::Write as _;

/// Escapes a key for a `.properties` file.
pub fn escape_key(key: &str) -> String {
    let mut escaped = String::with_capacity(key.len());
    for c in key.chars() {
        match c {
            ' ' | '=' | ':' | '#' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => common(&mut escaped, c),
        }
    }
    escaped
}

/// Escapes a value for a `.properties` file.
pub fn escape_value(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let mut leading = true;
    for c in value.chars() {
        if c == ' ' && leading {
            escaped.push_str("\\ ");
            continue;
        }
        leading = false;
        common(&mut escaped, c);
    }
    escaped
}

fn common(escaped: &mut String, c: char) {
    match c {
        '\\' => escaped.push_str("\\\\"),
        '\t' => escaped.push_str("\\t"),
        '\n' => escaped.push_str("\\n"),
        '\r' => escaped.push_str("\\r"),
        '\u{c}' => escaped.push_str("\\f"),
        // Invisible in an editor, and a mark at the start of a file would be skipped.
        c if c.is_control() || c == '\u{feff}' => {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(escaped, "\\u{unit:04X}");
            }
        }
        c => escaped.push(c),
    }
}
