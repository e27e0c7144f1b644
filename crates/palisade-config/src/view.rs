//! Looking at a part of a configuration.

use palisade_core::Secret;
use serde::de::DeserializeOwned;

use crate::key::{Key, Segment};
use crate::{Config, Error, Errors, typed};

impl Config {
    /// The key of `name` below `prefix`, in brackets where the name itself holds a dot.
    pub fn child_key(&self, prefix: &str, name: &str) -> String {
        match Key::parse(prefix) {
            Ok(key) => key.child(Segment::Name(name.to_owned())).to_string(),
            Err(_) => format!("{prefix}.{name}"),
        }
    }

    /// The keys of settings whose value is this very secret.
    pub fn keys_of_secret(&self, secret: &Secret) -> Vec<String> {
        let mut keys = Vec::new();
        self.root.leaves(&Key::default(), &mut |key, node| {
            let text = node.text().filter(|_| node.secret);
            if text.is_some_and(|text| Secret::new(text.as_str()) == *secret) {
                keys.push(key.to_string());
            }
        });
        keys
    }

    /// Like [`get`](Self::get), but as if only these names stood below `key`; nothing when none of them does.
    pub fn get_some<T: DeserializeOwned>(&self, key: &str, names: &[&str]) -> Result<Option<T>, Errors> {
        let parsed = Key::parse(key).map_err(|error| Errors::from(Error::new(key, error.to_string())))?;
        typed::read_some(&self.root, &parsed, names)
    }
}
