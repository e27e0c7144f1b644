//! Values by prefix, found at a cost that grows with the lengths of prefixes and not with their number.

use rustc_hash::FxHashMap;

/// Values by prefix.
#[derive(Debug)]
pub(crate) struct Prefixed<T> {
    /// Every length that a prefix has, in bytes.
    lengths: Vec<usize>,
    by_prefix: FxHashMap<Box<str>, T>,
}

impl<T> Default for Prefixed<T> {
    fn default() -> Self {
        Self {
            lengths: Vec::new(),
            by_prefix: FxHashMap::default(),
        }
    }
}

impl<T: Default> Prefixed<T> {
    /// The value of a prefix, made when it is new.
    pub(crate) fn entry(&mut self, prefix: &str) -> &mut T {
        if !self.lengths.contains(&prefix.len()) {
            self.lengths.push(prefix.len());
        }
        self.by_prefix.entry(prefix.into()).or_default()
    }
}

impl<T> Prefixed<T> {
    /// The values of all prefixes of a text, each with what of the text is behind it.
    pub(crate) fn of<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (&'a T, &'a str)> {
        self.lengths.iter().filter_map(|length| {
            let (prefix, rest) = text.split_at_checked(*length)?;
            Some((self.by_prefix.get(prefix)?, rest))
        })
    }
}
