//! UTF-8, byte by byte.

use std::ops::RangeInclusive;

/// How far a character of UTF-8 has come (Unicode 17, table 3-7; RFC 3629 section 4).
#[derive(Debug, Clone)]
pub(super) struct Utf8 {
    /// How many bytes the character still needs.
    missing: u8,
    /// What the next of them may be.
    next: RangeInclusive<u8>,
}

const CONTINUATION: RangeInclusive<u8> = 0x80..=0xBF;

impl Default for Utf8 {
    fn default() -> Self {
        Self {
            missing: 0,
            next: CONTINUATION,
        }
    }
}

impl Utf8 {
    /// Takes the next byte; `None` where it cannot stand here.
    pub(super) fn push(&mut self, byte: u8) -> Option<()> {
        if self.missing > 0 {
            let fits = self.next.contains(&byte);
            self.missing -= 1;
            self.next = CONTINUATION;
            return fits.then_some(());
        }
        // Overlong forms, surrogates and what is above U+10FFFF show in the second byte.
        (self.missing, self.next) = match byte {
            0..=0x7F => (0, CONTINUATION),
            0xC2..=0xDF => (1, CONTINUATION),
            0xE0 => (2, 0xA0..=0xBF),
            0xED => (2, 0x80..=0x9F),
            0xE1..=0xEF => (2, CONTINUATION),
            0xF0 => (3, 0x90..=0xBF),
            0xF4 => (3, 0x80..=0x8F),
            0xF1..=0xF3 => (3, CONTINUATION),
            _ => return None,
        };
        Some(())
    }

    /// Whether no character is open.
    pub(super) fn is_complete(&self) -> bool {
        self.missing == 0
    }
}
