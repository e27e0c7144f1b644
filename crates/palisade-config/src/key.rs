//! Keys: names separated by dots, `[0]` for an element of a list, `[a.b]` for a name that itself holds a dot.

use std::fmt;

/// One step of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Segment {
    Name(String),
    Index(usize),
}

/// A whole key, in its one canonical spelling when shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(Vec<Segment>);

/// The most names and indices of a key; trees are walked by recursion.
pub(crate) const DEEPEST: usize = 64;

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("expected a name between the dots of the key")]
    Empty,
    #[error("expected a `]` for every `[` of the key, and a dot or `[` behind it")]
    Bracket,
    #[error("expected a smaller index")]
    Index,
    #[error("expected a key of at most {DEEPEST} names and indices")]
    Deep,
}

impl Key {
    pub(crate) fn parse(text: &str) -> Result<Self, KeyError> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            if let Some(inner) = rest.strip_prefix('[') {
                let (inside, behind) = inner.split_once(']').ok_or(KeyError::Bracket)?;
                segments.push(Segment::bracketed(inside)?);
                rest = behind;
            } else {
                let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
                let (name, behind) = rest.split_at_checked(end).ok_or(KeyError::Empty)?;
                if name.is_empty() {
                    return Err(KeyError::Empty);
                }
                segments.push(Segment::Name(name.to_owned()));
                rest = behind;
            }
            if segments.len() > DEEPEST {
                return Err(KeyError::Deep);
            }
            if rest.is_empty() {
                return Ok(Self(segments));
            }
            match rest.strip_prefix('.') {
                Some(behind) => rest = behind,
                None if rest.starts_with('[') => {}
                None => return Err(KeyError::Bracket),
            }
        }
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.0
    }

    pub(crate) fn last(&self) -> Option<&Segment> {
        self.0.last()
    }

    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, parents) = self.0.split_last()?;
        Some(Self(parents.to_vec()))
    }

    pub(crate) fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    pub(crate) fn child(&self, segment: Segment) -> Self {
        let mut child = self.clone();
        child.push(segment);
        child
    }

    pub(crate) fn name(&self, name: &str) -> Self {
        self.child(Segment::Name(name.to_owned()))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        self.child(Segment::Index(index))
    }

    /// The names of the key, without its indices.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(Segment::as_name)
    }

    /// What stands behind `prefix`, when the key is below it or equal to it.
    pub(crate) fn below(&self, prefix: &Self) -> Option<&[Segment]> {
        self.0.strip_prefix(prefix.0.as_slice())
    }
}

impl Segment {
    fn bracketed(inside: &str) -> Result<Self, KeyError> {
        if inside.is_empty() || inside.contains('[') {
            return Err(if inside.is_empty() {
                KeyError::Empty
            } else {
                KeyError::Bracket
            });
        }
        if inside.bytes().all(|byte| byte.is_ascii_digit()) {
            return inside.parse().map(Self::Index).map_err(|_| KeyError::Index);
        }
        Ok(Self::Name(inside.to_owned()))
    }

    pub(crate) fn as_name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Index(_) => None,
        }
    }
}

impl FromIterator<Segment> for Key {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        Self(segments.into_iter().collect())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Name(name) if name.contains(['.', '[', ']']) => write!(f, "[{name}]")?,
                Segment::Name(name) if position == 0 => f.write_str(name)?,
                Segment::Name(name) => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a.b-c", "a.b-c")]
    #[case("a[0].x", "a[0].x")]
    #[case("a[0][1]", "a[0][1]")]
    #[case("a[07]", "a[7]")]
    #[case("sni[api.example.com].key-alias", "sni[api.example.com].key-alias")]
    #[case("sni.[api.example.com].key-alias", "sni[api.example.com].key-alias")]
    #[case("a[plain].b", "a.plain.b")]
    fn a_key_has_one_canonical_spelling(#[case] written: &str, #[case] canonical: &str) {
        let key = Key::parse(written).unwrap();
        assert_eq!(key.to_string(), canonical);
        assert_eq!(Key::parse(canonical).unwrap(), key);
    }

    #[rstest]
    #[case("", KeyError::Empty)]
    #[case("a..b", KeyError::Empty)]
    #[case(".a", KeyError::Empty)]
    #[case("a.", KeyError::Empty)]
    #[case("a[]", KeyError::Empty)]
    #[case("a[0", KeyError::Bracket)]
    #[case("a]0", KeyError::Bracket)]
    #[case("a[0]b", KeyError::Bracket)]
    #[case("a[[0]]", KeyError::Bracket)]
    #[case("a[99999999999999999999999]", KeyError::Index)]
    fn a_malformed_key_is_refused(#[case] written: &str, #[case] error: KeyError) {
        assert_eq!(Key::parse(written), Err(error));
    }
}
