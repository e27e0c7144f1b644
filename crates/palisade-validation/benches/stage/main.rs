//! What the stage costs as users mount it, beside parsing alone and beside parsing and the schema crate alone. All run in turns, many
//! times over, so that what else the machine does falls on each alike; told are the best and the median of the rounds.
//!
//! The goals: looking at JSON costs less than parsing it, and the whole stage at most 1.3 times as much as parsing it and the crate's
//! own check of the tree.

mod bodies;
mod turns;

use std::hint::black_box;
use std::io::{self, Write as _};
use std::path::Path;

use bytes::Bytes;
use http::{Request, request};
use palisade_core::settings::ByteSize;
use palisade_core::{Bodies, Context, Message, Pipeline, RefusalFormat, Stage, Step, Transform};
use palisade_validation::json::{JsonLimits, check};
use palisade_validation::{JsonSettings, Validation, ValidationSettings};
use serde_json::Value;

use self::turns::{Subject, Turns, exchanges};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

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

    fn request<'a>(&'a self, _: &'a mut Context, message: &'a mut Message<request::Parts>) -> Step<'a> {
        black_box(message.body());
        Step::Done(Ok(()))
    }
}

fn main() -> Outcome<()> {
    for bytes in [1 << 10, 1 << 20] {
        orders(bytes)?;
    }
    for bytes in [1 << 10, 1 << 20] {
        others(bytes)?;
    }
    Ok(())
}

/// Orders in JSON, with a schema and without.
fn orders(bytes: usize) -> Outcome<()> {
    let body = Bytes::from(bodies::order(bytes)?);
    let folder = tempfile::tempdir()?;
    let rules = bodies::rules();
    std::fs::write(folder.path().join("order.json"), serde_json::to_vec(&rules)?)?;
    let mut settings = ValidationSettings::default();
    settings.content_types = Some(vec!["application/json".to_owned()]);
    let without = Validation::layer(&settings, folder.path())?;
    settings.schema = Some("order.json".into());
    let with = Validation::layer(&settings, folder.path())?;
    std::fs::write(
        folder.path().join("api.json"),
        serde_json::to_vec(&bodies::document(&rules))?,
    )?;
    settings.schema = None;
    settings.openapi = Some("api.json".into());
    let by_document = Validation::layer(&settings, folder.path())?;
    let alone = jsonschema::options()
        .offline()
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .with_email_options(jsonschema::EmailOptions::default().without_display_text())
        .should_validate_formats(true)
        .build(&rules)?;
    if !alone.is_valid(&serde_json::from_slice(&body)?) {
        return Err("the order is not valid".into());
    }
    let limits = JsonLimits::compile(&JsonSettings::default(), ByteSize::mib(1))?;
    let request = || post("application/json", &body);

    let turns = Turns::run(
        bytes,
        vec![
            calls("hygiene", &body, |body| check(body, &limits).is_ok()),
            calls("parse", &body, |body| {
                serde_json::from_slice::<Value>(body).is_ok()
            }),
            calls("parse + schema crate", &body, |body| {
                serde_json::from_slice(body).is_ok_and(|order| alone.is_valid(&order))
            }),
            exchanges("pipeline that reads the body", &empty(), request)?,
            exchanges("stage without a schema", &without, request)?,
            exchanges("stage with a schema", &with, request)?,
            exchanges("stage with a document", &by_document, request)?,
        ],
    );
    writeln!(io::stdout(), "an order of {} bytes in JSON", body.len())?;
    turns.print()?;
    turns.ratio("hygiene / parse", "hygiene", None, "parse")?;
    let (stage, both) = ("stage with a schema", "parse + schema crate");
    turns.ratio("stage / (parse + schema)", stage, None, both)?;
    let pipeline = Some("pipeline that reads the body");
    turns.ratio("(stage - pipeline) / (parse + schema)", stage, pipeline, both)?;
    turns.ratio(
        "stage with a document / (parse + schema)",
        "stage with a document",
        None,
        both,
    )
}

/// The same order in SOAP and in XML, and a form.
fn others(bytes: usize) -> Outcome<()> {
    let xml = Bytes::from(bodies::xml(bytes)?);
    let soap = Bytes::from(bodies::soap(bytes)?);
    let form = Bytes::from(bodies::form(bytes)?);
    let mut settings = ValidationSettings::default();
    // A line has seven nodes for each 250 bytes.
    settings.xml.max_nodes = 1_000_000;
    settings.json.max_items = 100_000;
    settings.max_body = ByteSize::mib(2);
    let stage = || Validation::layer(&settings, Path::new("."));
    let as_soap = || {
        let mut request = post("text/xml; charset=utf-8", &soap);
        request.headers_mut().insert(
            "soapaction",
            http::HeaderValue::from_static("\"urn:shop:PlaceOrder\""),
        );
        request.extensions_mut().insert(RefusalFormat::Soap11);
        request
    };
    let as_xml = || post("application/xml", &xml);
    let as_form = || post("application/x-www-form-urlencoded", &form);
    let turns = Turns::run(
        bytes,
        vec![
            exchanges("pipeline that reads the body", &empty(), as_xml)?,
            calls("roxmltree", &xml, is_xml),
            exchanges("stage, XML", &stage()?, as_xml)?,
            calls("roxmltree, envelope", &soap, is_xml),
            exchanges("stage, SOAP", &stage()?, as_soap)?,
            exchanges("stage, form", &stage()?, as_form)?,
        ],
    );
    writeln!(
        io::stdout(),
        "an order of {} bytes in XML, {} in SOAP, a form of {}",
        xml.len(),
        soap.len(),
        form.len()
    )?;
    turns.print()?;
    turns.ratio("stage, XML / roxmltree", "stage, XML", None, "roxmltree")?;
    turns.ratio(
        "stage, SOAP / roxmltree",
        "stage, SOAP",
        None,
        "roxmltree, envelope",
    )?;
    turns.ratio("stage, form / roxmltree", "stage, form", None, "roxmltree")
}

fn is_xml(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| roxmltree::Document::parse(text).is_ok())
}

fn empty() -> Pipeline {
    Stage::transform(Blind).into()
}

fn calls<'a>(name: &'static str, body: &'a [u8], mut look: impl FnMut(&[u8]) -> bool + 'a) -> Subject<'a> {
    Subject::new(name, move || {
        let start = std::time::Instant::now();
        let is_good = black_box(look(black_box(body)));
        (start.elapsed(), is_good)
    })
}

fn post(media_type: &'static str, body: &Bytes) -> Request<http_body_util::Full<Bytes>> {
    let mut request = Request::post("/orders");
    if let Some(headers) = request.headers_mut() {
        headers.insert("content-type", http::HeaderValue::from_static(media_type));
        headers.insert("content-length", body.len().into());
    }
    request
        .body(http_body_util::Full::new(body.clone()))
        .unwrap_or_default()
}
