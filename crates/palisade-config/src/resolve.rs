//! Placeholders and encrypted values.
//!
//! 1. `${name}` stands for the property of that name, else for the environment variable; `${name:default}` for the
//!    default when there is neither. Names and defaults may hold placeholders themselves.
//! 2. A circle of placeholders, one that is not closed, and one that names nothing are errors.
//! 3. A value that is wholly `ENC(...)` is decrypted, under the name of the property that holds it; what it decrypts to
//!    is taken as it is.
//! 4. A value that was decrypted, or holds a secret one, is secret.

use std::collections::HashMap;
use std::num::NonZeroU32;

use palisade_core::Secret;
use zeroize::Zeroizing;

use crate::blueriq::{Translated, translate};
use crate::encryption::{DEFAULT_ITERATIONS, Decryptor, is_encrypted};
use crate::key::Key;
use crate::layer::Scalar;
use crate::redact::{is_secret_key, is_secret_name};
use crate::tree::{Kind, Node};
use crate::{Error, Errors};

/// The deepest nesting of placeholders.
const DEPTH: usize = 32;
/// The longest text that placeholders may make.
const LENGTH: usize = 1 << 20;

pub(crate) const PASSWORD: &str = "palisade.properties.encryption.password";
pub(crate) const ITERATIONS: &str = "palisade.properties.encryption.iterations";

/// Properties that are no settings, by their flat names.
pub(crate) type Variables = HashMap<String, Scalar>;

/// A text on its way to its value.
#[derive(Clone)]
struct Resolved {
    text: Zeroizing<String>,
    secret: bool,
    /// Holds decrypted text: it is not decrypted again.
    decrypted: bool,
}

/// What went wrong, as an operator reads it.
type Problem = String;

/// Replaces placeholders and decrypts.
pub(crate) struct Resolver<'a> {
    root: &'a Node,
    variables: &'a Variables,
    environment: HashMap<&'a str, &'a str>,
    decryptor: Option<Decryptor>,
    known: HashMap<String, Result<Option<Resolved>, Problem>>,
    /// The names being resolved, outermost first.
    stack: Vec<String>,
    /// How many placeholders stand around the text being read.
    depth: usize,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(root: &'a Node, variables: &'a Variables, environment: &'a [(String, String)]) -> Self {
        let environment = environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Self {
            root,
            variables,
            environment,
            decryptor: None,
            known: HashMap::new(),
            stack: Vec::new(),
            depth: 0,
        }
    }

    /// Takes the password from `given`, else from its property.
    pub(crate) fn unlock(&mut self, given: Option<&Secret>, errors: &mut Errors) {
        let iterations = self.iterations();
        let password = match given {
            Some(password) => Some(password.clone()),
            None => match self.property(PASSWORD) {
                Ok(Some(password)) if is_encrypted(&password.text) => {
                    errors.push(self.error(PASSWORD, "expected a password that is not itself encrypted"));
                    None
                }
                Ok(Some(password)) if password.text.is_empty() => None,
                Ok(password) => password.map(|password| Secret::new(password.text.as_str())),
                // Reported with the tree.
                Err(_) => None,
            },
        };
        self.decryptor = password.map(|password| Decryptor::new(password).with_iterations(iterations));
        self.known.clear();
    }

    /// The configured iterations; what is wrong with them is reported with the other settings.
    fn iterations(&mut self) -> NonZeroU32 {
        let text = self.property(ITERATIONS).ok().flatten();
        text.and_then(|text| text.text.trim().parse().ok())
            .unwrap_or(DEFAULT_ITERATIONS)
    }

    fn error(&self, name: &str, message: &str) -> Error {
        let error = Error::new(name, message);
        let node = Key::parse(name).ok().and_then(|key| self.root.find(&key));
        match node {
            Some(node) => Error {
                key: node.written.clone().unwrap_or(error.key),
                ..error
            }
            .at(node.origin.clone()),
            None => error,
        }
    }

    /// A copy of the tree with every value resolved; what cannot be is reported and kept as it was written.
    pub(crate) fn tree(&mut self, key: &Key, node: &Node, errors: &mut Errors) -> Node {
        let mut secret = node.secret || (node.text().is_some() && is_secret_key(key));
        let mut fault = None;
        let kind = match &node.kind {
            Kind::List(items) => {
                let items = items.iter().enumerate();
                Kind::List(
                    items
                        .map(|(index, item)| self.tree(&key.index(index), item, errors))
                        .collect(),
                )
            }
            Kind::Table(children) => {
                let children = children.iter();
                let resolved =
                    children.map(|(name, child)| (name.clone(), self.tree(&key.name(name), child, errors)));
                Kind::Table(resolved.collect())
            }
            Kind::Text(text) => match self.leaf(&key.to_string(), text) {
                Ok(resolved) => {
                    secret |= resolved.secret;
                    Kind::Text(resolved.text)
                }
                Err(problem) => {
                    secret = true;
                    let name = node.written.clone().unwrap_or_else(|| key.to_string());
                    let error = Error::new(name, problem).at(node.origin.clone());
                    fault = Some(Box::new(error.clone()));
                    errors.push(error);
                    node.kind.clone()
                }
            },
            plain => plain.clone(),
        };
        Node {
            kind,
            origin: node.origin.clone(),
            written: node.written.clone(),
            secret,
            fault,
        }
    }

    fn leaf(&mut self, name: &str, text: &str) -> Result<Resolved, Problem> {
        self.stack.push(name.to_owned());
        let resolved = self.value(name, text);
        self.stack.pop();
        resolved
    }

    /// The value of a text that stands under `name`.
    fn value(&mut self, name: &str, text: &str) -> Result<Resolved, Problem> {
        if is_encrypted(text) {
            return self.decrypt(name, text);
        }
        let resolved = self.expand(text)?;
        if is_encrypted(&resolved.text) && !resolved.decrypted {
            return self.decrypt(name, &resolved.text);
        }
        Ok(resolved)
    }

    fn decrypt(&self, name: &str, text: &str) -> Result<Resolved, Problem> {
        let Some(decryptor) = &self.decryptor else {
            return Err(format!(
                "the value is encrypted, and there is no password: expected {PASSWORD}"
            ));
        };
        let plaintext = decryptor.decrypt(name, text).map_err(|error| error.to_string())?;
        Ok(Resolved {
            text: Zeroizing::new(plaintext.expose().to_owned()),
            secret: true,
            decrypted: true,
        })
    }

    fn expand(&mut self, text: &str) -> Result<Resolved, Problem> {
        let mut out = Resolved {
            text: Zeroizing::default(),
            secret: false,
            decrypted: false,
        };
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            out.text.push_str(before);
            let end = closing(behind).ok_or("expected a } for every ${")?;
            let (inside, next) = behind.split_at_checked(end).ok_or("expected a } for every ${")?;
            if self.depth >= DEPTH {
                return Err(format!("expected placeholders nested at most {DEPTH} deep"));
            }
            self.depth += 1;
            let replaced = self.placeholder(inside);
            self.depth -= 1;
            let replaced = replaced?;
            out.text.push_str(&replaced.text);
            out.secret |= replaced.secret;
            out.decrypted |= replaced.decrypted;
            if out.text.len() > LENGTH {
                return Err(format!(
                    "expected placeholders to make a text of at most {LENGTH} bytes"
                ));
            }
            rest = next.strip_prefix('}').unwrap_or(next);
        }
        out.text.push_str(rest);
        Ok(out)
    }

    fn placeholder(&mut self, inside: &str) -> Result<Resolved, Problem> {
        let (name, default) = match separator(inside).and_then(|at| inside.split_at_checked(at)) {
            Some((name, default)) => (name, default.strip_prefix(':')),
            None => (inside, None),
        };
        let name = self.expand(name)?;
        if name.secret {
            return Err("expected a placeholder whose name holds no secret".to_owned());
        }
        match (self.named(name.text.trim())?, default) {
            (Some(found), _) => Ok(found),
            (None, Some(default)) => self.expand(default),
            (None, None) => Err(format!(
                "expected a value for ${{{}}}: no property and no environment variable has that name",
                name.text.trim()
            )),
        }
    }

    /// The property, else the environment variable, of that name.
    fn named(&mut self, name: &str) -> Result<Option<Resolved>, Problem> {
        if let Some(start) = self.stack.iter().position(|outer| outer == name) {
            let circle: Vec<_> = self
                .stack
                .iter()
                .skip(start)
                .map(String::as_str)
                .chain([name])
                .collect();
            return Err(format!(
                "expected placeholders without a circle: {}",
                circle.join(" → ")
            ));
        }
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let found = match self.property(name) {
            Ok(None) => Ok(self.environment.get(name).map(|value| Resolved {
                text: Zeroizing::new((*value).to_owned()),
                secret: is_secret_name(name) || is_encrypted(value),
                decrypted: false,
            })),
            found => found,
        };
        // A problem may be that of the circle it was met on, which is another's.
        if found.is_ok() {
            self.known.insert(name.to_owned(), found.clone());
        }
        found
    }

    fn property(&mut self, name: &str) -> Result<Option<Resolved>, Problem> {
        let Some((name, text, secret)) = self.lookup(name) else {
            return Ok(None);
        };
        self.leaf(&name, &text).map(|resolved| {
            Some(Resolved {
                secret: resolved.secret || secret,
                ..resolved
            })
        })
    }

    /// The native name, unresolved text and secrecy of a property.
    fn lookup(&self, name: &str) -> Option<(String, Zeroizing<String>, bool)> {
        let native = Key::parse(name)
            .ok()
            .and_then(|key| match name.split(['.', '[']).next() {
                Some("palisade") => Some(key),
                Some("blueriq") => match translate(&key) {
                    Translated::Native(native) => Some(native),
                    Translated::Variable | Translated::Misspelt { .. } => None,
                },
                _ => None,
            });
        if let Some(key) = native
            && let Some(text) = self.root.find(&key).and_then(Node::text)
        {
            return Some((key.to_string(), text, is_secret_key(&key)));
        }
        let text = self.variables.get(name)?.as_text()?;
        Some((name.to_owned(), text, is_secret_name(name)))
    }
}

/// Where the placeholder ends whose inside starts here: at the brace that no other opens.
fn closing(inside: &str) -> Option<usize> {
    let mut open = 0usize;
    inside.char_indices().find_map(|(at, c)| {
        match c {
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
        None
    })
}

/// Where the default starts: at the first colon outside nested placeholders.
fn separator(inside: &str) -> Option<usize> {
    let mut open = 0usize;
    inside.char_indices().find_map(|(at, c)| {
        match c {
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            ':' if open == 0 => return Some(at),
            _ => {}
        }
        None
    })
}
