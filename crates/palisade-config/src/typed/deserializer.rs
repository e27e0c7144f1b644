//! A serde deserializer over the tree: text becomes what the type asks for.

use serde::de::value::StrDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::Fixes;
use super::access::{Elements, Fields, Variant};
use super::fault::Fault;
use crate::key::Key;
use crate::tree::{Kind, Node};

/// One value while it is read; without a node, a neutral value that stands in for a missing one.
pub(super) struct Reading<'a> {
    pub(super) node: Option<&'a Node>,
    pub(super) key: Key,
    pub(super) fixes: &'a Fixes,
}

impl<'a> Reading<'a> {
    fn kind(&self) -> Option<&'a Kind> {
        self.node.map(|node| &node.kind)
    }

    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.kind() {
            None => visitor.visit_unit(),
            Some(Kind::Text(text)) => visitor.visit_str(text),
            Some(Kind::Bool(value)) => visitor.visit_bool(*value),
            Some(Kind::Int(value)) => visit_integer(*value, visitor),
            Some(Kind::Float(value)) => visitor.visit_f64(*value),
            Some(Kind::List(items)) => visitor.visit_seq(Elements::nodes(items, &self.key, self.fixes)),
            Some(Kind::Table(children)) => visitor.visit_map(Fields::new(children, &self.key, self.fixes)),
        }
    }

    fn boolean<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.kind() {
            None => visitor.visit_bool(false),
            Some(Kind::Text(text)) => match text.trim() {
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                _ => Err(Fault::expected("true or false")),
            },
            _ => self.any(visitor),
        }
    }

    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.kind() {
            // One, because it is a value of every integer type, those without zero included.
            None => visitor.visit_u64(1),
            Some(Kind::Text(text)) => {
                let text = text.trim();
                if let Ok(value) = text.parse::<u64>() {
                    visitor.visit_u64(value)
                } else if let Ok(value) = text.parse::<i64>() {
                    visitor.visit_i64(value)
                } else {
                    // The visitor alone knows the range.
                    visitor.visit_str(text)
                }
            }
            _ => self.any(visitor),
        }
    }

    fn float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.kind() {
            None => visitor.visit_f64(1.0),
            Some(Kind::Text(text)) => match text.trim().parse::<f64>() {
                Ok(value) if value.is_finite() => visitor.visit_f64(value),
                _ => Err(Fault::expected("a number")),
            },
            _ => self.any(visitor),
        }
    }

    /// Text; a number or truth value of TOML is taken by its text.
    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node {
            None => visitor.visit_str(""),
            Some(node) => match node.text() {
                Some(text) => visitor.visit_str(&text),
                None => self.any(visitor),
            },
        }
    }

    /// A list, or a text whose elements are separated by commas; an empty text is an empty list.
    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Some(node) = self.node else {
            return visitor.visit_seq(Elements::nodes(&[], &self.key, self.fixes));
        };
        match (&node.kind, node.text()) {
            (Kind::List(items), _) => visitor.visit_seq(Elements::nodes(items, &self.key, self.fixes)),
            (_, Some(text)) => visitor.visit_seq(Elements::text(node, &text, &self.key, self.fixes)),
            (_, None) => self.any(visitor),
        }
    }

    fn group<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.kind() {
            None => visitor.visit_map(Fields::new(&[], &self.key, self.fixes)),
            Some(Kind::Table(children)) => visitor.visit_map(Fields::new(children, &self.key, self.fixes)),
            Some(_) => Err(Fault::expected("keys below this one")),
        }
    }

    fn choice<'de, V: Visitor<'de>>(
        self,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if self.node.is_none() {
            let first = variants.first().copied().unwrap_or_default();
            let name: StrDeserializer<'_, Fault> = first.into_deserializer();
            return visitor.visit_enum(name);
        }
        if let Some(Kind::Table(children)) = self.kind() {
            return match children.as_slice() {
                [(name, node)] => visitor.visit_enum(Variant {
                    name,
                    node,
                    key: self.key,
                    fixes: self.fixes,
                }),
                _ => Err(Fault::expected(format!("exactly one of {}", variants.join(", ")))),
            };
        }
        match self.node.and_then(Node::text) {
            Some(text) => {
                let name: StrDeserializer<'_, Fault> = text.trim().into_deserializer();
                visitor.visit_enum(name)
            }
            None => Err(Fault::expected(format!("one of {}", variants.join(", ")))),
        }
    }
}

fn visit_integer<'de, V: Visitor<'de>>(value: i64, visitor: V) -> Result<V::Value, Fault> {
    match u64::try_from(value) {
        Ok(value) => visitor.visit_u64(value),
        Err(_) => visitor.visit_i64(value),
    }
}

/// Methods that read in one way and name the key in the fault.
macro_rules! read_as {
    ($way:ident: $($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let key = self.key.clone();
            self.$way(visitor).map_err(|fault| fault.at(&key))
        }
    )*};
}

impl<'de> Deserializer<'de> for Reading<'_> {
    type Error = Fault;

    read_as!(any: deserialize_any);
    read_as!(boolean: deserialize_bool);
    read_as!(integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128);
    read_as!(float: deserialize_f32 deserialize_f64);
    read_as!(text: deserialize_char deserialize_str deserialize_string deserialize_identifier);
    read_as!(list: deserialize_seq);
    read_as!(group: deserialize_map);

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let key = self.key.clone();
        let value = if self.node.is_none() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        };
        value.map_err(|fault| fault.at(&key))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let key = self.key.clone();
        visitor.visit_newtype_struct(self).map_err(|fault| fault.at(&key))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let key = self.key.clone();
        self.choice(variants, visitor).map_err(|fault| fault.at(&key))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any!(bytes byte_buf unit unit_struct);
}
