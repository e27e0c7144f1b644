//! The names in objects that are open: [`Names`].

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::fault::Unfit;
use super::text::Text;

/// As many names of an object as are compared one by one.
const FEW: usize = 32;

/// As many names as are kept without memory of the heap.
const INLINE: usize = 48;

/// As many objects as may be open without memory of the heap.
const SHALLOW: usize = 16;

/// The names in the objects that are open.
///
/// An object with many names has a table of them, by a hash with keys of its own: nobody can find names for it that collide.
#[derive(Default)]
pub(super) struct Names<'a> {
    /// Those of all objects, of the innermost last.
    all: SmallVec<[Name<'a>; INLINE]>,
    /// The objects, the innermost last.
    objects: SmallVec<[Object; SHALLOW]>,
    keys: RandomState,
    /// Room for a name whose escapes are undone.
    unescaped: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Name<'a> {
    /// Of a small object the mark, of a large one the hash of the name once its escapes are undone.
    number: u64,
    text: Text<'a>,
}

struct Object {
    /// Where its names begin.
    from: usize,
    /// Where each of its names is, once there are many.
    table: Option<HashTable<usize>>,
}

impl<'a> Names<'a> {
    /// Begins an object within the innermost one.
    pub(super) fn open(&mut self) {
        self.objects.push(Object {
            from: self.all.len(),
            table: None,
        });
    }

    /// Ends the innermost object.
    pub(super) fn close(&mut self) {
        if let Some(Object { from, .. }) = self.objects.pop() {
            self.all.truncate(from);
        }
    }

    /// Adds a name to the innermost object, unless it is there already.
    pub(super) fn insert(&mut self, text: Text<'a>) -> Result<(), Unfit> {
        let Self {
            all: names,
            objects,
            keys,
            unescaped,
        } = self;
        let Some(Object { from, table }) = objects.last_mut() else {
            return Err(Unfit::DuplicateName);
        };
        if table.is_none() && names.len() - *from >= FEW {
            *table = Some(table_of(names, *from, keys, unescaped)?);
        }
        let bytes = text.unescaped(unescaped)?;
        let (number, is_there) = if let Some(table) = table {
            let hash = keys.hash_one(bytes);
            let is_there = table.find(hash, |&at| is_at(names, at, hash, bytes)).is_some();
            if !is_there {
                table.insert_unique(hash, names.len(), |&at| number_at(names, at));
            }
            (hash, is_there)
        } else {
            let mark = mark(bytes);
            let innermost = names.get(*from..).unwrap_or_default();
            (mark, innermost.iter().any(|name| name.is(mark, bytes)))
        };
        if is_there {
            return Err(Unfit::DuplicateName);
        }
        names.push(Name { number, text });
        Ok(())
    }
}

impl Name<'_> {
    fn is(&self, number: u64, bytes: &[u8]) -> bool {
        self.number == number && self.text.is(bytes)
    }
}

/// The table of the names from there on, whose numbers become hashes.
fn table_of(
    names: &mut [Name<'_>],
    from: usize,
    keys: &RandomState,
    unescaped: &mut Vec<u8>,
) -> Result<HashTable<usize>, Unfit> {
    let mut table = HashTable::with_capacity(4 * FEW);
    for (at, name) in names.iter_mut().enumerate().skip(from) {
        name.number = keys.hash_one(name.text.unescaped(unescaped)?);
        // There is room for all of them: none is hashed anew.
        table.insert_unique(name.number, at, |_| 0);
    }
    Ok(table)
}

fn is_at(names: &[Name<'_>], at: usize, hash: u64, bytes: &[u8]) -> bool {
    names.get(at).is_some_and(|name| name.is(hash, bytes))
}

fn number_at(names: &[Name<'_>], at: usize) -> u64 {
    names.get(at).map_or(0, |name| name.number)
}

/// A number of the length, the beginning and the end of a name: the same for the same name, and mostly another for another.
fn mark(text: &[u8]) -> u64 {
    // An odd number without pattern, so that beginnings and ends do not cancel out.
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (beginning, end) = match (text.first_chunk(), text.last_chunk()) {
        (Some(beginning), Some(end)) => (u64::from_le_bytes(*beginning), u64::from_le_bytes(*end)),
        _ => match (text.first_chunk(), text.last_chunk(), text) {
            (Some(beginning), Some(end), _) => (
                u64::from(u32::from_le_bytes(*beginning)),
                u64::from(u32::from_le_bytes(*end)),
            ),
            (_, _, [first, .., last]) => (
                u64::from(*first),
                u64::from(*last) << 8 | text.get(1).map_or(0, |&second| u64::from(second)),
            ),
            (_, _, [only]) => (u64::from(*only), 0),
            _ => (0, 0),
        },
    };
    (beginning ^ text.len() as u64)
        .wrapping_mul(ODD)
        .wrapping_add(end)
}
