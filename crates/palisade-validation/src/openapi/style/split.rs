//! A text split where its delimiters stand, before anything is decoded.

/// What parts the pieces of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delimiter {
    Comma,
    /// As `+` or `%20`.
    Space,
    /// As `|` or `%7C`.
    Bar,
    Dot,
    Semicolon,
}

impl Delimiter {
    /// How long the delimiter is that a text begins with.
    fn length(self, text: &[u8]) -> Option<usize> {
        match (self, text) {
            (Self::Comma, [b',', ..])
            | (Self::Space, [b'+', ..])
            | (Self::Bar, [b'|', ..])
            | (Self::Dot, [b'.', ..])
            | (Self::Semicolon, [b';', ..]) => Some(1),
            (Self::Space, [b'%', b'2', b'0', ..]) | (Self::Bar, [b'%', b'7', b'C' | b'c', ..]) => Some(3),
            _ => None,
        }
    }

    /// The pieces of a text: one at least.
    pub(super) fn split(self, text: &str) -> impl Iterator<Item = &str> {
        let mut rest = Some(text);
        std::iter::from_fn(move || {
            let text = rest.take()?;
            let bytes = text.as_bytes();
            let found =
                (0..bytes.len()).find_map(|at| Some((at, self.length(bytes.get(at..).unwrap_or_default())?)));
            let Some((at, length)) = found else {
                return Some(text);
            };
            rest = text.get(at + length..);
            text.get(..at)
        })
    }
}
