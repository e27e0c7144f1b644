//! Strings and names (RFC 8259 section 7): [`read`].

use std::borrow::Cow;

use super::fault::Unfit;

/// One in each byte of a word.
const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// The highest bit of each byte of a word.
const HIGH: u64 = ONES << 7;

/// A string or name that is as it should be.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    /// What stands between its quotes.
    raw: &'a [u8],
    /// How many bytes its escapes are longer than what they stand for: none without escapes, for each is longer.
    surplus: usize,
}

impl<'a> Text<'a> {
    /// The text once its escapes are undone, in UTF-8: as it stands, or else written to `room`.
    pub(super) fn unescaped<'r>(self, room: &'r mut Vec<u8>) -> Result<&'r [u8], Unfit>
    where
        'a: 'r,
    {
        if self.surplus == 0 {
            return Ok(self.raw);
        }
        room.clear();
        let mut rest = self.raw;
        while let Some((plain, escaped)) = split_at_escape(rest) {
            room.extend_from_slice(plain);
            rest = escaped;
            let character = escape(&mut rest)?;
            room.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        room.extend_from_slice(rest);
        Ok(room)
    }

    /// The text once its escapes are undone, as it stands where there are none.
    pub(super) fn decoded(self) -> Result<Cow<'a, str>, Unfit> {
        if self.surplus == 0 {
            return str::from_utf8(self.raw)
                .map(Cow::Borrowed)
                .map_err(|_| Unfit::NotUtf8);
        }
        let mut room = Vec::with_capacity(self.raw.len() - self.surplus);
        self.unescaped(&mut room)?;
        String::from_utf8(room)
            .map(Cow::Owned)
            .map_err(|_| Unfit::NotUtf8)
    }

    /// Whether it is that text, once its escapes are undone.
    pub(super) fn is(self, text: &[u8]) -> bool {
        if self.surplus == 0 {
            self.raw == text
        } else {
            self.is_escaped(text) == Some(true)
        }
    }

    /// `None` where it differs from that text.
    fn is_escaped(self, mut text: &[u8]) -> Option<bool> {
        let mut rest = self.raw;
        while let Some((plain, escaped)) = split_at_escape(rest) {
            rest = escaped;
            let character = escape(&mut rest).ok()?;
            text = text
                .strip_prefix(plain)?
                .strip_prefix(character.encode_utf8(&mut [0; 4]).as_bytes())?;
        }
        Some(rest == text)
    }
}

fn split_at_escape(text: &[u8]) -> Option<(&[u8], &[u8])> {
    text.split_at_checked(memchr::memchr(b'\\', text)?)
}

/// Reads a string, at whose first quote `rest` begins. It has at most so many bytes once its escapes are undone.
///
/// After a fault `rest` begins where that is.
pub(super) fn read<'a>(rest: &mut &'a [u8], most: usize) -> Result<Text<'a>, Unfit> {
    let start = *rest;
    let [_, text @ ..] = start else {
        return Err(Unfit::Truncated);
    };
    *rest = text;
    let mut is_ascii = true;
    let mut surplus = 0;
    loop {
        let run = plain(rest);
        is_ascii &= run.is_ascii;
        *rest = rest.get(run.length..).unwrap_or_default();
        match rest.first() {
            Some(b'"') => break,
            Some(b'\\') => {
                let before = rest.len();
                let character = escape(rest)?;
                surplus += before - rest.len() - character.len_utf8();
            }
            Some(_) => return Err(Unfit::ControlCharacter),
            None => return Err(Unfit::Truncated),
        }
    }
    let (raw, end) = text
        .split_at_checked(text.len() - rest.len())
        .unwrap_or((text, &[]));
    if !is_ascii && let Err(error) = std::str::from_utf8(raw) {
        *rest = text.get(error.valid_up_to()..).unwrap_or_default();
        return Err(Unfit::NotUtf8);
    }
    if raw.len() - surplus > most {
        *rest = start;
        return Err(Unfit::StringTooLong { limit: most });
    }
    *rest = end.get(1..).unwrap_or_default();
    Ok(Text { raw, surplus })
}

/// Bytes that stand for themselves.
struct Run {
    length: usize,
    is_ascii: bool,
}

/// How many bytes there are before the first quote, backslash or control character.
fn plain(bytes: &[u8]) -> Run {
    let mut rest = bytes;
    let mut seen = 0;
    while let Some((word, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        let special = special(word);
        if special != 0 {
            seen |= word & below_lowest(special);
            return Run {
                length: bytes.len() - rest.len() + special.trailing_zeros() as usize / 8,
                is_ascii: seen & HIGH == 0,
            };
        }
        seen |= word;
        rest = after;
    }
    let tail = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | ..=0x1f))
        .and_then(|at| rest.get(..at))
        .unwrap_or(rest);
    Run {
        length: bytes.len() - rest.len() + tail.len(),
        is_ascii: seen & HIGH == 0 && tail.is_ascii(),
    }
}

/// The lowest bit that is set is the highest of the first byte that is a quote, backslash or control character; bits above it mean
/// nothing.
fn special(word: u64) -> u64 {
    let below = |limit: u8, word: u64| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let quote = below(1, word ^ (ONES * u64::from(b'"')));
    let backslash = below(1, word ^ (ONES * u64::from(b'\\')));
    let control = below(0x20, word);
    (quote | backslash | control) & HIGH
}

/// The bits below the lowest one that is set.
fn below_lowest(bits: u64) -> u64 {
    bits.wrapping_sub(1) & !bits
}

/// Reads an escape, at whose backslash `rest` begins. After a fault `rest` is as it was.
fn escape(rest: &mut &[u8]) -> Result<char, Unfit> {
    let [b'\\', kind, after @ ..] = *rest else {
        return Err(Unfit::Truncated);
    };
    let character = match kind {
        b'"' | b'\\' | b'/' => char::from(*kind),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return code_point(rest),
        _ => return Err(Unfit::Escape),
    };
    *rest = after;
    Ok(character)
}

/// Reads `\uXXXX`, or two of them that are a surrogate pair.
fn code_point(rest: &mut &[u8]) -> Result<char, Unfit> {
    let (unit, after) = code_unit(rest).ok_or(Unfit::Escape)?;
    if let Some(character) = char::from_u32(u32::from(unit)) {
        *rest = after;
        return Ok(character);
    }
    let (low, after) = code_unit(after).ok_or(Unfit::LoneSurrogate)?;
    match char::decode_utf16([unit, low]).next() {
        Some(Ok(character)) => {
            *rest = after;
            Ok(character)
        }
        Some(Err(_)) | None => Err(Unfit::LoneSurrogate),
    }
}

fn code_unit(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let [b'\\', b'u', a, b, c, d, after @ ..] = bytes else {
        return None;
    };
    [a, b, c, d]
        .into_iter()
        .try_fold(0, |unit, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some(unit << 4 | u16::try_from(digit).ok()?)
        })
        .map(|unit| (unit, after))
}
