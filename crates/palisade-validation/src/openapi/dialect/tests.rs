mod directions;
mod documents;
mod suite;
mod words;

use serde_json::Value;
use tempfile::TempDir;

use super::{Direction, Schemas};
use crate::openapi::document::tests::{folder, texts};
use crate::openapi::document::{Document, Node};
use crate::schema::{Formats, SchemaErrors};

/// A document, in a folder that is gone.
struct Api {
    document: Document,
    folder: TempDir,
}

impl Api {
    /// A document of that version with these components, and the files beside it.
    fn new(version: &str, components: &str, files: &[(&str, &str)]) -> Result<Self, SchemaErrors> {
        let indented: Vec<String> = components.lines().map(|line| format!("    {line}")).collect();
        let indented = indented.join("\n");
        let text = format!(
            "openapi: {version}\ninfo: {{title: a, version: '1'}}\npaths: {{}}\ncomponents:\n  schemas:\n{indented}"
        );
        let mut all = vec![("api.yaml", text.as_str())];
        all.extend(files);
        let folder = folder(&all);
        let document = Document::load(&folder.path().join("api.yaml"))?;
        Ok(Self { document, folder })
    }

    fn schema(&self, name: &str) -> Node<'_> {
        let components = self.document.root().raw("components").unwrap();
        components.raw("schemas").unwrap().raw(name).unwrap()
    }

    /// What is wrong with a value as the component `A`.
    fn told(&self, direction: Direction, value: &Value) -> Vec<String> {
        let schemas = Schemas::new(&self.document, direction, Formats::Assert).unwrap();
        let schema = schemas.compile(self.schema("A")).unwrap();
        match schema.check(value) {
            Ok(()) => Vec::new(),
            Err(violations) => violations
                .list
                .iter()
                .map(|violation| {
                    format!(
                        "{} | {} | {}",
                        violation.pointer, violation.keyword, violation.message
                    )
                })
                .collect(),
        }
    }

    /// What is wrong with the component `A` itself.
    fn errors(&self) -> Vec<String> {
        let errors = match Schemas::new(&self.document, Direction::Request, Formats::Assert) {
            Err(errors) => errors,
            Ok(schemas) => match schemas.compile(self.schema("A")) {
                Err(errors) => errors,
                Ok(_) => return Vec::new(),
            },
        };
        texts(&errors, self.folder.path())
    }
}

/// What is wrong with a value as the component `A` of OpenAPI 3.0 or 3.1, in a request.
fn request(version: &str, components: &str, value: &Value) -> Vec<String> {
    Api::new(version, components, &[])
        .unwrap()
        .told(Direction::Request, value)
}
