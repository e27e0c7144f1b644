//! Lists, groups and variants while they are read.

use std::ops::Bound;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use zeroize::Zeroizing;

use super::deserializer::Reading;
use super::fault::{Fault, Problem};
use super::{Fix, Fixes};
use crate::key::{Key, Segment};
use crate::tree::{Kind, Node};

/// The elements of a list; those taken out are skipped and keep their indices.
pub(super) struct Elements<'a> {
    items: Vec<Element<'a>>,
    next: usize,
    key: &'a Key,
    fixes: &'a Fixes,
}

enum Element<'a> {
    Node(&'a Node),
    /// Of a comma list.
    Part(Box<Node>),
}

impl<'a> Elements<'a> {
    pub(super) fn nodes(items: &'a [Node], key: &'a Key, fixes: &'a Fixes) -> Self {
        Self {
            items: items.iter().map(Element::Node).collect(),
            next: 0,
            key,
            fixes,
        }
    }

    pub(super) fn text(node: &Node, text: &str, key: &'a Key, fixes: &'a Fixes) -> Self {
        let part = |part: &str| {
            let kind = Kind::Text(Zeroizing::new(part.trim().to_owned()));
            Element::Part(Box::new(Node {
                kind,
                ..Node::new(Kind::Bool(false), node.origin.clone())
            }))
        };
        let items = if text.trim().is_empty() {
            Vec::new()
        } else {
            text.split(',').map(part).collect()
        };
        Self {
            items,
            next: 0,
            key,
            fixes,
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        loop {
            let Some(element) = self.items.get(self.next) else {
                return Ok(None);
            };
            let key = self.key.index(self.next);
            self.next += 1;
            if self.fixes.get(&key) == Some(&Fix::Remove) {
                continue;
            }
            let (node, part) = match element {
                Element::Node(node) => (*node, None),
                Element::Part(node) => (&**node, node.text()),
            };
            if part.as_ref().is_some_and(|part| part.is_empty()) {
                return Err(Fault::expected("a list without empty elements").at(&key));
            }
            let value = seed.deserialize(Reading {
                node: Some(node),
                key,
                fixes: self.fixes,
            });
            return value.map(Some).map_err(|mut fault| {
                if let Some(part) = part {
                    fault.element = Some(part.to_string());
                }
                fault
            });
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.items.len().checked_sub(self.next)
    }
}

/// The keys of a group, and behind them those that were missing and are filled in.
pub(super) struct Fields<'a> {
    remaining: std::vec::IntoIter<(&'a str, Option<&'a Node>)>,
    current: Option<(&'a str, Option<&'a Node>)>,
    key: &'a Key,
    fixes: &'a Fixes,
}

impl<'a> Fields<'a> {
    pub(super) fn new(children: &'a [(String, Node)], key: &'a Key, fixes: &'a Fixes) -> Self {
        let mut fields: Vec<_> = children
            .iter()
            .filter(|(name, _)| !fixes.contains_key(&key.name(name)))
            .map(|(name, node)| (name.as_str(), Some(node)))
            .collect();
        // What is below a key stands right behind it.
        let below = fixes.range((Bound::Excluded(key), Bound::Unbounded));
        let below = below.map_while(|(at, fix)| Some((at.below(key)?, fix)));
        fields.extend(below.filter_map(|(below, fix)| match (fix, below) {
            (Fix::Fill, [Segment::Name(name)]) => Some((name.as_str(), None)),
            _ => None,
        }));
        Self {
            remaining: fields.into_iter(),
            current: None,
            key,
            fixes,
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((name, node)) = self.remaining.next() else {
            return Ok(None);
        };
        self.current = Some((name, node));
        let key: StrDeserializer<'_, Fault> = name.into_deserializer();
        seed.deserialize(key).map(Some).map_err(|fault| {
            let problem = match fault.problem {
                Problem::Variant { known, .. } => Problem::Unknown { known },
                problem => problem,
            };
            Fault { problem, ..fault }.at(&self.key.name(name))
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((name, node)) = self.current.take() else {
            return Err(Fault::expected("a key before its value").at(self.key));
        };
        let key = self.key.name(name);
        let reading = Reading {
            node,
            key: key.clone(),
            fixes: self.fixes,
        };
        seed.deserialize(reading).map_err(|fault| fault.at(&key))
    }
}

/// A choice written as a group with one key.
pub(super) struct Variant<'a> {
    pub(super) name: &'a str,
    pub(super) node: &'a Node,
    pub(super) key: Key,
    pub(super) fixes: &'a Fixes,
}

impl<'a> Variant<'a> {
    fn inside(&self) -> Reading<'a> {
        Reading {
            node: Some(self.node),
            key: self.key.name(self.name),
            fixes: self.fixes,
        }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name: StrDeserializer<'_, Fault> = self.name.into_deserializer();
        let value = seed
            .deserialize(name)
            .map_err(|fault| fault.at(&self.key.name(self.name)))?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Err(Fault::expected("no keys below this one").at(&self.key))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.inside())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        serde::Deserializer::deserialize_seq(self.inside(), visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        serde::Deserializer::deserialize_map(self.inside(), visitor)
    }
}
