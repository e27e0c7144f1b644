//! What the standard leaves undefined is an error at start.

use rstest::rstest;
use serde_json::{Value, json};

use super::layout;
use crate::parameters::Place::{self, Cookie, Header, Path, Query};

#[rstest]
#[case(Query, Some("tabDelimited"), None, json!({}), "`style` must be one of those of OpenAPI")]
#[case(Query, Some("matrix"), None, json!({}), "`style: matrix` is not for parameters of the query")]
#[case(Query, Some("simple"), None, json!({}), "`style: simple` is not for parameters of the query")]
#[case(Path, Some("form"), None, json!({}), "`style: form` is not for parameters of the path")]
#[case(Header, Some("label"), None, json!({}), "`style: label` is not for parameters of the header")]
#[case(Cookie, Some("deepObject"), None, json!({}), "`style: deepObject` is not for parameters of the cookie")]
#[case(Query, Some("deepObject"), None, json!({"type": "array"}), "`style: deepObject` is not defined for anything but objects")]
#[case(Query, Some("deepObject"), None, json!({"type": "string"}), "`style: deepObject` is not defined for anything but objects")]
#[case(Query, Some("deepObject"), None, json!({}), "`style: deepObject` is not defined for anything but objects")]
#[case(
    Query, Some("deepObject"), None,
    json!({"type": "object", "properties": {"a": {"type": "object"}}}),
    "`style: deepObject` is not defined for arrays and objects within one; use `content` with application/json"
)]
#[case(
    Query, Some("deepObject"), None,
    json!({"type": "object", "additionalProperties": {"type": "array"}}),
    "`style: deepObject` is not defined for arrays and objects within one; use `content` with application/json"
)]
#[case(
    Path, None, None,
    json!({"type": "array", "items": {"type": "array"}}),
    "`style: simple` is not defined for arrays and objects within one; use `content` with application/json"
)]
#[case(
    Query, Some("spaceDelimited"), None, json!({"type": "integer"}),
    "`style: spaceDelimited` is not defined for single values; use `style: form`"
)]
#[case(
    Query, Some("pipeDelimited"), Some(true), json!({"type": "object"}),
    "`style: pipeDelimited` is not defined for exploded objects; use `style: form` or `style: deepObject`"
)]
#[case(
    Cookie, None, None, json!({"type": "array"}),
    "`style: form` is not defined for exploded arrays and objects in cookies; use `explode: false`"
)]
#[case(
    Query, None, None, json!({"type": ["object", "string"]}),
    "`style: form` is not defined for what may be an exploded object or something else"
)]
#[case(
    Query, None, None, json!({"type": ["object", "array"]}),
    "`style: form` is not defined for what may be an array or an object: they look alike"
)]
fn what_is_not_defined_is_an_error(
    #[case] place: Place,
    #[case] style: Option<&str>,
    #[case] explode: Option<bool>,
    #[case] schema: Value,
    #[case] expected: &str,
) {
    let error = layout(place, style, explode, &schema).unwrap_err();
    assert_eq!(error.to_string(), expected);
}
