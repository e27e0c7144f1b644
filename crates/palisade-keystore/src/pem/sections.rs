//! The text of PEM (RFC 7468): sections of base64, with anything around them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// One `BEGIN` … `END`.
pub(crate) struct Section {
    pub(crate) label: String,
    /// Encrypted the old way, with `Proc-Type: 4,ENCRYPTED` (RFC 1421).
    pub(crate) encrypted: bool,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// Splits a text into its sections.
pub(crate) fn sections(bytes: &[u8]) -> Result<Vec<Section>, String> {
    let mut sections = Vec::new();
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .enumerate();
    while let Some((start, line)) = lines.next() {
        if !(line.starts_with(b"-----BEGIN") || line.starts_with(b"-----END")) {
            continue;
        }
        let label = line
            .strip_prefix(b"-----BEGIN ")
            .and_then(|rest| rest.strip_suffix(b"-----"))
            .and_then(|label| String::from_utf8(label.to_vec()).ok())
            .ok_or_else(|| format!("line {}: expected `-----BEGIN …-----`", start + 1))?;
        let end = format!("-----END {label}-----");
        let mut body = Vec::new();
        loop {
            match lines.next() {
                Some((_, line)) if line == end.as_bytes() => break,
                Some((number, line)) if line.starts_with(b"-----") => {
                    return Err(format!("line {}: expected `{end}`", number + 1));
                }
                Some((_, line)) => body.push(line),
                None => {
                    return Err(format!(
                        "the section that starts at line {} does not end",
                        start + 1
                    ));
                }
            }
        }
        let (encrypted, der) = decode(&body)
            .ok_or_else(|| format!("the section that starts at line {} is no base64", start + 1))?;
        sections.push(Section {
            label,
            encrypted,
            der,
        });
    }
    Ok(sections)
}

/// Decodes the lines of a section, and tells whether they are encrypted the old way. Header lines have a colon.
fn decode(lines: &[&[u8]]) -> Option<(bool, Zeroizing<Vec<u8>>)> {
    if lines
        .iter()
        .any(|line| line.contains(&b':') && line.ends_with(b"ENCRYPTED"))
    {
        return Some((true, Zeroizing::default()));
    }
    let text = || lines.iter().filter(|line| !line.contains(&b':'));
    // Reserved whole: a text that moves as it grows leaves copies of a key behind.
    let mut joined = Zeroizing::new(Vec::with_capacity(text().map(|line| line.len()).sum()));
    for line in text() {
        joined.extend_from_slice(line);
    }
    STANDARD
        .decode(&*joined)
        .ok()
        .map(|der| (false, Zeroizing::new(der)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::sections;

    #[test]
    fn text_around_sections_is_ignored_and_line_endings_do_not_matter() {
        let text = "\u{feff}-----BEGIN Z-----\n-----END Z-----\nsubject=a\r\n----------\r\n-----BEGIN A B-----\r\nAAEC\r\n-----END A B-----\r\nmore\n-----BEGIN C-----\n-----END C-----";
        let found = sections(text.as_bytes()).unwrap();
        assert_eq!(
            found
                .iter()
                .map(|section| section.label.as_str())
                .collect::<Vec<_>>(),
            ["Z", "A B", "C"]
        );
        assert_eq!(found[1].der.as_slice(), [0, 1, 2]);
    }

    #[test]
    fn broken_sections_are_errors_with_their_line() {
        for (text, reason) in [
            (
                "x\n-----BEGIN A-----\nAAEC",
                "the section that starts at line 2 does not end",
            ),
            (
                "-----BEGIN A-----\nAAEC\n-----END B-----",
                "line 3: expected `-----END A-----`",
            ),
            (
                "-----BEGIN A----\nAAEC\n-----END A-----",
                "line 1: expected `-----BEGIN …-----`",
            ),
            ("AAEC\n-----END A-----", "line 2: expected `-----BEGIN …-----`"),
            (
                "-----BEGIN A-----\nA!EC\n-----END A-----",
                "the section that starts at line 1 is no base64",
            ),
        ] {
            assert_eq!(sections(text.as_bytes()).err().as_deref(), Some(reason));
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = sections(&bytes);
        }

        #[test]
        fn what_is_encoded_is_read_back(der in proptest::collection::vec(any::<u8>(), 0..100)) {
            use base64::Engine as _;
            let text = base64::engine::general_purpose::STANDARD.encode(&der);
            let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
            let pem = format!("-----BEGIN X-----\n{}\n-----END X-----\n", lines.join("\n"));
            let found = sections(pem.as_bytes()).unwrap();
            prop_assert_eq!(found[0].der.as_slice(), der.as_slice());
        }
    }
}
