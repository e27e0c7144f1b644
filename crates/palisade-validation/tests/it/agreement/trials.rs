//! Requests to a document's operations: good ones, and ones that differ from a good one in one thing.

use serde::Serialize;
use serde_json::Value;

use super::bodies::{media_type, text};
use super::contract::{Contract, Operation, Parameter};
use super::values::Values;
use super::writing::{Written, write};

/// A request as it goes over the wire.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// A request with what is to be tried.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    pub(crate) document: &'static str,
    pub(crate) operation: String,
    /// In what it differs from a good request.
    pub(crate) label: String,
    /// What it is that differs, in words: place, type and style of a parameter; the media type of a body.
    pub(crate) about: Vec<String>,
    /// The same of all parameters that the operation has.
    pub(crate) parameters: Vec<Vec<String>>,
    /// What we have to answer.
    pub(crate) expected: Expected,
    pub(crate) request: Request,
}

/// What we have to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Accepted,
    Refused(&'static str),
}

/// The refusals that are expected, by their codes.
pub(super) const PARAMETER: Expected = Expected::Refused("parameter-invalid");
pub(super) const MALFORMED: Expected = Expected::Refused("body-malformed");
pub(super) const SCHEMA: Expected = Expected::Refused("schema-violation");
pub(super) const MEDIA_TYPE: Expected = Expected::Refused("media-type-not-accepted");
pub(super) const PATH: Expected = Expected::Refused("operation-unknown");
pub(super) const METHOD: Expected = Expected::Refused("method-not-allowed");
pub(super) const NOT_CANONICAL: Expected = Expected::Refused("path-not-canonical");

impl Expected {
    /// Accepted, or else refused so.
    pub(crate) fn accepted_or(self, is_good: bool) -> Self {
        if is_good { Self::Accepted } else { self }
    }
}

/// The parts of a request, before they are put together.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    base: String,
    /// As in the operation.
    pub(super) parameters: Vec<Option<Written>>,
    /// Media type and text.
    pub(super) body: Option<(String, String)>,
}

/// Makes the requests for one document.
pub(crate) struct Trials<'c> {
    contract: &'c Contract,
    pub(super) values: Values<'c>,
    made: Vec<Trial>,
}

/// What documents that ask for credentials ask for.
const CREDENTIALS: [(&str, &str); 2] = [("Authorization", "Bearer a-token"), ("api_key", "a-key")];

/// How many requests each operation gets that are good.
const GOOD: usize = 3;

/// For how many operations of a document other paths are tried: they are all alike.
const PATHS: usize = 12;

impl<'c> Trials<'c> {
    pub(crate) fn of(contract: &'c Contract, seed: u8) -> Vec<Trial> {
        let mut trials = Self {
            contract,
            values: Values::new(contract, seed),
            made: Vec::new(),
        };
        for (nth, operation) in contract.operations().into_iter().enumerate() {
            trials.good(&operation);
            if nth < PATHS {
                trials.paths(&operation);
                trials.methods(&operation);
            }
            for nth in 0..operation.parameters.len() {
                trials.parameter(&operation, nth);
            }
            trials.unknown(&operation);
            trials.bodies(&operation);
        }
        trials.made
    }

    /// A request that differs in what no parameter and no body has.
    fn add(&mut self, operation: &Operation<'_>, label: &str, expected: Expected, request: Request) {
        self.add_about(Vec::new(), operation, label, expected, request);
    }

    pub(super) fn add_about(
        &mut self,
        about: Vec<String>,
        operation: &Operation<'_>,
        label: &str,
        expected: Expected,
        mut request: Request,
    ) {
        if self.contract.has_security() {
            for (name, value) in CREDENTIALS {
                if !request.headers.iter().any(|(other, _)| other == name) {
                    request.headers.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        self.made.push(Trial {
            document: self.contract.name,
            operation: format!("{} {}", operation.method, operation.template),
            label: label.to_owned(),
            about,
            parameters: operation.parameters.iter().map(Parameter::words).collect(),
            expected,
            request,
        });
    }

    /// The parts of a good request.
    pub(super) fn draft(&mut self, operation: &Operation<'_>) -> Draft {
        let mut parameters = Vec::new();
        for parameter in &operation.parameters {
            let is_there = parameter.is_required || self.values.below(2) == 0;
            let (_, written) = self.written(parameter);
            parameters.push(is_there.then_some(written));
        }
        let mut body = None;
        if let Some(expected) = &operation.body
            && (expected.is_required || self.values.below(2) == 0)
        {
            let (range, schema) = expected.media[self.values.below(expected.media.len())];
            body = Some(self.body(range, schema));
        }
        Draft {
            base: operation.bases[0].clone(),
            parameters,
            body,
        }
    }

    /// A good value of a parameter, and how it is written.
    pub(super) fn written(&mut self, parameter: &Parameter<'_>) -> (Value, Written) {
        // An object of nothing has no text.
        let mut values = (0..100).map(|_| self.values.good(parameter.schema));
        let found = values.find_map(|value| Some((write(parameter, &value)?, value)));
        let (written, value) = found.expect("a value that can be written");
        (value, written)
    }

    /// A good body of that range of media types.
    pub(super) fn body(&mut self, range: &str, schema: &Value) -> (String, String) {
        // A form of nothing has no text.
        let mut texts = (0..100).filter_map(|_| text(range, &self.values.good(schema)));
        let text = texts.next().expect("a body that can be written");
        (media_type(range), text)
    }

    fn good(&mut self, operation: &Operation<'_>) {
        for _ in 0..GOOD {
            let draft = self.draft(operation);
            self.add(operation, "good", Expected::Accepted, draft.request(operation));
        }
        for base in operation.bases.iter().skip(1) {
            let request = self.draft(operation).below(base).request(operation);
            self.add(operation, "another-server", Expected::Accepted, request);
        }
    }

    /// Other paths.
    fn paths(&mut self, operation: &Operation<'_>) {
        let draft = self.draft(operation);
        for (label, behind) in [("path-below", "/far/below/that"), ("slash-behind", "/")] {
            let mut request = draft.request(operation);
            let end = request.target.find('?').unwrap_or(request.target.len());
            request.target.insert_str(end, behind);
            self.add(operation, label, PATH, request);
        }
        let own = draft.base.clone();
        for (label, base) in [
            ("another-base", "/another"),
            ("no-base", ""),
            ("path-in-another-case", &own.to_uppercase()),
        ] {
            if base != own {
                let request = draft.clone().below(base).request(operation);
                self.add(operation, label, PATH, request);
            }
        }
    }

    fn methods(&mut self, operation: &Operation<'_>) {
        let good = self.draft(operation).request(operation);
        let with = |method: &str| Request {
            method: method.to_owned(),
            ..good.clone()
        };
        self.add(operation, "another-method", METHOD, with("OPTIONS"));
        if operation.method == "GET" {
            self.add(operation, "head", Expected::Accepted, with("HEAD"));
        }
    }

    /// What nobody declared.
    fn unknown(&mut self, operation: &Operation<'_>) {
        let good = self.draft(operation).request(operation);
        let mut query = good.clone();
        query
            .target
            .push(if query.target.contains('?') { '&' } else { '?' });
        query.target.push_str("unheard=1");
        self.add(operation, "unknown-query", PARAMETER, query);
        let mut header = good.clone();
        header.headers.push(("X-Unheard".to_owned(), "1".to_owned()));
        self.add(operation, "unknown-header", Expected::Accepted, header);
        let mut cookie = good;
        match cookie.headers.iter_mut().find(|(name, _)| name == "Cookie") {
            Some((_, value)) => value.push_str("; unheard=1"),
            None => cookie.headers.push(("Cookie".to_owned(), "unheard=1".to_owned())),
        }
        self.add(operation, "unknown-cookie", Expected::Accepted, cookie);
    }
}

impl Draft {
    /// The same, below another server's path.
    fn below(mut self, base: &str) -> Self {
        base.clone_into(&mut self.base);
        self
    }

    pub(super) fn request(&self, operation: &Operation<'_>) -> Request {
        let mut path = operation.template.to_owned();
        let (mut query, mut cookies, mut headers) = (Vec::new(), Vec::new(), Vec::new());
        for (parameter, written) in operation.parameters.iter().zip(&self.parameters) {
            match written {
                None => {}
                Some(Written::Segment(text)) => path = path.replace(&format!("{{{}}}", parameter.name), text),
                Some(Written::Pairs(pairs)) if parameter.place == "cookie" => {
                    cookies.extend(pairs.iter().cloned());
                }
                Some(Written::Pairs(pairs)) => query.extend(pairs.iter().cloned()),
                Some(Written::Lines(lines)) => {
                    headers.extend(lines.iter().map(|line| (parameter.name.to_owned(), line.clone())));
                }
            }
        }
        if !cookies.is_empty() {
            headers.push(("Cookie".to_owned(), cookies.join("; ")));
        }
        let body = self.body.as_ref().map(|(media_type, text)| {
            if !media_type.is_empty() {
                headers.push(("Content-Type".to_owned(), media_type.clone()));
            }
            text.clone()
        });
        let mark = if query.is_empty() { "" } else { "?" };
        Request {
            method: operation.method.clone(),
            target: format!("{}{path}{mark}{}", self.base, query.join("&")),
            headers,
            body,
        }
    }
}
