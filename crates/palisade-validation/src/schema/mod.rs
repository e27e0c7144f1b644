//! Bodies against a JSON Schema: drafts 4, 6, 7, 2019-09 and 2020-12.
//!
//! 1. The draft is what `$schema` says; without one it is 2020-12. A dialect of one's own is an error at start.
//! 2. A schema may refer to itself, to a `$id` within what is loaded, and to JSON files below its own folder:
//!    `common/address.json`. A schema that calls itself `https://example.com/schemas/order.json` means by
//!    `address.json` the file beside it, although its URI is `https://example.com/schemas/address.json`. Nothing is
//!    ever fetched: any other document, a path with `..` that leaves the folder, or a link that does, is an error
//!    at start that names the reference. Which files were read is told, so that a change of any reloads the policy.
//! 3. A schema is checked against its meta-schema at start, and so is each file it refers to. Errors name the file,
//!    the line and the JSON Pointer.
//! 4. `pattern` is matched with bounded work: nearly all of them in time linear in the text, and where counted
//!    repetitions within each other do not allow that, each state that the text leads to is paid for by rule 8. The
//!    names of members cannot be paid for, so that a pattern in `patternProperties` that is not linear is an error at
//!    start, as are word boundaries in it. Patterns are searched for, not anchored, and
//!    translated from ECMA 262 with its Unicode flag: `\d` and `\w` are ASCII, `\s` is ECMA's white space, `$` is the
//!    very end. What linear time does not allow, look-around and backreferences, is an error at start; instead of
//!    look-aheads there are several patterns under `allOf`.
//! 5. `format` is asserted. The drafts since 2019-09 make it a note unless the application asks for more, and this
//!    one does: who writes `"format": "date-time"` into the schema of a gate expects a gate. Names that no draft
//!    knows (`int32`, `iban`) stay notes, as do all formats with [`Formats::Annotate`]. An `email` is the address alone, without a name beside it.
//! 6. Numbers are integers from -2^63 to 2^64-1 where they are written as such, and everything else is the nearest
//!    binary64. Beyond that range a whole number is an `integer` still, but limits are compared with the nearest
//!    number: `18446744073709551617` passes a `maximum` of one less. `multipleOf` goes by the decimal that was
//!    written: `19.99` is a multiple of `0.01`, and `19.995` is not.
//! 7. Violations say where, in the words of the schema: no value, and no name of a member that does not stand in
//!    the schema. At most [`MAX_VIOLATIONS`] are told, the same ones in the same order on each run. Where no
//!    alternative of an `anyOf` or `oneOf` matches, it is told what is wrong by the one that was meant, if that is
//!    plain: the only one whose `const`, type and members fit.
//! 8. The work is bounded. It is counted in steps, of ten nanoseconds at most: two million, and where that is not
//!    enough, 50 for every value of the instance. An instance that takes more does not pass. Recursive schemas
//!    with alternatives, where listing the errors of each branch takes time exponential in the depth, come to
//!    their end after 4,096 errors, with the violations that were certain by then, or with none in particular.
//! 9. The depth of an instance costs stack: whoever reads the JSON bounds it.
//!
//! What this does not protect against: a schema that allows too much. `additionalProperties` are allowed where
//! nothing says otherwise, and a property that is not `required` may be missing. Nor one whose alternatives multiply without ever
//! looking at the instance, such as two references to `false` on each of thirty levels: there is nothing to count.

mod error;
mod instance;
pub(crate) mod keyword;
pub(crate) mod place;
pub(crate) mod source;
mod unique;
mod violation;

#[cfg(test)]
mod tests;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use jsonschema::Draft;
use jsonschema::{
    EmailOptions, PatternOptions, Registry, Retrieve, ValidationError, ValidationOptions, Validator,
};
use serde_json::Value;

use self::error::{Known, from_build, unbounded_names};
pub use self::error::{SchemaError, SchemaErrors};
use self::instance::{Effort, Metered, MeteredJson};
pub use self::place::Position;
use self::source::{Folder, uri_of};
use self::violation::Names;
pub use self::violation::{MAX_VIOLATIONS, Violation, Violations};
use crate::json::Tree;

/// Errors that are made before the list of violations is taken to be long enough. Those of the branches of `anyOf`
/// and `oneOf` count, although they are not told.
const MAX_ERRORS: u32 = 4_096;

/// What becomes of `format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Formats {
    /// Values must be in the formats that the drafts define.
    #[default]
    Assert,
    /// It is a note.
    Annotate,
}

/// A schema, compiled.
pub struct Schema {
    validator: Validator<MeteredJson>,
    names: [Arc<Names>; 2],
}

impl Schema {
    /// Reads the schema in a file, and the files it refers to. Gives, too, which files those were.
    pub fn load(path: &Path, formats: Formats) -> Result<(Self, Vec<PathBuf>), SchemaErrors> {
        let root = source::read(path).map_err(|error| SchemaErrors {
            list: vec![SchemaError {
                document: path.display().to_string(),
                position: error.position(),
                pointer: String::new(),
                problem: error.to_string(),
            }],
            files: vec![path.to_owned()],
        })?;
        let draft = Draft::default().detect(&root.json);
        let id = root.json.get(draft.id_keyword()).and_then(Value::as_str);
        let folder = path.parent().unwrap_or(Path::new(""));
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let folder = Folder::new(folder, id);
        let uri = uri_of(&path.file_name().unwrap_or_default().to_string_lossy());

        let mut errors = Vec::new();
        let known = Known::file(&uri, &root);
        check_schema(draft, known, &mut errors);
        let built = errors.is_empty().then(|| {
            options(formats)
                .with_retriever(folder.clone())
                .with_base_uri(uri.as_str())
                .build(&root.json)
        });
        let documents = folder.documents();
        let others = documents.iter().map(|(uri, document)| Known::file(uri, document));
        let all: Vec<Known<'_>> = std::iter::once(known).chain(others).collect();
        for document in all.iter().skip(1) {
            check_schema(draft.detect(document.json), *document, &mut errors);
        }
        let mut files = folder.asked();
        files.push(path.to_owned());
        files.sort_unstable();
        files.dedup();
        match built {
            Some(Ok(validator)) if errors.is_empty() => {
                let mut names = Names::default();
                for document in &all {
                    names.learn(document.json);
                }
                Ok((
                    Self {
                        validator,
                        names: [Arc::new(names), Arc::default()],
                    },
                    files,
                ))
            }
            Some(Err(error)) if errors.is_empty() => Err(SchemaErrors {
                list: vec![from_build(&error, &all)],
                files,
            }),
            _ => Err(SchemaErrors { list: errors, files }),
        }
    }

    /// Whether an instance matches; if not, what is wrong with it.
    ///
    /// `instance` must not be nested so deep that to walk it recursively is a danger to the stack.
    pub fn check(&self, instance: &Value) -> Result<(), Violations> {
        let tree = Tree::from(instance);
        if self.is_valid(&tree)? {
            Ok(())
        } else {
            Err(self.violations(&tree, instance))
        }
    }

    /// The same of an instance that was read as a tree.
    pub(crate) fn check_tree(&self, tree: &Tree<'_>) -> Result<(), Violations> {
        if self.is_valid(tree)? {
            Ok(())
        } else {
            Err(self.violations(tree, &tree.root().to_value()))
        }
    }

    /// `Err` is for an instance of which that would take too long to find out.
    fn is_valid(&self, tree: &Tree<'_>) -> Result<bool, Violations> {
        let effort = Effort::new(tree, u32::MAX);
        let verdict = catch_unwind(AssertUnwindSafe(|| {
            self.validator.is_valid(Metered::root(tree, &effort))
        }));
        if effort.is_spent() {
            return Err(Violations::of_all(
                "takes more work to check than its size allows",
            ));
        }
        verdict.or_else(|broken| resume_unwind(broken))
    }

    /// What is wrong with an instance that is known not to match, given as a tree and as a value.
    #[cold]
    fn violations(&self, tree: &Tree<'_>, instance: &Value) -> Violations {
        let effort = Effort::new(tree, MAX_ERRORS);
        let names = |name: &str| self.names.iter().any(|names| names.know(name));
        // Where a regular expression panicked within its engine, the crate survives that, but looks for the value
        // in the instance that its errors carry, and ours carry none.
        let told = catch_unwind(AssertUnwindSafe(|| {
            let errors = self.validator.iter_errors(Metered::root(tree, &effort));
            Violations::from_errors(errors, instance, &names)
        }));
        match told {
            Ok(violations) if !violations.list.is_empty() => violations,
            _ => Violations::of_all("does not match, and it cannot be told in which place"),
        }
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("draft", &self.validator.draft())
            .finish_non_exhaustive()
    }
}

/// Compiles many schemas that refer to the same documents, such as those of an OpenAPI document.
pub struct Compiler {
    draft: Draft,
    formats: Formats,
    is_openapi: bool,
    registry: Registry<'static>,
    documents: Vec<(String, Value)>,
    names: Arc<Names>,
}

impl Compiler {
    /// Schemas of `draft`, unless they have a `$schema`, which may refer to `documents` by their URIs and to nothing
    /// else. The documents need not be schemas.
    pub fn new(
        draft: Draft,
        formats: Formats,
        documents: Vec<(String, Value)>,
    ) -> Result<Self, SchemaErrors> {
        let known: Vec<Known<'_>> = documents
            .iter()
            .map(|(uri, json)| Known {
                uri,
                json,
                file: None,
            })
            .collect();
        let mut names = Names::default();
        let mut builder = Registry::new().draft(draft).retriever(Folder::nowhere());
        let fail = |error: jsonschema::ReferencingError| SchemaErrors {
            list: vec![from_build(&ValidationError::from(error), &known)],
            files: Vec::new(),
        };
        for (uri, json) in &documents {
            names.learn(json);
            let resource = draft.detect(json).create_resource(json.clone());
            builder = builder.add(uri.as_str(), resource).map_err(fail)?;
        }
        let unbounded: Vec<SchemaError> = known
            .iter()
            .flat_map(|document| unbounded_names(*document))
            .collect();
        if !unbounded.is_empty() {
            return Err(SchemaErrors {
                list: unbounded,
                files: Vec::new(),
            });
        }
        let registry = builder.prepare().map_err(fail)?;
        Ok(Self {
            draft,
            formats,
            is_openapi: false,
            registry,
            documents,
            names: Arc::new(names),
        })
    }

    /// The same, with the keywords of OpenAPI.
    pub(crate) fn openapi(self) -> Self {
        Self {
            is_openapi: true,
            ..self
        }
    }

    /// Compiles a schema; the references in it are relative to `base`, a URI that none of the documents has.
    pub fn compile(&self, schema: &Value, base: &str) -> Result<Schema, SchemaErrors> {
        let draft = self.draft.detect(schema);
        let known = Known {
            uri: base,
            json: schema,
            file: None,
        };
        let mut errors = Vec::new();
        check_schema(draft, known, &mut errors);
        if !errors.is_empty() {
            return Err(SchemaErrors {
                list: errors,
                files: Vec::new(),
            });
        }
        let options = options(self.formats);
        let options = if self.is_openapi {
            keyword::add(options, self.formats)
        } else {
            options
        };
        let mut options = options
            .with_retriever(Folder::nowhere())
            .with_registry(&self.registry)
            .with_base_uri(base);
        if draft != Draft::Unknown {
            options = options.with_draft(draft);
        }
        let validator = options.build(schema).map_err(|error| {
            let documents = self.documents.iter().map(|(uri, json)| Known {
                uri,
                json,
                file: None,
            });
            let all: Vec<Known<'_>> = std::iter::once(known).chain(documents).collect();
            SchemaErrors {
                list: vec![from_build(&error, &all)],
                files: Vec::new(),
            }
        })?;
        let mut names = Names::default();
        names.learn(schema);
        Ok(Schema {
            validator,
            names: [Arc::clone(&self.names), Arc::new(names)],
        })
    }
}

impl fmt::Debug for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let documents: Vec<&str> = self.documents.iter().map(|(uri, _)| uri.as_str()).collect();
        f.debug_struct("Compiler")
            .field("draft", &self.draft)
            .field("documents", &documents)
            .finish_non_exhaustive()
    }
}

type Options<'a> = ValidationOptions<'a, Arc<dyn Retrieve>, MeteredJson>;

fn options<'a>(formats: Formats) -> Options<'a> {
    let options = jsonschema::options_for::<MeteredJson>()
        .offline()
        .with_pattern_options(PatternOptions::regex())
        .with_email_options(EmailOptions::default().without_display_text())
        .should_validate_formats(formats == Formats::Assert);
    keyword::add_pattern(options)
}

/// What a meta-schema finds in a schema: where, and what.
pub(crate) fn faults(draft: Draft, schema: &Value) -> Vec<(String, String)> {
    let known = Known {
        uri: "",
        json: schema,
        file: None,
    };
    let mut errors = Vec::new();
    check_schema(draft, known, &mut errors);
    errors
        .into_iter()
        .map(|error| (error.pointer, error.problem))
        .collect()
}

/// Checks a schema against its meta-schema. Those of one's own are refused when the schema is compiled.
fn check_schema(draft: Draft, schema: Known<'_>, errors: &mut Vec<SchemaError>) {
    errors.extend(unbounded_names(schema));
    let meta = match draft {
        Draft::Draft4 => jsonschema::draft4::meta::validator(),
        Draft::Draft6 => jsonschema::draft6::meta::validator(),
        Draft::Draft7 => jsonschema::draft7::meta::validator(),
        Draft::Draft201909 => jsonschema::draft201909::meta::validator(),
        Draft::Draft202012 => jsonschema::draft202012::meta::validator(),
        _ => return,
    };
    for error in meta.iter_errors(schema.json) {
        let error = schema.error(error.instance_path().as_str(), &error.to_string());
        // The meta-schemas since 2019-09 consist of several, and each finds the same.
        if !errors.contains(&error) && errors.len() < MAX_VIOLATIONS {
            errors.push(error);
        }
    }
}
