use std::fs;
use std::path::Path;
use std::thread;

use roxmltree::{Document, ParsingOptions};
use tempfile::TempDir;

use super::XmlSchema;
use crate::schema::{SchemaErrors, Violation, Violations};

mod errors;
mod hostile;
mod pairs;
mod violations;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    folder
}

fn load(folder: &Path) -> Result<XmlSchema, SchemaErrors> {
    XmlSchema::load(&folder.join("s.xsd")).map(|(schema, _)| schema)
}

/// A schema with these declarations.
fn schema(declarations: &str) -> XmlSchema {
    try_schema(declarations).unwrap_or_else(|errors| panic!("{errors}"))
}

fn try_schema(declarations: &str) -> Result<XmlSchema, SchemaErrors> {
    let text =
        format!(r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{declarations}</xs:schema>"#);
    load(folder(&[("s.xsd", &text)]).path())
}

fn check(schema: &XmlSchema, text: &str) -> Result<(), Violations> {
    let options = ParsingOptions {
        nodes_limit: 10_000_000,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).expect("well-formed");
    schema.check(document.root_element())
}

fn violations(schema: &XmlSchema, text: &str) -> Vec<Violation> {
    check(schema, text).expect_err("it must not match").list
}

/// A stack as deep as it takes to parse what is deep.
fn with_room(test: impl FnOnce() + Send + 'static) {
    let test = thread::Builder::new().stack_size(64 << 20).spawn(test);
    test.expect("a thread").join().expect("it must not panic");
}
