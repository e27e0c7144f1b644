use std::fmt::Write as _;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::super::yaml::read;

fn value(text: &str) -> Value {
    read(text).unwrap().0
}

fn error(text: &str) -> String {
    let error = read(text).unwrap_err();
    format!("{}:{}: {}", error.mark.line, error.mark.characters, error.problem)
}

#[rstest]
#[case("no", json!("no"))]
#[case("on", json!("on"))]
#[case("Yes", json!("Yes"))]
#[case("true", json!(true))]
#[case("FALSE", json!(false))]
#[case("tRue", json!("tRue"))]
#[case("~", json!(null))]
#[case("NULL", json!(null))]
#[case("''", json!(""))]
#[case("0123", json!(123))]
#[case("-007", json!(-7))]
#[case("+12", json!(12))]
#[case("0o17", json!(15))]
#[case("0x1F", json!(31))]
#[case("0x", json!("0x"))]
#[case("-0x1F", json!("-0x1F"))]
#[case("0b11", json!("0b11"))]
#[case("1_000", json!("1_000"))]
#[case("1:30", json!("1:30"))]
#[case("3.1", json!(3.1))]
#[case("3.1.0", json!("3.1.0"))]
#[case(".5", json!(0.5))]
#[case("5.", json!(5.0))]
#[case("1e3", json!(1000.0))]
#[case("12E-1", json!(1.2))]
#[case("1e", json!("1e"))]
#[case(".", json!("."))]
#[case("-", json!([null]))]
#[case("18446744073709551615", json!(u64::MAX))]
#[case("-9223372036854775808", json!(i64::MIN))]
#[case("18446744073709551616", json!(18_446_744_073_709_551_616.0))]
#[case("2020-01-02", json!("2020-01-02"))]
#[case("'12'", json!("12"))]
#[case("\"12\"", json!("12"))]
#[case("!!str 12", json!("12"))]
#[case("! 12", json!("12"))]
#[case("!!map {a: 1}", json!({"a": 1}))]
#[case("|\n a\n b\n", json!("a\nb\n"))]
#[case(">-\n a\n b\n", json!("a b"))]
#[case("200: a\ntrue: b\n~: c\n0x10: d\n", json!({"200": "a", "true": "b", "~": "c", "0x10": "d"}))]
#[case("a: &x [1, {b: 2}]\nc: *x\n", json!({"a": [1, {"b": 2}], "c": [1, {"b": 2}]}))]
#[case("\"<<\": 1", json!({"<<": 1}))]
#[case("# only this\na: 1 # and this", json!({"a": 1}))]
#[case("%YAML 1.2\n---\na: 1\n...\n", json!({"a": 1}))]
fn a_document_is_what_the_core_schema_says(#[case] text: &str, #[case] expected: Value) {
    assert_eq!(value(text), expected);
}

#[rstest]
#[case("a: 1\nb: 2\na: 3\n", "3:0: there is a second member `a`")]
#[case("1: 1\n'1': 2\n", "2:0: there is a second member `1`")]
#[case(
    "a: {<<: {b: 1}}",
    "1:4: `<<` (merge keys) belongs to YAML 1.1 and is not done here: list the members"
)]
#[case("a: 1\n---\nb: 1\n", "2:0: there is a second document, where one is expected")]
#[case("- .inf", "1:2: JSON has no such number")]
#[case("- -.INF", "1:2: JSON has no such number")]
#[case("- .nan", "1:2: JSON has no such number")]
#[case("- 1e999", "1:2: JSON has no such number")]
#[case("- 0xfffffffffffffffff", "1:2: the number is larger than 64 bits")]
#[case("? [a]\n: b", "1:2: the name of a member must be written out, as text")]
#[case("a: &x b\n*x : 1", "2:0: the name of a member must be written out, as text")]
#[case(": 1", "1:0: there is a member without a name")]
#[case("&x [*x]", "1:4: the alias stands within what it repeats")]
#[case("", "1:0: there is nothing in it")]
#[case("# nothing", "1:0: there is nothing in it")]
#[case(
    "- !!binary aGk=",
    "1:2: the tag `tag:yaml.org,2002:!binary` means nothing here; those of text (`!!str`), `!!map` and `!!seq` do"
)]
#[case(
    "- !ruby/object {}",
    "1:2: the tag `!ruby/object` means nothing here; those of text (`!!str`), `!!map` and `!!seq` do"
)]
fn what_json_has_no_word_for_is_an_error_with_its_place(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(error(text), expected);
}

#[rstest]
#[case("a: [1, 2")]
#[case("a: 'b")]
#[case("*nothing")]
#[case("a:\n\t- b")]
#[case("a: b: c")]
fn what_is_no_yaml_is_an_error(#[case] text: &str) {
    assert!(read(text).is_err());
}

#[test]
fn aliases_of_aliases_are_bounded() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        let _ = writeln!(text, "a{level}: &a{level} [{before}]");
    }
    let problem = read(&text).unwrap_err().problem;
    assert_eq!(
        problem,
        "there are more than 1000000 values, with what aliases repeat"
    );
}

#[rstest]
#[case(127, true)]
#[case(128, false)]
#[case(100_000, false)]
fn depth_is_bounded(#[case] depth: usize, #[case] is_read: bool) {
    let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(read(&text).is_ok(), is_read);
}

#[test]
fn aliases_do_not_get_around_the_bound_of_depth() {
    let mut text = String::from("a0: &a0 [1]\n");
    for level in 1..200 {
        let _ = writeln!(text, "a{level}: &a{level} [*a{}]", level - 1);
    }
    assert_eq!(
        read(&text).unwrap_err().problem,
        "values are nested more than 127 deep"
    );
}

#[test]
fn a_value_is_where_it_begins_or_where_its_name_does_if_that_is_in_an_earlier_line() {
    let (_, marks) = read("a: 1\nb:\n  c: [x, y]\n  d: >\n    text\n").unwrap();
    let place = |marks: &super::super::yaml::Marks| (marks.mark.line, marks.mark.characters);
    assert_eq!(place(&marks), (1, 0));
    assert_eq!(place(&marks.children[0]), (1, 3));
    assert_eq!(place(&marks.children[1]), (2, 0));
    let b = &marks.children[1].children;
    assert_eq!(place(&b[0]), (3, 5));
    assert_eq!(place(&b[0].children[1]), (3, 9));
    assert_eq!(b[1].mark.line, 4);
}

/// Text that means something else where it is not quoted.
const ODD: [&str; 17] = [
    "no", "~", "1_0", "0x1", "- a", "a: b", "# c", " ", "\n", "'", "\"", "*a", "&a", "!t", "%", "@", "`",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(ODD.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((".{0,8}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Text in quotes, with what YAML calls not printable escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='~' | '\u{a1}'..='\u{2000}' => quoted.push(letter),
            _ => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(letter));
            }
        }
    }
    quoted.push('"');
    quoted
}

fn block(value: &Value, indent: usize, into: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(into, "\n{pad}-");
                block(item, indent + 2, into);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                let _ = write!(into, "\n{pad}{}:", quoted(name));
                block(member, indent + 2, into);
            }
        }
        Value::String(text) => into.extend([" ", &quoted(text)]),
        other => into.extend([" ", &other.to_string()]),
    }
}

proptest! {
    #[test]
    fn what_is_written_in_blocks_reads_back_equal(value in any_json()) {
        let mut text = String::new();
        block(&value, 0, &mut text);
        prop_assert_eq!(read(&text).map(|(value, _)| value), Ok(value), "{}", text);
    }

    #[test]
    fn json_is_yaml(value in any_json()) {
        fn flow(value: &Value) -> String {
            match value {
                Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
                Value::Object(members) => {
                    let members = members.iter().map(|(name, member)| format!("{}: {}", quoted(name), flow(member)));
                    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
                }
                Value::String(text) => quoted(text),
                other => other.to_string(),
            }
        }
        prop_assert_eq!(read(&flow(&value)).map(|(value, _)| value), Ok(value));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-a:{}\\[\\]\n &*!<|>'\"#?,0]{0,60}") {
        let _ = read(&text);
    }
}
