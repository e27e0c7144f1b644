//! The tree of a JSON text: [`Tree`].

use std::borrow::Cow;

use jsonschema::json::cmp;
use serde_json::{Map, Number, Value};

/// As many members of an object as are gone through to find one.
pub(super) const FEW: usize = 32;

/// A JSON text as a tree that borrows from it.
///
/// All values are in one list: each before those within it, and these in the order of the text. So one piece of memory holds the
/// tree, and nothing that is not escaped is copied.
#[derive(Debug, Default)]
pub(crate) struct Tree<'a> {
    pub(super) entries: Vec<Entry<'a>>,
    /// Of each object with more than a [`FEW`] members: where these are, in the order of their names.
    pub(super) by_name: Vec<usize>,
}

/// A value, and the name it has as a member.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) kind: Kind<'a>,
    /// How many of the entries that follow are within it.
    pub(super) below: usize,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Kind<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as `serde_json` keeps it.
    Number(Number),
    /// A string without its escapes.
    String(Cow<'a, str>),
    /// So many elements.
    Array(usize),
    /// So many members, and where in [`Tree::by_name`] these begin.
    Object(usize, usize),
}

impl Tree<'static> {
    /// A string alone. It keeps what such a tree has allocated before.
    pub(crate) fn set_string(&mut self, text: &str) {
        if let [entry] = self.entries.as_mut_slice()
            && let Kind::String(Cow::Owned(own)) = &mut entry.kind
        {
            own.clear();
            own.push_str(text);
        } else {
            *self = Self::default();
            self.entries.push(Entry {
                name: Cow::Borrowed(""),
                kind: Kind::String(Cow::Owned(text.to_owned())),
                below: 0,
            });
        }
    }
}

impl Tree<'_> {
    /// The value that holds all others; `null` where there is none.
    pub(crate) fn root(&self) -> Node<'_> {
        static NULL: Entry<'static> = Entry {
            name: Cow::Borrowed(""),
            kind: Kind::Null,
            below: 0,
        };
        Node {
            tree: self,
            entry: self.entries.first().unwrap_or(&NULL),
            at: 0,
        }
    }

    /// The value in that place.
    pub(super) fn node(&self, at: usize) -> Option<Node<'_>> {
        let entry = self.entries.get(at)?;
        Some(Node {
            tree: self,
            entry,
            at,
        })
    }

    pub(super) fn name_at(&self, at: usize) -> &str {
        self.entries.get(at).map_or("", |entry| &entry.name)
    }
}

/// A value in a tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'t> {
    tree: &'t Tree<'t>,
    entry: &'t Entry<'t>,
    at: usize,
}

impl<'t> Node<'t> {
    /// What it is.
    #[inline]
    pub(crate) fn kind(self) -> &'t Kind<'t> {
        &self.entry.kind
    }

    /// The name that it has as a member.
    #[inline]
    pub(crate) fn name(self) -> &'t str {
        &self.entry.name
    }

    /// How many values it is, those within it included.
    #[inline]
    pub(crate) fn values(self) -> usize {
        1 + self.entry.below
    }

    /// Its place in the tree.
    pub(super) fn at(self) -> usize {
        self.at
    }

    /// A number that no other value of a living tree has.
    #[inline]
    pub(crate) fn address(self) -> usize {
        std::ptr::from_ref(self.entry).addr()
    }

    /// Its elements or members.
    #[inline]
    pub(crate) fn children(self) -> Children<'t> {
        Children {
            tree: self.tree,
            next: self.at + 1,
            left: match self.entry.kind {
                Kind::Array(count) | Kind::Object(count, _) => count,
                _ => 0,
            },
        }
    }

    /// The member of that name.
    #[inline]
    pub(crate) fn member(self, name: &str) -> Option<Node<'t>> {
        let Kind::Object(count, from) = self.entry.kind else {
            return None;
        };
        if count <= FEW {
            return self.children().find(|member| member.name() == name);
        }
        let members = self.tree.by_name.get(from..from + count)?;
        let found = members
            .binary_search_by(|&at| self.tree.name_at(at).cmp(name))
            .ok()?;
        self.tree.node(*members.get(found)?)
    }

    /// Whether it is equal, as JSON Schema sees it: `1` and `1.0` are.
    pub(crate) fn is(self, value: &Value) -> bool {
        match (self.kind(), value) {
            (Kind::Null, Value::Null) => true,
            (Kind::Bool(one), Value::Bool(other)) => one == other,
            (Kind::Number(one), Value::Number(other)) => cmp::equal_numbers(one, other),
            (Kind::String(one), Value::String(other)) => one == other,
            (Kind::Array(count), Value::Array(items)) => {
                *count == items.len() && self.children().zip(items).all(|(one, other)| one.is(other))
            }
            (Kind::Object(count, _), Value::Object(members)) => {
                let is_there = |one: Node<'_>| members.get(one.name()).is_some_and(|other| one.is(other));
                *count == members.len() && self.children().all(is_there)
            }
            _ => false,
        }
    }

    /// Whether both are equal, as JSON Schema sees it.
    pub(crate) fn equals(self, other: Node<'_>) -> bool {
        match (self.kind(), other.kind()) {
            (Kind::Null, Kind::Null) => true,
            (Kind::Bool(one), Kind::Bool(other)) => one == other,
            (Kind::Number(one), Kind::Number(other)) => cmp::equal_numbers(one, other),
            (Kind::String(one), Kind::String(other)) => one == other,
            (Kind::Array(one), Kind::Array(count)) => {
                one == count
                    && self
                        .children()
                        .zip(other.children())
                        .all(|(one, other)| one.equals(other))
            }
            (Kind::Object(one, _), Kind::Object(count, _)) => {
                let is_there =
                    |one: Node<'_>| other.member(one.name()).is_some_and(|other| one.equals(other));
                one == count && self.children().all(is_there)
            }
            _ => false,
        }
    }

    /// What `serde_json` would have made of it.
    pub(crate) fn to_value(self) -> Value {
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::String(text) => Value::String(text.to_string()),
            Kind::Array(_) => self.children().map(Node::to_value).collect(),
            Kind::Object(..) => {
                let member = |member: Node<'_>| (member.name().to_owned(), member.to_value());
                Value::Object(self.children().map(member).collect::<Map<_, _>>())
            }
        }
    }
}

/// The elements of an array, or the members of an object.
#[derive(Debug, Clone)]
pub(crate) struct Children<'t> {
    tree: &'t Tree<'t>,
    next: usize,
    left: usize,
}

impl<'t> Iterator for Children<'t> {
    type Item = Node<'t>;

    #[inline]
    fn next(&mut self) -> Option<Node<'t>> {
        self.left = self.left.checked_sub(1)?;
        let node = self.tree.node(self.next)?;
        self.next += node.values();
        Some(node)
    }
}
