//! From value to value: [`Walk`].

use smallvec::SmallVec;

use super::Shape;
use super::build::Build;
use super::fault::{Expected, Unfit};
use super::limits::JsonLimits;
use super::names::Names;
use super::tree::Kind;
use super::{number, text};
use crate::settings::Unknown;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Indentation is skipped in steps of so much.
const SPACES: &[u8; 8] = b"        ";

/// As deep as a body may be nested without memory of the heap.
pub(super) const SHALLOW: usize = 32;

/// A way through one body.
pub(super) struct Walk<'a, 'l, B> {
    /// What is still to be read; after a fault it begins where that is.
    rest: &'a [u8],
    limits: &'l JsonLimits,
    /// The arrays and objects that are open, the innermost last.
    open: SmallVec<[Open; SHALLOW]>,
    /// The names in those objects, unless they may stand twice.
    names: Option<Names<'a>>,
    /// How many values were begun.
    values: usize,
    /// What becomes of them.
    build: B,
}

/// An array or object that is open.
struct Open {
    container: Container,
    items: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Array,
    Object,
}

/// What comes next.
#[derive(PartialEq, Eq)]
enum Next {
    /// A value.
    Value,
    /// What follows a value.
    AfterValue,
    /// The end of the text.
    End,
}

impl<'a, 'l, B: Build<'a>> Walk<'a, 'l, B> {
    pub(super) fn new(body: &'a [u8], limits: &'l JsonLimits, build: B) -> Self {
        Self {
            rest: body,
            limits,
            open: SmallVec::new(),
            names: match limits.duplicate_names {
                Unknown::Reject => Some(Names::default()),
                Unknown::Allow => None,
            },
            values: 0,
            build,
        }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn into_build(self) -> B {
        self.build
    }

    /// Reads the body to its end or to the first fault.
    pub(super) fn document(&mut self) -> Result<Shape, Unfit> {
        if self.rest.starts_with(BYTE_ORDER_MARK) {
            return Err(Unfit::ByteOrderMark);
        }
        self.skip_space();
        let shape = match self.rest.first() {
            None => return Err(Unfit::Empty),
            Some(b'{') => Shape::Object,
            Some(b'[') => Shape::Array,
            Some(_) => Shape::Scalar,
        };
        let mut next = Next::Value;
        loop {
            next = match next {
                Next::Value => self.value()?,
                Next::AfterValue => self.after_value()?,
                Next::End => break,
            };
        }
        self.skip_space();
        if self.rest.is_empty() {
            Ok(shape)
        } else {
            Err(Unfit::Not(Expected::End))
        }
    }

    /// Reads a scalar, or an array or object up to its first value.
    fn value(&mut self) -> Result<Next, Unfit> {
        let Some(first) = self.rest.first() else {
            return Err(Unfit::Truncated);
        };
        if self.values >= self.limits.values {
            return Err(Unfit::TooManyValues {
                limit: self.limits.values,
            });
        }
        self.values += 1;
        match first {
            b'"' => {
                let text = text::read(&mut self.rest, self.limits.string)?;
                self.build.string(text)?;
            }
            b'-' | b'0'..=b'9' => {
                let number = number::read(&mut self.rest)?;
                self.build.number(number)?;
            }
            b'{' => return self.open(Container::Object),
            b'[' => return self.open(Container::Array),
            b't' => self.literal(b"true", Kind::Bool(true))?,
            b'f' => self.literal(b"false", Kind::Bool(false))?,
            b'n' => self.literal(b"null", Kind::Null)?,
            _ => return Err(Unfit::Not(Expected::Value)),
        }
        Ok(Next::AfterValue)
    }

    fn literal(&mut self, literal: &[u8], kind: Kind<'a>) -> Result<(), Unfit> {
        self.rest = self
            .rest
            .strip_prefix(literal)
            .ok_or(Unfit::Not(Expected::Value))?;
        self.build.literal(kind);
        Ok(())
    }

    fn open(&mut self, container: Container) -> Result<Next, Unfit> {
        if self.open.len() >= self.limits.depth {
            return Err(Unfit::TooDeep {
                limit: self.limits.depth,
            });
        }
        self.open.push(Open { container, items: 0 });
        self.build.open();
        if let (Container::Object, Some(names)) = (container, &mut self.names) {
            names.open();
        }
        self.step();
        self.skip_space();
        if self.rest.first() == Some(&container.end()) {
            self.close(container);
            return Ok(Next::AfterValue);
        }
        self.begin_item()
    }

    fn close(&mut self, container: Container) {
        self.step();
        if let Some(Open { items, .. }) = self.open.pop() {
            self.build.close(container, items);
        }
        if let (Container::Object, Some(names)) = (container, &mut self.names) {
            names.close();
        }
    }

    /// Reads what stands between two values, or between the last one and the end.
    fn after_value(&mut self) -> Result<Next, Unfit> {
        while let Some(&Open { container, .. }) = self.open.last() {
            self.skip_space();
            match self.rest.first() {
                Some(b',') => {
                    self.step();
                    self.skip_space();
                    return self.begin_item();
                }
                Some(&other) if other == container.end() => self.close(container),
                Some(_) => return Err(Unfit::Not(container.expected())),
                None => return Err(Unfit::Truncated),
            }
        }
        Ok(Next::End)
    }

    /// Counts an element, or a member and reads up to its value.
    fn begin_item(&mut self) -> Result<Next, Unfit> {
        let Some(open) = self.open.last_mut() else {
            return Ok(Next::End);
        };
        if open.items >= self.limits.items {
            return Err(Unfit::TooManyItems {
                limit: self.limits.items,
            });
        }
        open.items += 1;
        if open.container == Container::Object {
            self.name()?;
        }
        Ok(Next::Value)
    }

    /// Reads the name of a member and what divides it from the value.
    fn name(&mut self) -> Result<(), Unfit> {
        let start = self.rest;
        match start.first() {
            Some(b'"') => {}
            Some(_) => return Err(Unfit::Not(Expected::Name)),
            None => return Err(Unfit::Truncated),
        }
        let name = text::read(&mut self.rest, self.limits.string)?;
        if let Some(names) = &mut self.names {
            names.insert(name).inspect_err(|_| self.rest = start)?;
        }
        self.build.name(name)?;
        self.skip_space();
        match self.rest.first() {
            Some(b':') => self.step(),
            Some(_) => return Err(Unfit::Not(Expected::Colon)),
            None => return Err(Unfit::Truncated),
        }
        self.skip_space();
        Ok(())
    }

    /// Goes one byte on.
    fn step(&mut self) {
        if let [_, rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
            while let Some((SPACES, rest)) = self.rest.split_first_chunk() {
                self.rest = rest;
            }
        }
    }
}

impl Container {
    /// The byte that ends it.
    fn end(self) -> u8 {
        match self {
            Self::Array => b']',
            Self::Object => b'}',
        }
    }

    /// What may follow one of its values.
    fn expected(self) -> Expected {
        match self {
            Self::Array => Expected::CommaOrBracket,
            Self::Object => Expected::CommaOrBrace,
        }
    }
}
