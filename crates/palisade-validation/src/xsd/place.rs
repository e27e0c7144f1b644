//! Where in a body something is, in names of the schema.

use std::fmt::Write as _;

use roxmltree::Node;
use xsd_schema::validation::{InstancePath, PathStep, ValidationError};

use super::known::Known;
use crate::schema::Violation;

/// A place in a body.
pub(super) struct Place {
    /// Such as `/order/lines[2]/@unit`. It ends above the first name that does not stand in the schema: such names are the peer's text.
    pointer: String,
    /// What lies below that.
    within: Option<&'static str>,
}

impl Place {
    /// Where an element is; `root` is where paths begin.
    pub(super) fn of(element: Node<'_, '_>, root: Node<'_, '_>, known: &Known) -> Self {
        let above = root.ancestors().nth(1);
        let is_within = |node: &Node<'_, '_>| Some(*node) != above;
        let mut nodes: Vec<Node<'_, '_>> = element.ancestors().take_while(is_within).collect();
        nodes.reverse();
        let mut place = Self {
            pointer: String::new(),
            within: None,
        };
        for node in nodes {
            let name = node.tag_name().name();
            if !known.is_name(name) {
                place.within = Some(if place.pointer.is_empty() {
                    "the element"
                } else {
                    "an element in it that is not known"
                });
                break;
            }
            place.step(node, name);
        }
        place
    }

    /// Where the validator says that something is.
    pub(super) fn find(error: &ValidationError, root: Node<'_, '_>, known: &Known) -> Self {
        let mut element = root;
        let mut attribute = None;
        let steps = error.instance_path().into_iter().flat_map(InstancePath::steps);
        for (depth, step) in steps.enumerate() {
            let name = step.name();
            match step {
                PathStep::Attribute { .. } => attribute = Some(name.local_name().to_owned()),
                PathStep::Element { position, .. } if depth > 0 => {
                    let is_it = |node: &Node<'_, '_>| {
                        node.is_element()
                            && node.tag_name().name() == name.local_name()
                            && node.tag_name().namespace() == name.namespace()
                    };
                    let nth = position.saturating_sub(1);
                    match element.children().filter(is_it).nth(nth) {
                        Some(child) => element = child,
                        None => break,
                    }
                }
                _ => (),
            }
        }
        let mut place = Self::of(element, root, known);
        match attribute {
            Some(name) if place.within.is_none() && known.is_name(&name) => {
                let _ = write!(place.pointer, "/@{name}");
            }
            Some(_) if place.within.is_none() => place.within = Some("an attribute of it that is not known"),
            _ => (),
        }
        place
    }

    fn step(&mut self, node: Node<'_, '_>, name: &str) {
        let _ = write!(self.pointer, "/{name}");
        let alike = |other: &Node<'_, '_>| other.is_element() && other.tag_name() == node.tag_name();
        let is_root = self.pointer.len() == name.len() + 1;
        let mut before = node.prev_siblings().skip(1).filter(alike);
        let first = before.next();
        let is_alone = first.is_none() && !node.next_siblings().skip(1).any(|other| alike(&other));
        if !is_root && !is_alone {
            let position = first.map_or(1, |_| before.count() + 2);
            let _ = write!(self.pointer, "[{position}]");
        }
    }

    pub(super) fn violation(self, keyword: &str, message: &str) -> Violation {
        Violation {
            pointer: self.pointer,
            keyword: keyword.to_owned().into(),
            message: match self.within {
                Some(within) => format!("{within}: {message}"),
                None => message.to_owned(),
            },
        }
    }
}
