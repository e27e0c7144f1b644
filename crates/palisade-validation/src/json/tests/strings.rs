//! Strings.

use palisade_core::settings::ByteSize;
use rstest::rstest;

use super::super::{Unfit, check};
use super::{JsonSettings, accepts, limits_of, unfit};

#[rstest]
#[case(r#""\"\\\/\b\f\n\r\t\u0000\u001f""#)]
#[case(r#""\uD834\uDD1E\ud834\udd1e""#)]
#[case(r#""\uFFFF\uD7FF\uE000\uDBFF\uDFFF""#)]
#[case("\"\u{7f}\u{80}\u{2028}\u{feff}\u{10ffff}\"")]
fn escapes_and_characters_of_unicode_are_accepted(#[case] body: &str) {
    assert!(accepts(body));
    assert!(accepts(format!("{{{body}:1}}")), "as a name");
}

#[rstest]
#[case(r#""\x""#, Unfit::Escape)]
#[case(r#""\'""#, Unfit::Escape)]
#[case(r#""\U0041""#, Unfit::Escape)]
#[case(r#""\u004""#, Unfit::Escape)]
#[case(r#""\u00g0""#, Unfit::Escape)]
#[case(r#""\u+041""#, Unfit::Escape)]
#[case("\"\\\u{e9}\"", Unfit::Escape)]
#[case("\"\\\n\"", Unfit::Escape)]
#[case(r#""\"#, Unfit::Truncated)]
#[case(r#""\""#, Unfit::Truncated)]
#[case(r#""abc"#, Unfit::Truncated)]
#[case(r#""\uD834""#, Unfit::LoneSurrogate)]
#[case(r#""\uDD1E""#, Unfit::LoneSurrogate)]
#[case(r#""\uDD1E\uD834""#, Unfit::LoneSurrogate)]
#[case(r#""\uD834\uD834\uDD1E""#, Unfit::LoneSurrogate)]
#[case(r#""\uD834A""#, Unfit::LoneSurrogate)]
#[case(r#""\uD834\n""#, Unfit::LoneSurrogate)]
#[case(r#""\uD834\u0041""#, Unfit::LoneSurrogate)]
fn escapes_that_are_none_are_refused(#[case] body: &str, #[case] expected: Unfit) {
    assert_eq!(unfit(body), expected);
    assert_eq!(unfit(format!("{{{body}")), expected, "as a name");
}

#[test]
fn a_byte_is_judged_alike_wherever_it_stands_in_a_string() {
    // Before, within and after the words in which strings are scanned, with and without bytes behind.
    for byte in 0..=u8::MAX {
        for before in 0..20 {
            for after in 0..12 {
                let mut body = vec![b'"'];
                body.extend(std::iter::repeat_n(b'x', before));
                body.push(byte);
                body.extend(std::iter::repeat_n(b'y', after));
                body.push(b'"');
                let verdict = check(&body, &super::limits()).map_err(|fault| (fault.unfit, fault.column));
                let expected = match byte {
                    ..=0x1f => Err((Unfit::ControlCharacter, before + 2)),
                    b'\\' if after > 0 => Err((Unfit::Escape, before + 2)),
                    b'\\' => Err((Unfit::Truncated, before + 4)),
                    b'"' => Err((Unfit::Not(super::Expected::End), before + 3)),
                    0x80.. => Err((Unfit::NotUtf8, before + 2)),
                    _ => Ok(super::Shape::Scalar),
                };
                assert_eq!(
                    verdict, expected,
                    "byte {byte:#04x} after {before}, before {after}"
                );
            }
        }
    }
}

#[test]
fn utf_8_that_a_quote_or_an_escape_cuts_off_is_refused() {
    for body in [
        &b"\"\xc3\""[..],
        b"\"\xc3\\n\"",
        b"\"\xe2\x82\\u00ac\"",
        b"[\"\xf0\x9f\x98\",\"\x80\"]",
    ] {
        assert_eq!(unfit(body), Unfit::NotUtf8, "{body:?}");
    }
}

#[test]
fn the_length_of_strings_and_names_is_counted_once_escapes_are_undone() {
    let four = limits_of(JsonSettings {
        max_string: ByteSize::bytes(4),
        ..JsonSettings::default()
    });
    for text in [
        "",
        "abcd",
        r"\n\n\n\n",
        r"\u0041\u0041\u0041\u0041",
        r"\uD834\uDD1E",
        "\u{1d11e}",
        r"\u20acx",
        r"\u00e9\u00e9",
    ] {
        assert!(check(format!("[\"{text}\"]").as_bytes(), &four).is_ok(), "{text}");
        assert!(
            check(format!("{{\"{text}\":1}}").as_bytes(), &four).is_ok(),
            "{text}"
        );
        for longer in [format!("{text}abcde"), format!(r"abcde\n{text}")] {
            let value = check(format!("[\"{longer}\"]").as_bytes(), &four).map_err(|fault| fault.unfit);
            assert_eq!(value, Err(Unfit::StringTooLong { limit: 4 }), "{longer}");
            let name = check(format!("{{\"{longer}\":1}}").as_bytes(), &four).map_err(|fault| fault.unfit);
            assert_eq!(name, Err(Unfit::StringTooLong { limit: 4 }), "{longer}");
        }
    }
    for text in [r"\uD834\uDD1Ex", "\u{20ac}\u{e9}", r"\u20ac\u00e9", "abcde"] {
        assert!(check(format!("\"{text}\"").as_bytes(), &four).is_err(), "{text}");
    }
    let of = |length: usize| format!("\"{}\"", "x".repeat(length));
    assert!(accepts(of(64 * 1024)));
    assert_eq!(unfit(of(64 * 1024 + 1)), Unfit::StringTooLong { limit: 65_536 });
}
