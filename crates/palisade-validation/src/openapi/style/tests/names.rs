//! Whom the names of a query belong to.

use rstest::rstest;
use serde_json::json;

use super::{Names, Taken, layout};
use crate::parameters::Place::Query;

/// `color` is exploded and open, `deep` is a `deepObject`, `plain[]` a list.
fn names() -> Names {
    let object = json!({
        "type": "object",
        "properties": {"R": {"type": "integer"}},
        "additionalProperties": {"type": "string"},
    });
    let mut names = Names::default();
    names
        .add(0, "color", Some(&layout(Query, None, None, &object).unwrap()))
        .unwrap();
    names
        .add(
            1,
            "deep",
            Some(&layout(Query, Some("deepObject"), None, &object).unwrap()),
        )
        .unwrap();
    names.add(2, "plain[]", None).unwrap();
    names
}

#[rstest]
#[case("R", Taken::By(0, "R".into()))]
#[case("color", Taken::Other(0, "color".into()))]
#[case("r", Taken::Other(0, "r".into()))]
#[case("", Taken::Other(0, "".into()))]
#[case("plain[]", Taken::By(2, "".into()))]
#[case("plain", Taken::Other(0, "plain".into()))]
#[case("deep[R]", Taken::By(1, "R".into()))]
#[case("deep[other]", Taken::By(1, "other".into()))]
#[case("deep", Taken::Malformed(1))]
#[case("deep[]", Taken::Malformed(1))]
#[case("deep[", Taken::Malformed(1))]
#[case("deep[R", Taken::Malformed(1))]
#[case("deep[R]x", Taken::Malformed(1))]
#[case("deep[R][S]", Taken::Malformed(1))]
#[case("deep[[R]]", Taken::Malformed(1))]
#[case("Deep[R]", Taken::Other(0, "Deep[R]".into()))]
fn a_name_belongs_to_one_value(#[case] name: &str, #[case] expected: Taken<'_>) {
    assert_eq!(names().find(name.into()), expected);
    assert_eq!(names().find(name.to_owned().into()), expected);
}

#[test]
fn names_that_two_values_take_are_an_error() {
    let open = json!({"type": "object", "additionalProperties": true});
    let open = layout(Query, None, None, &open).unwrap();
    let error = names().add(3, "others", Some(&open)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "takes all names that are not known, which another parameter does too"
    );
    let error = names().add(3, "R", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "takes the name `R`, which another parameter takes too"
    );
}

#[test]
fn an_object_that_is_closed_takes_its_own_names_only() {
    let closed = json!({"type": "object", "properties": {"R": {"type": "integer"}}, "required": ["G"]});
    let mut names = Names::default();
    names
        .add(0, "color", Some(&layout(Query, None, None, &closed).unwrap()))
        .unwrap();
    assert_eq!(names.find("R".into()), Taken::By(0, "R".into()));
    assert_eq!(names.find("G".into()), Taken::By(0, "G".into()));
    assert_eq!(names.find("S".into()), Taken::ByNone("S".into()));
}
