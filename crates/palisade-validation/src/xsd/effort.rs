//! How much work a content model can take for one element.
//!
//! Counted repetitions are matched exactly, by counters. Where one repetition is all that another repeats, such as in
//! `((a?){0,50}){0,50}`, a run of elements can be counted in many ways at once, and each further element costs as many steps. Such a model
//! lets a small body take minutes.

use xsd_schema::compiler::{AuthoredKind, AuthoredNode, inspect_content_model};
use xsd_schema::parser::frames::Compositor;
use xsd_schema::{ComplexTypeKey, SchemaSet};

/// In how many ways at once elements may be counted.
const MAX_WAYS: u64 = 256;

/// Why a content model is not accepted.
pub(super) struct Excess {
    /// The location of the document, and the line and column in it.
    pub(super) place: Option<(String, usize, usize)>,
    pub(super) problem: String,
}

/// What is wrong with the content model of a complex type, if anything is.
pub(super) fn excess(set: &SchemaSet, key: ComplexTypeKey) -> Option<Excess> {
    let report = match inspect_content_model(set, key) {
        Ok(report) => report,
        Err(error) => {
            return Some(Excess {
                place: None,
                problem: format!("a content model cannot be compiled: {error}"),
            });
        }
    };
    let roots = report
        .authored
        .sections
        .iter()
        .filter_map(|section| section.root.as_ref());
    let ways = roots.map(|root| Ways::of(root).most).max().unwrap_or(1);
    if ways <= MAX_WAYS {
        return None;
    }
    let source = report.source;
    Some(Excess {
        place: source
            .document
            .map(|document| (document, source.line.unwrap_or(1), source.column.unwrap_or(1))),
        problem: format!(
            "a repetition of repetitions can be counted in {ways} ways at once, and at most {MAX_WAYS} are accepted, since each \
             further element of a body costs as many steps: give what is repeated an element of its own"
        ),
    })
}

/// In how many ways elements can be counted.
struct Ways {
    /// At most, anywhere within.
    most: u64,
    /// If a repetition is put around it.
    nested: u64,
    /// Whether it may be empty.
    is_optional: bool,
}

impl Ways {
    fn of(node: &AuthoredNode) -> Self {
        let children: Vec<Self> = node.children.iter().map(Self::of).collect();
        // An endless repetition counts nothing beyond its minimum.
        let own = u64::from(node.max_occurs.unwrap_or(node.min_occurs)).max(1);
        let is_choice = matches!(node.kind, AuthoredKind::Choice)
            || matches!(&node.kind, AuthoredKind::GroupRef(group)
                if group.compositor == Some(Compositor::Choice));
        let is_empty_body = if is_choice {
            children.iter().any(|child| child.is_optional)
        } else {
            children.iter().all(|child| child.is_optional)
        };
        let may_be_alone = |at: usize| {
            let mut others = children.iter().enumerate().filter(|(other, _)| *other != at);
            is_choice || others.all(|(_, child)| child.is_optional)
        };
        let within = children
            .iter()
            .enumerate()
            .filter(|(at, _)| may_be_alone(*at))
            .map(|(_, child)| child.nested)
            .max()
            .unwrap_or(1);
        let nested = own.saturating_mul(within);
        let most = children.iter().map(|child| child.most).max().unwrap_or(1);
        let is_ambiguous = !children.is_empty() && own > 1 && (within > 1 || is_empty_body);
        let is_repeated = node.max_occurs != Some(1) && within > 1;
        Self {
            most: if is_ambiguous || is_repeated {
                most.max(nested)
            } else {
                most
            },
            nested,
            is_optional: node.min_occurs == 0 || (!children.is_empty() && is_empty_body),
        }
    }
}
