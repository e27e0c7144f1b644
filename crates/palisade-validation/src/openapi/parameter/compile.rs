//! From the lists of a document to [`Parameters`].

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName};

use super::Parameters;
use super::cookie::Cookies;
use super::expectation::Expectation;
use super::header::Header;
use super::query::Query;
use crate::openapi::dialect::Schemas;
use crate::openapi::document::Node;
use crate::openapi::style::Names;
use crate::parameters::Place;
use crate::schema::{SchemaError, SchemaErrors};

/// A parameter that a document declares.
#[derive(Clone, Copy)]
struct Declared<'d> {
    place: Place,
    name: &'d str,
    node: Node<'d>,
}

impl Declared<'_> {
    /// Whether both are about the same parameter.
    fn is(&self, other: &Self) -> bool {
        let has_same_name = match self.place {
            Place::Header => self.name.eq_ignore_ascii_case(other.name),
            Place::Path | Place::Query | Place::Cookie => self.name == other.name,
        };
        self.place == other.place && has_same_name
    }

    fn is_header(&self, names: &[HeaderName]) -> bool {
        self.place == Place::Header
            && names
                .iter()
                .any(|name| self.name.eq_ignore_ascii_case(name.as_str()))
    }
}

pub(super) fn compile(
    path_item: Node<'_>,
    operation: Node<'_>,
    variables: &[impl AsRef<str>],
    schemas: &Schemas,
) -> Result<Parameters, SchemaErrors> {
    let mut errors = Vec::new();
    let mut all = declared(operation, &mut errors);
    for parameter in declared(path_item, &mut errors) {
        if !all.iter().any(|own| own.is(&parameter)) {
            all.push(parameter);
        }
    }
    all.retain(|parameter| !parameter.is_header(&[ACCEPT, CONTENT_TYPE, AUTHORIZATION]));
    let variables: Vec<&str> = variables.iter().map(AsRef::as_ref).collect();
    compare(operation, &all, &variables, &mut errors);

    let (mut path, mut query, mut header, mut cookies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut names = Names::default();
    for Declared { place, name, node } in all {
        if place == Place::Header {
            keep(Header::compile(name, node, schemas), &mut header, &mut errors);
            continue;
        }
        let compiled = Expectation::compile(place, name, node, schemas);
        match place {
            Place::Path => keep(compiled, &mut path, &mut errors),
            Place::Cookie => keep(compiled, &mut cookies, &mut errors),
            Place::Query | Place::Header => {
                let layout = compiled.as_ref().ok().map(Expectation::layout);
                if let Some(layout) = layout
                    && let Err(clash) = names.add(query.len(), name, layout)
                {
                    errors.push(node.error(clash));
                }
                keep(compiled, &mut query, &mut errors);
            }
        }
    }
    if !errors.is_empty() {
        return Err(SchemaErrors {
            list: errors,
            files: Vec::new(),
        });
    }
    Ok(Parameters {
        path: path.into_boxed_slice(),
        query: Query {
            expectations: query.into_boxed_slice(),
            names,
        },
        header: header.into_boxed_slice(),
        cookies: Cookies(cookies.into_boxed_slice()),
    })
}

fn keep<T>(compiled: Result<T, SchemaErrors>, all: &mut Vec<T>, errors: &mut Vec<SchemaError>) {
    match compiled {
        Ok(one) => all.push(one),
        Err(problems) => errors.extend(problems.list),
    }
}

/// The parameters in the list of an operation or a path, each of which the document has there once.
fn declared<'d>(of: Node<'d>, errors: &mut Vec<SchemaError>) -> Vec<Declared<'d>> {
    let mut all: Vec<Declared<'d>> = Vec::new();
    for node in of.get("parameters").into_iter().flat_map(Node::items) {
        let name = node
            .get("name")
            .and_then(Node::str)
            .filter(|name| !name.is_empty());
        let place = match node.get("in").and_then(Node::str) {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") => Place::Header,
            Some("cookie") => Place::Cookie,
            _ => {
                errors.push(node.error("must have `in` with `path`, `query`, `header` or `cookie`"));
                continue;
            }
        };
        let Some(name) = name else {
            errors.push(node.error("must have a `name`"));
            continue;
        };
        let parameter = Declared { place, name, node };
        if parameter.is_header(&[COOKIE]) {
            let problem =
                "must be `in: cookie`: HTTP/2 parts cookies into several fields (RFC 9113 section 8.2.3)";
            errors.push(node.error(problem));
        } else {
            all.push(parameter);
        }
    }
    all
}

/// Parameters of the path and variables of its template are the same.
fn compare(operation: Node<'_>, all: &[Declared<'_>], variables: &[&str], errors: &mut Vec<SchemaError>) {
    let in_path = || all.iter().filter(|parameter| parameter.place == Place::Path);
    for parameter in in_path().filter(|parameter| !variables.contains(&parameter.name)) {
        let problem = format_args!("the path has no variable `{{{}}}`", parameter.name);
        errors.push(parameter.node.error(problem));
    }
    for variable in variables {
        if !in_path().any(|parameter| parameter.name == *variable) {
            let problem = format_args!("has no parameter for the variable `{{{variable}}}` of its path");
            errors.push(operation.error(problem));
        }
    }
}
