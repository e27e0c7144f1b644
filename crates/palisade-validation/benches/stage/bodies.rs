//! An order as partners send it: a header, lines with amounts and dates, and text that is not ASCII alone.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

/// An OpenAPI document whose one operation takes such orders, with a parameter of each place beside.
pub(crate) fn document(rules: &Value) -> Value {
    let mut schema = rules.clone();
    // Its references are its own, wherever it stands.
    if let Some(members) = schema.as_object_mut() {
        members.insert("$id".to_owned(), "https://example.com/order".into());
    }
    json!({
        "openapi": "3.1.1",
        "info": {"title": "Orders", "version": "1"},
        "paths": {"/orders": {"post": {
            "parameters": [
                {"name": "dry", "in": "query", "schema": {"type": "boolean"}},
                {"name": "X-Trace", "in": "header", "schema": {"type": "string", "maxLength": 64}}
            ],
            "requestBody": {"required": true, "content": {"application/json": {"schema": schema}}},
            "responses": {"200": {"description": "taken"}}
        }}}
    })
}

pub(crate) fn rules() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["id", "placed", "customer", "currency", "lines"],
        "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{6,12}$"},
            "placed": {"type": "string", "format": "date-time"},
            "currency": {"enum": ["EUR", "USD", "CHF", "GBP"]},
            "customer": {
                "type": "object",
                "required": ["name", "address"],
                "additionalProperties": false,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 80},
                    "email": {"type": "string", "format": "email"},
                    "address": {"$ref": "#/$defs/address"}
                }
            },
            "lines": {"type": "array", "minItems": 1, "maxItems": 10_000, "items": {"$ref": "#/$defs/line"}},
            "total": {"type": "number", "minimum": 0},
            "paid": {"type": "boolean"}
        },
        "$defs": {
            "address": {
                "type": "object",
                "required": ["street", "city", "country"],
                "additionalProperties": false,
                "properties": {
                    "street": {"type": "string", "maxLength": 80},
                    "zip": {"type": "string", "pattern": "^[0-9A-Z -]{3,10}$"},
                    "city": {"type": "string", "maxLength": 80},
                    "country": {"type": "string", "pattern": "^[A-Z]{2}$"}
                }
            },
            "line": {
                "type": "object",
                "required": ["sku", "quantity", "price"],
                "additionalProperties": false,
                "properties": {
                    "sku": {"type": "string", "pattern": "^[A-Z0-9-]{4,20}$"},
                    "text": {"type": "string", "maxLength": 200},
                    "quantity": {"type": "integer", "minimum": 1, "maximum": 10_000},
                    "price": {"type": "number", "minimum": 0, "multipleOf": 0.01},
                    "deliver": {"type": "string", "format": "date"},
                    "note": {"type": ["string", "null"], "maxLength": 400}
                }
            }
        }
    })
}

/// The order of about that many bytes, and no more.
pub(crate) fn order(bytes: usize) -> Result<String, fmt::Error> {
    let line = |body: &mut String, line: usize| {
        let comma = if line == 0 { "" } else { "," };
        write!(
            body,
            r#"{comma}{{"sku":"ART-{:06}","text":"Stühle aus Eichenholz, geölt, für draußen","quantity":{},"price":{}.{:02},"deliver":"2026-12-{:02}","note":{}}}"#,
            line * 37 % 1_000_000,
            line % 12 + 1,
            line % 900 + 10,
            line % 100,
            line % 28 + 1,
            if line.is_multiple_of(3) {
                r#""bitte \"vorsichtig\"\nabladen""#
            } else {
                "null"
            },
        )
    };
    filled(
        bytes,
        r#"{"id":"DE-00001234","placed":"2026-11-29T16:00:00Z","currency":"EUR","customer":{"name":"Bäckerei Jürgen Müßig & Söhne","email":"einkauf@muessig.example","address":{"street":"Königstraße 12","zip":"70173","city":"Stuttgart","country":"DE"}},"lines":["#,
        line,
        r#"],"total":123456.78,"paid":false}"#,
    )
}

/// The same in XML.
pub(crate) fn xml(bytes: usize) -> Result<String, fmt::Error> {
    filled(
        bytes,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<order xmlns="urn:shop" id="DE-00001234"><placed>2026-11-29T16:00:00Z</placed><customer><name>Bäckerei Jürgen Müßig &amp; Söhne</name></customer>"#,
        line_of_xml,
        "</order>",
    )
}

/// The same in SOAP 1.1.
pub(crate) fn soap(bytes: usize) -> Result<String, fmt::Error> {
    filled(
        bytes,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><PlaceOrder xmlns="urn:shop"><placed>2026-11-29T16:00:00Z</placed><customer><name>Bäckerei Jürgen Müßig &amp; Söhne</name></customer>"#,
        line_of_xml,
        "</PlaceOrder></soap:Body></soap:Envelope>",
    )
}

fn line_of_xml(body: &mut String, line: usize) -> fmt::Result {
    write!(
        body,
        r#"<line sku="ART-{:06}"><text>Stühle aus Eichenholz, geölt, für draußen</text><quantity>{}</quantity><price currency="EUR">{}.{:02}</price><deliver>2026-12-{:02}</deliver></line>"#,
        line * 37 % 1_000_000,
        line % 12 + 1,
        line % 900 + 10,
        line % 100,
        line % 28 + 1,
    )
}

/// A form of about that many bytes.
pub(crate) fn form(bytes: usize) -> Result<String, fmt::Error> {
    let field = |body: &mut String, field: usize| {
        write!(
            body,
            "&line-{field}=St%C3%BChle+aus+Eichenholz%2C+ge%C3%B6lt&price-{field}={}.99",
            field % 900
        )
    };
    filled(
        bytes,
        "id=DE-00001234&name=B%C3%A4ckerei+M%C3%BC%C3%9Fig",
        field,
        "&paid=no",
    )
}

/// As many lines between a beginning and an end as there is room for.
fn filled(
    bytes: usize,
    beginning: &str,
    line: impl Fn(&mut String, usize) -> fmt::Result,
    end: &str,
) -> Result<String, fmt::Error> {
    let mut body = beginning.to_owned();
    for number in 0.. {
        let before = body.len();
        line(&mut body, number)?;
        if body.len() + end.len() > bytes {
            body.truncate(before);
            break;
        }
    }
    body.push_str(end);
    Ok(body)
}
