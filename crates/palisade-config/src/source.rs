//! What the sources hold, before names are translated and layers merged.

pub(crate) mod environment;
pub(crate) mod files;
mod toml;

use crate::Origin;
use crate::key::{DEEPEST, Key, KeyError};
use crate::layer::Scalar;

/// A key and value as one source has them.
#[derive(Clone)]
pub(crate) struct Raw {
    /// The key in its flat spelling.
    pub(crate) text: String,
    /// The key in segments, where the source knows them.
    key: Option<Key>,
    pub(crate) scalar: Scalar,
    pub(crate) origin: Origin,
}

impl Raw {
    /// A key in flat spelling: properties and `--set`.
    pub(crate) fn flat(text: impl Into<String>, value: impl Into<String>, origin: Origin) -> Self {
        Self {
            text: text.into(),
            key: None,
            scalar: Scalar::text(value),
            origin,
        }
    }

    /// A key in segments: TOML and variables.
    pub(crate) fn keyed(key: Key, scalar: Scalar, origin: Origin) -> Self {
        Self {
            text: key.to_string(),
            key: Some(key),
            scalar,
            origin,
        }
    }

    pub(crate) fn key(&self) -> Result<Key, KeyError> {
        match &self.key {
            Some(key) if key.segments().len() > DEEPEST => Err(KeyError::Deep),
            Some(key) => Ok(key.clone()),
            None => Key::parse(&self.text),
        }
    }

    /// The first name of the key.
    pub(crate) fn root(&self) -> &str {
        self.text.split(['.', '[']).next().unwrap_or_default()
    }
}
