use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::json as value_of;

use super::{JSON, XML, amount, path, read};
use crate::amount::fault::Halt;
use crate::amount::{Amounts, Leaf, Sink, json, xml};

/// Digits before and after the point.
fn written() -> impl Strategy<Value = (String, String)> {
    ("0|[1-9][0-9]{0,11}", "[0-9]{0,18}")
}

fn plain((whole, fraction): &(String, String)) -> String {
    if fraction.is_empty() {
        whole.clone()
    } else {
        format!("{whole}.{fraction}")
    }
}

/// The same number with the point moved, which an exponent makes up for.
fn moved((whole, fraction): &(String, String)) -> String {
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return "0E5".to_owned();
    }
    format!("{digits}e-{}", fraction.len())
}

/// Column addition of decimals as one does it on paper: whole and fraction of the sum, in 24 and 18 digits.
fn sum_on_paper(all: &[(String, String)]) -> String {
    let mut columns = [0_u64; 42];
    for (whole, fraction) in all {
        for (column, digit) in columns[..24].iter_mut().rev().zip(whole.bytes().rev()) {
            *column += u64::from(digit - b'0');
        }
        for (column, digit) in columns[24..].iter_mut().zip(fraction.bytes()) {
            *column += u64::from(digit - b'0');
        }
    }
    let mut carry = 0;
    for column in columns.iter_mut().rev() {
        *column += carry;
        carry = *column / 10;
        *column %= 10;
    }
    let digits: String = columns.iter().map(u64::to_string).collect();
    let (whole, fraction) = digits.split_at(24);
    format!("{whole}.{fraction}")
}

fn expected(all: &[(String, String)]) -> Amounts {
    Amounts {
        count: u32::try_from(all.len()).unwrap(),
        total: amount(&sum_on_paper(all)),
        largest: all
            .iter()
            .map(|one| amount(&plain(one)))
            .max()
            .unwrap_or_default(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn json_totals_are_exact(all in prop::collection::vec((written(), 0..3), 0..4000)) {
        let texts: Vec<_> = all
            .iter()
            .map(|(one, notation)| match notation {
                0 => format!(r#"{{"a": {}}}"#, plain(one)),
                1 => format!(r#"{{"a": {}}}"#, moved(one)),
                _ => format!(r#"{{"a": "{}"}}"#, plain(one)),
            })
            .collect();
        let all: Vec<_> = all.into_iter().map(|(one, _)| one).collect();
        let body = format!(r#"{{"p": [{}]}}"#, texts.join(", "));
        prop_assert_eq!(read("/p/a", &JSON, &body), Ok(expected(&all)));
        prop_assert_eq!(read("/p/*/a", &JSON, &body), Ok(expected(&all)));
    }

    #[test]
    fn xml_totals_are_exact(all in prop::collection::vec(written(), 1..4000)) {
        let elements = all.iter().map(|one| format!("<P><A>{}</A></P>", plain(one))).collect::<Vec<_>>().concat();
        let attributes = all.iter().map(|one| format!("<P a='{}'/>", plain(one))).collect::<Vec<_>>().concat();
        prop_assert_eq!(read("/D/P/A", &XML, format!("<D>{elements}</D>")), Ok(expected(&all)));
        prop_assert_eq!(read("/D/P/@a", &XML, format!("<D>{attributes}</D>")), Ok(expected(&all)));
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => (0_u32..1000).prop_map(|number| value_of!(number)),
        2 => (0_u32..1000).prop_map(|number| value_of!(number.to_string())),
        1 => Just(Value::Null),
        1 => Just(value_of!(true)),
        1 => Just(value_of!("x\n\"")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec(("[abA0*]", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What a path leads to in a value that was read by another reader; `None` where it is refused.
fn by_reference(value: &Value, tokens: &[&str], is_element: bool, found: &mut Vec<String>) -> Option<()> {
    match (tokens, value) {
        ([], Value::Array(elements)) => elements.iter().try_for_each(|element| {
            (!element.is_array()).then(|| by_reference(element, &[], true, found))?
        }),
        ([], Value::Number(number)) => {
            found.push(number.to_string());
            Some(())
        }
        ([], Value::String(text)) => {
            found.push(text.clone());
            Some(())
        }
        ([token, rest @ ..], Value::Object(members)) => {
            let alike = members
                .keys()
                .filter(|name| name.eq_ignore_ascii_case(token))
                .count();
            (alike == 1).then(|| by_reference(members.get(*token)?, rest, false, found))?
        }
        ([token, rest @ ..], Value::Array(elements)) => match token.parse::<usize>() {
            Ok(index) => by_reference(elements.get(index)?, rest, false, found),
            Err(_) if *token == "*" => elements
                .iter()
                .try_for_each(|element| by_reference(element, rest, false, found)),
            Err(_) if is_element => None,
            Err(_) => elements
                .iter()
                .try_for_each(|element| by_reference(element, tokens, true, found)),
        },
        _ => None,
    }
}

fn gathered(walk: impl FnOnce(&mut Sink<'_>) -> Result<(), Halt>) -> Option<Vec<String>> {
    let mut found = Vec::new();
    walk(&mut |leaf| {
        let (Leaf::Number(text) | Leaf::Text(text)) = leaf;
        found.push(text.to_owned());
        Ok(())
    })
    .ok()
    .map(|()| found)
}

fn by_walk(body: &str, pointer: &str) -> Option<Vec<String>> {
    let path = path(pointer);
    gathered(|sink| json::walk(body, &path, path.len(), sink))
}

/// An element of which the name is a letter in a namespace, and nothing, texts or elements inside.
#[derive(Debug, Clone)]
struct Element {
    namespace: &'static str,
    name: &'static str,
    attribute: Option<u32>,
    text: Option<u32>,
    inside: Vec<Element>,
}

impl Element {
    fn written(&self) -> String {
        let Self { namespace, name, .. } = self;
        let attribute = self
            .attribute
            .map_or(String::new(), |number| format!(" c='{number}'"));
        let text = self.text.map_or(String::new(), |number| number.to_string());
        let inside = self.inside.iter().map(Self::written).collect::<Vec<_>>().concat();
        format!("<{name} xmlns='{namespace}'{attribute}>{text}{inside}</{name}>")
    }

    /// What a path leads to, from this element on; `None` where it is refused.
    fn by_reference(&self, tokens: &[&str], found: &mut Vec<String>) -> Option<()> {
        let (token, rest) = match tokens {
            [] if self.inside.is_empty() => {
                found.push(self.text?.to_string());
                return Some(());
            }
            [] => return None,
            ["@c"] => {
                found.push(self.attribute?.to_string());
                return Some(());
            }
            [token, rest @ ..] => (token, rest),
        };
        let mut named = self
            .inside
            .iter()
            .filter(|inside| inside.is_named(token))
            .peekable();
        named.peek()?;
        named.try_for_each(|inside| inside.by_reference(rest, found))
    }

    fn is_named(&self, token: &str) -> bool {
        token == "*" || token == self.name || token == format!("{{{}}}{}", self.namespace, self.name)
    }
}

fn element() -> impl Strategy<Value = Element> {
    let head = || {
        let namespace = prop_oneof![3 => Just(""), 1 => Just("urn:x")];
        let name = prop_oneof![Just("a"), Just("b")];
        (namespace, name, prop::option::of(0_u32..1000))
    };
    let leaf = (head(), prop::option::weighted(0.9, 0_u32..1000));
    let leaf = leaf.prop_map(|((namespace, name, attribute), text)| Element {
        namespace,
        name,
        attribute,
        text,
        inside: Vec::new(),
    });
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let inside = prop::collection::vec(inner, 1..4);
        (head(), inside).prop_map(|((namespace, name, attribute), inside)| Element {
            namespace,
            name,
            attribute,
            text: None,
            inside,
        })
    })
}

/// An amount, and beside it any value, into which something is put.
fn broken() -> impl Strategy<Value = String> {
    let put = prop_oneof![Just("\"".to_owned()), "[\\[\\]{}:,0-9eE.+\\-\\\\ \n]", ".{0,2}"];
    (value(), any::<prop::sample::Index>(), put, 0..3_usize).prop_map(|(value, at, put, removed)| {
        let mut chars: Vec<_> = value_of!({ "x": value, "amount": 1 })
            .to_string()
            .chars()
            .collect();
        let at = at.index(chars.len());
        chars.splice(at..(at + removed).min(chars.len()), put.chars());
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_way_in_json_is_the_one_of_a_reader_of_whole_values(
        value in value(),
        tokens in prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("0"), Just("1"), Just("*")], 1..4),
    ) {
        let mut found = Vec::new();
        let reference = by_reference(&value, &tokens, false, &mut found).map(|()| found);
        let pointer = tokens.iter().map(|token| format!("/{token}")).collect::<Vec<_>>().concat();
        prop_assert_eq!(by_walk(&value.to_string(), &pointer), reference.clone());
        prop_assert_eq!(by_walk(&format!("{value:#}"), &pointer), reference);
    }

    #[test]
    fn the_way_in_xml_is_the_one_through_elements(
        root in element(),
        tokens in prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("*"), Just("{urn:x}a"), Just("{}b")], 1..4),
        attribute in any::<bool>(),
    ) {
        let tokens: Vec<_> = tokens.into_iter().chain(attribute.then_some("@c")).collect();
        let mut found = Vec::new();
        let reference = root
            .is_named(tokens[0])
            .then(|| root.by_reference(&tokens[1..], &mut found))
            .flatten()
            .map(|()| found);
        let path = path(&tokens.iter().map(|token| format!("/{token}")).collect::<Vec<_>>().concat());
        let body = root.written();
        let document = xml::parse(&body).unwrap();
        prop_assert_eq!(gathered(|sink| xml::walk(&document, &path, sink)), reference);
    }

    #[test]
    fn what_is_read_is_json_to_others_too(body in broken()) {
        let valid = serde_json::from_str::<IgnoredAny>(&body).is_ok();
        match read("/amount", &JSON, &body) {
            Ok(_) => prop_assert!(valid),
            Err(super::Unreadable::Malformed { .. }) => prop_assert!(!valid),
            Err(_) => {}
        }
        if let Ok(amounts) = read("/amount", &JSON, &body)
            && let Ok(value) = serde_json::from_str::<Value>(&body)
        {
            prop_assert_eq!(amounts.total, amount(value["amount"].to_string().trim_matches('"')));
        }
    }

    #[test]
    fn nothing_makes_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        markup in "(<[aA!?/]?|/?>|[aA1='\" &;:-]|<A>|</A>|xmlns|<!\\[CDATA\\[|\\]\\]>|<!--|-->|<\\?xml |encoding|\\?>){0,24}",
    ) {
        for media_type in [&JSON, &XML] {
            let _ = read("/A", media_type, &bytes);
            let _ = read("/A/*/@a", media_type, &markup);
        }
    }
}
