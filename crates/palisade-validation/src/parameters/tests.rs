mod agreement;
mod instants;
mod numbers;
mod settings;

use std::sync::Arc;

use http::Request;
use http::request::Parts;
use palisade_core::MatchedGroup;
use rstest::rstest;

use super::{ParameterFault, Parameters, Place};
use crate::settings::{ParameterSettings, ParameterType, Unknown, ValidationSettings};

/// Settings of one parameter from words as operators write them.
fn parameter(words: &[(&str, &str)]) -> ParameterSettings {
    let mut settings = ParameterSettings::default();
    let list = |text: &str| text.split(',').map(str::to_owned).collect();
    for (word, value) in words {
        let text = || Some((*value).to_owned());
        let number = || Some(value.parse().unwrap());
        match *word {
            "required" => settings.required = *value == "true",
            "type" => settings.kind = serde_json::from_value((*value).into()).unwrap(),
            "pattern" => settings.pattern = text(),
            "min" => settings.min = text(),
            "max" => settings.max = text(),
            "min-length" => settings.min_length = number(),
            "max-length" => settings.max_length = number(),
            "values" => settings.values = Some(list(value)),
            other => panic!("no key {other}"),
        }
    }
    settings
}

fn one(place: Place, name: &str, settings: ParameterSettings) -> ValidationSettings {
    let mut all = ValidationSettings::default();
    let parameters = match place {
        Place::Path => &mut all.path,
        Place::Query => &mut all.query,
        Place::Header => &mut all.header,
        Place::Cookie => panic!("no setting is about cookies"),
    };
    parameters.insert(name.to_owned(), settings);
    all
}

fn compiled(place: Place, name: &str, settings: ParameterSettings) -> Parameters {
    Parameters::compile(&one(place, name, settings)).unwrap()
}

fn head(target: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().uri(target);
    for (name, value) in fields {
        request = request.header(*name, value.as_bytes());
    }
    request.body(()).unwrap().into_parts().0
}

fn in_group(mut head: Parts, patterns: &[&str]) -> Parts {
    head.extensions.insert(MatchedGroup {
        name: Arc::from("group"),
        position: 0,
        paths: patterns.iter().map(|pattern| Arc::from(*pattern)).collect(),
    });
    head
}

#[test]
fn the_patterns_of_a_request_share_what_they_may_take() {
    let nested = || parameter(&[("pattern", r"(\s*[0-9A-F]{1,16}\s*,?){1,100}")]);
    let mut settings = ValidationSettings::default();
    for name in ["a", "b"] {
        settings.query.insert(name.to_owned(), nested());
    }
    let parameters = Parameters::compile(&settings).unwrap();
    assert_eq!(verdict(&parameters, &head("/?a=12,AB&b=FF,", &[])), "accepted");
    let (some, many) = ("0".repeat(250), "0".repeat(8_000));
    let told = |name: &str| format!("The query parameter {name} takes more work to check than is allowed.");
    assert_eq!(
        verdict(&parameters, &head(&format!("/?a={many}"), &[])),
        told("a")
    );
    assert_eq!(
        verdict(&parameters, &head(&format!("/?b={some}"), &[])),
        "accepted"
    );
    let both = head(&format!("/?a={some}&b={some}"), &[]);
    assert_eq!(verdict(&parameters, &both), told("b"));
}

/// The sentence a peer would be told, or `accepted`.
fn verdict(parameters: &Parameters, head: &Parts) -> String {
    parameters
        .check(head)
        .map_or_else(|fault| fault.public().into_owned(), |()| "accepted".to_owned())
}

#[rstest]
#[case("/", "The query parameter limit is missing.")]
#[case("/?", "The query parameter limit is missing.")]
#[case("/?Limit=5", "The query parameter limit is missing.")]
#[case("/?limit[]=5", "The query parameter limit is missing.")]
#[case("/?limit=5", "accepted")]
#[case("/?&&limit=5&", "accepted")]
#[case("/?%6Cimit=%35", "accepted")]
#[case("/?limit=100", "accepted")]
#[case(
    "/?limit=0",
    "The query parameter limit is below the smallest value that is accepted."
)]
#[case(
    "/?limit=101",
    "The query parameter limit is above the largest value that is accepted."
)]
#[case(
    "/?limit=99999999999999999999999999",
    "The query parameter limit is above the largest value that is accepted."
)]
#[case("/?limit", "The query parameter limit is not a whole number.")]
#[case("/?limit=", "The query parameter limit is not a whole number.")]
#[case("/?limit=5;x=1", "The query parameter limit is not a whole number.")]
#[case("/?limit=+5", "The query parameter limit is not a whole number.")]
#[case("/?limit=%2B5", "The query parameter limit is not a whole number.")]
#[case("/?limit=5%20", "The query parameter limit is not a whole number.")]
#[case("/?limit=%D9%A5", "The query parameter limit is not a whole number.")]
#[case("/?limit=%2535", "The query parameter limit is not a whole number.")]
#[case("/?limit=5&limit=6", "The query parameter limit is given more than once.")]
#[case("/?limit=5&%6cimit=5", "The query parameter limit is given more than once.")]
#[case(
    "/?limit=%zz",
    "The query parameter limit is not text: an escape is malformed, or it is not UTF-8."
)]
#[case(
    "/?limit=%FF",
    "The query parameter limit is not text: an escape is malformed, or it is not UTF-8."
)]
#[case(
    "/?limit=5&other=%f",
    "The query is not text: an escape is malformed, or it is not UTF-8."
)]
#[case(
    "/?%ff=1&limit=5",
    "The query is not text: an escape is malformed, or it is not UTF-8."
)]
#[case("/?limit=5&other=6&other=7", "accepted")]
fn a_parameter_of_the_query_is_what_is_configured(#[case] target: &str, #[case] expected: &str) {
    let settings = parameter(&[
        ("required", "true"),
        ("type", "integer"),
        ("min", "1"),
        ("max", "100"),
    ]);
    let parameters = compiled(Place::Query, "limit", settings);
    assert_eq!(verdict(&parameters, &head(target, &[])), expected);
}

#[rstest]
#[case("/?a=1", "accepted")]
#[case("/", "accepted")]
#[case("/?a=1&b=2", "The query has a parameter that is not known.")]
#[case("/?b", "The query has a parameter that is not known.")]
#[case("/?=", "The query has a parameter that is not known.")]
#[case("/?A=1", "The query has a parameter that is not known.")]
fn what_the_query_does_not_name_is_refused_where_that_is_asked(#[case] target: &str, #[case] expected: &str) {
    let mut settings = one(Place::Query, "a", ParameterSettings::default());
    settings.unknown_query = Unknown::Reject;
    let parameters = Parameters::compile(&settings).unwrap();
    assert_eq!(verdict(&parameters, &head(target, &[])), expected);
}

#[test]
fn a_query_of_which_nothing_is_asked_is_not_looked_at() {
    let parameters = Parameters::compile(&ValidationSettings::default()).unwrap();
    assert_eq!(parameters.check(&head("/?a=%zz&a=%ff", &[])), Ok(()));
}

#[rstest]
#[case(&[("x-tenant", "acme")], "accepted")]
#[case(&[("X-TENANT", "acme")], "accepted")]
#[case(&[], "The header field X-Tenant is missing.")]
#[case(&[("x-tenant", "acme"), ("x-tenant", "acme")], "The header field X-Tenant is given more than once.")]
#[case(&[("x-tenant", "acme, other")], "The header field X-Tenant does not have the expected form.")]
#[case(&[("x-tenant", "")], "The header field X-Tenant does not have the expected form.")]
#[case(&[("x-tenant", "acm\u{e9}")], "The header field X-Tenant is not text: an escape is malformed, or it is not UTF-8.")]
#[case(&[("x-tenant", "%61")], "The header field X-Tenant does not have the expected form.")]
fn a_header_field_is_what_is_configured(#[case] fields: &[(&str, &str)], #[case] expected: &str) {
    let settings = parameter(&[("required", "true"), ("pattern", "[a-z]+")]);
    let parameters = compiled(Place::Header, "X-Tenant", settings);
    assert_eq!(verdict(&parameters, &head("/", fields)), expected);
}

#[rstest]
#[case(&["/orders/{id}"], "/orders/7", "accepted")]
#[case(&["/orders/{id}"], "/orders/x", "The path parameter id is not a whole number.")]
#[case(&["/orders/{id}"], "/orders/7%", "The path parameter id is not text: an escape is malformed, or it is not UTF-8.")]
#[case(&["/orders/{id}"], "/orders/%FF", "The path parameter id is not text: an escape is malformed, or it is not UTF-8.")]
#[case(&["/orders/{id}"], "/orders/+7", "The path parameter id is not a whole number.")]
#[case(&["/orders/{id}"], "/orders/7/lines", "The path parameter id is missing.")]
#[case(&["/orders/{ID}"], "/orders/7", "The path parameter id is missing.")]
#[case(&["/orders/{*id}"], "/orders/7", "accepted")]
#[case(&["/orders/{*id}"], "/orders/7/8", "The path parameter id is not a whole number.")]
#[case(&["/a/{x}", "/orders/no-{id}"], "/orders/no-7", "accepted")]
#[case(&["/orders/no-{id}"], "/orders/7", "The path parameter id is missing.")]
#[case(&["/{a}/{b}", "/orders/{id}"], "/orders/x", "The path parameter id is not a whole number.")]
#[case(&["/orders/{id}", "/{a}/{b}"], "/orders/x", "The path parameter id is not a whole number.")]
#[case(&["/orders/{id}", "/orders/latest"], "/orders/latest", "The path parameter id is missing.")]
#[case(&["/orders/{name}", "/orders/{id}"], "/orders/x", "The path parameter id is not a whole number.")]
#[case(&["/{{id}}/{id}"], "/{id}/7", "accepted")]
#[case(&[], "/orders/7", "The path parameter id is missing.")]
fn a_parameter_of_the_path_is_what_is_configured(
    #[case] patterns: &[&str],
    #[case] path: &str,
    #[case] expected: &str,
) {
    let settings = parameter(&[("required", "true"), ("type", "integer")]);
    let parameters = compiled(Place::Path, "id", settings);
    assert_eq!(
        verdict(&parameters, &in_group(head(path, &[]), patterns)),
        expected
    );
}

#[test]
fn a_parameter_that_is_not_required_may_be_missing_everywhere() {
    let mut settings = one(Place::Path, "a", ParameterSettings::default());
    settings
        .query
        .insert("a".to_owned(), ParameterSettings::default());
    settings
        .header
        .insert("a".to_owned(), ParameterSettings::default());
    let parameters = Parameters::compile(&settings).unwrap();
    assert_eq!(parameters.check(&head("/", &[])), Ok(()));
}

#[rstest]
#[case("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", true)]
#[case("uuid", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", true)]
#[case("uuid", "6ba7b8109dad11d180b400c04fd430c8", false)]
#[case("uuid", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", false)]
#[case("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430cg", false)]
#[case("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c", false)]
#[case("boolean", "true", true)]
#[case("boolean", "false", true)]
#[case("boolean", "True", false)]
#[case("boolean", "1", false)]
#[case("boolean", "", false)]
#[case("date", "2024-02-29", true)]
#[case("date", "2023-02-29", false)]
#[case("date", "1900-02-29", false)]
#[case("date", "2000-02-29", true)]
#[case("date", "2024-04-31", false)]
#[case("date", "2024-00-10", false)]
#[case("date", "2024-13-10", false)]
#[case("date", "2024-1-10", false)]
#[case("date", "24-01-10", false)]
#[case("date", "2024-01-10-", false)]
#[case("date", "+024-01-10", false)]
#[case("date", "2024-01-10T00:00:00Z", false)]
#[case("string", "", true)]
fn types_have_one_spelling(#[case] kind: &str, #[case] value: &str, #[case] accepted: bool) {
    let parameters = compiled(Place::Header, "x", parameter(&[("type", kind)]));
    assert_eq!(parameters.check(&head("/", &[("x", value)])).is_ok(), accepted);
}

#[rstest]
#[case("/?x=%C3%A9%C3%A9", "accepted")]
#[case("/?x=%C3%A9", "The query parameter x is too short.")]
#[case("/?x=%F0%9F%A6%80%F0%9F%A6%80%F0%9F%A6%80", "accepted")]
#[case("/?x=abcd", "The query parameter x is too long.")]
fn lengths_count_characters(#[case] target: &str, #[case] expected: &str) {
    let settings = parameter(&[("min-length", "2"), ("max-length", "3")]);
    let parameters = compiled(Place::Query, "x", settings);
    assert_eq!(verdict(&parameters, &head(target, &[])), expected);
}

#[rstest]
#[case("a|ab", "ab", true)]
#[case("a|ab", "abc", false)]
#[case("a", "xa", false)]
#[case("^a$", "a", true)]
#[case("(?m)^a$", "a%0Ab", false)]
#[case("[a-z]+", "a%0A", false)]
#[case("(?i)abc", "ABC", true)]
#[case(r"\d+", "%D9%A5", true)]
#[case("[0-9]+", "%D9%A5", false)]
fn a_pattern_matches_the_whole_value(#[case] pattern: &str, #[case] value: &str, #[case] accepted: bool) {
    let parameters = compiled(Place::Query, "x", parameter(&[("pattern", pattern)]));
    let head = head(&format!("/?x={value}"), &[]);
    assert_eq!(parameters.check(&head).is_ok(), accepted);
}

#[test]
fn only_listed_values_are_accepted() {
    let parameters = compiled(Place::Query, "sort", parameter(&[("values", "name,date")]));
    assert_eq!(verdict(&parameters, &head("/?sort=date", &[])), "accepted");
    for value in ["Date", "", "name,date", "dat", "date+"] {
        let head = head(&format!("/?sort={value}"), &[]);
        assert_eq!(
            verdict(&parameters, &head),
            "The query parameter sort is none of the accepted values."
        );
    }
}

#[test]
fn what_is_told_and_logged_has_nothing_of_the_peer() {
    let parameters = compiled(Place::Query, "a", parameter(&[("type", "integer")]));
    let fault = parameters.check(&head("/?a=secret", &[])).unwrap_err();
    assert!(!format!("{fault} {fault:?} {}", fault.public()).contains("secret"));
    assert!(matches!(fault, ParameterFault::Invalid { .. }));
}

#[test]
fn plain_parameters_cost_no_allocation() {
    let mut settings = one(Place::Path, "id", parameter(&[("type", "uuid")]));
    let limit = parameter(&[("type", "integer"), ("min", "1"), ("max", "100")]);
    settings.query.insert("limit".to_owned(), limit);
    let name = parameter(&[("pattern", "[a-z]{1,20}")]);
    settings.query.insert("name".to_owned(), name);
    let since = parameter(&[("type", "date-time"), ("min", "2020-01-01T00:00:00Z")]);
    settings.header.insert("since".to_owned(), since);
    settings.unknown_query = Unknown::Reject;
    let parameters = Parameters::compile(&settings).unwrap();
    let target = "/orders/6ba7b810-9dad-11d1-80b4-00c04fd430c8?limit=5&name=pump";
    let head = in_group(
        head(target, &[("since", "2026-01-01T00:00:00Z")]),
        &["/orders/{id}", "/{*rest}"],
    );
    // The first search makes the cache of the pattern.
    assert_eq!(parameters.check(&head), Ok(()));
    let allocations = allocation_counter::measure(|| parameters.check(&head).unwrap());
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn types_are_read_from_settings() {
    assert_eq!(parameter(&[("type", "date-time")]).kind, ParameterType::DateTime);
}
