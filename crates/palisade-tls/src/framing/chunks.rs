//! The chunked coding (RFC 9112 section 7.1), followed to its end.

use super::skip;

/// The place in a chunked body.
///
/// Lines end where the library ends them, at CR and LF: an LF alone in a trailer is part of its line. What the library refuses
/// may be followed anyhow, since it ends the connection.
#[derive(Debug)]
pub(super) enum Chunks {
    /// In the digits of a size.
    Size(u64),
    /// In what follows them on their line.
    Extension(u64),
    /// Before the LF of that line.
    SizeLf(u64),
    /// In a chunk of which so many bytes are to come, with its CR and LF.
    Data(u64),
    /// At the start of a line of trailers.
    TrailerStart,
    Trailer,
    TrailerLf,
    /// Before the last LF.
    EndLf,
    End,
}

impl Default for Chunks {
    fn default() -> Self {
        Self::Size(0)
    }
}

impl Chunks {
    pub(super) fn is_at_end(&self) -> bool {
        matches!(self, Self::End)
    }

    /// Follows the body; returns what comes after its end.
    pub(super) fn follow<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while !self.is_at_end() {
            if let Self::Data(rest) = self {
                bytes = skip(bytes, rest);
                if *rest > 0 {
                    break;
                }
                *self = Self::Size(0);
            }
            let Some((byte, rest)) = bytes.split_first() else {
                break;
            };
            self.step(*byte);
            bytes = rest;
        }
        bytes
    }

    fn step(&mut self, byte: u8) {
        *self = match (&*self, byte) {
            (Self::Size(size) | Self::Extension(size), b'\r') => Self::SizeLf(*size),
            (Self::Size(size), byte) => match char::from(byte).to_digit(16) {
                Some(digit) => Self::Size(size.saturating_mul(16).saturating_add(digit.into())),
                None => Self::Extension(*size),
            },
            (Self::Extension(size), _) => Self::Extension(*size),
            (Self::SizeLf(0) | Self::TrailerLf, _) => Self::TrailerStart,
            (Self::SizeLf(size), _) => Self::Data(size.saturating_add(2)),
            (Self::TrailerStart, b'\r') => Self::EndLf,
            (Self::Trailer, b'\r') => Self::TrailerLf,
            (Self::TrailerStart | Self::Trailer, _) => Self::Trailer,
            (Self::Data(rest), _) => Self::Data(*rest),
            (Self::EndLf | Self::End, _) => Self::End,
        };
    }
}
