//! One source of values as a figment provider, and the merging of all of them.
//!
//! figment merges groups key by key and replaces everything else, lists included, by what the higher layer says. Its
//! tags say which layer a value came from; the layer knows the line.

use std::collections::{BTreeMap, HashMap};

use figment::value::{Dict, Map, Num, Value};
use figment::{Figment, Metadata, Profile, Provider, Source};
use zeroize::Zeroizing;

use crate::key::{Key, Segment};
use crate::tree::{Kind, Node};
use crate::{Error, Errors, Origin};

/// A value as its source has it.
#[derive(Clone)]
pub(crate) enum Scalar {
    Text(Zeroizing<String>),
    Bool(bool),
    Int(i64),
    Float(f64),
    EmptyList,
    EmptyTable,
}

impl Scalar {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(text.into()))
    }

    /// The text a placeholder that names this value stands for.
    pub(crate) fn as_text(&self) -> Option<Zeroizing<String>> {
        self.kind()
            .and_then(|kind| Node::new(kind, Origin::Default).text())
    }

    fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Text(text) => Kind::Text(text.clone()),
            Self::Bool(value) => Kind::Bool(*value),
            Self::Int(value) => Kind::Int(*value),
            Self::Float(value) => Kind::Float(*value),
            Self::EmptyList | Self::EmptyTable => return None,
        })
    }

    fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Bool(value) => Value::from(*value),
            Self::Int(value) => Value::from(*value),
            Self::Float(value) => Value::from(*value),
            Self::EmptyList => Value::from(Vec::<Value>::new()),
            Self::EmptyTable => Value::from(Dict::new()),
        }
    }
}

/// A value under its native key.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    /// The key as written, where that is not the native one.
    pub(crate) written: Option<String>,
    pub(crate) scalar: Scalar,
    pub(crate) origin: Origin,
}

impl Entry {
    /// The key to name in an error.
    pub(crate) fn name(&self) -> String {
        self.written.clone().unwrap_or_else(|| self.key.to_string())
    }

    fn error(&self, message: impl Into<String>) -> Error {
        Error::new(self.name(), message).at(self.origin.clone())
    }
}

/// A layer while it is built.
enum Branch<'a> {
    Leaf(&'a Entry),
    List(BTreeMap<usize, Branch<'a>>),
    Table(BTreeMap<String, Branch<'a>>),
}

impl<'a> Branch<'a> {
    fn for_segment(segment: &Segment) -> Self {
        match segment {
            Segment::Name(_) => Self::Table(BTreeMap::new()),
            Segment::Index(_) => Self::List(BTreeMap::new()),
        }
    }

    fn first(&self) -> Option<&'a Entry> {
        match self {
            Self::Leaf(entry) => Some(entry),
            Self::List(items) => items.values().find_map(Self::first),
            Self::Table(children) => children.values().find_map(Self::first),
        }
    }

    /// Puts an entry at `path`; the error is what already stands in its way.
    fn insert(&mut self, path: &[Segment], entry: &'a Entry) -> Result<(), Option<&'a Entry>> {
        let Some((segment, rest)) = path.split_first() else {
            return Err(self.first());
        };
        let fresh = || rest.first().map_or(Self::Leaf(entry), Self::for_segment);
        let (child, is_new) = match (&mut *self, segment) {
            (Self::Table(children), Segment::Name(name)) => {
                let is_new = !children.contains_key(name);
                (children.entry(name.clone()).or_insert_with(fresh), is_new)
            }
            (Self::List(items), Segment::Index(index)) => {
                let is_new = !items.contains_key(index);
                (items.entry(*index).or_insert_with(fresh), is_new)
            }
            _ => return Err(self.first()),
        };
        if is_new && rest.is_empty() {
            Ok(())
        } else {
            child.insert(rest, entry)
        }
    }

    fn value(&self, errors: &mut Errors) -> Value {
        match self {
            Self::Leaf(entry) => entry.scalar.value(),
            Self::Table(children) => Value::from(
                children
                    .iter()
                    .map(|(name, child)| (name.clone(), child.value(errors)))
                    .collect::<Dict>(),
            ),
            Self::List(items) => {
                let gap = items
                    .iter()
                    .enumerate()
                    .find(|(position, (index, _))| position != *index);
                if let Some((position, (index, item))) = gap
                    && let Some(entry) = item.first()
                {
                    errors.push(entry.error(format!(
                        "expected the indices of a list without a gap: [{index}] stands where [{position}] should"
                    )));
                }
                Value::from(items.values().map(|item| item.value(errors)).collect::<Vec<_>>())
            }
        }
    }
}

/// The entries of one source as figment wants them.
struct Layer {
    number: usize,
    dict: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::from("layer", Source::Custom(self.number.to_string()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.dict.clone()))
    }
}

/// Merges layers, lowest first, into one tree.
pub(crate) fn merge(layers: &[Vec<Entry>], errors: &mut Errors) -> Node {
    let mut figment = Figment::new();
    let mut places = Places::default();
    for (number, entries) in layers.iter().enumerate() {
        let mut root = Branch::Table(BTreeMap::new());
        for entry in entries {
            match root.insert(entry.key.segments(), entry) {
                Ok(()) => places.note(number, entry),
                Err(other) => errors.push(clash(entry, other)),
            }
        }
        if let Some(dict) = root.value(errors).into_dict() {
            figment = figment.merge(Layer { number, dict });
        }
    }
    let data = figment
        .data()
        .ok()
        .and_then(|mut data| data.remove(&Profile::Default))
        .unwrap_or_default();
    places
        .node(&figment, &Key::default(), &Value::from(data))
        .unwrap_or_else(Node::empty)
}

fn clash(entry: &Entry, other: Option<&Entry>) -> Error {
    let Some(other) = other else {
        return entry.error("expected a key behind this name");
    };
    if other.key == entry.key {
        return entry.error(format!(
            "expected once; {} ({}) sets the same",
            other.name(),
            other.origin
        ));
    }
    entry.error(format!(
        "expected either a value, a list or a group of keys; {} ({}) makes it another",
        other.name(),
        other.origin
    ))
}

/// Where each value of each layer stands, and when each name first appeared.
#[derive(Default)]
struct Places<'a> {
    entries: HashMap<(usize, String), &'a Entry>,
    order: HashMap<String, usize>,
}

impl<'a> Places<'a> {
    fn note(&mut self, layer: usize, entry: &'a Entry) {
        let mut prefix = Key::default();
        for segment in entry.key.segments() {
            prefix.push(segment.clone());
            let next = self.order.len();
            self.order.entry(prefix.to_string()).or_insert(next);
        }
        self.entries.insert((layer, entry.key.to_string()), entry);
    }

    fn entry(&self, figment: &Figment, key: &Key, value: &Value) -> Option<&'a Entry> {
        let layer = figment
            .get_metadata(value.tag())?
            .source
            .as_ref()?
            .custom()?
            .parse()
            .ok()?;
        self.entries.get(&(layer, key.to_string())).copied()
    }

    /// A merged value with its place. Its origin is that of its first leaf where it is a list or a group.
    fn node(&self, figment: &Figment, key: &Key, value: &Value) -> Option<Node> {
        let mut node = match value {
            Value::Dict(_, dict) if !dict.is_empty() => {
                let mut children: Vec<_> = dict
                    .iter()
                    .filter_map(|(name, child)| {
                        Some((name.clone(), self.node(figment, &key.name(name), child)?))
                    })
                    .collect();
                children.sort_by_key(|(name, _)| self.order.get(&key.name(name).to_string()));
                let origin = children.first()?.1.origin.clone();
                return Some(Node::new(Kind::Table(children), origin));
            }
            Value::Array(_, items) if !items.is_empty() => {
                let items = items.iter().enumerate();
                let items: Vec<_> = items
                    .filter_map(|(index, item)| self.node(figment, &key.index(index), item))
                    .collect();
                let origin = items.first()?.origin.clone();
                return Some(Node::new(Kind::List(items), origin));
            }
            Value::Dict(..) => Node::empty(),
            Value::Array(..) => Node::new(Kind::List(Vec::new()), Origin::Default),
            Value::String(_, text) => Node::new(Kind::Text(Zeroizing::new(text.clone())), Origin::Default),
            Value::Bool(_, value) => Node::new(Kind::Bool(*value), Origin::Default),
            Value::Num(_, Num::I64(value)) => Node::new(Kind::Int(*value), Origin::Default),
            Value::Num(_, Num::F64(value)) => Node::new(Kind::Float(*value), Origin::Default),
            Value::Char(..) | Value::Num(..) | Value::Empty(..) => return None,
        };
        if let Some(entry) = self.entry(figment, key, value) {
            node.origin = entry.origin.clone();
            node.written.clone_from(&entry.written);
        }
        Some(node)
    }
}
