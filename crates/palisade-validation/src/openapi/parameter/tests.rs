mod agreement;
mod compile;
mod faults;

use http::Request;
use http::request::Parts;
use palisade_core::settings::ByteSize;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Header, Parameters};
use crate::json::JsonLimits;
use crate::openapi::dialect::{Direction, Schemas};
use crate::openapi::style::tests::document;
use crate::parameters::ParameterFault;
use crate::schema::{Formats, SchemaErrors};
use crate::settings::{JsonSettings, Unknown};

/// The parameters of an operation, and of its path, under `/x/{id}` or, without variables, under `/x`.
fn compile(of_path: &Value, of_operation: &Value, variables: &[&str]) -> Result<Parameters, SchemaErrors> {
    let operation = json!({"parameters": of_operation, "responses": {"200": {"description": ""}}});
    let segments = variables.iter().map(|name| format!("/{{{name}}}"));
    let path = format!("/x{}", segments.collect::<Vec<_>>().concat());
    let document = document(
        "3.1.1",
        &json!({"paths": {&path: {"parameters": of_path, "get": operation}}}),
    );
    let schemas = Schemas::new(&document, Direction::Request, Formats::Assert).unwrap();
    let paths = document.root().get("paths").unwrap();
    let path_item = paths.get(&path).unwrap();
    Parameters::compile(path_item, path_item.get("get").unwrap(), variables, &schemas)
}

/// The parameters of an operation without variables.
fn compiled(parameters: &Value) -> Parameters {
    compile(&json!([]), parameters, &[]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn head(target: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().uri(target);
    for (name, value) in fields {
        request = request.header(*name, value.as_bytes());
    }
    request.body(()).unwrap().into_parts().0
}

fn limits() -> JsonLimits {
    let settings = JsonSettings {
        max_items: 5,
        ..JsonSettings::default()
    };
    JsonLimits::compile(&settings, ByteSize::kib(1)).unwrap()
}

fn check(
    parameters: &Parameters,
    path: &[(&str, &str)],
    head: &Parts,
    unknown: Unknown,
) -> Result<(), ParameterFault> {
    parameters.check(path, head, &limits(), unknown, &|name| name == "api_key")
}

/// The sentence a peer would be told, or `accepted`.
fn verdict(parameters: &Parameters, head: &Parts) -> String {
    check(parameters, &[], head, Unknown::Reject)
        .map_or_else(|fault| fault.public().into_owned(), |()| "accepted".to_owned())
}

#[rstest]
#[case("/x", "The query parameter limit is missing.")]
#[case("/x?limit=5", "accepted")]
#[case("/x?%6Cimit=%35", "accepted")]
#[case("/x?limit=0", "The query parameter limit must be at least 1.")]
#[case("/x?limit=1e1", "The query parameter limit must be an integer.")]
#[case("/x?limit=05", "The query parameter limit must be an integer.")]
#[case("/x?limit=", "The query parameter limit must be an integer.")]
#[case("/x?limit=%00", "The query parameter limit must be an integer.")]
#[case("/x?limit=5%2F", "The query parameter limit must be an integer.")]
#[case("/x?limit=%2535", "The query parameter limit must be an integer.")]
#[case("/x?limit=5;limit=6", "The query parameter limit must be an integer.")]
#[case("/x?limit=5&limit=6", "The query parameter limit is given more than once.")]
#[case(
    "/x?limit=%zz",
    "The query parameter limit is not text: an escape is malformed, or it is not UTF-8."
)]
#[case("/x?limit=5&tag=a&tag=b", "accepted")]
#[case(
    "/x?limit=5&tag=a&tag=",
    "The query parameter tag, at `/1`, must have at least 1 character."
)]
#[case(
    "/x?limit=5&tag=a&tag=b&tag=c&tag=d&tag=e&tag=f",
    "The query parameter tag has too many items."
)]
#[case("/x?limit=5&color=1", "The query has a parameter that is not known.")]
#[case("/x?limit=5&other", "The query has a parameter that is not known.")]
#[case("/x?limit=5&Limit=5", "The query has a parameter that is not known.")]
#[case(
    "/x?limit=5&%zz=5",
    "The query is not text: an escape is malformed, or it is not UTF-8."
)]
#[case("/x?limit=5&api_key=abc", "accepted")]
#[case(
    "/x?limit=5&api_key=%zz",
    "The query is not text: an escape is malformed, or it is not UTF-8."
)]
#[case("/x?limit=5&R=100&G=200", "accepted")]
#[case(
    "/x?limit=5&R=100&R=100",
    "The query parameter color is given more than once."
)]
#[case("/x?limit=5&R=red", "The query parameter color, at `/R`, must be an integer.")]
#[case("/x?limit=5&filter[state]=open", "accepted")]
#[case("/x?limit=5&filter%5Bstate%5D=open&filter[since]=", "accepted")]
#[case(
    "/x?limit=5&filter[state]=none",
    "The query parameter filter, at `/state`, must be one of `[\"open\",\"closed\"]`."
)]
#[case(
    "/x?limit=5&filter[state][not]=open",
    "The query parameter filter is not written as it should be."
)]
#[case(
    "/x?limit=5&filter=open",
    "The query parameter filter is not written as it should be."
)]
#[case("/x?limit=5&verbose", "accepted")]
#[case("/x?limit=5&verbose=", "accepted")]
#[case("/x?limit=5&verbose=true", "accepted")]
#[case("/x?limit=5&verbose=yes", "The query parameter verbose must be a boolean.")]
#[case("/x?limit=5&where=%7B%22a%22:1%7D", "accepted")]
#[case(
    "/x?limit=5&where=%7B%22a%22:1,%22a%22:2%7D",
    "The query parameter where has a name twice in one object."
)]
#[case(
    "/x?limit=5&where=%7B%22a%22:%221%22%7D",
    "The query parameter where, at `/a`, must be an integer."
)]
#[case(
    "/x?limit=5&where=",
    "The query parameter where is empty, where JSON is expected."
)]
#[case(
    "/x?limit=5&where=%7B%7D&where=%7B%7D",
    "The query parameter where is given more than once."
)]
fn a_query_is_what_the_document_says(#[case] target: &str, #[case] expected: &str) {
    let integer = json!({"type": "integer"});
    let parameters = compiled(&json!([
        {"name": "limit", "in": "query", "required": true, "schema": {"type": "integer", "minimum": 1}},
        {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "string", "minLength": 1}}},
        {"name": "color", "in": "query", "schema": {
            "type": "object", "properties": {"R": integer, "G": integer, "B": integer},
        }},
        {"name": "filter", "in": "query", "style": "deepObject", "schema": {
            "type": "object", "properties": {"state": {"enum": ["open", "closed"]}},
        }},
        {"name": "verbose", "in": "query", "allowEmptyValue": true, "schema": {"type": "boolean"}},
        {"name": "where", "in": "query", "content": {"application/json": {
            "schema": {"type": "object", "properties": {"a": integer}},
        }}},
    ]));
    assert_eq!(verdict(&parameters, &head(target, &[])), expected);
}

#[rstest]
#[case("/x?a=1", "accepted")]
#[case("/x?a=x", "The query parameter any in member 1: must be an integer.")]
#[case("/x?api_key=x", "accepted")]
#[case("/x?limit=x", "The query parameter limit must be an integer.")]
#[case("/x?limit=1&a=2", "accepted")]
fn an_open_object_takes_what_nobody_else_does(#[case] target: &str, #[case] expected: &str) {
    let parameters = compiled(&json!([
        {"name": "any", "in": "query", "schema": {"type": "object", "additionalProperties": {"type": "integer"}}},
        {"name": "limit", "in": "query", "schema": {"type": "integer"}},
    ]));
    assert_eq!(verdict(&parameters, &head(target, &[])), expected);
}

#[test]
fn what_is_not_known_passes_where_that_is_asked_if_it_is_text() {
    let parameters = compiled(&json!([{"name": "a", "in": "query", "schema": {"type": "string"}}]));
    assert_eq!(
        check(&parameters, &[], &head("/x?a=1&b=2&b=3", &[]), Unknown::Allow),
        Ok(())
    );
    let fault = check(&parameters, &[], &head("/x?b=%f", &[]), Unknown::Allow);
    assert_eq!(fault, Err(ParameterFault::QueryMalformed));
    let nothing = compiled(&json!([]));
    assert_eq!(
        check(&nothing, &[], &head("/x?b=%f", &[]), Unknown::Allow),
        Ok(())
    );
    let fault = check(&nothing, &[], &head("/x?b=1", &[]), Unknown::Reject);
    assert_eq!(fault, Err(ParameterFault::UnknownQuery));
}

#[rstest]
#[case("7", "accepted")]
#[case("%37", "accepted")]
#[case("+7", "The path parameter id must be an integer.")]
#[case("7%2F8", "The path parameter id must be an integer.")]
#[case("7%00", "The path parameter id must be an integer.")]
#[case("7;v=1", "The path parameter id must be an integer.")]
#[case(
    "7%",
    "The path parameter id is not text: an escape is malformed, or it is not UTF-8."
)]
#[case(
    "%FF",
    "The path parameter id is not text: an escape is malformed, or it is not UTF-8."
)]
fn a_variable_of_the_path_is_what_the_document_says(#[case] text: &str, #[case] expected: &str) {
    let id = json!([{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]);
    let parameters = compile(&id, &json!([]), &["id"]).unwrap();
    let checked = check(&parameters, &[("id", text)], &head("/x/7", &[]), Unknown::Reject);
    let verdict = checked.map_or_else(|fault| fault.public().into_owned(), |()| "accepted".to_owned());
    assert_eq!(verdict, expected);
}

#[test]
fn a_variable_that_is_not_given_is_missing() {
    let id = json!([{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]);
    let parameters = compile(&id, &json!([]), &["id"]).unwrap();
    let fault = check(&parameters, &[], &head("/x/7", &[]), Unknown::Reject).unwrap_err();
    assert_eq!(fault.public(), "The path parameter id is missing.");
}

#[rstest]
#[case(&[("x-tenant", "acme")], "accepted")]
#[case(&[("X-Tenant", "acme")], "accepted")]
#[case(&[], "The header field X-Tenant is missing.")]
#[case(&[("x-tenant", "acme"), ("x-tenant", "acme")], "The header field X-Tenant is given more than once.")]
#[case(&[("x-tenant", "acm\u{e9}")], "The header field X-Tenant is not text: an escape is malformed, or it is not UTF-8.")]
#[case(&[("x-tenant", "%61")], "The header field X-Tenant must match the pattern `^[a-z]+$`.")]
#[case(&[("x-tenant", "acme"), ("x-ids", "1, 2"), ("x-ids", "3")], "accepted")]
#[case(&[("x-tenant", "acme"), ("x-ids", "1, 2"), ("x-ids", "x")], "The header field X-Ids, at `/2`, must be an integer.")]
#[case(&[("x-tenant", "acme"), ("x-ids", "1;2")], "The header field X-Ids, at `/0`, must be an integer.")]
#[case(&[("x-tenant", "acme"), ("accept", "*/*"), ("authorization", "x")], "accepted")]
fn a_header_is_what_the_document_says(#[case] fields: &[(&str, &str)], #[case] expected: &str) {
    let parameters = compiled(&json!([
        {"name": "X-Tenant", "in": "header", "required": true, "schema": {"type": "string", "pattern": "^[a-z]+$"}},
        {"name": "X-Ids", "in": "header", "schema": {"type": "array", "items": {"type": "integer"}}},
        {"name": "accept", "in": "header", "required": true, "schema": {"const": "a"}},
        {"name": "Content-Type", "in": "header", "required": true, "schema": {"const": "a"}},
        {"name": "Authorization", "in": "header", "required": true, "schema": {"const": "a"}},
    ]));
    assert_eq!(verdict(&parameters, &head("/x", fields)), expected);
}

#[rstest]
#[case(&["id=7"], "accepted")]
#[case(&["a=b; id=7; c"], "accepted")]
#[case(&["a=b", "id=%37"], "accepted")]
#[case(&["a=b"], "The cookie id is missing.")]
#[case(&["ID=7"], "The cookie id is missing.")]
#[case(&["id"], "The cookie id is missing.")]
#[case(&["id=7; id=7"], "The cookie id is given more than once.")]
#[case(&["id=7", "id=8"], "The cookie id is given more than once.")]
#[case(&["id=7; i%64=8"], "The cookie id is not written as it should be.")]
#[case(&["id=7; %zz=8; other%20=1"], "accepted")]
#[case(&["id=\"7\""], "The cookie id must be an integer.")]
#[case(&["id=7=8"], "The cookie id must be an integer.")]
#[case(&["id=%"], "The cookie id is not text: an escape is malformed, or it is not UTF-8.")]
#[case(&["id=7; x=\u{e9}"], "The cookies are not text.")]
#[case(&["id=7; text=%41"], "The cookie text must match the pattern `^[A-Z]$`.")]
#[case(&["id=7; text=A"], "accepted")]
#[case(&["id=7; list=1,2"], "accepted")]
#[case(&["id=7; list=1%2C2"], "The cookie list, at `/0`, must be an integer.")]
fn a_cookie_is_what_the_document_says(#[case] fields: &[&str], #[case] expected: &str) {
    let parameters = compiled(&json!([
        {"name": "id", "in": "cookie", "required": true, "schema": {"type": "integer"}},
        {"name": "text", "in": "cookie", "content": {"text/plain": {"schema": {"type": "string", "pattern": "^[A-Z]$"}}}},
        {"name": "list", "in": "cookie", "explode": false, "schema": {"type": "array", "items": {"type": "integer"}}},
    ]));
    let fields: Vec<(&str, &str)> = fields.iter().map(|field| ("cookie", *field)).collect();
    assert_eq!(verdict(&parameters, &head("/x", &fields)), expected);
}

#[rstest]
#[case(&[("x-rate", "5")], "accepted")]
#[case(&[], "The header field X-Rate is missing.")]
#[case(&[("x-rate", "five")], "The header field X-Rate must be an integer.")]
fn a_field_of_an_answer_is_what_the_document_says(#[case] fields: &[(&str, &str)], #[case] expected: &str) {
    let headers = json!({"X-Rate": {"required": true, "schema": {"type": "integer"}}, "Content-Type": {"schema": {"const": "a"}}});
    let operation = json!({"responses": {"200": {"description": "", "headers": headers}}});
    let document = document("3.1.1", &json!({"paths": {"/x": {"get": operation}}}));
    let schemas = Schemas::new(&document, Direction::Response, Formats::Assert).unwrap();
    let below = ["paths", "/x", "get", "responses", "200", "headers"];
    let node = below
        .iter()
        .fold(document.root(), |node, name| node.get(name).unwrap());
    let all = ["X-Rate", "Content-Type"]
        .map(|name| Header::compile(name, node.get(name).unwrap(), &schemas).unwrap());
    let mut head = head("/", fields);
    head.headers.insert("content-type", "b".parse().unwrap());
    let checked = all
        .iter()
        .try_for_each(|header| header.check(&head.headers, &limits()));
    let verdict = checked.map_or_else(|fault| fault.public().into_owned(), |()| "accepted".to_owned());
    assert_eq!(verdict, expected);
}

#[rstest]
#[case("/?:@!$'()*;,[]", "/?:@!$'()*;,[]")]
#[case("a+b", "a b")]
#[case("a=b", "a=b")]
#[case("%2F%26", "/&")]
fn what_a_client_had_to_encode_makes_no_difference(#[case] text: &str, #[case] value: &str) {
    for allow_reserved in [true, false] {
        let schema = json!({"type": "string", "const": value});
        let parameters = compiled(&json!([
            {"name": "a", "in": "query", "allowReserved": allow_reserved, "schema": schema},
        ]));
        assert_eq!(
            verdict(&parameters, &head(&format!("/x?a={text}"), &[])),
            "accepted"
        );
    }
}

#[rstest]
#[case("a=x%2By", "accepted")]
#[case("a=x+y", "The query parameter a must match the pattern `^[a-z+]+$`.")]
#[case("a=x,y", "The query parameter a must match the pattern `^[a-z+]+$`.")]
#[case("a=x&a=y", "The query parameter a is given more than once.")]
fn plain_text_has_no_delimiters(#[case] query: &str, #[case] expected: &str) {
    let parameters = compiled(&json!([{"name": "a", "in": "query", "content": {
        "text/plain": {"schema": {"type": "string", "pattern": "^[a-z+]+$"}},
    }}]));
    assert_eq!(verdict(&parameters, &head(&format!("/x?{query}"), &[])), expected);
}

#[rstest]
#[case("/x?a=", "The query parameter a must have at least 1 character.")]
#[case("/x?n=", "accepted")]
#[case("/x?n=null", "The query parameter n must be null or an integer.")]
fn what_may_be_nothing_is_not_the_empty_text_where_that_is_a_value(
    #[case] target: &str,
    #[case] expected: &str,
) {
    let parameters = compiled(&json!([
        {"name": "a", "in": "query", "schema": {"type": ["string", "null"], "minLength": 1}},
        {"name": "n", "in": "query", "schema": {"type": ["integer", "null"]}},
    ]));
    assert_eq!(verdict(&parameters, &head(target, &[])), expected);
}

#[rstest]
#[case("5", true)]
#[case("abc", true)]
#[case("ABC", false)]
#[case("", false)]
fn a_value_matches_in_one_of_its_readings(#[case] text: &str, #[case] accepted: bool) {
    let parameters = compiled(&json!([{"name": "a", "in": "query", "schema": {
        "oneOf": [{"type": "integer"}, {"type": "string", "pattern": "^[a-z]+$"}],
    }}]));
    let verdict = verdict(&parameters, &head(&format!("/x?a={text}"), &[]));
    assert_eq!(verdict == "accepted", accepted, "{verdict}");
}

#[test]
fn simple_parameters_cost_few_allocations() {
    let parameters = compile(
        &json!([{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]),
        &json!([
            {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
            {"name": "X-Tenant", "in": "header", "schema": {"type": "string", "maxLength": 10}},
        ]),
        &["id"],
    )
    .unwrap();
    let head = head("/x/7?limit=10", &[("x-tenant", "acme")]);
    let limits = limits();
    let run = || {
        parameters
            .check(&[("id", "7")], &head, &limits, Unknown::Reject, &|_| false)
            .unwrap();
    };
    run();
    // One for each value as the schema takes it, and one for the text of the header field.
    assert_eq!(allocation_counter::measure(run).count_total, 4);
}
