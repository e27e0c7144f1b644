//! What a careful operator should know of a document.

use palisade_core::{Finding, Severity};

use super::document::{Document, Node, Version};

/// What is to be told of a document that can be used.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    /// Where there is a schema that bodies may not be checked against.
    unchecked: Vec<String>,
    /// Where `nullable` means nothing.
    nullable: Vec<String>,
}

impl Hints {
    /// What shows without compiling anything.
    pub(super) fn of(document: &Document) -> Self {
        let is_new = document.version() == Version::V3_1;
        let schemas = document.schemas().map(|(schema, _)| schema).filter(|_| is_new);
        let nullable = schemas.filter_map(|schema| schema.raw("nullable"));
        Self {
            nullable: nullable.map(place).collect(),
            ..Self::default()
        }
    }

    /// A body has a schema there that it may not be checked against.
    pub(super) fn is_unchecked(&mut self, media: Node<'_>) {
        self.unchecked.push(place(media));
    }

    /// As findings.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let unchecked = self.unchecked.first().map(|first| {
            let message = format!(
                "a schema is not looked at, because its media type is none of JSON, forms and texts; a peer that may choose another chooses whether its schema holds: {first}{}",
                others(&self.unchecked),
            );
            Finding::new(Severity::Moderate, "openapi-body-unchecked", message)
        });
        let nullable = self.nullable.first().map(|first| {
            let message = format!(
                "`nullable` means nothing in OpenAPI 3.1, so null is refused; `type: [string, \"null\"]` allows it: {first}{}",
                others(&self.nullable),
            );
            Finding::new(Severity::Caution, "openapi-nullable-ignored", message)
        });
        unchecked.into_iter().chain(nullable).collect()
    }
}

/// Where a value stands: file, line and column.
fn place(node: Node<'_>) -> String {
    let place = node.error("");
    match place.position {
        Some(position) => format!("{}:{}:{}", place.document, position.line, position.column),
        None => place.document,
    }
}

/// How many there are besides the first.
fn others(places: &[String]) -> String {
    match places.len() {
        0 | 1 => String::new(),
        2 => " and 1 other".to_owned(),
        count => format!(" and {} others", count - 1),
    }
}
