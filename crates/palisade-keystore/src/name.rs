//! Distinguished names for people (RFC 4514).

use std::fmt::Write as _;

use x509_parser::asn1_rs::Tag;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Prints a name as RFC 4514 says: the most specific part first, special and control characters escaped.
///
/// The text is for people. Different names may print alike: compare DER.
pub(crate) fn print(name: &X509Name<'_>) -> String {
    let parts: Vec<String> = name
        .iter_rdn()
        .map(|rdn| rdn.iter().map(print_attribute).collect::<Vec<_>>().join("+"))
        .collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn print_attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    let keyword = keyword(&oid).unwrap_or(&oid);
    match text(attribute) {
        Some(text) => format!("{keyword}={}", escape(&text)),
        None => format!("{keyword}=#{}", crate::hex(attribute.as_slice())),
    }
}

/// The keywords of RFC 4514 section 3, and those that certificates commonly use besides.
fn keyword(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return None,
    })
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::NumericString | Tag::PrintableString | Tag::Utf8String | Tag::Ia5String => {
            String::from_utf8(bytes.to_vec()).ok()
        }
        Tag::BmpString => {
            let (pairs, []) = bytes.as_chunks::<2>() else {
                return None;
            };
            char::decode_utf16(pairs.iter().copied().map(u16::from_be_bytes))
                .collect::<Result<_, _>>()
                .ok()
        }
        _ => None,
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (index, c) in text.chars().enumerate() {
        let at_edge = (index == 0 && (c == ' ' || c == '#')) || (index == last && c == ' ');
        if at_edge || "\"+,;<>\\=".contains(c) {
            escaped.push('\\');
            escaped.push(c);
        } else if is_invisible(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\{byte:02X}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Control characters, and those that turn the direction of text: they would forge lines and names in logs.
fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::escape;

    #[rstest]
    #[case("partner-a", "partner-a")]
    #[case("Müller", "Müller")]
    #[case("a,CN=admin", "a\\,CN\\=admin")]
    #[case("#x", "\\#x")]
    #[case("x#", "x#")]
    #[case(" a ", "\\ a\\ ")]
    #[case(" ", "\\ ")]
    #[case("a\nb", "a\\0Ab")]
    #[case("a\u{202e}b", "a\\E2\\80\\AEb")]
    #[case("", "")]
    fn what_could_mislead_is_escaped(#[case] text: &str, #[case] printed: &str) {
        assert_eq!(escape(text), printed);
    }
}
