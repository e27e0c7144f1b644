//! The way to amounts in JSON (RFC 8259).
//!
//! The body is read once from its beginning to its end, and what is not on the path is skipped without recursion. Values at the end of the
//! path are taken as text, so that no number becomes a float.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::{Halt, Why};
use super::pointer::{AmountPath, AtArray, Token};
use super::{Leaf, Sink};

/// Gives the sink every value that the path leads to. Arrays that are reached after more than `may_be_empty` tokens have an element.
pub(super) fn walk(
    body: &str,
    path: &AmountPath,
    may_be_empty: usize,
    sink: &mut Sink<'_>,
) -> Result<(), Halt> {
    let mut walk = Walk {
        path,
        may_be_empty,
        sink,
        reached: 0,
        halt: None,
    };
    let mut json = serde_json::Deserializer::from_str(body);
    match walk.at(0).deserialize(&mut json).and_then(|()| json.end()) {
        Ok(()) => Ok(()),
        Err(error) => Err(walk.halt.take().unwrap_or_else(|| walk.halt_of(&error))),
    }
}

struct Walk<'a, 's> {
    path: &'a AmountPath,
    may_be_empty: usize,
    sink: &'a mut Sink<'s>,
    /// After how many tokens the value stands that is being looked at.
    reached: usize,
    /// Why the walk ended; the error that serde carries says only that it did.
    halt: Option<Halt>,
}

impl<'a, 's> Walk<'a, 's> {
    fn at(&mut self, tokens: usize) -> At<'_, 'a, 's> {
        At {
            walk: self,
            tokens,
            is_element: false,
        }
    }

    /// A value on the way that is neither object nor array is what serde calls an error of data; all others are of syntax.
    fn halt_of(&self, error: &serde_json::Error) -> Halt {
        if error.is_data() {
            Halt::At {
                tokens: self.reached,
                why: Why::Kind,
            }
        } else {
            Halt::Malformed {
                line: error.line(),
                column: error.column(),
            }
        }
    }

    fn stop<E: de::Error>(&mut self, tokens: usize, why: Why) -> E {
        self.halt = Some(Halt::At { tokens, why });
        E::custom("halted")
    }

    fn take<E: de::Error>(&mut self, leaf: Leaf<'_>) -> Result<(), E> {
        (self.sink)(leaf).map_err(|why| self.stop(self.path.len(), why))
    }

    /// A value at the end of the path.
    fn value<E: de::Error>(&mut self, json: &str) -> Result<(), E> {
        if !json.starts_with('[') {
            return self.scalar(json);
        }
        let mut elements = serde_json::Deserializer::from_str(json);
        let read = (&mut elements).deserialize_seq(Elements(self));
        // The text was read before: what stops it now is an element.
        read.map_err(E::custom)
    }

    fn scalar<E: de::Error>(&mut self, json: &str) -> Result<(), E> {
        match json.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => self.take(Leaf::Number(json)),
            Some(b'"') => match unquoted(json) {
                Some(text) => self.take(Leaf::Text(&text)),
                None => Err(self.stop(self.path.len(), Why::Kind)),
            },
            _ => Err(self.stop(self.path.len(), Why::Kind)),
        }
    }

    fn check_empty<E: de::Error>(&mut self, tokens: usize, empty: bool) -> Result<(), E> {
        if empty && tokens > self.may_be_empty {
            return Err(self.stop(tokens, Why::Missing));
        }
        Ok(())
    }
}

/// The text of a JSON string; `None` for one that has half a surrogate pair.
fn unquoted(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The value after that many tokens.
struct At<'w, 'a, 's> {
    walk: &'w mut Walk<'a, 's>,
    tokens: usize,
    /// Whether it is an element of an array, and the next token applies to it.
    is_element: bool,
}

impl<'de> DeserializeSeed<'de> for At<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.walk.path.token(self.tokens) {
            Some(token) => {
                self.walk.reached = self.tokens;
                json.deserialize_any(OnTheWay { at: self, token })
            }
            None => self.walk.value(<&RawValue>::deserialize(json)?.get()),
        }
    }
}

/// The value that the token is looked for in.
struct OnTheWay<'w, 'a, 's> {
    at: At<'w, 'a, 's>,
    token: &'a Token,
}

impl<'de> Visitor<'de> for OnTheWay<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let At { walk, tokens, .. } = self.at;
        let next = tokens + 1;
        let mut seen = false;
        let mut found = false;
        while let Some(likeness) = members.next_key_seed(Wanted(self.token.member()))? {
            if likeness != Likeness::Other && std::mem::replace(&mut seen, true) {
                return Err(walk.stop(next, Why::Twice));
            }
            if likeness == Likeness::Same {
                found = true;
                members.next_value_seed(walk.at(next))?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        if found {
            Ok(())
        } else {
            Err(walk.stop(next, Why::Missing))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let At {
            walk,
            tokens,
            is_element,
        } = self.at;
        let at_element = match self.token.at_array() {
            AtArray::Index(index) => return pick(walk, tokens + 1, index, elements),
            AtArray::Every => (tokens + 1, false),
            AtArray::Member if is_element => return Err(walk.stop(tokens, Why::Kind)),
            AtArray::Member => (tokens, true),
        };
        let mut empty = true;
        loop {
            let (tokens, is_element) = at_element;
            let element = At {
                walk: &mut *walk,
                tokens,
                is_element,
            };
            if elements.next_element_seed(element)?.is_none() {
                break;
            }
            empty = false;
        }
        walk.check_empty(tokens, empty)
    }
}

/// Goes on at one element of an array.
fn pick<'de, A: SeqAccess<'de>>(
    walk: &mut Walk<'_, '_>,
    tokens: usize,
    index: usize,
    mut elements: A,
) -> Result<(), A::Error> {
    for _ in 0..index {
        if elements.next_element::<IgnoredAny>()?.is_none() {
            return Err(walk.stop(tokens, Why::Missing));
        }
    }
    if elements.next_element_seed(walk.at(tokens))?.is_none() {
        return Err(walk.stop(tokens, Why::Missing));
    }
    while elements.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// The elements of an array at the end of the path.
struct Elements<'w, 'a, 's>(&'w mut Walk<'a, 's>);

impl<'de> Visitor<'de> for Elements<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut empty = true;
        while let Some(element) = elements.next_element::<&RawValue>()? {
            self.0.scalar(element.get())?;
            empty = false;
        }
        self.0.check_empty(self.0.path.len(), empty)
    }
}

/// The name of the member that is looked for.
struct Wanted<'a>(&'a str);

/// How alike a name is to the wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Same,
    /// It differs in the case of letters alone. Some handlers take it for the same.
    ButForCase,
    Other,
}

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Likeness;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Likeness, D::Error> {
        name.deserialize_str(self)
    }
}

impl Visitor<'_> for Wanted<'_> {
    type Value = Likeness;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Likeness, E> {
        Ok(if name == self.0 {
            Likeness::Same
        } else if folded(name).eq(folded(self.0)) {
            Likeness::ButForCase
        } else {
            Likeness::Other
        })
    }
}

/// The letters without their case. By way of the upper case, for letters that have two lower ones, such as s.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}
