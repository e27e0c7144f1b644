//! An element of a body, told to the validator piece by piece.

use std::cell::RefCell;
use std::rc::Rc;

use roxmltree::{Children, Node};
use xsd_schema::SchemaSet;
use xsd_schema::namespace::context::NamespaceContextSnapshot;
use xsd_schema::validation::{
    SchemaValidator, SchemaValidity, ValidationError, ValidationRuntime, ValidationSink, ValidationWarning,
};

use super::known::Known;
use super::place::Place;
use super::wording;
use crate::schema::{MAX_VIOLATIONS, Violation, Violations};

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// What an attribute of that namespace may be (XML Schema part 1 section 2.6).
const XSI_NAMES: [&str; 4] = ["type", "nil", "schemaLocation", "noNamespaceSchemaLocation"];

/// What the validator found that is not told yet.
#[derive(Clone, Default)]
struct Found(Rc<RefCell<Vec<ValidationError>>>);

impl Found {
    fn take(&self) -> Vec<ValidationError> {
        std::mem::take(&mut *self.0.borrow_mut())
    }
}

impl ValidationSink for Found {
    fn on_error(&mut self, error: ValidationError) {
        self.0.borrow_mut().push(error);
    }

    fn on_warning(&mut self, _: ValidationWarning) {}
}

/// What is said where it cannot be said what is wrong.
pub(super) fn unknown() -> Violations {
    Violations {
        list: vec![Violation {
            pointer: String::new(),
            keyword: "schema".into(),
            message: "does not match, and it cannot be told in which place".to_owned(),
        }],
        has_more: false,
    }
}

/// Checks an element, and what is in it, as the root of a document.
pub(super) fn check(
    validator: &SchemaValidator<'_>,
    set: &SchemaSet,
    known: &Known,
    root: Node<'_, '_>,
) -> Result<(), Violations> {
    let found = Found::default();
    let mut walk = Walk {
        runtime: validator.start_run(found.clone()),
        set,
        known,
        found,
        root,
        violations: Violations {
            list: Vec::new(),
            has_more: false,
        },
    };
    let is_valid = walk.all();
    let mut violations = walk.violations;
    match (is_valid, violations.list.is_empty()) {
        (true, true) => Ok(()),
        (_, false) => {
            violations.list.truncate(MAX_VIOLATIONS);
            Err(violations)
        }
        // It is not said to be valid, so it is not.
        (false, true) => Err(unknown()),
    }
}

struct Walk<'v, 's, 'a, 'i> {
    runtime: ValidationRuntime<'v, Found>,
    set: &'s SchemaSet,
    known: &'s Known,
    found: Found,
    root: Node<'a, 'i>,
    violations: Violations,
}

impl<'a, 'i> Walk<'_, '_, 'a, 'i> {
    /// Whether the whole element is said to be valid. The walk ends early once as much is wrong as is told.
    fn all(&mut self) -> bool {
        let mut is_valid = false;
        let mut open: Vec<Children<'a, 'i>> = vec![self.start(self.root)];
        while let Some(children) = open.last_mut() {
            match children.next() {
                Some(child) if child.is_element() => open.push(self.start(child)),
                Some(child) if child.is_text() => self.text(child.text().unwrap_or_default()),
                Some(_) => (),
                None => {
                    open.pop();
                    is_valid = self.runtime.validate_end_element_novalue() == SchemaValidity::Valid;
                }
            }
            self.tell(None);
            if self.violations.list.len() > MAX_VIOLATIONS {
                self.violations.has_more = true;
                return false;
            }
        }
        let end = self.runtime.end_validation();
        self.tell(None);
        if let Err(error) = &end {
            self.add(error, None);
        }
        is_valid && end.is_ok()
    }

    fn start(&mut self, node: Node<'a, 'i>) -> Children<'a, 'i> {
        let context = self.context(node);
        let name = node.tag_name();
        let xsi = |name: &str| node.attribute((XSI, name)).map(trim);
        self.runtime.validate_element_novalue(
            name.name(),
            name.namespace().unwrap_or_default(),
            xsi("type"),
            xsi("nil"),
            &context,
        );
        self.tell(Some(node));
        for attribute in node.attributes() {
            let namespace = attribute.namespace().unwrap_or_default();
            let is_xsi = namespace == XSI;
            let value = if is_xsi {
                trim(attribute.value())
            } else {
                attribute.value()
            };
            self.runtime
                .validate_attribute(attribute.name(), namespace, value);
            if is_xsi && !XSI_NAMES.contains(&attribute.name()) {
                let place = Place::of(node, self.root, self.known);
                self.push(place.violation("cvc-complex-type.3.2.2", "has an attribute that is not expected"));
            }
        }
        self.runtime.validate_end_of_attributes_novalue();
        self.tell(None);
        node.children()
    }

    fn text(&mut self, text: &str) {
        if text.chars().all(|c| palisade_core::xml::WHITE_SPACE.contains(&c)) {
            self.runtime.validate_whitespace(text);
        } else {
            self.runtime.validate_text(text);
        }
    }

    /// The namespaces that names in values of an element may have.
    fn context(&self, node: Node<'a, 'i>) -> NamespaceContextSnapshot {
        let names = &self.set.name_table;
        let mut context = NamespaceContextSnapshot::default();
        for namespace in node.namespaces().filter(|namespace| !namespace.uri().is_empty()) {
            let uri = names.add(namespace.uri());
            match namespace.name() {
                Some("xml") => (),
                Some(prefix) => context.bindings.push((names.add(prefix), uri)),
                None => context.default_ns = Some(uri),
            }
        }
        context
    }

    /// Words what was found; `begun` is the element that was begun.
    fn tell(&mut self, begun: Option<Node<'a, 'i>>) {
        for error in self.found.take() {
            self.add(&error, begun);
        }
    }

    #[cold]
    fn add(&mut self, error: &ValidationError, begun: Option<Node<'a, 'i>>) {
        // That a child stands where it may not is found while it begins, and reported of its parent.
        let misplaced = begun.filter(|_| error.constraint == wording::CONTENT);
        let place = match misplaced {
            Some(child) => Place::of(child, self.root, self.known),
            None => Place::find(error, self.root, self.known),
        };
        let (keyword, message) = wording::of(error, misplaced.is_some(), self.known);
        self.push(place.violation(keyword, &message));
    }

    fn push(&mut self, violation: Violation) {
        // One rule that is broken in one place can come up several times, and so can what follows from it.
        let is_told = self
            .violations
            .list
            .iter()
            .any(|told| wording::says_it_all(told, &violation));
        if !is_told {
            self.violations.list.push(violation);
        }
    }
}

fn trim(value: &str) -> &str {
    value.trim_matches(palisade_core::xml::WHITE_SPACE)
}
