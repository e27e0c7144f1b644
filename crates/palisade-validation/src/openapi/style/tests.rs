mod layouts;
mod names;
mod round_trip;
mod table;
mod words;

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Layout, LayoutError, Names, Pair, Shape, StyleFault, Taken, decode};
use crate::openapi::document::Document;
use crate::parameters::Place;

/// As many items as are accepted in these tests.
const MAX_ITEMS: usize = 10;

/// A document of that version with these members.
pub(in crate::openapi) fn document(version: &str, members: &Value) -> Document {
    let mut document = json!({"openapi": version, "info": {"title": "test", "version": "1"}, "paths": {}});
    let all = document.as_object_mut().unwrap();
    all.extend(members.as_object().unwrap().clone());
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("openapi.json");
    fs::write(&path, document.to_string()).unwrap();
    Document::load(&path).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The shape of a schema, and of what is that many levels below.
fn shape_of(schema: &Value, levels: usize) -> Shape {
    let schemas = json!({"S": schema, "Text": {"type": "string"}, "Flag": {"type": "boolean"}});
    // `nullable` is of that version alone.
    let version = if schema.get("nullable").is_some() {
        "3.0.4"
    } else {
        "3.1.1"
    };
    let document = document(version, &json!({"components": {"schemas": schemas}}));
    let schemas = document.root().get("components").unwrap().get("schemas").unwrap();
    Shape::of(schemas.raw("S").unwrap(), levels)
}

fn layout(
    place: Place,
    style: Option<&str>,
    explode: Option<bool>,
    schema: &Value,
) -> Result<Layout, LayoutError> {
    Layout::new("color", place, (style, explode), shape_of(schema, 1))
}

/// The pairs of a query, cookie, path or header that belong to a layout.
fn pairs<'t>(layout: &Layout, place: Place, text: &'t str) -> Vec<Pair<'t>> {
    if !matches!(place, Place::Query | Place::Cookie) {
        return vec![("".into(), text)];
    }
    let mut names = Names::default();
    names.add(0, "color", Some(layout)).unwrap();
    let pairs = text
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let taken = pairs.map(|(name, value)| (names.find(decode(name, place).unwrap()), value));
    taken
        .map(|(taken, value)| match taken {
            Taken::By(_, member) | Taken::Other(_, member) => (member, value),
            Taken::Malformed(_) | Taken::ByNone(_) => panic!("{text} is none of its names"),
        })
        .collect()
}

/// What a text reads as, in each of its readings.
fn readings(layout: &Layout, place: Place, text: &str) -> Vec<Result<Value, StyleFault>> {
    let pairs = pairs(layout, place, text);
    let readings = layout.readings();
    readings
        .map(|reading| layout.read(&pairs, reading, MAX_ITEMS))
        .collect()
}

/// What a text reads as, in the likeliest reading.
fn read(layout: &Layout, place: Place, text: &str) -> Result<Value, StyleFault> {
    readings(layout, place, text).swap_remove(0)
}
