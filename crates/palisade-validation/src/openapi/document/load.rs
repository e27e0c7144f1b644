//! Reads a document: every object that is reached from its root, and every file on the way.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use jsonschema::Draft;

use super::file::File;
use super::grammar::Kind;
use super::node::{Identity, Node};
use super::reference::{Target, resolve};
use super::shape::Found;
use super::{Document, SchemaPlace, Version, schema_object};
use crate::schema::source::{ABOVE, FOLDER, Folder, uri_of};
use crate::schema::{SchemaError, SchemaErrors};

/// How many errors are told.
pub(super) const MAX_ERRORS: usize = 32;

/// Reads a document.
pub(super) fn load(path: &Path) -> Result<Document, SchemaErrors> {
    let uri = uri_of(&path.file_name().unwrap_or_default().to_string_lossy());
    let fail = |error| SchemaErrors {
        list: vec![error],
        files: vec![path.to_owned()],
    };
    let root = File::read(path.to_owned(), uri.clone()).map_err(fail)?;
    let version = version(&root).map_err(fail)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut loader = Loader {
        document: Document {
            version,
            files: vec![root],
            asked: vec![path.to_owned()],
            references: HashMap::new(),
            schema_references: HashMap::new(),
            schemas: HashMap::new(),
            identifiers: HashMap::new(),
        },
        folder: Folder::new(folder, None),
        by_uri: HashMap::from([(uri, Some(0))]),
        open: Vec::new(),
        seen: HashSet::new(),
        objects: Vec::new(),
        waiting: Vec::new(),
        resources: HashMap::new(),
        anchors: HashMap::new(),
        contexts: HashMap::new(),
        dialect: schema_object::OPENAPI_3_0,
        errors: Vec::new(),
    };
    loader.dialect = loader.read_dialect();
    let context = loader.context_of_file(0);
    let root = Identity { file: 0, slot: 0 };
    loader.open.push((root, Kind::OpenApi, context));
    loader.run();
    loader.finish()
}

fn version(root: &File) -> Result<Version, SchemaError> {
    let expected = "OpenAPI 3.0 or 3.1 is expected: `openapi: 3.0.x` or `openapi: 3.1.x`";
    let at = |name: &str| root.nearest(&format!("/{name}"));
    if let Some(swagger) = root.json.get("swagger") {
        let text = swagger
            .as_str()
            .map_or_else(|| swagger.to_string(), str::to_owned);
        return Err(root.error(
            at("swagger"),
            format!("Swagger {text} is not read here; {expected}"),
        ));
    }
    let Some(version) = root.json.get("openapi") else {
        return Err(root.error(0, format!("must have the field `openapi`; {expected}")));
    };
    let Some(text) = version.as_str() else {
        return Err(root.error(at("openapi"), format!("must be text; {expected}")));
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let patch = |prefix: &str| {
        let patch = text.strip_prefix(prefix)?;
        let (number, _) = patch.split_once('-').unwrap_or((patch, ""));
        Some(is_number(number))
    };
    match (patch("3.0."), patch("3.1.")) {
        (Some(true), _) => Ok(Version::V3_0),
        (_, Some(true)) => Ok(Version::V3_1),
        _ => Err(root.error(
            at("openapi"),
            format!("OpenAPI {text} is not read here; {expected}"),
        )),
    }
}

/// What a Schema Object has from where it stands.
#[derive(Debug, Clone)]
struct Context {
    /// What its references are relative to: its file, or the `$id` around it.
    base: Arc<str>,
    draft: Draft,
}

/// A reference that is to be followed.
#[derive(Debug)]
struct Waiting {
    /// What refers: the object that has the `$ref`, or a `$dynamicRef` itself.
    from: Identity,
    text: String,
    target: Target,
    kind: Kind,
}

pub(super) struct Loader {
    pub(super) document: Document,
    pub(super) folder: Folder,
    /// Files by URI; `None` for those that could not be had, which is told once.
    by_uri: HashMap<String, Option<usize>>,
    open: Vec<(Identity, Kind, Context)>,
    seen: HashSet<(Identity, Kind)>,
    /// What is not referred from elsewhere by `$ref`, for the rules over several fields.
    pub(super) objects: Vec<(Identity, Kind)>,
    waiting: Vec<Waiting>,
    /// Schemas by their `$id`.
    resources: HashMap<String, Identity>,
    /// Schemas by their base and their `$anchor` or `$dynamicAnchor`.
    anchors: HashMap<(String, String), Identity>,
    /// By schema, what those within it have.
    contexts: HashMap<Identity, Context>,
    /// The draft of the Schema Objects that do not say it.
    dialect: Draft,
    pub(super) errors: Vec<SchemaError>,
}

impl Loader {
    fn read_dialect(&mut self) -> Draft {
        if self.document.version == Version::V3_0 {
            return schema_object::OPENAPI_3_0;
        }
        let Some(dialect) = self.document.root().raw("jsonSchemaDialect") else {
            return Draft::Draft202012;
        };
        let draft = dialect.str().map(schema_object::draft_of);
        if draft == Some(None) {
            let error = dialect.error(format!(
                "is none of the dialects known here: `{}`, and the drafts 4, 6, 7, 2019-09 and 2020-12",
                schema_object::BASE_DIALECT
            ));
            self.errors.push(error);
        }
        draft.flatten().unwrap_or(Draft::Draft202012)
    }

    /// Goes through all there is. References wait until the identifiers are known that may be meant.
    fn run(&mut self) {
        loop {
            while let Some((identity, kind, context)) = self.open.pop() {
                if self.errors.len() >= MAX_ERRORS {
                    return;
                }
                if self.seen.insert((identity, kind)) {
                    self.visit(identity, kind, context);
                }
            }
            let waiting = std::mem::take(&mut self.waiting);
            let (known, files): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|waiting| self.resources.contains_key(&waiting.target.document));
            self.waiting = files;
            if known.is_empty() {
                let Some(next) = self.waiting.pop() else {
                    return;
                };
                self.follow(next);
            }
            for waiting in known {
                self.follow(waiting);
            }
        }
    }

    fn visit(&mut self, identity: Identity, kind: Kind, context: Context) {
        let version = self.document.version;
        let mut found = Found::default();
        let context = match kind {
            Kind::Schema => self.schema(identity, context, &mut found),
            _ => context,
        };
        let Some(node) = self.document.node(identity) else {
            return;
        };
        let mut reference = None;
        if kind == Kind::Schema {
            schema_object::check(node, version, context.draft, &mut found);
            reference = node.raw("$ref");
        } else if kind.is_referable() && node.raw("$ref").is_some() {
            reference = node.raw("$ref");
            found.beside_reference(node, kind, version);
        } else {
            found.members(node, kind, version);
        }
        let reference = match reference.map(|reference| (reference, reference.str())) {
            Some((reference, None)) => {
                found.wrong(reference, "must be text");
                None
            }
            Some((_, Some(text))) => Some(text.to_owned()),
            None => None,
        };
        if reference.is_none() && found.errors.is_empty() {
            self.objects.push((identity, kind));
        }
        let dynamic = node.raw("$dynamicRef").filter(|_| kind == Kind::Schema);
        let dynamic = dynamic.and_then(|dynamic| Some((dynamic.identity(), dynamic.str()?.to_owned())));
        // With the name of an anchor it goes by what is passed on the way; without, it is a `$ref`.
        let dynamic = dynamic.filter(|(_, text)| {
            let fragment = text.split_once('#').map_or("", |(_, fragment)| fragment);
            version == Version::V3_1 && (fragment.is_empty() || fragment.starts_with('/'))
        });
        let children = found.objects.into_iter().rev();
        self.open
            .extend(children.map(|(child, kind)| (child, kind, context.clone())));
        self.errors.append(&mut found.errors);
        if let Some(text) = reference {
            self.wait(identity, text, kind, &context);
        }
        if let Some((at, text)) = dynamic {
            self.wait(at, text, kind, &context);
        }
    }

    /// Takes note of a Schema Object, and of how it calls itself.
    fn schema(&mut self, identity: Identity, mut context: Context, found: &mut Found) -> Context {
        let Some(node) = self.document.node(identity) else {
            return context;
        };
        let version = self.document.version;
        let text = |name: &str| {
            node.raw(name)
                .and_then(Node::str)
                .filter(|_| version == Version::V3_1)
        };
        let dialect = text("$schema").map(schema_object::draft_of);
        if dialect == Some(None) {
            let at = node.raw("$schema").unwrap_or(node);
            found.wrong(at, "is none of the drafts 4, 6, 7, 2019-09 and 2020-12");
        }
        if let Some(draft) = dialect.flatten() {
            context.draft = draft;
        }
        let mut identifier = None;
        let own = match context.draft {
            Draft::Draft4 => text("id"),
            _ => text("$id"),
        };
        let own = own.and_then(|own| resolve(&context.base, own));
        if let Some(own) = own.filter(|own| own.fragment.is_empty()) {
            context.base = own.document.as_str().into();
            identifier = Some(own.document.clone());
            if self.resources.insert(own.document.clone(), identity).is_some() {
                let problem = format!("there is a second schema with the identifier `{}`", own.document);
                found.wrong(node, problem);
            }
        }
        for anchor in ["$anchor", "$dynamicAnchor"] {
            if let Some(anchor) = text(anchor) {
                let key = (context.base.to_string(), anchor.to_owned());
                self.anchors.insert(key, identity);
            }
        }
        let place = SchemaPlace {
            nth: self.document.schemas.len(),
            draft: context.draft,
        };
        self.document.schemas.insert(identity, place);
        if let Some(identifier) = identifier {
            self.document.identifiers.insert(identity, identifier);
        }
        self.contexts.insert(identity, context.clone());
        context
    }

    fn wait(&mut self, from: Identity, text: String, kind: Kind, context: &Context) {
        let base = match kind {
            Kind::Schema => context.base.to_string(),
            _ => self.document.uri(from).to_owned(),
        };
        match resolve(&base, &text) {
            Some(target) => self.waiting.push(Waiting {
                from,
                text,
                target,
                kind,
            }),
            None => self.wrong_reference(from, "is no reference: its fragment is no text"),
        }
    }

    /// Finds what a reference means, and goes on there.
    fn follow(&mut self, waiting: Waiting) {
        let Waiting {
            from,
            text,
            target,
            kind,
        } = waiting;
        let is_schema = kind == Kind::Schema;
        let resource = self
            .resources
            .get(&target.document)
            .copied()
            .filter(|_| is_schema);
        let root = match resource.map_or_else(|| self.file(&target.document), Ok) {
            Ok(root) => root,
            Err(Some(problem)) => return self.wrong_reference(from, &problem),
            Err(None) => return,
        };
        let anchor = (target.document.clone(), target.fragment.clone());
        let slot = match self.document.files.get(root.file) {
            Some(file) if target.fragment.is_empty() || target.fragment.starts_with('/') => {
                file.descend(root.slot, &target.fragment)
            }
            _ => None,
        };
        let found = match slot {
            Some(slot) => Some(Identity { slot, ..root }),
            None => self.anchors.get(&anchor).copied().filter(|_| is_schema),
        };
        let Some(found) = found else {
            return self.wrong_reference(from, &format!("`{text}` leads to nothing"));
        };
        let context = self.context_around(found);
        if is_schema {
            self.document.schema_references.insert(from, found);
        } else {
            self.document.references.insert(from, found);
        }
        self.open.push((found, kind, context));
    }

    /// What a schema has from those around it, or from its file.
    fn context_around(&self, identity: Identity) -> Context {
        let mut at = identity;
        while let Some(parent) = self.document.parent(at) {
            if let Some(context) = self.contexts.get(&parent) {
                return context.clone();
            }
            at = parent;
        }
        self.context_of_file(identity.file)
    }

    fn context_of_file(&self, file: usize) -> Context {
        Context {
            base: self.document.uri(Identity { file, slot: 0 }).into(),
            draft: self.dialect,
        }
    }

    /// The root of the file with a URI; what is wrong with a reference to it, unless that has been told.
    fn file(&mut self, uri: &str) -> Result<Identity, Option<String>> {
        if let Some(known) = self.by_uri.get(uri) {
            return known.map(|file| Identity { file, slot: 0 }).ok_or(None);
        }
        let bases = [FOLDER, ABOVE];
        let shown = bases
            .iter()
            .find_map(|base| uri.strip_prefix(base))
            .unwrap_or(uri);
        let path = self
            .folder
            .locate(uri)
            .map_err(|error| Some(format!("`{shown}` {error}")))?;
        match File::read(path, uri.to_owned()) {
            Ok(read) => {
                let file = self.document.files.len();
                self.document.files.push(read);
                self.by_uri.insert(uri.to_owned(), Some(file));
                Ok(Identity { file, slot: 0 })
            }
            Err(error) => {
                self.by_uri.insert(uri.to_owned(), None);
                self.errors.push(error);
                Err(None)
            }
        }
    }

    pub(super) fn wrong_reference(&mut self, from: Identity, problem: &str) {
        if let Some(node) = self.document.node(from) {
            self.errors.push(node.raw("$ref").unwrap_or(node).error(problem));
        }
    }
}
