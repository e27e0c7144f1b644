//! How much JSON is accepted: [`JsonLimits`].

use palisade_core::BuildError;
use palisade_core::settings::ByteSize;

use crate::settings::{JsonSettings, Unknown};

/// The deepest nesting that may be configured: what reads the body afterwards, `serde_json`, goes no deeper.
const DEEPEST: usize = 127;

/// A body may have one value for each so many bytes of the largest body. Orders and the like have one for ten or twenty; one for two or
/// three is the mark of a body that is made to be costly, for a value takes dozens of bytes of memory.
const BYTES_PER_VALUE: usize = 4;

/// As many values as a body may have, however small the largest one is.
const FEW_VALUES: usize = 10_000;

/// How much JSON is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// How deep arrays and objects are nested; a text without any has depth 0.
    pub(super) depth: usize,
    /// Bytes of UTF-8 of a string or name once its escapes are undone.
    pub(super) string: usize,
    /// Elements of an array, members of an object.
    pub(super) items: usize,
    /// Values altogether: scalars, arrays and objects. Names are none.
    pub(super) values: usize,
    pub(super) duplicate_names: Unknown,
}

impl JsonLimits {
    /// How many elements an array, and how many members an object may have.
    pub(crate) fn max_items(&self) -> usize {
        self.items
    }

    /// Whether no name may stand twice in an object.
    pub(crate) fn names_are_unique(&self) -> bool {
        self.duplicate_names == Unknown::Reject
    }

    /// The limits of those settings, for bodies of at most `max_body`.
    ///
    /// There may be a value for each 4 bytes of `max_body`, and at least 10,000: 262,144 for 1 MiB.
    ///
    /// # Errors
    /// The settings that are out of range, by their key within the stage's.
    pub fn compile(settings: &JsonSettings, max_body: ByteSize) -> Result<Self, BuildError> {
        let &JsonSettings {
            max_depth,
            max_string,
            max_items,
            duplicate_keys,
        } = settings;
        let mut errors = BuildError::default();
        if !(1..=DEEPEST).contains(&max_depth) {
            errors.push("json.max-depth", format_args!("a number from 1 to {DEEPEST}"));
        }
        if max_string.get() == 0 {
            errors.push("json.max-string", "at least 1 byte");
        }
        if max_items == 0 {
            errors.push("json.max-items", "at least 1");
        }
        errors.or_ok(Self {
            depth: max_depth,
            string: max_string.as_usize(),
            items: max_items,
            values: FEW_VALUES.max(max_body.as_usize() / BYTES_PER_VALUE),
            duplicate_names: duplicate_keys,
        })
    }
}
