//! The instance as the schema crate walks it, with a meter on the work.
//!
//! The crate reads instances through a trait. Ours borrows a [`Value`] and adds two things:
//! 1. Every step is counted. With nothing left to spend, arrays and objects look empty and strings too, so that
//!    the crate comes to an end at once; its verdict is then worth nothing, and [`Effort::is_spent`] says so.
//! 2. An error never carries the instance. The crate would clone it into the errors of `anyOf` and `oneOf`, on
//!    each level of nesting anew; here it gets a constant that says whether the error is to be trusted.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::ControlFlow;
use std::slice;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object, SerdeJson, cmp};
use serde_json::{Map, Value, map};

use super::unique::is_unique;

/// Steps that every instance may take.
const BASE: u64 = 1_000_000;
/// Steps that an instance may take for each value in it, when [`BASE`] is used up.
const PER_VALUE: u64 = 200;
/// Steps that one error costs: what it allocates takes about as long.
const PER_ERROR: u64 = 50;
/// Bytes of a string that are read in one step.
const BYTES_PER_STEP: usize = 32;

/// The instance that an error carries while there is something left to spend.
static TRUSTED: Value = Value::Null;
/// The instance that an error carries afterwards.
static UNTRUSTED: Value = Value::Bool(false);

/// What the check of one instance may still spend.
#[derive(Debug)]
pub(super) struct Effort<'a> {
    root: &'a Value,
    left: Cell<u64>,
    errors: Cell<u32>,
    is_extended: Cell<bool>,
    is_spent: Cell<bool>,
}

impl<'a> Effort<'a> {
    /// For the question whether an instance is valid, where errors are made in passing only; or for the list of
    /// what is wrong, where `errors` are enough.
    pub(super) fn new(root: &'a Value, errors: u32) -> Self {
        Self {
            root,
            left: Cell::new(BASE),
            errors: Cell::new(errors),
            is_extended: Cell::new(false),
            is_spent: Cell::new(false),
        }
    }

    /// With as many steps and no more.
    #[cfg(test)]
    pub(super) fn of_steps(root: &'a Value, steps: u64) -> Self {
        let effort = Self::new(root, u32::MAX);
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
            return !self.is_spent.get();
        }
        self.extend(steps)
    }

    /// Most instances are through before their values need to be counted.
    #[cold]
    fn extend(&self, steps: u64) -> bool {
        if self.is_extended.replace(true) {
            self.is_spent.set(true);
            return false;
        }
        self.left.set(PER_VALUE.saturating_mul(count(self.root)));
        self.spend(steps)
    }

    fn error(&self) -> &'static Value {
        let errors = self.errors.get();
        self.errors.set(errors.saturating_sub(1));
        if errors == 0 {
            self.is_spent.set(true);
        }
        if self.spend(PER_ERROR) {
            &TRUSTED
        } else {
            &UNTRUSTED
        }
    }
}

/// How many values there are in one, itself included.
fn count(root: &Value) -> u64 {
    let mut values = 0;
    let mut open = vec![root];
    while let Some(value) = open.pop() {
        values += 1;
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            _ => (),
        }
    }
    values
}

/// One value of an instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metered<'a> {
    value: &'a Value,
    effort: &'a Effort<'a>,
}

impl<'a> Metered<'a> {
    pub(super) fn root(effort: &'a Effort<'a>) -> Self {
        Self {
            value: effort.root,
            effort,
        }
    }

    fn below(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }

    fn marker(self) -> Cow<'a, Value> {
        Cow::Borrowed(self.effort.error())
    }
}

/// The representation whose nodes are [`Metered`].
#[derive(Debug)]
pub(super) struct MeteredJson;

impl Json for MeteredJson {
    type Node<'a> = Metered<'a>;
    type PreparedKey = String;
    type StringBuffer = Value;

    const KEYS_PER_LOOKUP: usize = SerdeJson::KEYS_PER_LOOKUP;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    /// A name that comes without the object it is of: it has a meter of its own.
    fn with_string_node<T>(buffer: &mut Value, string: &str, f: impl FnOnce(Metered<'_>) -> T) -> T {
        rename(buffer, string);
        f(Metered::root(&Effort::new(buffer, 1)))
    }
}

/// Writes a name into `buffer`, which keeps what it has allocated.
fn rename(buffer: &mut Value, name: &str) {
    match buffer {
        Value::String(text) => {
            text.clear();
            text.push_str(name);
        }
        other => *other = Value::from(name),
    }
}

impl<'a> Node<'a, MeteredJson> for Metered<'a> {
    type Object = Members<'a>;
    type Array = Items<'a>;
    type Number = &'a serde_json::Number;

    #[inline]
    fn as_object(&self) -> Option<Members<'a>> {
        match self.value {
            Value::Object(members) => Some(Members {
                members: self.effort.spend(1).then_some(members),
                of: *self,
            }),
            _ => None,
        }
    }

    #[inline]
    fn as_array(&self) -> Option<Items<'a>> {
        match self.value {
            Value::Array(items) => Some(Items {
                items: if self.effort.spend(1) { items } else { &[] },
                of: *self,
            }),
            _ => None,
        }
    }

    #[inline]
    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self.value {
            Value::String(text) => {
                let steps = 1 + text.len() / BYTES_PER_STEP;
                Some(Cow::Borrowed(if self.effort.spend(steps as u64) {
                    text
                } else {
                    ""
                }))
            }
            _ => None,
        }
    }

    #[inline]
    fn as_number(&self) -> Option<&'a serde_json::Number> {
        self.value.as_number()
    }

    #[inline]
    fn as_boolean(&self) -> Option<bool> {
        self.value.as_bool()
    }

    #[inline]
    fn is_null(&self) -> bool {
        self.value.is_null()
    }

    #[inline]
    fn json_type(&self) -> JsonType {
        self.value.json_type()
    }

    fn string_length(&self) -> Option<u64> {
        self.value.string_length()
    }

    fn string_length_within(&self, min: u64, max: u64) -> Option<bool> {
        self.value.string_length_within(min, max)
    }

    fn equals_value(&self, expected: &Value) -> bool {
        cmp::equal(self.value, expected)
    }

    /// Only errors and annotations ask: nobody needs the value there.
    fn to_value(&self) -> Cow<'a, Value> {
        self.marker()
    }

    fn identity(&self) -> Option<NodeIdentity> {
        self.effort.spend(1);
        self.value.identity()
    }
}

/// The members of an object; none, when nothing is left to spend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Members<'a> {
    members: Option<&'a Map<String, Value>>,
    of: Metered<'a>,
}

impl<'a> Object<'a, MeteredJson> for Members<'a> {
    type Node = Metered<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    #[inline]
    fn len(&self) -> usize {
        self.members.map_or(0, Map::len)
    }

    #[inline]
    fn get(&self, key: &String) -> Option<Metered<'a>> {
        let members = self.members.filter(|_| self.of.effort.spend(1))?;
        Object::<SerdeJson>::get(&members, key).map(|value| self.of.below(value))
    }

    #[inline]
    fn members(&self) -> MembersIter<'a> {
        MembersIter {
            members: self.members.map(Map::iter),
            of: self.of,
        }
    }

    fn try_for_each_name_node<B>(
        &self,
        buffer: &mut Value,
        mut f: impl FnMut(Metered<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        for (name, _) in self.members() {
            rename(buffer, name);
            f(Metered {
                value: buffer,
                effort: self.of.effort,
            })?;
        }
        ControlFlow::Continue(())
    }
}

/// See [`Members`].
#[derive(Debug)]
pub(super) struct MembersIter<'a> {
    members: Option<map::Iter<'a>>,
    of: Metered<'a>,
}

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, Metered<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.members.as_mut()?.next()?;
        self.of
            .effort
            .spend(1)
            .then(|| (name.as_str(), self.of.below(value)))
    }
}

/// The items of an array; none, when nothing is left to spend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items<'a> {
    items: &'a [Value],
    of: Metered<'a>,
}

impl<'a> Array<'a, MeteredJson> for Items<'a> {
    type Node = Metered<'a>;
    type ElementsIter = ItemsIter<'a>;

    #[inline]
    fn len(&self) -> usize {
        self.items.len()
    }

    #[inline]
    fn elements(&self) -> ItemsIter<'a> {
        ItemsIter {
            items: self.items.iter(),
            of: self.of,
        }
    }

    fn is_unique(&self) -> bool {
        let values: u64 = if self.items.len() < 2 {
            0
        } else {
            self.items.iter().map(count).sum()
        };
        self.of.effort.spend(values) && is_unique(self.items)
    }
}

/// See [`Items`].
#[derive(Debug)]
pub(super) struct ItemsIter<'a> {
    items: slice::Iter<'a, Value>,
    of: Metered<'a>,
}

impl<'a> Iterator for ItemsIter<'a> {
    type Item = Metered<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let value = self.items.next()?;
        self.of.effort.spend(1).then(|| self.of.below(value))
    }
}
