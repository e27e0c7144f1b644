//! The instance as the schema crate walks it, with a meter on the work.
//!
//! The crate reads instances through a trait. Ours walks a [`Tree`] and adds two things:
//! 1. Every step is counted. With nothing left to spend, arrays and objects look empty and strings too, so that
//!    the crate comes to an end at once; its verdict is then worth nothing, and [`Effort::is_spent`] says so. A schema
//!    whose alternatives multiply goes on without any instance: the walk is ended by [`GivenUp`] then.
//! 2. An error never carries the instance. The crate would clone it into the errors of `anyOf` and `oneOf`, on
//!    each level of nesting anew; here it gets a constant that says whether the error is to be trusted.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::ControlFlow;
use std::panic::resume_unwind;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use serde_json::{Number, Value};

use super::unique::is_unique;
use crate::json::{self, Children, Kind, Tree};
use crate::pattern::Pattern;

/// Steps that every instance may take.
const BASE: u64 = 2_000_000;
/// Steps that an instance may take for each value in it, when [`BASE`] is used up.
const PER_VALUE: u64 = 50;
/// How many times the crate may ask for more when there is nothing left.
const PATIENCE: u32 = 100_000;
/// Steps that one error costs: what it allocates takes about as long.
const PER_ERROR: u64 = 50;
/// Bytes of a string that are read in one step.
const BYTES_PER_STEP: usize = 32;

/// The instance that an error carries while there is something left to spend.
static TRUSTED: Value = Value::Null;
/// The instance that an error carries afterwards.
static UNTRUSTED: Value = Value::Bool(false);

/// What a walk is ended with that does not come to its end: it unwinds to whoever began it.
#[derive(Debug)]
struct GivenUp;

/// What the check of one instance may still spend.
#[derive(Debug)]
pub(super) struct Effort {
    /// How many values the instance has.
    values: u64,
    left: Cell<u64>,
    errors: Cell<u32>,
    is_extended: Cell<bool>,
    is_spent: Cell<bool>,
    patience: Cell<u32>,
}

impl Effort {
    /// For the question whether an instance is valid, where errors are made in passing only; or for the list of
    /// what is wrong, where `errors` are enough.
    pub(super) fn new(tree: &Tree<'_>, errors: u32) -> Self {
        Self {
            values: tree.root().values() as u64,
            left: Cell::new(BASE),
            errors: Cell::new(errors),
            is_extended: Cell::new(false),
            is_spent: Cell::new(false),
            patience: Cell::new(PATIENCE),
        }
    }

    /// With as many steps and no more.
    #[cfg(test)]
    pub(super) fn of_steps(tree: &Tree<'_>, steps: u64) -> Self {
        let effort = Self::new(tree, u32::MAX);
        effort.left.set(steps);
        effort.is_extended.set(true);
        effort
    }

    /// Whether the crate saw less than the whole instance.
    pub(super) fn is_spent(&self) -> bool {
        self.is_spent.get()
    }

    /// Whether an error that carries `instance` was found on the whole instance.
    pub(super) fn is_trusted(instance: &Value) -> bool {
        *instance == TRUSTED
    }

    #[inline]
    fn spend(&self, steps: u64) -> bool {
        if let Some(left) = self.left.get().checked_sub(steps) {
            self.left.set(left);
            return true;
        }
        self.extend(steps)
    }

    #[cold]
    fn extend(&self, steps: u64) -> bool {
        if self.is_spent.get() {
            let patience = self.patience.get().saturating_sub(1);
            self.patience.set(patience);
            if patience == 0 && cfg!(panic = "unwind") {
                // No message: nothing is broken.
                resume_unwind(Box::new(GivenUp));
            }
            return false;
        }
        if self.is_extended.replace(true) {
            self.end();
            return false;
        }
        self.left.set(PER_VALUE.saturating_mul(self.values));
        self.spend(steps)
    }

    /// Leaves nothing to spend.
    fn end(&self) {
        self.is_spent.set(true);
        self.left.set(0);
    }

    fn error(&self) -> &'static Value {
        let errors = self.errors.get();
        self.errors.set(errors.saturating_sub(1));
        if errors == 0 {
            self.end();
        }
        if self.spend(PER_ERROR) {
            &TRUSTED
        } else {
            &UNTRUSTED
        }
    }
}

/// One value of an instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metered<'a> {
    node: json::Node<'a>,
    effort: &'a Effort,
}

impl<'a> Metered<'a> {
    pub(super) fn root(tree: &'a Tree<'a>, effort: &'a Effort) -> Self {
        Self {
            node: tree.root(),
            effort,
        }
    }

    fn with(self, node: json::Node<'a>) -> Self {
        Self { node, ..self }
    }

    /// Whether a pattern matches, if this is a string.
    pub(super) fn matches(self, pattern: &Pattern) -> bool {
        let Kind::String(text) = self.node.kind() else {
            return self.effort.spend(1);
        };
        pattern
            .is_match(text, |steps| self.effort.spend(steps))
            .unwrap_or(true)
    }

    /// Pays for a look that finds another type.
    fn other<T>(self) -> Option<T> {
        self.effort.spend(1);
        None
    }

    /// Pays for a look at a scalar.
    #[inline]
    fn look(self) -> bool {
        self.effort.spend(match self.node.kind() {
            Kind::String(text) => steps_of(text),
            _ => 1,
        })
    }

    /// How many of so many there seem to be: none, when nothing is left to spend.
    fn count(self, count: usize) -> usize {
        if self.effort.spend(1) { count } else { 0 }
    }
}

/// The representation whose nodes are [`Metered`].
#[derive(Debug)]
pub(super) struct MeteredJson;

impl Json for MeteredJson {
    type Node<'a> = Metered<'a>;
    type PreparedKey = String;
    type StringBuffer = Tree<'static>;

    // To find a member costs about as much as to go through all of a small object.
    const KEYS_PER_LOOKUP: usize = 2;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    /// A name that comes without the object it is of has a meter of its own; the crate has none such, since
    /// [`Container::try_for_each_name_node`] gives those of an object.
    fn with_string_node<T>(buffer: &mut Tree<'static>, string: &str, f: impl FnOnce(Metered<'_>) -> T) -> T {
        buffer.set_string(string);
        f(Metered::root(buffer, &Effort::new(buffer, 1)))
    }
}

impl<'a> Node<'a, MeteredJson> for Metered<'a> {
    type Object = Container<'a>;
    type Array = Container<'a>;
    type Number = &'a Number;

    #[inline]
    fn as_object(&self) -> Option<Container<'a>> {
        match self.node.kind() {
            Kind::Object(count, _) => Some(Container {
                count: self.count(*count),
                of: *self,
            }),
            _ => self.other(),
        }
    }

    #[inline]
    fn as_array(&self) -> Option<Container<'a>> {
        match self.node.kind() {
            Kind::Array(count) => Some(Container {
                count: self.count(*count),
                of: *self,
            }),
            _ => self.other(),
        }
    }

    #[inline]
    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self.node.kind() {
            Kind::String(text) => Some(Cow::Borrowed(if self.effort.spend(steps_of(text)) {
                text
            } else {
                ""
            })),
            _ => self.other(),
        }
    }

    #[inline]
    fn as_number(&self) -> Option<&'a Number> {
        match self.node.kind() {
            Kind::Number(number) => self.effort.spend(1).then_some(number),
            _ => self.other(),
        }
    }

    #[inline]
    fn as_boolean(&self) -> Option<bool> {
        self.effort.spend(1);
        match self.node.kind() {
            Kind::Bool(value) => Some(*value),
            _ => None,
        }
    }

    #[inline]
    fn is_null(&self) -> bool {
        self.effort.spend(1);
        matches!(self.node.kind(), Kind::Null)
    }

    #[inline]
    fn json_type(&self) -> JsonType {
        self.effort.spend(1);
        match self.node.kind() {
            Kind::Null => JsonType::Null,
            Kind::Bool(_) => JsonType::Boolean,
            Kind::Number(_) => JsonType::Number,
            Kind::String(_) => JsonType::String,
            Kind::Array(_) => JsonType::Array,
            Kind::Object(..) => JsonType::Object,
        }
    }

    fn string_length(&self) -> Option<u64> {
        if !self.look() {
            return None;
        }
        match self.node.kind() {
            Kind::String(text) => Some(text.chars().count() as u64),
            _ => None,
        }
    }

    fn string_length_within(&self, min: u64, max: u64) -> Option<bool> {
        if !self.look() {
            return None;
        }
        let Kind::String(text) = self.node.kind() else {
            return None;
        };
        // A character has one to four bytes, so that most texts need not be counted.
        let most = text.len() as u64;
        let least = most.div_ceil(4);
        Some(if most < min || least > max {
            false
        } else if min <= least && most <= max {
            true
        } else {
            (min..=max).contains(&(text.chars().count() as u64))
        })
    }

    fn equals_value(&self, expected: &Value) -> bool {
        let steps = match (self.node.kind(), expected) {
            (Kind::String(text), Value::String(expected)) if text.len() == expected.len() => steps_of(text),
            (Kind::Array(count), Value::Array(items)) if *count == items.len() => self.node.values() as u64,
            (Kind::Object(count, _), Value::Object(members)) if *count == members.len() => {
                self.node.values() as u64
            }
            _ => 1,
        };
        self.effort.spend(steps) && self.node.is(expected)
    }

    /// Only errors and annotations ask: nobody needs the value there.
    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Borrowed(self.effort.error())
    }

    fn identity(&self) -> Option<NodeIdentity> {
        self.effort.spend(1);
        Some(NodeIdentity::new(self.node.address()))
    }
}

/// What it takes to read a text.
#[inline]
fn steps_of(text: &str) -> u64 {
    1 + (text.len() / BYTES_PER_STEP) as u64
}

/// An array or an object; empty, when nothing is left to spend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Container<'a> {
    count: usize,
    of: Metered<'a>,
}

impl<'a> Container<'a> {
    #[inline]
    fn children(self) -> MeteredChildren<'a> {
        MeteredChildren {
            children: (self.count > 0).then(|| self.of.node.children()),
            of: self.of,
        }
    }
}

impl<'a> Object<'a, MeteredJson> for Container<'a> {
    type Node = Metered<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    #[inline]
    fn len(&self) -> usize {
        self.count
    }

    #[inline]
    fn get(&self, key: &String) -> Option<Metered<'a>> {
        if self.count == 0 || !self.of.effort.spend(1) {
            return None;
        }
        self.of.node.member(key).map(|node| self.of.with(node))
    }

    #[inline]
    fn members(&self) -> Members<'a> {
        Members(self.children())
    }

    fn try_for_each_name_node<B>(
        &self,
        buffer: &mut Tree<'static>,
        mut f: impl FnMut(Metered<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        for (name, _) in self.members() {
            buffer.set_string(name);
            f(Metered::root(buffer, self.of.effort))?;
        }
        ControlFlow::Continue(())
    }
}

impl<'a> Array<'a, MeteredJson> for Container<'a> {
    type Node = Metered<'a>;
    type ElementsIter = MeteredChildren<'a>;

    #[inline]
    fn len(&self) -> usize {
        self.count
    }

    #[inline]
    fn elements(&self) -> MeteredChildren<'a> {
        self.children()
    }

    fn is_unique(&self) -> bool {
        let values = if self.count < 2 { 0 } else { self.of.node.values() };
        self.of.effort.spend(values as u64) && (self.count < 2 || is_unique(self.of.node))
    }
}

/// See [`Container`].
#[derive(Debug)]
pub(super) struct MeteredChildren<'a> {
    children: Option<Children<'a>>,
    of: Metered<'a>,
}

impl<'a> Iterator for MeteredChildren<'a> {
    type Item = Metered<'a>;

    #[inline]
    fn next(&mut self) -> Option<Metered<'a>> {
        let node = self.children.as_mut()?.next()?;
        self.of.effort.spend(1).then(|| self.of.with(node))
    }
}

/// See [`Container`].
#[derive(Debug)]
pub(super) struct Members<'a>(MeteredChildren<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Metered<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let member = self.0.next()?;
        let name = member.node.name();
        member.effort.spend(steps_of(name)).then_some((name, member))
    }
}
