//! Bodies: values that differ from good ones, the same value in other texts, and texts that are none.

use serde_json::{Value, json};

use super::contract::{Body, Operation};
use super::parameters::survives;
use super::trials::{Expected, MALFORMED, MEDIA_TYPE, SCHEMA, Trials};
use super::writing::{self, BOUNDARY};

use Expected::Accepted;

const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data";

/// Of how many values for a body at most a request is made: of large schemas some are enough.
const VARIANTS: usize = 100;

/// Another text: its label, what we have to answer, the media type, and the text.
type Other = (&'static str, Expected, String, String);

impl Trials<'_> {
    pub(super) fn bodies(&mut self, operation: &Operation<'_>) {
        let Some(body) = &operation.body else {
            return self.body_where_none_is(operation);
        };
        for (range, schema) in &body.media {
            self.values_of_bodies(operation, range, schema);
            self.texts_of_bodies(operation, body, range, schema);
        }
    }

    fn body_where_none_is(&mut self, operation: &Operation<'_>) {
        if operation.method != "GET" {
            let mut draft = self.draft(operation);
            draft.body = Some(("application/json".to_owned(), "{}".to_owned()));
            let request = draft.request(operation);
            self.add_about(Vec::new(), operation, "body-where-none-is", MEDIA_TYPE, request);
        }
    }

    fn values_of_bodies(&mut self, operation: &Operation<'_>, range: &str, schema: &Value) {
        let mut draft = self.draft(operation);
        let variants = self.values.variants(schema);
        let step = variants.len().div_ceil(VARIANTS);
        for variant in variants.into_iter().step_by(step.max(1)) {
            let is_form = range == FORM || range == PARTS;
            let is_lost = is_form && !fields_survive(schema, &variant.value);
            let Some(text) = text(range, &variant.value).filter(|_| !is_lost && !is_bytes(range)) else {
                continue;
            };
            // As texts, integers are written without a point here.
            let is_good = variant.is_good && !(is_form && variant.label == "integer-with-a-point");
            draft.body = Some((media_type(range), text));
            let expected = SCHEMA.accepted_or(is_good);
            let request = draft.request(operation);
            self.add_about(about(range), operation, variant.label, expected, request);
        }
    }

    fn texts_of_bodies(&mut self, operation: &Operation<'_>, body: &Body<'_>, range: &str, schema: &Value) {
        let (media_type, text) = self.body(range, schema);
        let mut draft = self.draft(operation);
        draft.body = None;
        let expected = MALFORMED.accepted_or(!body.is_required);
        let request = draft.request(operation);
        self.add_about(about(range), operation, "no-body", expected, request);
        let mut others = of_media_types(&media_type, &text);
        others.push((
            "nothing-of-that-type",
            of_nothing(body, range, schema),
            media_type.clone(),
            String::new(),
        ));
        if range.contains("json") {
            others.extend(of_json(&media_type, &text));
        } else if range == FORM {
            others.extend(of_forms(&text));
        } else if range == PARTS {
            others.extend(of_parts(&media_type, &text));
        }
        for (label, expected, media_type, text) in others {
            draft.body = Some((media_type, text));
            let request = draft.request(operation);
            self.add_about(about(range), operation, label, expected, request);
        }
    }
}

/// What an empty body is under a media type: JSON that is cut off, a form without fields, and else none.
fn of_nothing(body: &Body<'_>, range: &str, schema: &Value) -> Expected {
    if body.is_required || range.contains("json") || range == PARTS {
        MALFORMED
    } else if range == FORM {
        SCHEMA.accepted_or(schema["required"].is_null())
    } else {
        Accepted
    }
}

fn about(range: &str) -> Vec<String> {
    vec!["body".to_owned(), range.to_owned()]
}

fn of_media_types(media_type: &str, text: &str) -> Vec<Other> {
    let with = |label, expected, media_type: &str| (label, expected, media_type.to_owned(), text.to_owned());
    let mut all = vec![
        with("no-media-type", MEDIA_TYPE, ""),
        with("another-media-type", MEDIA_TYPE, "application/x-unheard"),
    ];
    // A boundary has its case.
    if !media_type.contains("boundary") {
        let upper = media_type.to_uppercase();
        all.push(with("media-type-in-another-case", Accepted, &upper));
    }
    all
}

fn of_json(media_type: &str, text: &str) -> Vec<Other> {
    let charset = |label, expected, charset| {
        let media_type = format!("{media_type}; charset={charset}");
        (label, expected, media_type, text.to_owned())
    };
    let with = |label, expected, text: String| (label, expected, media_type.to_owned(), text);
    let mut all = vec![
        charset("charset-utf-8", Accepted, "UTF-8"),
        charset("charset-that-is-another", MEDIA_TYPE, "utf-16"),
        with("cut-off", MALFORMED, text[..text.len() - 1].to_owned()),
        with("text-behind", MALFORMED, format!("{text} x")),
        with("white-space-around", Accepted, format!(" \r\n{text}\t\n")),
    ];
    let value: Value = serde_json::from_str(text).unwrap();
    if let Some((name, value)) = value.as_object().and_then(|members| members.iter().next()) {
        let twice = text.replacen('{', &format!("{{{}:{value},", json!(name)), 1);
        all.push(with("member-twice", MALFORMED, twice));
    }
    all
}

fn of_forms(text: &str) -> Vec<Other> {
    let with = |label, text: String| (label, MALFORMED, FORM.to_owned(), text);
    let mut all = vec![with("escape-that-is-none", format!("{text}%zz"))];
    if let Some((first, _)) = text.split_once('&') {
        all.push(with("field-twice", format!("{first}&{text}")));
    }
    all
}

fn of_parts(media_type: &str, text: &str) -> Vec<Other> {
    let cut = text.trim_end().trim_end_matches('-');
    vec![
        ("no-boundary", MALFORMED, PARTS.to_owned(), text.to_owned()),
        ("cut-off", MALFORMED, media_type.to_owned(), cut.to_owned()),
    ]
}

/// Whether bodies of that range are anything.
fn is_bytes(range: &str) -> bool {
    range.starts_with("image/") || range == "application/octet-stream"
}

/// Whether each field of a form is the same once it is text.
fn fields_survive(schema: &Value, value: &Value) -> bool {
    let Value::Object(fields) = value else {
        return false;
    };
    fields
        .iter()
        .all(|(name, value)| match schema["properties"].get(name) {
            // Objects in forms are JSON.
            Some(schema) if schema["type"] == "object" => value.is_object(),
            Some(schema) => survives(schema, value),
            None => true,
        })
}

/// A media type of that range.
pub(super) fn media_type(range: &str) -> String {
    match range {
        PARTS => format!("{range}; boundary={BOUNDARY}"),
        "*/*" => "application/json".to_owned(),
        _ => range
            .replace("image/*", "image/png")
            .replace("text/*", "text/plain"),
    }
}

/// A value as a body of that range of media types.
pub(super) fn text(range: &str, value: &Value) -> Option<String> {
    match range {
        FORM => writing::form(value),
        PARTS => writing::multipart(value),
        "application/xml" => None,
        _ if range.contains("json") || range == "*/*" => Some(value.to_string()),
        _ => value.as_str().map(str::to_owned),
    }
}
