//! Which value a name in a query or form belongs to: [`Names`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Layout;

/// The names that values take, each told by its number.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: HashMap<Box<str>, (usize, Role)>,
    /// Who takes the names that nobody knows.
    others: Option<usize>,
}

/// What a name is to the value that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Its own.
    Own,
    /// That of a member of an exploded object.
    Member,
    /// What stands before the member of a `deepObject`.
    Deep,
}

/// What a name belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<'n> {
    /// To that value; what is given is the name of the member, empty where it is the name of the value.
    By(usize, Cow<'n, str>),
    /// To that value, but it is not a name that it takes.
    Malformed(usize),
    /// To the value that takes what nobody knows.
    Other(usize, Cow<'n, str>),
    /// To none.
    ByNone(Cow<'n, str>),
}

/// A name would belong to two values. The sentence goes on after the name of the second.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Clash {
    #[error("takes the name `{0}`, which another parameter takes too")]
    Name(Box<str>),
    #[error("takes all names that are not known, which another parameter does too")]
    Others,
}

impl Names {
    /// Adds a value with what it takes.
    pub(crate) fn add(&mut self, index: usize, name: &str, layout: Option<&Layout>) -> Result<(), Clash> {
        match layout {
            Some(layout) if layout.spreads() => {
                for (member, _) in layout.shape().members() {
                    self.insert(member, index, Role::Member)?;
                }
                if layout.shape().is_open() && self.others.replace(index).is_some() {
                    return Err(Clash::Others);
                }
                Ok(())
            }
            Some(layout) if layout.is_deep() => self.insert(name, index, Role::Deep),
            _ => self.insert(name, index, Role::Own),
        }
    }

    fn insert(&mut self, name: &str, index: usize, role: Role) -> Result<(), Clash> {
        match self.known.entry(name.into()) {
            Entry::Vacant(entry) => {
                entry.insert((index, role));
                Ok(())
            }
            Entry::Occupied(_) => Err(Clash::Name(name.into())),
        }
    }

    /// What a name belongs to, once it is decoded.
    pub(crate) fn find<'n>(&self, name: Cow<'n, str>) -> Taken<'n> {
        match self.known.get(&*name) {
            Some((index, Role::Own)) => return Taken::By(*index, Cow::Borrowed("")),
            Some((index, Role::Member)) => return Taken::By(*index, name),
            Some((index, Role::Deep)) => return Taken::Malformed(*index),
            None => {}
        }
        let Some((index, member)) = self.deep(&name) else {
            return match self.others {
                Some(index) => Taken::Other(index, name),
                None => Taken::ByNone(name),
            };
        };
        let member = member.and_then(|member| match &name {
            Cow::Borrowed(name) => name.get(member).map(Cow::Borrowed),
            Cow::Owned(name) => name.get(member).map(|member| Cow::Owned(member.to_owned())),
        });
        member.map_or(Taken::Malformed(index), |member| Taken::By(index, member))
    }

    /// The value before the bracket, and where the name of its member stands, if it is one.
    fn deep(&self, name: &str) -> Option<(usize, Option<std::ops::Range<usize>>)> {
        let bracket = name.find('[')?;
        let (index, role) = self.known.get(name.get(..bracket)?)?;
        if *role != Role::Deep {
            return None;
        }
        let member = name.get(bracket + 1..)?.strip_suffix(']');
        let member = member.filter(|member| !member.is_empty() && !member.contains(['[', ']']));
        Some((
            *index,
            member.map(|member| bracket + 1..bracket + 1 + member.len()),
        ))
    }
}
