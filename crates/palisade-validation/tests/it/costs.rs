//! What the stage takes from the heap, beside a pipeline that has the body read and does not look at it.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::path::Path;
use std::pin::pin;
use std::task::{Context as Waker, Poll};

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use http::{Request, Response, request};
use http_body_util::Full;
use palisade_core::{Bodies, Context, Message, Pipeline, RefusalFormat, Stage, Step, Transform};
use palisade_validation::{Validation, ValidationSettings};
use rstest::rstest;
use tower::{Layer as _, Service as _, service_fn};

/// Has the body read, and does not look at it.
#[derive(Debug)]
struct Blind;

impl Transform for Blind {
    fn name(&self) -> &'static str {
        "blind"
    }

    fn needs(&self) -> Bodies {
        Bodies::Request
    }

    fn answers(&self) -> bool {
        false
    }

    fn request<'a>(&'a self, _: &'a mut Context, _: &'a mut Message<request::Parts>) -> Step<'a> {
        Step::Done(Ok(()))
    }
}

/// What an exchange takes, the request aside.
fn taken(pipeline: &Pipeline, media_type: &str, soap: Option<RefusalFormat>, body: &Bytes) -> AllocationInfo {
    let nothing =
        |_: Request<Full<Bytes>>| ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
    let mut service = pipeline.layer(service_fn(nothing));
    let mut request = Request::post("/orders")
        .header("content-type", media_type)
        .header("content-length", body.len())
        .body(Full::new(body.clone()))
        .expect("a request");
    if let Some(format) = soap {
        request.extensions_mut().insert(format);
    }
    let mut request = Some(request);
    measure(|| {
        let mut waker = Waker::from_waker(std::task::Waker::noop());
        assert!(service.poll_ready(&mut waker).is_ready());
        let outcome = pin!(service.call(request.take().expect("one request"))).poll(&mut waker);
        assert!(matches!(outcome, Poll::Ready(Ok(response)) if response.status() == 200));
    })
}

/// How much more often than with `Blind`, and how many bytes.
fn taken_by_stage(
    settings: &ValidationSettings,
    folder: &Path,
    media_type: &str,
    body: &Bytes,
) -> (u64, u64) {
    let stage = Validation::layer(settings, folder).expect("settings that hold");
    let soap = media_type
        .starts_with("text/xml")
        .then_some(RefusalFormat::Soap11);
    let with = taken(&stage, media_type, soap, body);
    let without = taken(&Stage::transform(Blind).into(), media_type, soap, body);
    (
        with.count_total - without.count_total,
        with.bytes_total - without.bytes_total,
    )
}

/// An order with so many lines.
fn order(lines: usize) -> Bytes {
    let lines = vec![
        r#"{"sku":"ART-000037","text":"Stühle aus Eichenholz, geölt","quantity":3,"price":19.99}"#;
        lines
    ];
    Bytes::from(format!(
        r#"{{"id":"DE-00001234","placed":"2026-11-29T16:00:00Z","customer":{{"name":"Müßig & Söhne"}},"lines":[{}]}}"#,
        lines.join(",")
    ))
}

#[rstest]
#[case::json("application/json", order(10))]
#[case::large_json("application/json", order(600))]
#[case::form(
    "application/x-www-form-urlencoded",
    Bytes::from_static(b"a=1&b=St%C3%BChle+und+Tische")
)]
#[case::bytes("image/png", Bytes::from_static(b"\x89PNG"))]
fn bodies_without_a_schema_take_nothing(#[case] media_type: &str, #[case] body: Bytes) {
    let taken = taken_by_stage(&ValidationSettings::default(), Path::new("."), media_type, &body);
    assert_eq!(taken, (0, 0));
}

#[test]
fn bodies_with_a_schema_take_a_tree_in_one_piece() {
    let folder = tempfile::tempdir().expect("a folder");
    let schema = r##"{
        "type": "object", "required": ["id", "lines"], "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{8}$"},
            "placed": {"type": "string", "format": "date-time"},
            "customer": {"$ref": "#/$defs/customer"},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}
        },
        "$defs": {
            "customer": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 80}}},
            "line": {
                "type": "object", "required": ["sku", "price"], "additionalProperties": false,
                "properties": {
                    "sku": {"type": "string"}, "text": {"type": "string", "maxLength": 200},
                    "quantity": {"type": "integer", "minimum": 1}, "price": {"type": "number", "minimum": 0}
                }
            }
        }
    }"##;
    std::fs::write(folder.path().join("order.json"), schema).expect("the file can be written");
    let mut settings = ValidationSettings::default();
    settings.schema = Some("order.json".into());
    for lines in [1, 10, 600] {
        let body = order(lines);
        let (pieces, bytes) = taken_by_stage(&settings, folder.path(), "application/json", &body);
        assert_eq!(pieces, 1, "{lines} lines");
        assert!(
            bytes < 6 * body.len() as u64 + 1_024,
            "{bytes} bytes for {}",
            body.len()
        );
    }
}
