//! What is said of a document when everything that is reached has been seen.

use std::collections::{HashMap, HashSet};

use super::grammar::Kind;
use super::load::{Loader, MAX_ERRORS};
use super::node::Identity;
use super::{Document, rules};
use crate::schema::{SchemaError, SchemaErrors};

impl Loader {
    /// What remains to be said when everything has been seen.
    pub(super) fn finish(mut self) -> Result<Document, SchemaErrors> {
        self.document.asked.extend(self.folder.asked());
        self.document.asked.sort_unstable();
        self.document.asked.dedup();
        let circles = [&self.document.references, &self.document.schema_references].map(circles);
        for from in circles.into_iter().flatten() {
            self.document.references.remove(&from);
            self.document.schema_references.remove(&from);
            self.wrong_reference(from, "leads in a circle, from reference to reference");
        }
        let references = self.document.references.clone();
        for target in self.document.references.values_mut() {
            while let Some(next) = references.get(target) {
                *target = *next;
            }
        }
        self.document.schema_references.shrink_to_fit();
        let objects = std::mem::take(&mut self.objects);
        for (identity, kind) in &objects {
            if let Some(node) = self.document.node(*identity) {
                rules::check(node, *kind, self.document.version, &mut self.errors);
            }
        }
        let operations = objects.iter().filter(|(_, kind)| *kind == Kind::Operation);
        let operations = operations.filter_map(|(identity, _)| self.document.node(*identity));
        rules::operation_ids(operations, &mut self.errors);
        if self.errors.is_empty() {
            return Ok(self.document);
        }
        let place = |error: &SchemaError| error.position.map(|position| (position.line, position.column));
        self.errors.sort_by_key(place);
        self.errors
            .sort_by(|one, other| one.document.cmp(&other.document));
        self.errors.dedup();
        self.errors.truncate(MAX_ERRORS);
        Err(SchemaErrors {
            list: self.errors,
            files: self.document.asked,
        })
    }
}

/// The references that never come to an end.
fn circles(references: &HashMap<Identity, Identity>) -> Vec<Identity> {
    let mut ends: HashSet<Identity> = HashSet::new();
    let mut circles = HashSet::new();
    for from in references.keys() {
        let mut way = vec![*from];
        let mut at = *from;
        let is_circle = loop {
            let Some(next) = references.get(&at).filter(|next| !ends.contains(next)) else {
                break false;
            };
            if circles.contains(next) || way.contains(next) {
                break true;
            }
            way.push(*next);
            at = *next;
        };
        if is_circle {
            circles.extend(way);
        } else {
            ends.extend(way);
        }
    }
    let mut circles: Vec<Identity> = circles.into_iter().collect();
    circles.sort_unstable();
    circles
}
