//! YAML 1.2 as a value of JSON, with places.
//!
//! 1. Plain scalars are what the core schema says (YAML 1.2.2 section 10.3.2): `no` and `on` are text, `0123` is 123,
//!    `1_000` is text.
//! 2. Names are text as they are written: `200:` is the member `200`. Two members of one name are an error.
//! 3. What JSON has no word for is an error: `.inf` and `.nan`, names that are no scalars, tags other than those of
//!    text, mappings and sequences, more documents than one.
//! 4. Aliases are copies, and all copies together are bounded, as is the depth. Merge keys (`<<`) belong to
//!    YAML 1.1, and are an error.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Value};

use super::scalar::{only_tag, scalar, text_tag};

/// How many values there may be in a file, with all copies.
const MAX_VALUES: usize = 1_000_000;
/// How deep values may be nested: as deep as JSON may be.
const MAX_DEPTH: usize = 127;

/// Where a value begins: a line, and the characters before it in that line, as the parser counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// From 1.
    pub(super) line: usize,
    /// From 0.
    pub(super) characters: usize,
}

impl From<Span> for Mark {
    fn from(span: Span) -> Self {
        Self {
            line: span.start.line(),
            characters: span.start.col(),
        }
    }
}

/// The places of a value and of what is in it, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    pub(super) mark: Mark,
    pub(super) children: Vec<Marks>,
}

/// Why a text is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlError {
    pub(super) mark: Mark,
    pub(super) problem: String,
}

/// Reads one document.
pub(super) fn read(text: &str) -> Result<(Value, Marks), YamlError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError {
            mark: Mark {
                line: error.marker().line(),
                characters: error.marker().col(),
            },
            problem: error.info().to_owned(),
        })?;
        let mark = span.into();
        builder
            .take(event, mark)
            .map_err(|problem| YamlError { mark, problem })?;
    }
    builder.root.ok_or_else(|| YamlError {
        mark: Mark {
            line: 1,
            characters: 0,
        },
        problem: "there is nothing in it".to_owned(),
    })
}

/// A value that is complete.
#[derive(Debug, Clone)]
struct Built {
    value: Value,
    marks: Marks,
    /// How many values it is.
    count: usize,
    /// How many values it contains in a row.
    depth: usize,
}

/// A collection that is not complete.
#[derive(Debug)]
struct Open {
    into: Collection,
    marks: Marks,
    count: usize,
    depth: usize,
    anchor: usize,
}

#[derive(Debug)]
enum Collection {
    Sequence(Vec<Value>),
    Mapping {
        members: Map<String, Value>,
        /// The name whose value comes next.
        name: Option<(String, Mark)>,
    },
}

#[derive(Debug, Default)]
struct Builder {
    root: Option<(Value, Marks)>,
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    unfinished: HashSet<usize>,
    documents: usize,
    /// Values so far, copies included.
    values: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, mark: Mark) -> Result<(), String> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err("there is a second document, where one is expected".to_owned());
                }
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, mark),
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(named) = self.name(&text, style, tag.as_deref(), mark) {
                    return named;
                }
                let value = scalar(&text, style, tag.as_deref())?;
                self.built(Built::scalar(value, mark), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                only_tag(tag.as_deref(), "seq")?;
                self.begin(Collection::Sequence(Vec::new()), anchor, mark)
            }
            Event::MappingStart(anchor, tag) => {
                only_tag(tag.as_deref(), "map")?;
                let members = Map::new();
                self.begin(Collection::Mapping { members, name: None }, anchor, mark)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    /// Takes a scalar as the name of a member, where one is due.
    fn name(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        mark: Mark,
    ) -> Option<Result<(), String>> {
        let Some(Open {
            into:
                Collection::Mapping {
                    members,
                    name: name @ None,
                },
            ..
        }) = self.open.last_mut()
        else {
            return None;
        };
        let is_plain = style == ScalarStyle::Plain;
        if let Err(problem) = text_tag(tag) {
            return Some(Err(problem));
        }
        if is_plain && text == "<<" {
            return Some(Err(
                "`<<` (merge keys) belongs to YAML 1.1 and is not done here: list the members".to_owned(),
            ));
        }
        if is_plain && text.is_empty() {
            return Some(Err("there is a member without a name".to_owned()));
        }
        if members.contains_key(text) {
            return Some(Err(format!("there is a second member `{text}`")));
        }
        *name = Some((text.to_owned(), mark));
        Some(Ok(()))
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), String> {
        self.value_is_due()?;
        if self.unfinished.contains(&anchor) {
            return Err("the alias stands within what it repeats".to_owned());
        }
        let built = self
            .anchors
            .get(&anchor)
            .ok_or("nothing has the name of this alias")?;
        self.values = self.values.saturating_add(built.count);
        if self.values > MAX_VALUES {
            return Err(too_many());
        }
        let mut built = built.clone();
        built.marks.mark = mark;
        self.built(built, 0)
    }

    fn begin(&mut self, into: Collection, anchor: usize, mark: Mark) -> Result<(), String> {
        self.value_is_due()?;
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep());
        }
        if anchor > 0 {
            self.unfinished.insert(anchor);
        }
        self.open.push(Open {
            into,
            marks: Marks {
                mark,
                children: Vec::new(),
            },
            count: 1,
            depth: 1,
            anchor,
        });
        Ok(())
    }

    fn value_is_due(&self) -> Result<(), String> {
        match self.open.last() {
            Some(Open {
                into: Collection::Mapping { name: None, .. },
                ..
            }) => Err("the name of a member must be written out, as text".to_owned()),
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        self.unfinished.remove(&open.anchor);
        let value = match open.into {
            Collection::Sequence(items) => Value::Array(items),
            Collection::Mapping { members, .. } => Value::Object(members),
        };
        let built = Built {
            value,
            marks: open.marks,
            count: open.count,
            depth: open.depth,
        };
        self.built(built, open.anchor)
    }

    /// Puts a value where it belongs.
    fn built(&mut self, built: Built, anchor: usize) -> Result<(), String> {
        self.values = self.values.saturating_add(1);
        if anchor > 0 {
            self.values = self.values.saturating_add(built.count);
            self.anchors.insert(anchor, built.clone());
        }
        if self.values > MAX_VALUES {
            return Err(too_many());
        }
        if self.open.len() + built.depth > MAX_DEPTH + 1 {
            return Err(too_deep());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some((built.value, built.marks));
            return Ok(());
        };
        let mut marks = built.marks;
        match &mut open.into {
            Collection::Sequence(items) => items.push(built.value),
            Collection::Mapping { members, name } => {
                if let Some((name, mark)) = name.take() {
                    // What begins in a later line than its name is looked for at its name.
                    if mark.line < marks.mark.line {
                        marks.mark = mark;
                    }
                    members.insert(name, built.value);
                }
            }
        }
        open.marks.children.push(marks);
        open.count += built.count;
        open.depth = open.depth.max(built.depth + 1);
        Ok(())
    }
}

impl Built {
    fn scalar(value: Value, mark: Mark) -> Self {
        Self {
            value,
            marks: Marks {
                mark,
                children: Vec::new(),
            },
            count: 1,
            depth: 1,
        }
    }
}

fn too_many() -> String {
    format!("there are more than {MAX_VALUES} values, with what aliases repeat")
}

fn too_deep() -> String {
    format!("values are nested more than {MAX_DEPTH} deep")
}
