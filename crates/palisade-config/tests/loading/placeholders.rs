//! Placeholders.

use rstest::rstest;

use crate::fixture::{Fixture, text};

#[rstest]
#[case("${a.b}", "1")]
#[case("x${a.b}y${a.b}z", "x1y1z")]
#[case("${missing:default:with:colons}", "default:with:colons")]
#[case("${missing:${also.missing:deep}}", "deep")]
#[case("${missing:a{2}b}", "a{2}b")]
#[case("${missing:}", "")]
#[case("${a.${letter}}", "1")]
#[case("$5 $ {x} }", "$5 $ {x} }")]
#[case("${palisade.other}", "1-1")]
#[case("${ENVIRONMENT}", "env")]
#[case("${both}", "property")]
fn placeholders_are_replaced(#[case] value: &str, #[case] expected: &str) {
    let fixture = Fixture::properties(&format!(
        "a.b=1\nletter=b\npalisade.other=${{a.b}}-${{a.b}}\nboth=property\npalisade.x={value}"
    ))
    .env("ENVIRONMENT", "env")
    .env("both", "environment");
    assert_eq!(text(&fixture.config(), "palisade.x").unwrap(), expected);
}

#[rstest]
#[case(
    "${nothing}",
    "expected a value for ${nothing}: no property and no environment variable has that name"
)]
#[case("${open", "expected a } for every ${")]
#[case(
    "${palisade.x}",
    "expected placeholders without a circle: palisade.x → palisade.x"
)]
#[case("${one}", "expected placeholders without a circle: one → two → one")]
#[case(
    "${password}",
    "expected a value for ${none}: no property and no environment variable has that name"
)]
#[case("${nested-${password2}}", "expected a placeholder whose name holds no secret")]
#[case("${lol9}", "expected placeholders to make a text of at most 1048576 bytes")]
fn placeholders_that_cannot_be_replaced_are_errors(#[case] value: &str, #[case] message: &str) {
    let mut file = format!(
        "one=${{two}}\ntwo=${{one}}\npassword=${{none}}\npassword2=x\npalisade.x={value}\nlol0=lol\n"
    );
    for level in 1..10 {
        let inner = format!("${{lol{}}}", level - 1).repeat(10);
        file += &["lol", &level.to_string(), "=", &inner, "\n"].concat();
    }
    let fixture = Fixture::properties(&file);
    assert_eq!(
        fixture.errors(),
        format!("application.properties:5: palisade.x: {message}")
    );
    let again = fixture.load().0.get::<String>("palisade.x").unwrap_err();
    assert_eq!(again.to_string(), fixture.errors());
}

#[test]
fn what_is_nested_without_end_is_refused() {
    let nested = ["${".repeat(50_000), "}".repeat(50_000)].concat();
    let mut file = format!(
        "palisade.x={nested}\npalisade.{}=1\npalisade.y=${{v0}}\n",
        "a.".repeat(50_000) + "a"
    );
    for level in 0..100 {
        file += &["v", &level.to_string(), "=${v", &(level + 1).to_string(), "}\n"].concat();
    }
    let errors = Fixture::properties(&file).errors();
    let messages: Vec<_> = errors
        .lines()
        .map(|line| line.rsplit(": ").next().unwrap())
        .collect();
    assert_eq!(
        messages,
        [
            "expected placeholders nested at most 32 deep",
            "expected a key of at most 64 names and indices",
            "expected placeholders nested at most 32 deep",
        ]
    );
}
