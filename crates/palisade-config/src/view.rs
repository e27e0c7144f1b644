//! Looking at a part of a configuration.

use serde::de::DeserializeOwned;

use crate::key::{Key, Segment};
use crate::tree::Kind;
use crate::{Config, Errors, typed};

impl Config {
    /// The key of `name` below `prefix`, in brackets where the name itself holds a dot.
    pub fn child_key(&self, prefix: &str, name: &str) -> String {
        match Key::parse(prefix) {
            Ok(key) => key.child(Segment::Name(name.to_owned())).to_string(),
            Err(_) => format!("{prefix}.{name}"),
        }
    }

    /// Like [`get`](Self::get), but as if only these names stood below `key`; nothing when none of them does.
    pub fn get_some<T: DeserializeOwned>(&self, key: &str, names: &[&str]) -> Result<Option<T>, Errors> {
        let Some(mut root) = self.node(key).is_some().then(|| self.root.clone()) else {
            return Ok(None);
        };
        let key = Key::parse(key).map_err(|error| Errors::from(crate::Error::new(key, error.to_string())))?;
        let mut node = Some(&mut root);
        for name in key.names() {
            node = node.and_then(|node| node.child_mut(name));
        }
        if let Some(Kind::Table(children)) = node.map(|node| &mut node.kind) {
            children.retain(|(name, _)| names.contains(&name.as_str()));
            if children.is_empty() {
                return Ok(None);
            }
        }
        typed::read(&root, &key)
    }
}
