//! A document as the generator of requests reads it: the JSON that another reader made of the file.

use serde_json::Value;

/// A document that is known to be well-formed.
#[derive(Debug)]
pub(crate) struct Contract {
    pub(crate) name: &'static str,
    root: Value,
}

/// An operation with what it expects.
#[derive(Debug)]
pub(crate) struct Operation<'c> {
    pub(crate) method: String,
    pub(crate) template: &'c str,
    /// The paths of its servers.
    pub(crate) bases: Vec<String>,
    pub(crate) parameters: Vec<Parameter<'c>>,
    pub(crate) body: Option<Body<'c>>,
}

/// A parameter of an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter<'c> {
    pub(crate) name: &'c str,
    pub(crate) place: &'c str,
    pub(crate) style: &'c str,
    pub(crate) is_exploded: bool,
    pub(crate) is_required: bool,
    /// Whether it is JSON, rather than written by its style.
    pub(crate) is_json: bool,
    pub(crate) schema: &'c Value,
}

/// The body of an operation.
#[derive(Debug)]
pub(crate) struct Body<'c> {
    pub(crate) is_required: bool,
    /// Media types, or ranges of them, with their schemas.
    pub(crate) media: Vec<(&'c str, &'c Value)>,
}

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "patch", "trace"];

impl Contract {
    pub(crate) fn new(name: &'static str, root: Value) -> Self {
        Self { name, root }
    }

    /// Whether it is OpenAPI 3.1.
    pub(crate) fn is_3_1(&self) -> bool {
        self.root["openapi"].as_str().unwrap().starts_with("3.1")
    }

    /// Whether operations may ask for credentials.
    pub(crate) fn has_security(&self) -> bool {
        self.root.pointer("/components/securitySchemes").is_some()
    }

    /// What a value is, once references are followed.
    pub(crate) fn resolve<'c>(&'c self, mut value: &'c Value) -> &'c Value {
        while let Some(reference) = value.get("$ref") {
            let pointer = reference
                .as_str()
                .unwrap()
                .strip_prefix('#')
                .expect("a local reference");
            value = self
                .root
                .pointer(pointer)
                .expect("a reference that leads somewhere");
        }
        value
    }

    pub(crate) fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (template, item) in members(&self.root["paths"]) {
            for (method, operation) in members(item).filter(|(name, _)| METHODS.contains(name)) {
                let servers = [operation, item, &self.root]
                    .into_iter()
                    .find_map(|node| node.get("servers"));
                operations.push(Operation {
                    method: method.to_uppercase(),
                    template,
                    bases: bases(servers.expect("documents here have servers")),
                    parameters: self.parameters(item, operation),
                    body: operation
                        .get("requestBody")
                        .map(|body| self.body(self.resolve(body))),
                });
            }
        }
        operations
    }

    fn parameters<'c>(&'c self, item: &'c Value, operation: &'c Value) -> Vec<Parameter<'c>> {
        let lists = [item, operation]
            .into_iter()
            .filter_map(|node| node.get("parameters")?.as_array());
        lists
            .flatten()
            .map(|parameter| self.parameter(self.resolve(parameter)))
            .collect()
    }

    fn parameter<'c>(&'c self, node: &'c Value) -> Parameter<'c> {
        let text = |name: &str| node.get(name).and_then(Value::as_str);
        let place = text("in").unwrap();
        let default = if matches!(place, "query" | "cookie") {
            "form"
        } else {
            "simple"
        };
        let style = text("style").unwrap_or(default);
        let is_json = node.get("content").is_some();
        let schema = node
            .pointer("/content/application~1json/schema")
            .unwrap_or(&node["schema"]);
        Parameter {
            name: text("name").unwrap(),
            place,
            style,
            is_exploded: node["explode"].as_bool().unwrap_or(style == "form"),
            is_required: node["required"] == true,
            is_json,
            schema: self.resolve(schema),
        }
    }

    fn body<'c>(&'c self, node: &'c Value) -> Body<'c> {
        // XML is not written here.
        let media = members(&node["content"]).filter(|(range, _)| !range.contains("xml"));
        Body {
            is_required: node["required"] == true,
            media: media
                .map(|(range, media)| (range, self.resolve(&media["schema"])))
                .collect(),
        }
    }
}

pub(crate) fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

/// The texts in a list.
pub(crate) fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The paths of servers, with each value of their variables.
fn bases(servers: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for server in servers.as_array().unwrap() {
        let url = server["url"].as_str().unwrap();
        let (_, rest) = url.split_once("//").expect("an absolute URL");
        let mut paths = vec![rest.find('/').map_or("", |slash| &rest[slash..]).to_owned()];
        for (name, variable) in members(&server["variables"]) {
            let values = variable["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let values: Vec<&str> = values.collect();
            let filled = paths.iter().flat_map(|path| {
                values
                    .iter()
                    .map(move |value| path.replace(&format!("{{{name}}}"), value))
            });
            paths = filled.collect();
        }
        all.append(&mut paths);
    }
    all
}

impl Parameter<'_> {
    /// What it is, in the words that rules of differences go by.
    pub(crate) fn words(&self) -> Vec<String> {
        let kind = match &self.schema["type"] {
            Value::String(kind) => kind.clone(),
            Value::Array(_) => "several-types".to_owned(),
            _ => "any-type".to_owned(),
        };
        let mut words = vec![self.place.to_owned(), kind];
        if self.is_json {
            words.push("json".to_owned());
        } else {
            words.push(self.style.to_owned());
            words.extend(self.is_exploded.then(|| "exploded".to_owned()));
        }
        words
    }
}
