//! The merged configuration as a tree in which every node knows its place.

use std::fmt;

use zeroize::Zeroizing;

use crate::key::{Key, Segment};
use crate::redact::{MASK, quoted};
use crate::{Error, Origin};

/// A value, list or group of keys.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) origin: Origin,
    /// The key as it was written, where that differs from its native name.
    pub(crate) written: Option<String>,
    pub(crate) secret: bool,
    /// Why the value could not be resolved; it must not be used.
    pub(crate) fault: Option<Box<Error>>,
}

/// What a node is.
#[derive(Clone)]
pub(crate) enum Kind {
    Text(Zeroizing<String>),
    Bool(bool),
    Int(i64),
    Float(f64),
    List(Vec<Node>),
    /// In the order in which the names first appeared in any source.
    Table(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn new(kind: Kind, origin: Origin) -> Self {
        Self {
            kind,
            origin,
            written: None,
            secret: false,
            fault: None,
        }
    }

    pub(crate) fn empty() -> Self {
        Self::new(Kind::Table(Vec::new()), Origin::Default)
    }

    pub(crate) fn child(&self, segment: &Segment) -> Option<&Self> {
        match (&self.kind, segment) {
            (Kind::List(items), Segment::Index(index)) => items.get(*index),
            (Kind::Table(children), Segment::Name(name)) => children
                .iter()
                .find(|(child, _)| child == name)
                .map(|(_, node)| node),
            _ => None,
        }
    }

    pub(crate) fn find(&self, key: &Key) -> Option<&Self> {
        key.segments().iter().try_fold(self, Self::child)
    }

    /// The nearest node at or above `key`.
    pub(crate) fn nearest(&self, key: &Key) -> (&Self, usize) {
        let mut node = self;
        for (depth, segment) in key.segments().iter().enumerate() {
            match node.child(segment) {
                Some(child) => node = child,
                None => return (node, depth),
            }
        }
        (node, key.segments().len())
    }

    /// The child of that name, made as an empty group where there is none.
    pub(crate) fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Kind::Table(children) = &mut self.kind else {
            return None;
        };
        let position = children
            .iter()
            .position(|(child, _)| child == name)
            .unwrap_or(children.len());
        if position == children.len() {
            children.push((name.to_owned(), Self::empty()));
        }
        children.get_mut(position).map(|(_, node)| node)
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Table(children) => children.iter().map(|(name, _)| name.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar value.
    pub(crate) fn text(&self) -> Option<Zeroizing<String>> {
        match &self.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Bool(value) => Some(Zeroizing::new(value.to_string())),
            Kind::Int(value) => Some(Zeroizing::new(value.to_string())),
            Kind::Float(value) => Some(Zeroizing::new(value.to_string())),
            Kind::List(_) | Kind::Table(_) => None,
        }
    }

    /// Calls `visit` with the key and node of every scalar, empty list and empty group at or below this one.
    pub(crate) fn leaves<'a>(&'a self, key: &Key, visit: &mut impl FnMut(&Key, &'a Self)) {
        match &self.kind {
            Kind::List(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    item.leaves(&key.index(index), visit);
                }
            }
            Kind::Table(children) if !children.is_empty() => {
                for (name, child) in children {
                    child.leaves(&key.name(name), visit);
                }
            }
            _ => visit(key, self),
        }
    }

    /// The key of this node as it was written: that of its first leaf without what stands behind `key`.
    pub(crate) fn written(&self, key: &Key) -> Option<String> {
        let mut found = None;
        self.leaves(key, &mut |leaf, node| {
            if found.is_some() {
                return;
            }
            let (Some(written), Some(behind)) = (&node.written, leaf.below(key)) else {
                return;
            };
            let behind: Key = behind.iter().cloned().collect();
            let behind = behind.to_string();
            found = written
                .strip_suffix(&behind)
                .map(|start| start.trim_end_matches('.').to_owned());
        });
        found
    }

    /// How the value may be shown; absent for lists and groups that are not empty.
    pub(crate) fn shown(&self) -> Option<String> {
        match &self.kind {
            Kind::List(items) if items.is_empty() => Some("an empty list".to_owned()),
            Kind::Table(children) if children.is_empty() => Some("an empty group".to_owned()),
            Kind::List(_) | Kind::Table(_) => None,
            _ if self.secret => Some(MASK.to_owned()),
            Kind::Text(text) => Some(quoted(text)),
            _ => self.text().map(|text| text.to_string()),
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::List(items) if !items.is_empty() => f.debug_list().entries(items).finish(),
            Kind::Table(children) if !children.is_empty() => f
                .debug_map()
                .entries(children.iter().map(|(name, node)| (name, node)))
                .finish(),
            _ => f.write_str(&self.shown().unwrap_or_default()),
        }
    }
}
