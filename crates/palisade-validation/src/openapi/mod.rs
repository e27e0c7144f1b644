//! Requests, and answers, against an OpenAPI document of version 3.0 or 3.1.
//!
//! 1. The path and the method lead to one operation; there is no other way in. A path that the document does not have is 404
//!    `operation-unknown`, a method that a path does not have 405 `method-not-allowed`. `HEAD` is what `GET` is, unless the document has
//!    it of its own.
//! 2. Parameters of path, query, header and cookies, and bodies, are what the operation says.
//! 3. Answers are, where that is asked for.
//! 4. What the document says of security is not enforced here: that is for the stage `authentication`. It is a finding where a group lets
//!    callers through without.
//!
//! What this does not protect against: what the document does not say. Bodies for which JSON Schema has no words, such as XML, are
//! looked at for their syntax alone, and a finding tells of them. Links, callbacks and webhooks are not looked at.

mod answer;
mod content;
mod dialect;
mod document;
mod form;
mod hints;
mod operation;
mod parameter;
mod route;
mod security;
mod server;
mod style;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::HeaderValue;
use http::{Method, request};
use palisade_core::{Finding, GroupOutline, Severity, facts};

use self::dialect::{Direction, Schemas};
use self::document::{Document, Node};
pub(crate) use self::form::FieldFault;
use self::hints::Hints;
pub(crate) use self::operation::Operation;
use self::route::{Routes, Template, Values};
use self::security::Security;
use crate::json::JsonLimits;
use crate::rejection::Invalid;
use crate::schema::{Formats, SchemaError, SchemaErrors};
use crate::settings::Unknown;

/// The methods that a path can have, in the order of a Path Item Object.
const METHODS: [(&str, Method); 8] = [
    ("get", Method::GET),
    ("put", Method::PUT),
    ("post", Method::POST),
    ("delete", Method::DELETE),
    ("options", Method::OPTIONS),
    ("head", Method::HEAD),
    ("patch", Method::PATCH),
    ("trace", Method::TRACE),
];

/// How many errors are told, or a few more: each looks its place up in the text.
const MAX_ERRORS: usize = 32;

/// A document, compiled.
#[derive(Debug)]
pub(crate) struct OpenApi {
    routes: Routes<Methods>,
    operations: Vec<Operation>,
    /// Parameters of the query that are credentials.
    credentials: Vec<Box<str>>,
    /// The names of operations that demand credentials.
    secured: Vec<Arc<str>>,
}

/// The operations of a path, by the order of [`METHODS`].
type Methods = [Option<usize>; METHODS.len()];

/// The operation that a request is for.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    document: &'a OpenApi,
    /// Which one it is.
    pub(crate) index: usize,
    pub(crate) operation: &'a Operation,
    /// The values of the variables in its path.
    pub(crate) values: Values<'a>,
}

/// What is at hand while a document is compiled.
struct Compiling<'c> {
    /// Schemas in the words of requests.
    requests: &'c Schemas,
    /// Those in the words of answers, where these are looked at.
    answers: Option<&'c Schemas>,
    hints: Hints,
    errors: Vec<SchemaError>,
}

/// The members of a map whose names are chosen freely: `x-` marks no extensions there.
fn entries(map: Option<Node<'_>>) -> impl Iterator<Item = (&str, Node<'_>)> {
    map.into_iter().flat_map(|map| {
        map.raw_members()
            .filter_map(move |(name, _)| Some((name, map.get(name)?)))
    })
}

impl Found<'_> {
    /// Checks the parameters of the request. `is_known` tells of those in the query that settings look after.
    pub(crate) fn parameters(
        &self,
        head: &request::Parts,
        limits: &JsonLimits,
        unknown: Unknown,
        is_known: &dyn Fn(&str) -> bool,
    ) -> Result<(), Invalid> {
        let is_known = |name: &str| is_known(name) || self.document.is_credential(name);
        self.operation
            .parameters(head, &self.values, limits, unknown, &is_known)
    }
}

impl OpenApi {
    /// Reads a document and the files it refers to. Gives, too, which files those were, and what is to be told of it.
    pub(crate) fn load(
        path: &Path,
        looks_at_answers: bool,
    ) -> Result<(Self, Vec<PathBuf>, Hints), SchemaErrors> {
        let document = Document::load(path)?;
        let fail = |list| SchemaErrors {
            list,
            files: document.files(),
        };
        let schemas = |direction| {
            Schemas::new(&document, direction, Formats::Assert).map_err(|errors| fail(errors.list))
        };
        let requests = schemas(Direction::Request)?;
        let answers = looks_at_answers
            .then(|| schemas(Direction::Response))
            .transpose()?;
        let mut cx = Compiling {
            requests: &requests,
            answers: answers.as_ref(),
            hints: Hints::of(&document),
            errors: Vec::new(),
        };
        let compiled = Self::compile(document.root(), &mut cx);
        let Compiling {
            hints, mut errors, ..
        } = cx;
        // What several operations share is found wrong by each.
        let mut told = HashSet::new();
        errors.retain(|error| told.insert(error.to_string()));
        if errors.is_empty() {
            Ok((compiled, document.files(), hints))
        } else {
            Err(fail(errors))
        }
    }

    fn compile(root: Node<'_>, cx: &mut Compiling<'_>) -> Self {
        let security = Security::of(root);
        let mut compiled = Self {
            routes: Routes::new(),
            operations: Vec::new(),
            credentials: security.in_query(),
            secured: Vec::new(),
        };
        for (path, item) in root.get("paths").into_iter().flat_map(Node::members) {
            let template = match Template::parse(path) {
                Ok(template) => template,
                Err(fault) => {
                    cx.errors.push(item.error(format_args!("the path {fault}")));
                    continue;
                }
            };
            if cx.errors.len() >= MAX_ERRORS {
                break;
            }
            for (position, (name, method)) in METHODS.iter().enumerate() {
                let Some(node) = item.get(name) else { continue };
                let id = node.get("operationId").and_then(Node::str);
                let id = id.map_or_else(|| format!("{method} {path}"), str::to_owned);
                if security.is_demanded_by(node) {
                    compiled.secured.push(id.as_str().into());
                }
                let servers = [node, item, root]
                    .into_iter()
                    .find_map(|node| node.get("servers"));
                let bases = server::bases(servers).map_err(|error| cx.errors.push(error));
                let operation = Operation::compile(&id, item, node, &template, cx);
                if let (Ok(bases), Some(operation)) = (bases, operation) {
                    let is_new =
                        compiled.add(operation, position, bases.iter().map(|base| template.below(base)));
                    if !is_new {
                        let problem = "a path with this method differs in the names of its variables alone";
                        cx.errors.push(node.error(problem));
                    }
                }
            }
        }
        if compiled.operations.is_empty() && cx.errors.is_empty() {
            cx.errors.push(root.error("must have an operation at least"));
        }
        compiled
    }

    /// Adds an operation, of a method, and below paths; tells whether these did not lead to another one before.
    fn add(&mut self, operation: Operation, method: usize, paths: impl Iterator<Item = Template>) -> bool {
        let index = self.operations.len();
        self.operations.push(operation);
        let mut is_new = true;
        for path in paths {
            let methods = self.routes.entry(&path).get_or_insert_default();
            let place = methods.get_mut(method);
            is_new &= place.is_none_or(|place| place.replace(index).is_none());
        }
        is_new
    }

    /// The operation that a request is for.
    pub(crate) fn find<'a>(&'a self, head: &'a request::Parts) -> Result<Found<'a>, Invalid> {
        let path = facts::wire_path(head);
        let (methods, values) = self.routes.find(path).ok_or(Invalid::UnknownPath)?;
        let of = |method: &Method| {
            let position = METHODS.iter().position(|(_, known)| known == method)?;
            *methods.get(position)?
        };
        let is_head = head.method == Method::HEAD;
        let index = of(&head.method).or_else(|| if is_head { of(&Method::GET) } else { None });
        let index = index.ok_or_else(|| Invalid::UnknownMethod {
            allowed: allowed(methods),
        })?;
        let operation = self.operations.get(index).ok_or(Invalid::UnknownPath)?;
        Ok(Found {
            document: self,
            index,
            operation,
            values,
        })
    }

    /// An operation that was found before.
    pub(crate) fn operation(&self, index: usize) -> Option<&Operation> {
        self.operations.get(index)
    }

    /// That a group serves no operation, where that is so.
    pub(crate) fn is_out_of_reach(&self, group: &GroupOutline<'_>) -> Option<Finding> {
        if group.paths.is_empty() || group.paths.iter().any(|pattern| self.routes.meets(pattern)) {
            return None;
        }
        let message = format!(
            "no path of the group {} is one of the document, below the paths of its servers: every request is refused",
            group.name
        );
        Some(Finding::new(Severity::Moderate, "openapi-no-operation", message).at("openapi"))
    }

    /// That a group lets callers through of whom the document demands credentials, where that is so.
    pub(crate) fn is_open_in(&self, group: &GroupOutline<'_>) -> Option<Finding> {
        let first = self.secured.first().filter(|_| !group.authenticates)?;
        let others = match self.secured.len() - 1 {
            0 => String::new(),
            1 => " and 1 other".to_owned(),
            others => format!(" and {others} others"),
        };
        let message = format!(
            "the document demands credentials for the operation `{first}`{others}, and the group {} has no stage that asks for any",
            group.name
        );
        Some(Finding::new(Severity::Moderate, "openapi-security-not-enforced", message).at("openapi"))
    }

    /// Whether the document has that parameter of the query as credentials.
    fn is_credential(&self, name: &str) -> bool {
        self.credentials.iter().any(|known| **known == *name)
    }
}

/// The methods that a path has, as a field's value (`Allow`, RFC 9110 section 10.2.1).
fn allowed(methods: &Methods) -> HeaderValue {
    let [get, .., head, _, _] = methods;
    let is_allowed = |method: &Method, index: Option<usize>| {
        index.is_some() || (method == Method::HEAD && get.is_some() && head.is_none())
    };
    let names: Vec<&str> = METHODS
        .iter()
        .zip(methods)
        .filter(|((_, method), index)| is_allowed(method, **index))
        .map(|((_, method), _)| method.as_str())
        .collect();
    HeaderValue::try_from(names.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}
