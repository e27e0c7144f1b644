//! Texts read as their layout has them: [`Layout::read`].

use std::borrow::Cow;

use serde_json::map::Entry;
use serde_json::{Map, Value};

use super::split::Delimiter;
use super::{Layout, Reading, Shape, Style};
use crate::parameters::Place;
use crate::parameters::decode::{self, NotText, Plus};

/// A name and its value. The name is decoded, and empty for what has the name of the parameter; the value is not.
pub(crate) type Pair<'t> = (Cow<'t, str>, &'t str);

/// Why texts have no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StyleFault {
    /// An escape is none, or it is not UTF-8.
    NotText,
    /// It is not written as its style asks for.
    Malformed,
    /// It is there more than once, or a member of it is.
    Repeated,
    /// There are more items or members than may be.
    TooMany,
}

impl From<NotText> for StyleFault {
    fn from(NotText: NotText) -> Self {
        Self::NotText
    }
}

/// How a value is made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Word,
    Array,
    Object,
}

impl Layout {
    /// Reads all that stands by the name, or by the names of the members, of which there is one at least.
    pub(crate) fn read(
        &self,
        pairs: &[Pair<'_>],
        reading: Reading,
        max_items: usize,
    ) -> Result<Value, StyleFault> {
        if self.place == Place::Path {
            return self.read_one(pairs, reading, max_items);
        }
        match self.form(reading) {
            Form::Array if self.is_exploded || self.is_list_of_fields() => {
                let mut items = Items::new(&self.shape, reading, max_items);
                for (_, text) in pairs {
                    if self.is_exploded && self.place != Place::Header {
                        items.push(self.decode(text)?)?;
                    } else {
                        self.push_all(text, &mut items)?;
                    }
                }
                Ok(Value::Array(items.list))
            }
            Form::Object if self.spreads() || self.is_deep() => {
                let mut members = Members::new(&self.shape, reading, max_items);
                for (name, text) in pairs {
                    members.insert(name.clone(), self.decode(text)?)?;
                }
                Ok(Value::Object(members.map))
            }
            _ => self.read_one(pairs, reading, max_items),
        }
    }

    fn read_one(&self, pairs: &[Pair<'_>], reading: Reading, max_items: usize) -> Result<Value, StyleFault> {
        match pairs {
            [(_, text)] => self.read_text(text, reading, max_items),
            _ => Err(StyleFault::Repeated),
        }
    }

    /// Reads the one text of a value.
    fn read_text(&self, text: &str, reading: Reading, max_items: usize) -> Result<Value, StyleFault> {
        let text = match self.style {
            Style::Label => text.strip_prefix('.').ok_or(StyleFault::Malformed)?,
            Style::Matrix => text.strip_prefix(';').ok_or(StyleFault::Malformed)?,
            _ => text,
        };
        let form = self.form(reading);
        let is_spread = form != Form::Word && self.is_exploded;
        let text = if self.style == Style::Matrix && !is_spread {
            self.behind_name(text)?
        } else {
            text
        };
        match form {
            Form::Word => Ok(self.shape.kinds.read(self.decode(text)?, reading)),
            Form::Object if text.is_empty() && self.shape.kinds.takes_nothing() => Ok(Value::Null),
            Form::Array => {
                let mut items = Items::new(&self.shape, reading, max_items);
                self.push_all(text, &mut items)?;
                Ok(Value::Array(items.list))
            }
            Form::Object => {
                let mut members = Members::new(&self.shape, reading, max_items);
                self.insert_all(text, &mut members)?;
                Ok(Value::Object(members.map))
            }
        }
    }

    /// Fields of a header that are given more than once are one list (RFC 9110 section 5.3).
    fn is_list_of_fields(&self) -> bool {
        self.place == Place::Header
    }

    fn form(&self, reading: Reading) -> Form {
        let kinds = self.shape.kinds;
        if kinds.is_mixed() && reading.is_flat() {
            Form::Word
        } else if kinds.may_be_array() {
            Form::Array
        } else if kinds.may_be_object() {
            Form::Object
        } else {
            Form::Word
        }
    }

    /// What parts the pieces.
    fn delimiter(&self) -> Delimiter {
        match self.style {
            Style::Matrix if self.is_exploded => Delimiter::Semicolon,
            Style::Label if self.is_exploded => Delimiter::Dot,
            Style::SpaceDelimited => Delimiter::Space,
            Style::PipeDelimited => Delimiter::Bar,
            Style::Matrix | Style::Label | Style::Simple | Style::Form | Style::DeepObject => {
                Delimiter::Comma
            }
        }
    }

    fn pieces<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> + use<'t> {
        let is_field = self.place == Place::Header;
        let pieces = self.delimiter().split(text);
        pieces.map(move |piece| {
            if is_field {
                piece.trim_matches([' ', '\t'])
            } else {
                piece
            }
        })
    }

    /// The value behind the name of a `matrix`, which has no semicolons that are not encoded.
    fn behind_name<'t>(&self, text: &'t str) -> Result<&'t str, StyleFault> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        if value.contains(';') || self.decode(name)? != *self.name {
            return Err(StyleFault::Malformed);
        }
        Ok(value)
    }

    fn push_all(&self, text: &str, items: &mut Items<'_>) -> Result<(), StyleFault> {
        let has_names = self.style == Style::Matrix && self.is_exploded;
        for piece in self.pieces(text) {
            let piece = if has_names {
                self.behind_name(piece)?
            } else {
                piece
            };
            items.push(self.decode(piece)?)?;
        }
        Ok(())
    }

    fn insert_all(&self, text: &str, members: &mut Members<'_>) -> Result<(), StyleFault> {
        let mut pieces = self.pieces(text);
        while let Some(piece) = pieces.next() {
            let (name, value) = match (self.is_exploded, piece.split_once('=')) {
                (true, Some(both)) => both,
                (true, None) if self.style == Style::Matrix => (piece, ""),
                (true, None) => return Err(StyleFault::Malformed),
                (false, _) => (piece, pieces.next().ok_or(StyleFault::Malformed)?),
            };
            members.insert(self.decode(name)?, self.decode(value)?)?;
        }
        Ok(())
    }

    fn decode<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, NotText> {
        decode(text, self.place)
    }
}

/// Decodes a name or a value that stands there.
pub(crate) fn decode(text: &str, place: Place) -> Result<Cow<'_, str>, NotText> {
    match place {
        Place::Path | Place::Cookie => decode::decode(text, Plus::IsPlus),
        Place::Query => decode::decode(text, Plus::IsSpace),
        Place::Header => Ok(Cow::Borrowed(text)),
    }
}

/// The items of an array.
struct Items<'s> {
    shape: &'s Shape,
    reading: Reading,
    max: usize,
    list: Vec<Value>,
}

impl<'s> Items<'s> {
    fn new(shape: &'s Shape, reading: Reading, max: usize) -> Self {
        Self {
            shape,
            reading,
            max,
            list: Vec::new(),
        }
    }

    fn push(&mut self, text: Cow<'_, str>) -> Result<(), StyleFault> {
        if self.list.len() == self.max {
            return Err(StyleFault::TooMany);
        }
        let kinds = self.shape.item(self.list.len());
        self.list.push(kinds.read(text, self.reading));
        Ok(())
    }
}

/// The members of an object.
struct Members<'s> {
    shape: &'s Shape,
    reading: Reading,
    max: usize,
    map: Map<String, Value>,
}

impl<'s> Members<'s> {
    fn new(shape: &'s Shape, reading: Reading, max: usize) -> Self {
        Self {
            shape,
            reading,
            max,
            map: Map::new(),
        }
    }

    fn insert(&mut self, name: Cow<'_, str>, text: Cow<'_, str>) -> Result<(), StyleFault> {
        if self.map.len() == self.max {
            return Err(StyleFault::TooMany);
        }
        let kinds = self.shape.member(&name);
        match self.map.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(kinds.read(text, self.reading));
                Ok(())
            }
            Entry::Occupied(_) => Err(StyleFault::Repeated),
        }
    }
}
