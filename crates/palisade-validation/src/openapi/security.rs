//! What a document says of credentials: for findings, and so that they are no unknown parameters.

use std::collections::BTreeSet;

use super::document::Node;
use super::entries;

/// The security of a document.
#[derive(Debug)]
pub(super) struct Security<'d> {
    schemes: Option<Node<'d>>,
    /// What operations demand that say nothing of their own.
    common: Option<Node<'d>>,
}

impl<'d> Security<'d> {
    pub(super) fn of(root: Node<'d>) -> Self {
        Self {
            schemes: root
                .get("components")
                .and_then(|components| components.get("securitySchemes")),
            common: root.get("security"),
        }
    }

    /// The parameters of the query that are API keys.
    pub(super) fn in_query(&self) -> Vec<Box<str>> {
        let keys = entries(self.schemes).filter_map(|(_, scheme)| {
            let text = |member| scheme.get(member).and_then(Node::str);
            let is_key = text("type") == Some("apiKey") && text("in") == Some("query");
            text("name").filter(|_| is_key)
        });
        let keys: BTreeSet<&str> = keys.collect();
        keys.into_iter().map(Box::from).collect()
    }

    /// Whether an operation demands credentials: one of its alternatives that is empty makes them optional (OpenAPI 3.1 section 4.8.30).
    pub(super) fn is_demanded_by(&self, operation: Node<'d>) -> bool {
        let demanded = operation.get("security").or(self.common);
        let mut alternatives = demanded.into_iter().flat_map(Node::items).peekable();
        alternatives.peek().is_some()
            && alternatives.all(|alternative| alternative.raw_members().next().is_some())
    }
}
