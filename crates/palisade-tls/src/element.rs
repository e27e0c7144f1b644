//! The grammar of `X-Forwarded-Client-Cert`: elements separated by commas, pairs `Key=Value` separated by semicolons, values
//! quoted where they hold one of these characters.

use std::str::Chars;

/// The pairs of one element that matter here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) cert: Option<String>,
    pub(crate) chain: Option<String>,
    pub(crate) hash: Option<String>,
}

/// The last element of a line; `None` where any of the line is malformed.
///
/// The whole line is read from the left: an element whose quotes do not close makes all of it unreadable, and nothing in it
/// is believed.
pub(crate) fn last_element(line: &str) -> Option<Element> {
    let mut rest = line.chars();
    loop {
        let (element, end) = element(&mut rest)?;
        if end == End::Line {
            return Some(element);
        }
    }
}

/// What stood behind a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Pair,
    Element,
    Line,
}

fn element(rest: &mut Chars<'_>) -> Option<(Element, End)> {
    let mut element = Element::default();
    loop {
        let key = key(rest)?;
        let (value, end) = value(rest)?;
        let slot = match key.to_ascii_lowercase().as_str() {
            "cert" => Some(&mut element.cert),
            "chain" => Some(&mut element.chain),
            "hash" => Some(&mut element.hash),
            _ => None,
        };
        if let Some(slot) = slot
            && slot.replace(value).is_some()
        {
            return None;
        }
        if end != End::Pair {
            return Some((element, end));
        }
    }
}

fn key(rest: &mut Chars<'_>) -> Option<String> {
    let mut key = String::new();
    loop {
        match rest.next()? {
            '=' if !key.is_empty() => return Some(key),
            ' ' | '\t' if key.is_empty() => {}
            c if c.is_ascii_alphanumeric() => key.push(c),
            _ => return None,
        }
    }
}

fn value(rest: &mut Chars<'_>) -> Option<(String, End)> {
    let mut value = String::new();
    let mut ahead = rest.clone();
    let is_quoted = ahead.next() == Some('"');
    if is_quoted {
        *rest = ahead;
        loop {
            match rest.next()? {
                '"' => break,
                '\\' => value.push(rest.next()?),
                c => value.push(c),
            }
        }
    }
    loop {
        match rest.next() {
            None => return Some((value, End::Line)),
            Some(';') => return Some((value, End::Pair)),
            Some(',') => return Some((value, End::Element)),
            Some('"') => return None,
            Some(' ' | '\t') if is_quoted => {}
            Some(_) if is_quoted => return None,
            Some(c) => value.push(c),
        }
    }
}

/// Percent-decoding (RFC 3986 section 2.1); `None` for a `%` without two hexadecimal digits.
pub(crate) fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            hex(bytes.next()?)? << 4 | hex(bytes.next()?)?
        } else {
            byte
        });
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{last_element, percent_decode};

    #[rstest]
    #[case("Cert=abc", Some("abc"))]
    #[case(
        "By=spiffe://a;Hash=00;Cert=\"abc\";Subject=\"CN=a, O=\\\"b\\\"\"",
        Some("abc")
    )]
    #[case("Cert=\"forged\", Cert=own", Some("own"))]
    #[case("Cert=forged,By=x", None)]
    #[case("cert=a,CERT=b", Some("b"))]
    fn the_last_element_counts(#[case] line: &str, #[case] cert: Option<&str>) {
        assert_eq!(last_element(line).unwrap().cert.as_deref(), cert);
    }

    #[rstest]
    #[case("")]
    #[case("Cert")]
    #[case("Cert=\"abc")]
    #[case("Cert=\"abc, Cert=own")]
    #[case("Cert=a\"b")]
    #[case("Cert=\"a\"b")]
    #[case("=a")]
    #[case("Cert=a;Cert=b")]
    #[case("Cert=a,")]
    #[case("Cert=a;")]
    fn a_malformed_line_has_no_elements(#[case] line: &str) {
        assert_eq!(last_element(line), None);
    }

    #[rstest]
    #[case("a%20b%0A", Some(&b"a b\n"[..]))]
    #[case("a%2", None)]
    #[case("%zz", None)]
    #[case("+", Some(&b"+"[..]))]
    fn percent_signs_need_two_digits(#[case] text: &str, #[case] decoded: Option<&[u8]>) {
        assert_eq!(percent_decode(text).as_deref(), decoded);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fail(text in "\\PC{0,80}") {
            let _ = last_element(&text);
            let _ = percent_decode(&text);
        }

        #[test]
        fn what_a_client_sends_is_never_taken_for_the_proxys_own_element(forged in "[ -~]{0,60}") {
            if let Some(element) = last_element(&format!("{forged},Cert=own")) {
                prop_assert_eq!(element.cert.as_deref(), Some("own"));
            }
        }
    }
}
