//! `application.toml`: the same keys as tables, with the line of each.

use std::path::Path;

use toml_edit::{Document, Item, TableLike, Value};

use crate::key::Key;
use crate::layer::Scalar;
use crate::properties::line_at;
use crate::source::Raw;
use crate::{Error, Errors, Origin};

/// Reads a file; what is wrong with it is added to `errors`.
pub(super) fn read(path: &Path, text: &str, errors: &mut Errors) -> Vec<Raw> {
    let place = |offset: usize| Origin::File {
        path: path.to_owned(),
        line: line_at(text, offset),
    };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let offset = error.span().map_or(text.len(), |span| span.start);
            // The whole display of the error quotes the line, and with it perhaps a secret.
            let message = format!("expected TOML: {}", first_line(error.message()));
            errors.push(Error::general(message).at(place(offset)));
            return Vec::new();
        }
    };
    let mut reader = Reader {
        place: &place,
        raws: Vec::new(),
        errors,
    };
    reader.table(&Key::default(), document.as_table(), 0);
    reader.raws
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

struct Reader<'a> {
    place: &'a dyn Fn(usize) -> Origin,
    raws: Vec<Raw>,
    errors: &'a mut Errors,
}

impl Reader<'_> {
    fn table(&mut self, key: &Key, table: &dyn TableLike, offset: usize) {
        if table.is_empty() && !key.segments().is_empty() {
            self.push(key, Scalar::EmptyTable, offset);
        }
        for (name, item) in table.iter() {
            let spans = (table.key(name).and_then(toml_edit::Key::span), item.span());
            let offset = match spans {
                (Some(span), _) | (None, Some(span)) => span.start,
                (None, None) => offset,
            };
            if key.segments().is_empty() && name.contains(['.', '[', ']']) {
                let message = "expected a first name without a dot in it: write the dots outside the quotes";
                self.errors
                    .push(Error::new(name, message).at((self.place)(offset)));
                continue;
            }
            self.item(&key.name(name), item, offset);
        }
    }

    fn item(&mut self, key: &Key, item: &Item, offset: usize) {
        match item {
            Item::None => {}
            Item::Value(value) => self.value(key, value, offset),
            Item::Table(table) => self.table(key, table, offset),
            Item::ArrayOfTables(tables) => {
                for (index, table) in tables.iter().enumerate() {
                    let offset = table.span().map_or(offset, |span| span.start);
                    self.table(&key.index(index), table, offset);
                }
            }
        }
    }

    fn value(&mut self, key: &Key, value: &Value, offset: usize) {
        let scalar = match value {
            Value::String(text) => Scalar::text(text.value()),
            Value::Integer(number) => Scalar::Int(*number.value()),
            Value::Float(number) => Scalar::Float(*number.value()),
            Value::Boolean(value) => Scalar::Bool(*value.value()),
            Value::Datetime(time) => Scalar::text(time.value().to_string()),
            Value::Array(items) if items.is_empty() => Scalar::EmptyList,
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let offset = item.span().map_or(offset, |span| span.start);
                    self.value(&key.index(index), item, offset);
                }
                return;
            }
            Value::InlineTable(table) => return self.table(key, table, offset),
        };
        self.push(key, scalar, offset);
    }

    fn push(&mut self, key: &Key, scalar: Scalar, offset: usize) {
        self.raws
            .push(Raw::keyed(key.clone(), scalar, (self.place)(offset)));
    }
}
