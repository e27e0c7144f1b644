//! Parameters: values that differ from good ones, the same value in other texts, and texts that are none.

use serde_json::Value;

use super::contract::{Operation, Parameter};
use super::trials::{Expected, NOT_CANONICAL, PARAMETER, Trials};
use super::writing::{Written, write};

use Expected::Accepted;

impl Trials<'_> {
    pub(super) fn parameter(&mut self, operation: &Operation<'_>, nth: usize) {
        let parameter = operation.parameters[nth];
        let mut all: Vec<(&str, Expected, Option<Written>)> = Vec::new();
        if parameter.is_required && parameter.place != "path" {
            all.push(("missing", PARAMETER, None));
        }
        for variant in self.values.variants(parameter.schema) {
            let is_text = !parameter.is_json;
            let is_lost = is_text && !survives(parameter.schema, &variant.value);
            // What is not ASCII has no place in a header.
            if is_lost || parameter.place == "header" && !variant.value.to_string().is_ascii() {
                continue;
            }
            // As texts, integers are written without a point here.
            let is_good = variant.is_good && !(is_text && variant.label == "integer-with-a-point");
            if let Some(written) = write(&parameter, &variant.value) {
                all.push((variant.label, PARAMETER.accepted_or(is_good), Some(written)));
            }
        }
        let (value, _) = self.written(&parameter);
        for (label, expected, written) in Rewritten::of(&parameter, &value) {
            all.push((label, expected, Some(written)));
        }
        let mut draft = self.draft(operation);
        for (label, expected, written) in all {
            draft.parameters[nth] = written;
            let request = draft.request(operation);
            self.add_about(parameter.words(), operation, label, expected, request);
        }
    }
}

/// Whether a value is the same once it is text: the fault of a word that has to be text is none.
pub(super) fn survives(schema: &Value, value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => {
            schema["type"] == "array" && items.iter().all(|item| survives(&schema["items"], item))
        }
        Value::Object(members) => {
            let mut members = members.iter();
            let mut survives = |(name, value): (&String, &Value)| {
                let schema = schema["properties"].get(name);
                schema.is_none_or(|schema| survives(schema, value))
            };
            schema["type"] == "object" && members.all(&mut survives)
        }
        Value::Number(_) | Value::Bool(_) => schema["type"] != "string" && !schema["enum"].is_array(),
        Value::String(_) => schema["type"] != "array" && schema["type"] != "object",
    }
}

/// A label, what we have to answer, and how the parameter is written.
type Other = (&'static str, Expected, Written);

/// Other texts for a value, and texts that are none.
struct Rewritten<'p> {
    parameter: &'p Parameter<'p>,
    /// What stands before the value itself.
    before: String,
    /// The value itself.
    text: String,
    made: Vec<Other>,
}

impl<'p> Rewritten<'p> {
    fn of(parameter: &'p Parameter<'p>, value: &'p Value) -> Vec<Other> {
        let whole = match write(parameter, value).unwrap() {
            Written::Pairs(mut pairs) if pairs.len() > 1 => {
                pairs.push(pairs[0].clone());
                let twice = ("member-twice", PARAMETER, Written::Pairs(pairs));
                return Vec::from_iter(value.is_object().then_some(twice));
            }
            Written::Segment(text) => text,
            Written::Pairs(texts) | Written::Lines(texts) => texts.concat(),
        };
        let before = match (parameter.place, parameter.style) {
            (_, "label") => ".".to_owned(),
            (_, "matrix") if value.is_object() && parameter.is_exploded => ";".to_owned(),
            (_, "matrix") => format!(";{}=", parameter.name),
            ("query" | "cookie", _) => format!("{}=", parameter.name),
            _ => String::new(),
        };
        let mut rewritten = Self {
            parameter,
            text: whole[before.len()..].to_owned(),
            before,
            made: Vec::new(),
        };
        rewritten.escapes();
        if !parameter.is_json {
            match value {
                Value::Array(_) => rewritten.list(),
                Value::Object(_) => rewritten.object(),
                Value::Bool(_) => rewritten.flag(),
                Value::Number(_) => rewritten.number(),
                Value::String(text) => rewritten.string(text),
                Value::Null => {}
            }
            rewritten.prefix();
        }
        if !value.is_array() && (parameter.is_json || !value.is_object()) {
            rewritten.twice();
        }
        rewritten.made
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.contains(&self.parameter.place)
    }

    /// Adds a text for the value.
    fn add(&mut self, label: &'static str, expected: Expected, text: &str) {
        let whole = format!("{}{text}", self.before);
        self.add_whole(label, expected, vec![whole]);
    }

    fn add_whole(&mut self, label: &'static str, expected: Expected, texts: Vec<String>) {
        let written = match self.parameter.place {
            "path" => Written::Segment(texts.concat()),
            "header" => Written::Lines(texts),
            _ => Written::Pairs(texts),
        };
        self.made.push((label, expected, written));
    }

    fn escapes(&mut self) {
        if self.is_in(&["query", "cookie"]) {
            for (label, behind) in [("escape-that-is-none", "%zz"), ("not-utf-8", "%FF")] {
                self.add(label, PARAMETER, &format!("{}{behind}", self.text));
            }
        }
    }

    fn twice(&mut self) {
        if !self.is_in(&["path"]) {
            let whole = format!("{}{}", self.before, self.text);
            self.add_whole("twice", PARAMETER, vec![whole.clone(), whole]);
        }
    }

    fn number(&mut self) {
        // Numbers that need not be whole may be written with an exponent, as in JSON.
        let exponent = PARAMETER.accepted_or(self.parameter.schema["type"] == "number");
        for (label, expected, text) in [
            ("zero-before", PARAMETER, "007"),
            ("plus-before", PARAMETER, "%2B7"),
            ("exponent", exponent, "1e1"),
            ("hexadecimal", PARAMETER, "0x10"),
            ("space-before", PARAMETER, "%207"),
            ("infinity", PARAMETER, "Infinity"),
        ] {
            if !self.is_in(&["header"]) {
                self.add(label, expected, text);
            } else if label != "space-before" {
                self.add(label, expected, &text.replace("%2B", "+"));
            }
        }
        if self.is_in(&["query"]) {
            self.add("nothing", PARAMETER, "");
        }
    }

    fn flag(&mut self) {
        let others = [
            ("flag-in-another-case", "True"),
            ("flag-as-number", "1"),
            ("flag-as-word", "yes"),
        ];
        for (label, text) in others {
            self.add(label, PARAMETER, text);
        }
    }

    fn string(&mut self, text: &str) {
        let escaped = text
            .bytes()
            .fold(String::new(), |escaped, byte| format!("{escaped}%{byte:02x}"));
        if self.is_in(&["path"]) {
            // Paths are to be canonical before anything else.
            self.add("all-escaped", NOT_CANONICAL, &escaped);
        } else if self.is_in(&["query", "cookie"]) {
            self.add("all-escaped", Accepted, &escaped);
        }
    }

    fn list(&mut self) {
        let delimiter = self.delimiter();
        if !self.text.contains(delimiter) {
            return;
        }
        let with = |other: &str| self.text.replace(delimiter, other);
        let another = if delimiter == "%7C" { "," } else { "%7C" };
        let mut all = vec![
            ("delimiter-behind", PARAMETER, format!("{}{delimiter}", self.text)),
            ("another-delimiter", PARAMETER, with(another)),
        ];
        match delimiter {
            "," if !self.is_in(&["header"]) => all.push(("delimiter-escaped", PARAMETER, with("%2C"))),
            "%7C" => all.push(("delimiter-as-it-is", Accepted, with("|"))),
            "%20" => all.push(("delimiter-as-plus", Accepted, with("+"))),
            _ => {}
        }
        for (label, expected, text) in all {
            self.add(label, expected, &text);
        }
    }

    fn object(&mut self) {
        let delimiter = self.delimiter();
        let parts = if self.parameter.is_exploded { 1 } else { 2 };
        let member: Vec<&str> = self.text.split(delimiter).take(parts).collect();
        let twice = format!("{}{delimiter}{}", self.text, member.join(delimiter));
        let without_value = format!("{}{delimiter}lit", self.text);
        self.add("member-twice", PARAMETER, &twice);
        self.add("name-without-value", PARAMETER, &without_value);
    }

    fn prefix(&mut self) {
        let (style, text) = (self.parameter.style, self.text.clone());
        let is_named = self.before.ends_with('=');
        if style == "label" || style == "matrix" && is_named {
            self.add_whole("no-prefix", PARAMETER, vec![text.clone()]);
        }
        if style == "matrix" && is_named {
            self.add_whole("another-name", PARAMETER, vec![format!(";another={text}")]);
        }
    }

    fn delimiter(&self) -> &'static str {
        match (self.parameter.style, self.parameter.is_exploded) {
            ("label", true) => ".",
            ("matrix", true) => ";",
            ("spaceDelimited", _) => "%20",
            ("pipeDelimited", _) => "%7C",
            _ => ",",
        }
    }
}
