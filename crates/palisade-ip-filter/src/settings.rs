//! What operators write.

use std::fmt;
use std::path::PathBuf;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// Settings of the stage `ip-filter`. At least one of them must be given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IpFilterSettings {
    /// The addresses, prefixes and ranges that are admitted; all others are refused. Given but empty, it admits nobody.
    pub allow: Option<Elements>,
    /// The addresses, prefixes and ranges that are refused, allowed or not.
    pub deny: Option<Elements>,
    /// A file with more elements for `allow`, one a line; `#` starts a comment.
    pub allow_file: Option<PathBuf>,
    /// A file with more elements for `deny`, one a line; `#` starts a comment.
    pub deny_file: Option<PathBuf>,
}

/// A list of elements: a list of texts, or one text with commas.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Elements(pub Vec<String>);

impl Elements {
    /// The elements of a text with commas; a blank text has none.
    fn split(text: &str) -> Self {
        if text.trim().is_empty() {
            return Self::default();
        }
        Self(text.split(',').map(|element| element.trim().to_owned()).collect())
    }
}

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ElementsVisitor;

        impl<'de> Visitor<'de> for ElementsVisitor {
            type Value = Elements;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of addresses, prefixes and ranges")
            }

            fn visit_str<E>(self, text: &str) -> Result<Elements, E> {
                Ok(Elements::split(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Elements, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = items.next_element()? {
                    elements.push(element);
                }
                Ok(Elements(elements))
            }
        }

        deserializer.deserialize_any(ElementsVisitor)
    }
}
