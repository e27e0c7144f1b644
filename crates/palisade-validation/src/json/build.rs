//! How a [`Tree`] comes about: from a text while it is looked through, or from what `serde_json` has read.

use std::borrow::Cow;
use std::mem;

use serde_json::Value;
use smallvec::SmallVec;

use super::fault::Unfit;
use super::number;
use super::text::Text;
use super::tree::{Entry, FEW, Kind, Node, Tree};
use super::walk::{Container, SHALLOW};

/// Room is made for one value in so many bytes, and a few more. Orders have one for twenty or so.
const BYTES_PER_VALUE: usize = 16;

/// What becomes of a text while it is looked through.
pub(super) trait Build<'a> {
    /// The name of the next value.
    fn name(&mut self, name: Text<'a>) -> Result<(), Unfit>;

    fn string(&mut self, text: Text<'a>) -> Result<(), Unfit>;

    fn number(&mut self, text: &'a [u8]) -> Result<(), Unfit>;

    /// `null`, `true` or `false`.
    fn literal(&mut self, kind: Kind<'a>);

    fn open(&mut self);

    /// Ends the array or object that was opened last; it has so many elements or members.
    fn close(&mut self, container: Container, count: usize);
}

/// Nothing becomes of it.
pub(super) struct Nothing;

impl<'a> Build<'a> for Nothing {
    fn name(&mut self, _: Text<'a>) -> Result<(), Unfit> {
        Ok(())
    }

    fn string(&mut self, _: Text<'a>) -> Result<(), Unfit> {
        Ok(())
    }

    fn number(&mut self, _: &'a [u8]) -> Result<(), Unfit> {
        Ok(())
    }

    fn literal(&mut self, _: Kind<'a>) {}

    fn open(&mut self) {}

    fn close(&mut self, _: Container, _: usize) {}
}

/// A tree becomes of it.
#[derive(Default)]
pub(super) struct Builder<'a> {
    tree: Tree<'a>,
    /// Where the arrays and objects are that are open, the innermost last.
    open: SmallVec<[usize; SHALLOW]>,
    /// The name of the next value.
    name: Cow<'a, str>,
}

impl<'a> Builder<'a> {
    /// With room for what a body of so many bytes mostly has.
    pub(super) fn for_bytes(bytes: usize) -> Self {
        let mut builder = Self::default();
        builder.tree.entries.reserve(bytes / BYTES_PER_VALUE + 16);
        builder
    }

    pub(super) fn into_tree(self) -> Tree<'a> {
        self.tree
    }

    fn push(&mut self, kind: Kind<'a>) {
        self.tree.entries.push(Entry {
            name: mem::replace(&mut self.name, Cow::Borrowed("")),
            kind,
            below: 0,
        });
    }

    fn value(&mut self, value: &'a Value) {
        match value {
            Value::Null => self.push(Kind::Null),
            Value::Bool(value) => self.push(Kind::Bool(*value)),
            Value::Number(number) => self.push(Kind::Number(number.clone())),
            Value::String(text) => self.push(Kind::String(Cow::Borrowed(text))),
            Value::Array(items) => {
                self.open();
                for item in items {
                    self.value(item);
                }
                self.close(Container::Array, items.len());
            }
            Value::Object(members) => {
                self.open();
                for (name, member) in members {
                    self.name = Cow::Borrowed(name);
                    self.value(member);
                }
                self.close(Container::Object, members.len());
            }
        }
    }
}

impl<'a> From<&'a Value> for Tree<'a> {
    /// It goes as deep as the value.
    fn from(value: &'a Value) -> Self {
        let mut builder = Builder::default();
        builder.value(value);
        builder.tree
    }
}

impl<'a> Build<'a> for Builder<'a> {
    #[inline]
    fn name(&mut self, name: Text<'a>) -> Result<(), Unfit> {
        self.name = name.decoded()?;
        Ok(())
    }

    #[inline]
    fn string(&mut self, text: Text<'a>) -> Result<(), Unfit> {
        self.push(Kind::String(text.decoded()?));
        Ok(())
    }

    #[inline]
    fn number(&mut self, text: &'a [u8]) -> Result<(), Unfit> {
        self.push(Kind::Number(number::parse(text)?));
        Ok(())
    }

    #[inline]
    fn literal(&mut self, kind: Kind<'a>) {
        self.push(kind);
    }

    #[inline]
    fn open(&mut self) {
        self.open.push(self.tree.entries.len());
        // What it is, and how much is in it, shows at its end.
        self.push(Kind::Null);
    }

    #[inline]
    fn close(&mut self, container: Container, count: usize) {
        let Some(at) = self.open.pop() else {
            return;
        };
        let kind = match container {
            Container::Array => Kind::Array(count),
            Container::Object => Kind::Object(count, self.tree.by_name.len()),
        };
        let below = self.tree.entries.len() - at - 1;
        if let Some(entry) = self.tree.entries.get_mut(at) {
            entry.kind = kind;
            entry.below = below;
        }
        if container == Container::Object && count > FEW {
            self.tree.sort_members(at);
        }
    }
}

impl Tree<'_> {
    /// Sets down where the members of that object are, in the order of their names.
    fn sort_members(&mut self, object: usize) {
        let mut by_name = mem::take(&mut self.by_name);
        let from = by_name.len();
        by_name.extend(
            self.node(object)
                .into_iter()
                .flat_map(|node| node.children().map(Node::at)),
        );
        if let Some(members) = by_name.get_mut(from..) {
            members.sort_unstable_by(|&one, &other| self.name_at(one).cmp(self.name_at(other)));
        }
        self.by_name = by_name;
    }
}
