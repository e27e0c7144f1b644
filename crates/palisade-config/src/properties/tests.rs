use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn read(text: &str) -> Vec<(String, String, u32)> {
    let parsed = parse(text.as_bytes());
    assert_eq!(parsed.errors, []);
    parsed
        .properties
        .into_iter()
        .map(|p| (p.key, p.value, p.line))
        .collect()
}

#[rstest]
#[case("a=1", &[("a", "1", 1)])]
#[case("\n# c\n\na=1\r\nb=2\rc=3", &[("a", "1", 4), ("b", "2", 5), ("c", "3", 6)])]
#[case("a=1,\\\n  2,\\\n  3\nb=4", &[("a", "1,2,3", 1), ("b", "4", 4)])]
#[case("\\\n\\\na=1", &[("a", "1", 3)])]
#[case("a = x  ", &[("a", "x  ", 1)])]
#[case("\u{feff}a=1", &[("a", "1", 1)])]
#[case("a=\u{feff}1", &[("a", "\u{feff}1", 1)])]
#[case("a=\\uD83D\\uDE00", &[("a", "😀", 1)])]
#[case("a=1\na=2", &[("a", "1", 1), ("a", "2", 2)])]
fn every_property_knows_the_line_of_its_key(#[case] text: &str, #[case] expected: &[(&str, &str, u32)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(k, v, line)| ((*k).to_owned(), (*v).to_owned(), *line))
        .collect();
    assert_eq!(read(text), expected);
}

#[rstest]
#[case(b"a=1\nb=\\u12", 2, SyntaxErrorKind::MalformedEscape)]
#[case(b"a=1\r\n\r\nb=\\uD800x", 3, SyntaxErrorKind::LoneSurrogate)]
#[case(b"a=1\nb=\xff\nc=3", 2, SyntaxErrorKind::NotUtf8)]
fn a_fault_names_its_line_and_hides_no_other_property(
    #[case] bytes: &[u8],
    #[case] line: u32,
    #[case] kind: SyntaxErrorKind,
) {
    let parsed = parse(bytes);
    assert_eq!(parsed.errors, [SyntaxError { line, kind }]);
    assert_eq!(parsed.properties[0].value, "1");
}

#[test]
fn debug_output_shows_no_values() {
    assert!(!format!("{:?}", parse(b"password=hunter2")).contains("hunter2"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(pairs in prop::collection::vec((any::<String>(), any::<String>()), 1..8)) {
        let mut text = String::new();
        for (key, value) in &pairs {
            text += &[&escape_key(key), "=", &escape_value(value), "\n"].concat();
        }
        let read: Vec<_> = read(&text).into_iter().map(|(key, value, _)| (key, value)).collect();
        prop_assert_eq!(read, pairs);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let parsed = parse(&bytes);
        let lines = u32::try_from(bytes.len()).unwrap() + 1;
        prop_assert!(parsed.properties.iter().all(|property| (1..=lines).contains(&property.line)));
    }
}
