//! What types make of text and of TOML's values.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use palisade_core::Secret;
use palisade_core::settings::{ByteSize, Period};
use rstest::rstest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::fixture::Fixture;

fn read<T: DeserializeOwned>(value: &str) -> Result<T, String> {
    let text = format!("palisade.x={value}");
    let read = Fixture::properties(&text).config().get::<T>("palisade.x");
    read.map(Option::unwrap).map_err(|errors| errors.to_string())
}

fn refusal<T: DeserializeOwned>(value: &str) -> String {
    let Err(error) = read::<T>(value) else {
        return "accepted".to_owned();
    };
    error.replace("application.properties:1: palisade.x", "")
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Shape {
    Point,
    Circle(u8),
    Box { width: u8 },
}

#[test]
fn text_becomes_what_the_type_asks_for() {
    assert_eq!(read::<u64>("18446744073709551615"), Ok(u64::MAX));
    assert_eq!(read::<i8>("-128"), Ok(-128));
    assert_eq!(read::<f64>("0.5"), Ok(0.5));
    assert_eq!(read::<char>("x"), Ok('x'));
    assert_eq!(read::<bool>("false "), Ok(false));
    assert_eq!(read::<Option<u8>>("7"), Ok(Some(7)));
    assert_eq!(read::<(u8, String)>("7, x"), Ok((7, "x".to_owned())));
    assert_eq!(read::<NonZeroU32>("7").map(NonZeroU32::get), Ok(7));
    assert_eq!(read::<IpAddr>("::1"), Ok("::1".parse().unwrap()));
    assert_eq!(read::<ByteSize>("2 MiB"), Ok(ByteSize::mib(2)));
    assert_eq!(
        read::<Vec<Period>>("1s,250ms").map(|all| all.into_iter().map(Period::get).sum()),
        Ok(Duration::from_millis(1250))
    );
    assert_eq!(
        read::<Secret>(" a,b").map(|secret| secret.expose().to_owned()),
        Ok("a,b".to_owned())
    );
    assert_eq!(read::<Shape>("point "), Ok(Shape::Point));
}

#[rstest]
#[case(refusal::<u8>("256"), ": expected a whole number from 0 to 255, found \"256\"")]
#[case(refusal::<u64>("1e3"), ": expected a whole number of at least 0, found \"1e3\"")]
#[case(refusal::<i32>(""), ": expected a whole number, found \"\"")]
#[case(refusal::<NonZeroU32>("0"), ": expected a whole number of at least 1, found \"0\"")]
#[case(refusal::<f64>("NaN"), ": expected a number, found \"NaN\"")]
#[case(refusal::<bool>("yes"), ": expected true or false, found \"yes\"")]
#[case(refusal::<Shape>("Pint"), ": expected one of point, circle, box, found \"Pint\" (did you mean \"point\"?)")]
#[case(refusal::<Vec<String>>("a,,b"), "[1]: expected a list without empty elements")]
#[case(refusal::<BTreeMap<String, u8>>("a"), ": expected keys below this one, found \"a\"")]
#[case(refusal::<IpAddr>("1.2.3"), ": expected an IP address, found \"1.2.3\"")]
#[case(refusal::<ByteSize>("big"), ": expected a number of bytes such as 65536, 16 KiB or 2 MiB, found \"big\"")]
fn a_value_of_the_wrong_kind_is_refused_in_plain_words(#[case] refusal: String, #[case] expected: &str) {
    assert_eq!(refusal, expected);
}

#[test]
fn lists_and_groups_are_told_apart_from_values() {
    let config = Fixture::properties(
        "palisade.list[0].a=1\npalisade.group.a=1\npalisade.shapes[0].circle=9\npalisade.shapes[1]=point\npalisade.shapes[2].box.width=3\n\
         palisade.shapes[3].box.with=3",
    )
    .config();
    let place = "application.properties";
    assert_eq!(
        config.get::<u8>("palisade.list").unwrap_err().to_string(),
        format!("{place}:1: palisade.list: expected a whole number from 0 to 255")
    );
    assert_eq!(
        config.get::<Vec<u8>>("palisade.group").unwrap_err().to_string(),
        format!("{place}:2: palisade.group: expected a list")
    );
    assert_eq!(
        config.get::<String>("palisade.group").unwrap_err().to_string(),
        format!("{place}:2: palisade.group: expected a text")
    );
    assert_eq!(
        config
            .get::<BTreeMap<String, u8>>("palisade.list")
            .unwrap_err()
            .to_string(),
        format!("{place}:1: palisade.list: expected keys below this one")
    );
    assert_eq!(
        config
            .get::<Vec<Shape>>("palisade.shapes")
            .unwrap_err()
            .to_string(),
        format!(
            "{place}:6: palisade.shapes[3].box.width: a value is required here\n\
             {place}:6: palisade.shapes[3].box.with: unknown key; expected one of width (did you mean \"width\"?)"
        )
    );
    assert_eq!(
        config.get::<Shape>("palisade.shapes[0]").unwrap(),
        Some(Shape::Circle(9))
    );
    assert_eq!(
        config.get::<Shape>("palisade.shapes[2]").unwrap(),
        Some(Shape::Box { width: 3 })
    );
}

#[test]
fn values_of_toml_are_read_by_text_where_a_type_wants_text() {
    let toml = "[palisade]\nsize = 1024\nbig = '2 MiB'\nnegative = -1\nday = 2026-01-02\nempty = []\nfloat = 1.5\n'a.b' = 1\n\
                list = [{ name = 'x' }, { name = 'y' }]\n";
    let config = Fixture::new(&[("application.toml", toml)]).config();
    assert_eq!(
        config.get::<ByteSize>("palisade.size").unwrap(),
        Some(ByteSize::kib(1))
    );
    assert_eq!(
        config.get::<ByteSize>("palisade.big").unwrap(),
        Some(ByteSize::mib(2))
    );
    assert_eq!(config.get::<i8>("palisade.negative").unwrap(), Some(-1));
    assert_eq!(
        config.get::<String>("palisade.day").unwrap().unwrap(),
        "2026-01-02"
    );
    assert_eq!(
        config.get::<Vec<String>>("palisade.empty").unwrap().unwrap(),
        [""; 0]
    );
    assert_eq!(config.get::<f32>("palisade.float").unwrap(), Some(1.5));
    assert_eq!(config.get::<u8>("palisade[a.b]").unwrap(), Some(1));
    let names = config
        .get::<Vec<BTreeMap<String, String>>>("palisade.list")
        .unwrap()
        .unwrap();
    assert_eq!(names[1]["name"], "y");
    let error = config.get::<u8>("palisade.size").unwrap_err().to_string();
    assert_eq!(
        error,
        "application.toml:2: palisade.size: expected a whole number from 0 to 255, found 1024"
    );
}

#[test]
fn faults_of_toml_name_their_line_and_quote_nothing() {
    let quoted = Fixture::new(&[("application.toml", "x = 1\n'palisade.unmatched' = 'allow'\n")]);
    let message = "expected a first name without a dot in it: write the dots outside the quotes";
    assert_eq!(
        quoted.errors(),
        format!("application.toml:2: palisade.unmatched: {message}")
    );
    let syntax = Fixture::new(&[("application.toml", "[palisade]\npassword = 'hunter2\nx = 1\n")]);
    assert!(
        syntax.errors().starts_with("application.toml:2: expected TOML: "),
        "{}",
        syntax.errors()
    );
    assert!(!syntax.errors().contains("hunter2"));
}
