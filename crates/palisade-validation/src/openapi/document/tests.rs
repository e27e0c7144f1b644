mod errors;
mod references;
mod yaml;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::Document;
use crate::schema::SchemaErrors;

/// A folder with these files, of which the first is the document.
pub(in crate::openapi) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load(files: &[(&str, &str)]) -> Result<Document, SchemaErrors> {
    let folder = folder(files);
    Document::load(&folder.path().join(files[0].0))
}

/// What is wrong, without the folder.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let path = folder.path().join(files[0].0);
    match Document::load(&path) {
        Ok(_) => Vec::new(),
        Err(errors) => texts(&errors, folder.path()),
    }
}

pub(in crate::openapi) fn texts(errors: &SchemaErrors, folder: &Path) -> Vec<String> {
    let folder = format!("{}/", folder.display());
    errors
        .list
        .iter()
        .map(|error| error.to_string().replace(&folder, ""))
        .collect()
}
