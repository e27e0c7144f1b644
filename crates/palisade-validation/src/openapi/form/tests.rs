use bytes::Bytes;
use http::header::HeaderValue;
use palisade_core::media::MediaType;
use palisade_core::settings::ByteSize;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::FormBody;
use crate::form::FormLimits;
use crate::hygiene::Hygiene;
use crate::json::JsonLimits;
use crate::openapi::dialect::{Direction, Schemas};
use crate::openapi::style::tests::document;
use crate::rejection::Invalid;
use crate::schema::{Formats, SchemaErrors};
use crate::settings::{JsonSettings, MultipartSettings, XmlSettings};
use crate::xml::XmlLimits;

const URL_ENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=b";

/// A form by its Media Type Object.
fn compile(media: &Value) -> Result<FormBody, SchemaErrors> {
    let operation = json!({
        "requestBody": {"content": {"multipart/form-data": media}},
        "responses": {"200": {"description": ""}},
    });
    let text = json!({"Text": {"type": "string", "maxLength": 3}});
    let members = json!({"paths": {"/x": {"post": operation}}, "components": {"schemas": text}});
    let document = document("3.1.1", &members);
    let schemas = Schemas::new(&document, Direction::Request, Formats::Assert).unwrap();
    let operation = document
        .root()
        .get("paths")
        .unwrap()
        .get("/x")
        .unwrap()
        .get("post")
        .unwrap();
    let content = operation.get("requestBody").unwrap().get("content").unwrap();
    FormBody::compile(content.get("multipart/form-data").unwrap(), &schemas)
}

fn compiled(media: &Value) -> FormBody {
    compile(media).unwrap_or_else(|errors| panic!("{errors}"))
}

fn hygiene() -> Hygiene {
    let settings = JsonSettings {
        max_items: 6,
        ..JsonSettings::default()
    };
    Hygiene {
        json: JsonLimits::compile(&settings, ByteSize::kib(1)).unwrap(),
        xml: XmlLimits::new(&XmlSettings::default()),
        form: FormLimits::from(&settings),
        multipart: MultipartSettings::default(),
    }
}

/// What a peer would be told, or `accepted`: the first violation, or the sentence.
fn verdict(form: &FormBody, content_type: &str, body: &[u8]) -> String {
    let value = HeaderValue::from_str(content_type).unwrap();
    let media_type = MediaType::parse(content_type).unwrap();
    let checked = form.check(&media_type, &value, &Bytes::copy_from_slice(body), &hygiene());
    match checked {
        Ok(()) => "accepted".to_owned(),
        Err(Invalid::Schema(violations)) => violations.list[0].to_string(),
        Err(Invalid::Field(fault)) => fault.public().into_owned(),
        Err(other) => other.to_string(),
    }
}

/// A form of parts, each with the lines of its head and its content.
fn parts(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, lines, content) in parts {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{lines}\r\n\r\n");
        body.extend(head.bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--b--\r\n");
    body
}

/// The same; each character of a content is a byte.
fn parts_of(given: &[(&str, &str, &str)]) -> Vec<u8> {
    let byte = |c: char| u8::try_from(c).unwrap();
    let contents: Vec<Vec<u8>> = given
        .iter()
        .map(|(_, _, content)| content.chars().map(byte).collect())
        .collect();
    let given = given.iter().zip(&contents);
    let all: Vec<_> = given
        .map(|((name, lines, _), content)| (*name, *lines, content.as_slice()))
        .collect();
    parts(&all)
}

fn order() -> Value {
    json!({
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "integer"},
            "name": {"$ref": "#/components/schemas/Text"},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
            "urgent": {"type": "boolean"},
            "address": {"type": "object", "properties": {"zip": {"type": "string"}}, "additionalProperties": false},
            "lines": {"type": "array", "items": {"type": "object", "required": ["count"]}},
            "file": {"type": "string", "format": "binary"},
        },
        "additionalProperties": {"type": "integer"},
    })
}

#[rstest]
#[case("id=7", "accepted")]
#[case("id=7&name=a+b&urgent=true", "accepted")]
#[case("name=a", "`` must have the member `id` (required)")]
#[case("id=x", "`/id` must be an integer (type)")]
#[case("id=7&name=long", "`/name` must have at most 3 characters (maxLength)")]
#[case("id=7&tags=a&tags=b", "accepted")]
#[case("id=7&tags=a", "accepted")]
#[case("id=7&tags=a&tags=b&tags=c", "`/tags` must have at most 2 items (maxItems)")]
#[case("id=7&id=8", "The field id of the form is given more than once.")]
#[case("id=7&address=%7B%22zip%22:%221%22%7D", "accepted")]
#[case("id=7&address=%7B%22zip%22:1%7D", "`/address/zip` must be a string (type)")]
#[case(
    "id=7&address=%7B%22zip%22:%221%22,%22zip%22:%222%22%7D",
    "The field address of the form has a name twice in one object."
)]
#[case(
    "id=7&address=x",
    "The field address of the form is not JSON: a value is expected."
)]
#[case("id=7&address.zip=1&address=%7B%7D", "accepted")]
#[case("id=7&lines=%7B%22count%22:1%7D&lines=%7B%22count%22:2%7D", "accepted")]
#[case("id=7&lines=[%7B%22count%22:1%7D]", "accepted")]
#[case("id=7&lines=[%7B%7D]", "`/lines/0` must have the member `count` (required)")]
#[case("id=7&other=8", "accepted")]
#[case("id=7&other=x", "`` in member 2: must be an integer (type)")]
#[case("id=7&other=8&other=9", "`` in member 2: must be an integer (type)")]
#[case("id=%zz", "field 1 has a malformed escape")]
#[case("id=7&%FF=1", "field 2 is not UTF-8")]
#[case("id=7&&a=1&b=2&c=3&d=4&e=5&f=6", "there are more than 6 fields")]
fn a_url_encoded_form_is_what_its_schema_says(#[case] body: &str, #[case] expected: &str) {
    let form = compiled(&json!({"schema": order()}));
    assert_eq!(verdict(&form, URL_ENCODED, body.as_bytes()), expected);
}

#[rstest]
#[case("ids=1,2", "accepted")]
#[case("ids=1%2C2", "`/ids/0` must be an integer (type)")]
#[case("ids=1&ids=2", "The field ids of the form is given more than once.")]
#[case("filter[state]=open", "accepted")]
#[case("filter[state]=none", "`/filter/state` must be `\"open\"` (const)")]
#[case("filter=open", "A field of the form is not written as it should be.")]
#[case("R=1", "accepted")]
#[case("R=x", "`/color/R` must be an integer (type)")]
#[case("text=a%26b", "accepted")]
#[case("json=[1]", "accepted")]
#[case("json=[", "The field json of the form is not JSON: it ends too early.")]
#[case(
    "other=1",
    "`` has 1 member that the schema does not expect: member 1 (additionalProperties)"
)]
fn encodings_say_how_fields_are_written(#[case] body: &str, #[case] expected: &str) {
    let form = compiled(&json!({
        "schema": {
            "type": "object",
            "properties": {
                "ids": {"type": "array", "items": {"type": "integer"}},
                "filter": {"type": "object", "properties": {"state": {"const": "open"}}},
                "color": {"type": "object", "properties": {"R": {"type": "integer"}}},
                "text": {"type": "string"},
                "json": {},
            },
            "additionalProperties": false,
        },
        "encoding": {
            "ids": {"explode": false},
            "filter": {"style": "deepObject"},
            "color": {"style": "form", "contentType": "application/json"},
            "text": {"allowReserved": true},
            "json": {"contentType": "application/json"},
        },
    }));
    assert_eq!(verdict(&form, URL_ENCODED, body.as_bytes()), expected);
}

const JSON: &str = "\r\nContent-Type: application/json";
const PNG: &str = "; filename=\"a.png\"\r\nContent-Type: image/png";

#[rstest]
#[case(&[("id", "", "7")], "accepted")]
#[case(&[("id", "", "+7")], "`/id` must be an integer (type)")]
#[case(&[("id", "", "%37")], "`/id` must be an integer (type)")]
#[case(&[("id", "\r\nContent-Type: text/plain; charset=utf-16", "7")], "The field id of the form has a media type that is not accepted.")]
#[case(&[("id", "", "7"), ("id", "", "8")], "The field id of the form is given more than once.")]
#[case(&[("id", "", "7"), ("name", "", "\u{E9}")], "The field name of the form is not text: an escape is malformed, or it is not UTF-8.")]
#[case(&[("id", "", "7"), ("tags", "", "a"), ("tags", "", "b")], "accepted")]
#[case(&[("id", "", "7"), ("address", JSON, "{\"zip\":\"1\"}")], "accepted")]
#[case(&[("id", "", "7"), ("address", "", "{\"zip\":1}")], "`/address/zip` must be a string (type)")]
#[case(&[("id", "", "7"), ("address", JSON, "{\"zip\":")], "The field address of the form is not JSON: it ends too early.")]
#[case(&[("id", "", "7"), ("file", PNG, "\u{89}PNG\u{FF}\0")], "accepted")]
#[case(&[("id", "", "7"), ("file", PNG, "1"), ("file", PNG, "2")], "The field file of the form is given more than once.")]
#[case(&[("id", "", "7"), ("other", "", "8")], "accepted")]
#[case(&[("id", "", "7"), ("other", "", "\u{FF}")], "A field of the form is not text: an escape is malformed, or it is not UTF-8.")]
#[case(&[("file", PNG, "1")], "`` must have the member `id` (required)")]
fn parts_are_what_their_schema_says(#[case] given: &[(&str, &str, &str)], #[case] expected: &str) {
    let form = compiled(&json!({"schema": order()}));
    assert_eq!(verdict(&form, MULTIPART, &parts_of(given)), expected);
}

#[rstest]
#[case(&[("image", PNG, "\u{FF}")], "accepted")]
#[case(&[("image", "; filename=\"a.png\"\r\nContent-Type: image/gif", "1")], "The field image of the form has a media type that is not accepted.")]
#[case(&[("image", "; filename=\"a.png\"", "1")], "The field image of the form has a media type that is not accepted.")]
#[case(&[("image", PNG, "12345")], "`/image` must have at most 4 characters (maxLength)")]
#[case(&[("meta", JSON, "{}")], "accepted")]
#[case(&[("meta", "", "{}")], "accepted")]
#[case(&[("meta", "\r\nContent-Type: text/plain", "{}")], "The field meta of the form has a media type that is not accepted.")]
#[case(&[("files", PNG, "\u{FF}"), ("files", "\r\nContent-Type: text/plain", "1")], "accepted")]
#[case(&[("files", "", "1")], "accepted")]
#[case(&[("files", "; filename=\"a\"", "\u{FF}")], "accepted")]
#[case(&[("any", PNG, "\u{FF}")], "accepted")]
#[case(&[("any", "", "text")], "accepted")]
fn parts_have_the_media_types_that_the_document_says(
    #[case] given: &[(&str, &str, &str)],
    #[case] expected: &str,
) {
    let form = compiled(&json!({
        "schema": {
            "type": "object",
            "properties": {
                "image": {"type": "string", "contentMediaType": "image/png", "maxLength": 4},
                "meta": {"type": "object"},
                "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                "any": {},
            },
        },
        "encoding": {
            "image": {"contentType": "image/png, image/jpeg"},
            "meta": {"contentType": "application/json"},
            "files": {"contentType": "image/*, text/plain"},
        },
    }));
    assert_eq!(verdict(&form, MULTIPART, &parts_of(given)), expected);
}

#[rstest]
#[case(json!({"ghost": {"contentType": "text/plain"}}), "must be under the name of a property of the schema")]
#[case(json!({"a": {"contentType": "text"}}), "must be a list of what is a media type such as application/json, application/*+json or text/*")]
#[case(json!({"a": {"style": "spaceDelimited"}}), "`style: spaceDelimited` is not defined for single values; use `style: form`")]
fn an_encoding_that_cannot_be_kept_is_an_error(#[case] encoding: Value, #[case] expected: &str) {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let errors = compile(&json!({"schema": schema, "encoding": encoding})).unwrap_err();
    let problems: Vec<&str> = errors.list.iter().map(|error| error.problem.as_str()).collect();
    assert_eq!(problems, [expected]);
}

#[test]
fn what_is_told_has_nothing_of_the_peer() {
    let form = compiled(&json!({"schema": order()}));
    for body in [
        "id=secret",
        "secret=secret&id=7",
        "id=7&address=%22secret",
        "id=7&id=secret",
    ] {
        assert!(
            !verdict(&form, URL_ENCODED, body.as_bytes()).contains("secret"),
            "{body}"
        );
    }
}

proptest! {
    #[test]
    fn both_kinds_of_forms_read_the_same_values(
        id in any::<i64>(),
        tags in prop::collection::vec("[^\r\n]{0,5}", 1..3),
        urgent in any::<bool>(),
    ) {
        let (id, urgent) = (id.to_string(), urgent.to_string());
        let expected = json!({
            "type": "object",
            "properties": {
                "id": {"type": "integer", "const": id.parse::<i64>().unwrap()},
                "urgent": {"type": "boolean", "const": urgent == "true"},
                "tags": {"type": "array", "items": {"type": "string"}, "const": tags},
            },
            "required": ["id", "urgent", "tags"],
        });
        let form = compiled(&json!({"schema": expected}));
        let mut fields = vec![("id", "", id.as_bytes()), ("urgent", "", urgent.as_bytes())];
        fields.extend(tags.iter().map(|tag| ("tags", "", tag.as_bytes())));
        prop_assert_eq!(verdict(&form, MULTIPART, &parts(&fields)), "accepted");
        let encode = |text: &[u8]| {
            let bytes = text.iter().map(|byte| format!("%{byte:02x}"));
            bytes.collect::<Vec<_>>().concat()
        };
        let pairs: Vec<String> = fields.iter().map(|(name, _, value)| format!("{name}={}", encode(value))).collect();
        prop_assert_eq!(verdict(&form, URL_ENCODED, pairs.join("&").as_bytes()), "accepted");
    }
}
