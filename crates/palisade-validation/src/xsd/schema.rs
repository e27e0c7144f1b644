//! A compiled XML Schema.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use roxmltree::Node;
use xsd_schema::parser::location::SourceLocation;
use xsd_schema::validation::{SchemaValidator, ValidationFlags};
use xsd_schema::{CompiledSchemaSet, SchemaSet, SchemaSetBuilder};

use super::effort;
use super::known::{Known, survey};
use super::source::Folder;
use super::walk;
use crate::schema::{Position, SchemaError, SchemaErrors, Violations};

/// How many names of bodies a table takes up before it is thrown away.
const MAX_NAMES: usize = 4096;

/// A schema in XSD 1.0. Any number of threads may check with it at once.
pub(crate) struct XmlSchema {
    folder: Folder,
    /// The location of its first document.
    location: String,
    known: Known,
    /// How many names there are in a table that has seen no body.
    names: usize,
    /// Compiled schemas that nobody uses at present. Threads cannot share one.
    idle: Mutex<Vec<SchemaSet>>,
}

impl XmlSchema {
    /// Reads a schema and the files it refers to; returns it with the files that were looked at.
    pub(crate) fn load(path: &Path) -> Result<(Self, Vec<PathBuf>), SchemaErrors> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = Folder::new(parent.unwrap_or(Path::new("."))).map_err(|error| {
            let error = fault(path, format!("cannot be read: {error}"));
            SchemaErrors {
                list: vec![error],
                files: vec![path.to_owned()],
            }
        })?;
        let location = folder.location(&path.file_name().unwrap_or_default().to_string_lossy());
        let compiled = compile(&folder, &location);
        folder.close();
        let files = folder.asked();
        match compiled.and_then(|compiled| accept(compiled, &folder)) {
            Ok((set, known)) => {
                let schema = Self {
                    folder,
                    location,
                    known,
                    names: set.name_table.len(),
                    idle: Mutex::new(vec![set]),
                };
                Ok((schema, files))
            }
            Err(list) => Err(SchemaErrors { list, files }),
        }
    }

    /// Whether an element is declared by the schema, and matches; if not, what is wrong with it.
    pub(crate) fn check(&self, element: Node<'_, '_>) -> Result<(), Violations> {
        let idle = self.idle().pop();
        let set = match idle {
            Some(set) => set,
            // It was compiled from the same texts before.
            None => match compile(&self.folder, &self.location) {
                Ok(compiled) => compiled.into_schema_set(),
                Err(_) => return Err(walk::unknown()),
            },
        };
        let verdict = {
            let validator = SchemaValidator::new(&set, ValidationFlags::empty());
            walk::check(&validator, &set, &self.known, element)
        };
        if set.name_table.len() <= self.names.saturating_add(MAX_NAMES) {
            self.idle().push(set);
        }
        verdict
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SchemaSet>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl XmlSchema {
    /// How many names each idle table has.
    pub(super) fn idle_names(&self) -> Vec<usize> {
        self.idle().iter().map(|set| set.name_table.len()).collect()
    }

    /// Makes the next check compile the schema again.
    pub(super) fn forget(&self) {
        self.idle().clear();
    }
}

impl fmt::Debug for XmlSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XmlSchema")
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

fn compile(folder: &Folder, location: &str) -> Result<CompiledSchemaSet, Vec<SchemaError>> {
    let text = folder
        .text(location)
        .map_err(|reason| vec![fault(Path::new(&folder.shown(location)), reason)])?;
    SchemaSetBuilder::with_loader(Box::new(folder.clone()))
        .add_source(&text, location)
        .and_then(SchemaSetBuilder::compile)
        .map_err(|error| vec![told(&error, folder, location)])
}

/// What the crate compiled is a schema once all of it is there, and none of it takes too long.
fn accept(compiled: CompiledSchemaSet, folder: &Folder) -> Result<(SchemaSet, Known), Vec<SchemaError>> {
    let mut errors = Vec::new();
    for failure in compiled.directive_failures() {
        let place = failure
            .schema_location()
            .or(failure.namespace())
            .unwrap_or_default();
        let reason = failure
            .resolved_location()
            .and_then(|location| folder.reason(location));
        let reason = reason.unwrap_or_else(|| failure.error().to_string());
        errors.push(at(failure.location(), folder, format!("`{place}` {reason}")));
    }
    let set = compiled.into_schema_set();
    for key in set.arenas.complex_types.keys() {
        if let Some(excess) = effort::excess(&set, key) {
            let place = excess.place.map(|(base_uri, line, column)| SourceLocation {
                base_uri,
                line,
                column,
            });
            errors.push(at(place.as_ref(), folder, excess.problem));
        }
    }
    let (known, missing) = survey(&set, &folder.texts(), folder);
    errors.extend(missing);
    for (_, reason) in SchemaValidator::new(&set, ValidationFlags::empty()).content_model_failures() {
        errors.push(at(
            None,
            folder,
            format!("a content model cannot be prepared: {reason}"),
        ));
    }
    if errors.is_empty() {
        Ok((set, known))
    } else {
        Err(errors)
    }
}

fn fault(path: &Path, problem: String) -> SchemaError {
    SchemaError {
        document: path.display().to_string(),
        position: None,
        pointer: String::new(),
        problem,
    }
}

fn at(place: Option<&SourceLocation>, folder: &Folder, problem: String) -> SchemaError {
    SchemaError {
        document: place
            .map(|place| folder.shown(&place.base_uri))
            .unwrap_or_default(),
        position: place.map(|place| Position {
            line: place.line,
            column: place.column,
        }),
        pointer: String::new(),
        problem,
    }
}

/// What the crate says of a schema that it does not accept.
fn told(error: &xsd_schema::SchemaError, folder: &Folder, location: &str) -> SchemaError {
    use xsd_schema::SchemaError as E;
    let problem = match error {
        E::StructuralError {
            message, constraint, ..
        } => format!("{message} ({constraint})"),
        E::XmlError { message, .. }
        | E::NamespaceError { message, .. }
        | E::FeatureError { message, .. }
        | E::ResolutionError { message }
        | E::LimitExceeded { message, .. }
        | E::Internal(message) => message.clone(),
        other => other.to_string(),
    };
    match error.location() {
        Some(place) => at(Some(place), folder, problem),
        None => fault(Path::new(&folder.shown(location)), problem),
    }
}
