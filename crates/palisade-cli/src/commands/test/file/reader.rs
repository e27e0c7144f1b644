//! Walks the tree of a file, and collects what is wrong with it.

use std::path::{Path, PathBuf};

use palisade_config::{Error, Errors, Origin};

use super::super::source::{Member, Node, Value};

/// Reads members, and keeps every error with its line.
pub(super) struct Reader {
    /// The file, as it is shown.
    path: PathBuf,
    /// Where files that it names are.
    pub(super) folder: PathBuf,
    errors: Errors,
}

/// The members of a mapping, and the key it stands under.
pub(super) struct Mapping<'a> {
    pub(super) key: String,
    pub(super) line: u32,
    members: &'a [Member],
}

/// A member, and the key it stands under.
pub(super) struct Keyed<'a> {
    pub(super) key: String,
    pub(super) line: u32,
    pub(super) node: &'a Node,
}

impl<'a> Mapping<'a> {
    pub(super) fn find(&self, name: &str) -> Option<Keyed<'a>> {
        let member = self.members.iter().find(|member| member.name == name)?;
        Some(Keyed {
            key: self.key_of(name),
            line: member.line,
            node: &member.node,
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name)
    }

    pub(super) fn key_of(&self, name: &str) -> String {
        if self.key.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.key)
        }
    }
}

impl Keyed<'_> {
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.node.value, Value::Nothing)
    }
}

impl Reader {
    pub(super) fn new(path: PathBuf, folder: &Path) -> Self {
        Self {
            path,
            folder: folder.to_owned(),
            errors: Errors::new(),
        }
    }

    /// What was read, or everything that is wrong.
    pub(super) fn finish<T>(self, read: T) -> Result<T, Errors> {
        self.errors.into_result(read)
    }

    /// The members of a mapping, with an error for each whose name is not known.
    pub(super) fn mapping<'a>(&mut self, key: &str, node: &'a Node, known: &[&str]) -> Option<Mapping<'a>> {
        let Value::Map(members) = &node.value else {
            self.unexpected(key, node, &format!("a mapping with {}", known.join(", ")));
            return None;
        };
        let mapping = Mapping {
            key: key.to_owned(),
            line: node.line,
            members,
        };
        let unknown = members
            .iter()
            .filter(|member| !known.contains(&member.name.as_str()));
        for member in unknown {
            let error = self
                .new_error(
                    &mapping.key_of(&member.name),
                    member.line,
                    "nothing is known of this",
                )
                .nearest(&member.name, known.iter().copied());
            self.errors.push(error);
        }
        Some(mapping)
    }

    /// The mapping of that name, which must be there.
    pub(super) fn nested<'a>(
        &mut self,
        of: &Mapping<'a>,
        name: &str,
        known: &[&str],
        expected: &str,
    ) -> Option<Mapping<'a>> {
        let Some(member) = of.find(name) else {
            self.error(&of.key_of(name), of.line, format!("expected {expected}"));
            return None;
        };
        self.mapping(&member.key, member.node, known)
    }

    /// A text that means something.
    pub(super) fn parsed<T>(
        &mut self,
        member: Option<Keyed<'_>>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let member = member?;
        let parsed = parse(self.text(&member.key, member.node)?);
        parsed
            .map_err(|message| self.error(&member.key, member.line, message))
            .ok()
    }

    /// A text, whatever it says.
    pub(super) fn owned(&mut self, member: Option<Keyed<'_>>) -> Option<String> {
        self.parsed(member, |text| Ok(text.to_owned()))
    }

    pub(super) fn text<'a>(&mut self, key: &str, node: &'a Node) -> Option<&'a str> {
        if let Value::Text(text) = &node.value {
            return Some(text);
        }
        self.unexpected(key, node, "a text");
        None
    }

    /// A text, or a list of them.
    pub(super) fn texts(&mut self, key: &str, node: &Node) -> Vec<String> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let texts = items
            .iter()
            .filter_map(|item| self.text(key, item).map(str::to_owned));
        texts.collect()
    }

    pub(super) fn unexpected(&mut self, key: &str, node: &Node, what: &str) {
        let message = format!("expected {what}, found {}", node.value.kind());
        self.error(key, node.line, message);
    }

    pub(super) fn error(&mut self, key: &str, line: u32, message: impl Into<String>) {
        let error = self.new_error(key, line, message);
        self.errors.push(error);
    }

    fn new_error(&self, key: &str, line: u32, message: impl Into<String>) -> Error {
        Error::new(key, message).at(Origin::File {
            path: self.path.clone(),
            line,
        })
    }
}
