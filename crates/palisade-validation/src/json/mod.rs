//! JSON (RFC 8259) looked through once, before anything is built from it.
//!
//! 1. The body is one JSON text and nothing else, in UTF-8, without a byte order mark: RFC 8259 section 8.1 lets a reader ignore one,
//!    and readers differ.
//! 2. Escapes of strings and names are the ones of section 7, and halves of surrogate pairs stand together. No control characters.
//! 3. A number is one that readers can hold. One with a fraction or an exponent has a value that an IEEE 754 double can hold: it
//!    does not become infinite (RFC 7493 section 2.2), and none but zero becomes zero. One without is an integer that a 64-bit one can
//!    hold, signed or unsigned. None has more than 1,100 characters, which is more than any double has when it is written out
//!    whole, or an exponent beyond ±9,999, which readers that keep decimals would write out.
//! 4. No name stands twice in one object, once escapes are undone, unless that is allowed. Of readers some take the first, some the last.
//! 5. Nesting, strings and names, elements of an array, members of an object and values altogether are bounded ([`JsonLimits`]).
//! 6. Time is linear in the body, and reading ends at the first fault. Nothing recurses. What is kept is one entry for each array and
//!    object that is open, and for each name in those objects: 32 of an object are compared one by one, more are in a table whose
//!    hash is keyed.
//!
//! What passes is also what `serde_json` reads.
//!
//! What this does not protect against: numbers that a reader rounds, such as integers above 2^53 in JavaScript; names that differ
//! in the case of letters or in Unicode normalisation alone, which some readers take for the same; what a text means to who shows it.

mod build;
mod fault;
mod limits;
mod names;
mod number;
mod text;
mod tree;
mod walk;

#[cfg(test)]
mod tests;

use build::{Builder, Nothing};
use walk::Walk;

use crate::settings::Unknown;

pub use fault::{Expected, JsonFault, Unfit};
pub use limits::JsonLimits;
pub(crate) use tree::{Children, Kind, Node, Tree};

/// What a JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An object.
    Object,
    /// An array.
    Array,
    /// A string, a number, `true`, `false` or `null`.
    Scalar,
}

/// Looks through a body, from its beginning to its end or to the first fault.
///
/// # Errors
/// What is wrong, and where.
pub fn check(body: &[u8], limits: &JsonLimits) -> Result<Shape, JsonFault> {
    let mut walk = Walk::new(body, limits, Nothing);
    walk.document()
        .map_err(|unfit| JsonFault::before(body, walk.rest(), unfit))
}

/// Looks through a body as [`check`] does, and makes a tree of it on the way. No name stands twice, whatever the limits allow.
pub(crate) fn read<'a>(body: &'a [u8], limits: &JsonLimits) -> Result<Tree<'a>, JsonFault> {
    let limits = JsonLimits {
        duplicate_names: Unknown::Reject,
        ..*limits
    };
    let mut walk = Walk::new(body, &limits, Builder::for_bytes(body.len()));
    match walk.document() {
        Ok(_) => Ok(walk.into_build().into_tree()),
        Err(unfit) => Err(JsonFault::before(body, walk.rest(), unfit)),
    }
}

/// Whether a text is a number as JSON writes it, and one that readers can hold.
pub(crate) fn is_number(text: &str) -> bool {
    let mut rest = text.as_bytes();
    number::read(&mut rest).is_ok() && rest.is_empty()
}
