//! The names in objects that are open: [`Names`].

use std::borrow::Cow;
use std::collections::HashSet;

use smallvec::SmallVec;

/// As many names as are compared one by one.
const FEW: usize = 32;

/// As many names of small objects as are kept without memory of the heap.
const INLINE: usize = 48;

/// As many objects as may be open without memory of the heap.
const SHALLOW: usize = 16;

/// The names in the objects that are open.
///
/// An object begins with its names in `few`, behind those of the objects around it. With one too many they move to a set of their own,
/// whose hash nobody can find collisions for.
#[derive(Default)]
pub(super) struct Names<'a> {
    /// Names of small objects, those of the innermost last.
    few: SmallVec<[Name<'a>; INLINE]>,
    /// The objects, the innermost last.
    objects: SmallVec<[Object<'a>; SHALLOW]>,
}

/// A name beside a number that few others have.
struct Name<'a> {
    mark: u64,
    text: Cow<'a, [u8]>,
}

/// The names of an object.
enum Object<'a> {
    /// They are in `few`, from there on.
    Small { from: usize },
    /// They are here.
    Large(HashSet<Cow<'a, [u8]>>),
}

impl<'a> Names<'a> {
    /// Begins an object within the innermost one.
    pub(super) fn open(&mut self) {
        self.objects.push(Object::Small { from: self.few.len() });
    }

    /// Ends the innermost object.
    pub(super) fn close(&mut self) {
        if let Some(Object::Small { from }) = self.objects.pop() {
            self.few.truncate(from);
        }
    }

    /// Adds a name to the innermost object; `false` if it is there already, or if no object is open.
    pub(super) fn insert(&mut self, text: Cow<'a, [u8]>) -> bool {
        let Some(object) = self.objects.last_mut() else {
            return false;
        };
        let from = match object {
            Object::Small { from } => *from,
            Object::Large(names) => return names.insert(text),
        };
        if self.few.len() - from >= FEW {
            let mut names: HashSet<_> = self.few.drain(from..).map(|name| name.text).collect();
            let is_new = names.insert(text);
            *object = Object::Large(names);
            return is_new;
        }
        let mark = mark(&text);
        let names = self.few.get(from..).unwrap_or_default();
        if names.iter().any(|name| name.mark == mark && name.text == text) {
            return false;
        }
        self.few.push(Name { mark, text });
        true
    }
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
