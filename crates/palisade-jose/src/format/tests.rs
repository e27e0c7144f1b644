use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Body, FormatError, Jwt, MessageFormat, MessageFormats};
use crate::claims::Claims;

fn body(bytes: &str, media_type: Option<&str>) -> Body {
    Body {
        bytes: Bytes::copy_from_slice(bytes.as_bytes()),
        media_type: media_type.map(str::to_owned),
    }
}

fn claims() -> Claims {
    Claims {
        id: Some("j-1".to_owned()),
        method: Some("POST".to_owned()),
        ..Claims::default()
    }
}

#[rstest]
#[case::json(
    r#"{"b": [1, 2.50]}"#,
    "application/json",
    r#"{"jti":"j-1","htm":"POST","body":{"b": [1, 2.50]}}"#
)]
#[case::charset(
    "1",
    "application/json; charset=utf-8",
    r#"{"jti":"j-1","htm":"POST","body":1}"#
)]
#[case::text(r#""t""#, "application/json", r#"{"jti":"j-1","htm":"POST","body":"t"}"#)]
#[case::suffix(
    "{}",
    "application/problem+json",
    r#"{"jti":"j-1","htm":"POST","cty":"application/problem+json","body":{}}"#
)]
#[case::text_of_its_own_type(
    r#""t""#,
    "application/a+json",
    r#"{"jti":"j-1","htm":"POST","cty":"application/a+json","body":"InQi"}"#
)]
#[case::not_json(
    r#"1,"exp":9"#,
    "application/json",
    r#"{"jti":"j-1","htm":"POST","cty":"application/json","body":"MSwiZXhwIjo5"}"#
)]
#[case::xml(
    "<a/>",
    "text/xml",
    r#"{"jti":"j-1","htm":"POST","cty":"text/xml","body":"PGEvPg"}"#
)]
#[case::nothing("", "application/json", r#"{"jti":"j-1","htm":"POST"}"#)]
fn jwt_writes(#[case] bytes: &str, #[case] media_type: &str, #[case] payload: &str) {
    let written = Jwt.write(&claims(), &body(bytes, Some(media_type))).unwrap();
    assert_eq!(std::str::from_utf8(&written.payload).unwrap(), payload);
    assert!(written.header.is_empty());
    let (read, carried) = Jwt.read(written.payload, None).unwrap();
    assert_eq!(read, claims());
    assert_eq!(carried.bytes, bytes);
}

#[rstest]
#[case::not_an_object("[]")]
#[case::not_json(r#"{"body":{},}"#)]
#[case::twice(r#"{"iat":1,"iat":1}"#)]
#[case::twice_escaped(r#"{"exp":1,"\u0065xp":2}"#)]
#[case::body_twice(r#"{"body":1,"body":2}"#)]
#[case::unknown_twice(r#"{"x":1,"x":2}"#)]
#[case::wrong_type(r#"{"iat":"1"}"#)]
#[case::bad_cty(r#"{"cty":"no type","body":"YQ"}"#)]
#[case::cty_injection(r#"{"cty":"text/xml\r\nx: y","body":"YQ"}"#)]
#[case::padded(r#"{"cty":"text/plain","body":"YQ=="}"#)]
#[case::trailing_bits(r#"{"cty":"text/plain","body":"YR"}"#)]
#[case::no_text(r#"{"cty":"text/plain","body":{}}"#)]
#[case::empty("")]
fn jwt_refuses(#[case] payload: &str) {
    assert!(
        Jwt.read(Bytes::copy_from_slice(payload.as_bytes()), None)
            .is_err()
    );
}

#[test]
fn jwt_leaves_claims_of_others_alone() {
    let payload = json!({"sub": "x", "custom": {"a": [1]}, "body": {"k": 1}}).to_string();
    let (claims, body) = Jwt.read(payload.into(), None).unwrap();
    assert_eq!(claims, Claims::default());
    assert_eq!(body.bytes, r#"{"k":1}"#);
    assert_eq!(body.media_type.as_deref(), Some("application/json"));
}

#[test]
fn a_claims_set_has_a_bounded_number_of_names() {
    let many: serde_json::Map<String, Value> = (0..65).map(|n| (format!("c{n}"), n.into())).collect();
    let payload = serde_json::to_vec(&many).unwrap();
    assert_eq!(Jwt.read(payload.into(), None), Err(FormatError::NotClaims));
}

#[test]
fn a_claim_that_is_too_long_is_refused_and_not_left_alone() {
    let of_length = |name: &str, length: usize| {
        let payload = json!({name: [" ".repeat(length)]}).to_string();
        Jwt.read(payload.into(), None)
    };
    assert!(of_length("aud", 8 * 1024).is_ok());
    assert!(of_length("aud", 64 * 1024).is_err());
    // Those of others are left alone at any length.
    assert_eq!(of_length("sub", 64 * 1024).unwrap().0, Claims::default());
}

#[test]
fn raw_needs_a_header_to_read() {
    let raw = MessageFormats::default().find("raw").unwrap();
    assert_eq!(
        raw.read(Bytes::from_static(b"x"), None),
        Err(FormatError::NoHeader)
    );
}

#[test]
fn raw_lists_its_claims_as_critical() {
    let raw = MessageFormats::default().find("raw").unwrap();
    let written = raw.write(&claims(), &body("<a/>", Some("text/xml"))).unwrap();
    assert_eq!(written.payload, "<a/>");
    assert_eq!(
        Value::Object(written.header),
        json!({"cty": "text/xml", "crit": ["jti", "htm"], "jti": "j-1", "htm": "POST"})
    );
    let bare = raw.write(&Claims::default(), &body("", None)).unwrap();
    assert!(bare.header.is_empty());
}

#[test]
fn a_format_of_ones_own_is_found_by_its_name() {
    #[derive(Debug)]
    struct Acme;
    impl MessageFormat for Acme {
        fn name(&self) -> &'static str {
            "acme"
        }
        fn nested_type(&self) -> &'static str {
            "acme"
        }
        fn write(&self, claims: &Claims, body: &Body) -> Result<super::Written, FormatError> {
            Jwt.write(claims, body)
        }
        fn read(
            &self,
            payload: Bytes,
            header: Option<&crate::wire::ProtectedHeader>,
        ) -> Result<(Claims, Body), FormatError> {
            Jwt.read(payload, header)
        }
    }
    let formats = MessageFormats::default().with(Acme);
    assert_eq!(formats.names().collect::<Vec<_>>(), ["acme", "jwt", "raw"]);
    let found: Arc<dyn MessageFormat> = formats.find("acme").unwrap();
    assert_eq!(found.name(), "acme");
    assert!(formats.find("Acme").is_none());
}

proptest! {
    #[test]
    fn any_body_under_any_type_comes_back_as_it_was(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        text in "[\\[\\]{}\":,0-9a-c ]{0,24}",
        as_text: bool,
        media_type in prop::sample::select(vec![
            None, Some("application/json"), Some("application/x+json"), Some("text/plain; charset=utf-8"), Some("text/xml"),
        ]),
    ) {
        let bytes = if as_text { text.into_bytes() } else { bytes };
        let sent = Body { bytes: bytes.into(), media_type: media_type.map(str::to_owned) };
        let written = Jwt.write(&claims(), &sent).unwrap();
        let (read, carried) = Jwt.read(written.payload.clone(), None).unwrap();
        prop_assert_eq!(read, claims());
        // White space around a JSON text is no part of its value.
        let is_json = media_type == Some("application/json") || media_type == Some("application/x+json");
        let is_text = sent.bytes.trim_ascii().first() == Some(&b'"');
        let stands = is_json && (media_type == Some("application/json") || !is_text);
        if stands && crate::json::is_json(&sent.bytes) {
            prop_assert_eq!(carried.bytes.as_ref(), sent.bytes.trim_ascii());
        } else {
            prop_assert_eq!(&carried.bytes, &sent.bytes);
        }
        if !sent.bytes.is_empty() {
            let expected = media_type.unwrap_or("application/octet-stream");
            prop_assert_eq!(carried.media_type.as_deref(), Some(expected));
        }
    }

    #[test]
    fn no_payload_makes_it_panic(payload in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Jwt.read(payload.into(), None);
    }
}
