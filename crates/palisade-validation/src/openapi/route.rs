//! Which operation a path leads to: the path templates of a document as a tree of their segments.
//!
//! 1. Fixed segments are compared once decoded. They are tried before those with variables (OpenAPI 3.1 section 4.8.8.2), among these
//!    the ones with more fixed text first. Templates that differ in the names of their variables alone lead to the same, and what
//!    that is by method must not be two operations.
//! 2. A variable has a value that is not empty and within one segment, still encoded.
//! 3. Where a reader that does not decode, or one that cuts off what stands behind `;`, would come to another template, nothing is
//!    found: the request would be looked at as one operation and served as another.
//! 4. Each node of the tree is visited once at most in each of these readings, whatever the path.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use smallvec::SmallVec;

use crate::parameters::decode::{Plus, decode};

/// The values of the variables of a template, in its order, still encoded.
pub(super) type Values<'p> = SmallVec<[&'p str; 4]>;

/// Templates, each with something that it leads to.
#[derive(Debug)]
pub(super) struct Routes<T> {
    /// The first is the root.
    nodes: Vec<Node<T>>,
}

#[derive(Debug)]
struct Node<T> {
    fixed: HashMap<Box<str>, usize>,
    /// Those with more fixed text first.
    variable: Vec<(Segment, usize)>,
    end: Option<T>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            fixed: HashMap::new(),
            variable: Vec::new(),
            end: None,
        }
    }
}

/// A path template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    segments: Vec<Part>,
    /// The names of its variables, in order.
    pub(super) variables: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Fixed text, decoded.
    Fixed(Box<str>),
    Variable(Segment),
}

/// A segment with variables: what stands in front of the first, and behind each. All but the outermost texts have characters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    first: Box<str>,
    behind: Box<[Box<str>]>,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    #[error("must begin with `/`")]
    NoSlash,
    #[error("must have braces around names of variables alone")]
    Braces,
    #[error("must have each variable once")]
    Repeated,
    #[error("must have fixed text between two variables of one segment")]
    Adjacent,
    #[error("must be a path: without query and fragment, and with escapes that are UTF-8")]
    NoPath,
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let path = text.strip_prefix('/').ok_or(TemplateError::NoSlash)?;
        if path.contains(['?', '#']) {
            return Err(TemplateError::NoPath);
        }
        let mut variables = Vec::new();
        let segments = path.split('/').map(|text| Part::parse(text, &mut variables));
        let segments = segments.collect::<Result<_, _>>()?;
        let mut names: Vec<&String> = variables.iter().collect();
        names.sort_unstable();
        names.dedup();
        if names.len() < variables.len() {
            return Err(TemplateError::Repeated);
        }
        Ok(Self { segments, variables })
    }

    /// The template below another, whose variables stand in front.
    pub(super) fn below(&self, base: &Self) -> Self {
        // A base ends without a slash: its last segment is the one in front of the template's first.
        let segments = base.segments.iter().chain(&self.segments);
        let variables = base.variables.iter().chain(&self.variables);
        Self {
            segments: segments.cloned().collect(),
            variables: variables.cloned().collect(),
        }
    }

    /// What is above all templates.
    pub(super) fn root() -> Self {
        Self {
            segments: Vec::new(),
            variables: Vec::new(),
        }
    }
}

impl Part {
    fn parse(text: &str, variables: &mut Vec<String>) -> Result<Self, TemplateError> {
        let (first, mut rest) = text.split_at(text.find('{').unwrap_or(text.len()));
        let mut behind: Vec<Box<str>> = Vec::new();
        while let Some(open) = rest.strip_prefix('{') {
            let (name, next) = open.split_once('}').ok_or(TemplateError::Braces)?;
            let (fixed, next) = next.split_at(next.find('{').unwrap_or(next.len()));
            if name.is_empty() || name.contains('{') {
                return Err(TemplateError::Braces);
            }
            if fixed.is_empty() && !next.is_empty() {
                return Err(TemplateError::Adjacent);
            }
            variables.push(name.to_owned());
            behind.push(Box::from(fixed));
            rest = next;
        }
        if first.contains('}') || behind.iter().any(|text| text.contains('}')) {
            return Err(TemplateError::Braces);
        }
        if behind.is_empty() {
            let text = decode(first, Plus::IsPlus).map_err(|_| TemplateError::NoPath)?;
            return Ok(Self::Fixed(text.into()));
        }
        Ok(Self::Variable(Segment {
            first: first.into(),
            behind: behind.into_boxed_slice(),
        }))
    }
}

impl Segment {
    /// How much of it is fixed.
    fn specificity(&self) -> usize {
        self.first.len() + self.behind.iter().map(|text| text.len()).sum::<usize>()
    }

    /// The values of its variables, if a segment of a path fits.
    fn read<'p>(&self, text: &'p str, values: &mut Values<'p>) -> bool {
        let Some(mut rest) = text.strip_prefix(&*self.first) else {
            return false;
        };
        let Some((last, between)) = self.behind.split_last() else {
            return false;
        };
        for fixed in between {
            // A value has a character at least, so the text behind it is looked for beyond the first.
            let beyond = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
            let found = rest.get(beyond..).and_then(|tail| tail.find(&**fixed));
            let Some((value, next)) = found.and_then(|at| rest.split_at_checked(beyond + at)) else {
                return false;
            };
            values.push(value);
            rest = next.strip_prefix(&**fixed).unwrap_or(next);
        }
        match rest.strip_suffix(&**last) {
            Some(value) if !value.is_empty() => {
                values.push(value);
                true
            }
            _ => false,
        }
    }
}

/// How a path is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Each segment decoded.
    Decoded,
    /// As it came, save for escapes that have to be there.
    Raw,
    /// As it came, without what stands behind a semicolon.
    Cut,
}

impl Reading {
    fn fixed(self, segment: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Decoded => decode(segment, Plus::IsPlus).ok(),
            Self::Raw if !has_optional_escape(segment) => decode(segment, Plus::IsPlus).ok(),
            Self::Raw => Some(Cow::Borrowed(segment)),
            Self::Cut => Some(Cow::Borrowed(cut(segment))),
        }
    }

    fn variable(self, segment: &str) -> &str {
        match self {
            Self::Decoded | Self::Raw => segment,
            Self::Cut => cut(segment),
        }
    }
}

/// Whether a segment has an escape in the place of a character that may stand there as it is (RFC 3986 section 3.3).
fn has_optional_escape(segment: &str) -> bool {
    let mut escapes = segment.split('%').skip(1).filter_map(|text| text.get(..2));
    let mut bytes = escapes
        .by_ref()
        .filter_map(|digits| u8::from_str_radix(digits, 16).ok());
    bytes.any(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte))
}

fn cut(segment: &str) -> &str {
    segment.split(';').next().unwrap_or(segment)
}

impl<T> Routes<T> {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }

    /// Where a template ends.
    pub(super) fn entry(&mut self, template: &Template) -> &mut Option<T> {
        let mut at = 0;
        for part in &template.segments {
            at = self.below(at, part);
        }
        &mut self.node(at).end
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are never taken out")]
    fn node(&mut self, at: usize) -> &mut Node<T> {
        // INVARIANT: `at` is 0, where `new` put the root, or the position of a node that `below` has put in.
        &mut self.nodes[at]
    }

    /// The node below another, made where there is none.
    fn below(&mut self, at: usize, part: &Part) -> usize {
        let made = self.nodes.len();
        let node = self.node(at);
        let next = match part {
            Part::Fixed(text) => match node.fixed.entry(text.clone()) {
                Entry::Occupied(found) => *found.get(),
                Entry::Vacant(place) => *place.insert(made),
            },
            Part::Variable(segment) => {
                if let Some((_, next)) = node.variable.iter().find(|(other, _)| other == segment) {
                    *next
                } else {
                    node.variable.push((segment.clone(), made));
                    node.variable
                        .sort_by_key(|(segment, _)| std::cmp::Reverse(segment.specificity()));
                    made
                }
            }
        };
        if next == made {
            self.nodes.push(Node::default());
        }
        next
    }

    /// Whether a path that fits a pattern of axum's may lead anywhere; where that is hard to say, it may.
    pub(super) fn meets(&self, pattern: &str) -> bool {
        let mut open = vec![(0, pattern.strip_prefix('/'))];
        while let Some((at, rest)) = open.pop() {
            let Some(node) = self.nodes.get(at) else { continue };
            let Some(rest) = rest else {
                if node.end.is_some() {
                    return true;
                }
                continue;
            };
            let (segment, next) = match rest.split_once('/') {
                Some((segment, next)) => (segment, Some(next)),
                None => (rest, None),
            };
            let has_children = !(node.fixed.is_empty() && node.variable.is_empty());
            if segment.contains("{*") && has_children {
                return true;
            }
            open.extend(node.variable.iter().map(|(_, below)| (*below, next)));
            if segment.contains('{') {
                open.extend(node.fixed.values().map(|below| (*below, next)));
            } else if let Some(below) = node.fixed.get(segment) {
                open.push((*below, next));
            }
        }
        false
    }

    /// What a path leads to, with the values of the variables on the way.
    pub(super) fn find<'p>(&self, path: &'p str) -> Option<(&T, Values<'p>)> {
        let mut values = Values::new();
        let found = self.walk(path, Reading::Decoded, &mut values)?;
        let others = [
            path.contains('%').then_some(Reading::Raw),
            path.contains(';').then_some(Reading::Cut),
        ];
        for reading in others.into_iter().flatten() {
            let other = self.walk(path, reading, &mut Values::new());
            if other.is_some_and(|other| other != found) {
                return None;
            }
        }
        let end = self.nodes.get(found)?.end.as_ref()?;
        Some((end, values))
    }

    /// The first node, by specificity, that a path ends at.
    fn walk<'p>(&self, path: &'p str, reading: Reading, values: &mut Values<'p>) -> Option<usize> {
        // Where to go on: the node, what is left of the path, and how many values there were.
        let mut open: SmallVec<[(usize, Option<&'p str>, Values<'p>); 8]> = SmallVec::new();
        open.push((0, path.strip_prefix('/'), Values::new()));
        while let Some((at, rest, so_far)) = open.pop() {
            let node = self.nodes.get(at)?;
            let Some(rest) = rest else {
                if node.end.is_some() {
                    *values = so_far;
                    return Some(at);
                }
                continue;
            };
            let (segment, next) = match rest.split_once('/') {
                Some((segment, next)) => (segment, Some(next)),
                None => (rest, None),
            };
            // What is to be tried first is put on top.
            for (template, below) in node.variable.iter().rev() {
                let mut with = so_far.clone();
                if template.read(reading.variable(segment), &mut with) {
                    open.push((*below, next, with));
                }
            }
            let fixed = reading.fixed(segment);
            if let Some(below) = fixed.and_then(|text| node.fixed.get(&*text)) {
                open.push((*below, next, so_far));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Routes, Template, TemplateError};

    fn routes(templates: &[&'static str]) -> Routes<&'static str> {
        let mut routes = Routes::new();
        for template in templates {
            *routes.entry(&Template::parse(template).unwrap()) = Some(*template);
        }
        routes
    }

    #[rstest]
    #[case("/pets", Some("/pets"), &[])]
    #[case("/pets/", None, &[])]
    #[case("/pets/7", Some("/pets/{id}"), &["7"])]
    #[case("/pets/mine", Some("/pets/mine"), &[])]
    #[case("/pets/mine/toys", Some("/pets/{id}/toys"), &["mine"])]
    #[case("/pets//toys", None, &[])]
    #[case("/pets/7/toys/8", Some("/pets/{id}/toys/{toy}"), &["7", "8"])]
    #[case("/pets/a%20b", Some("/pets/{id}"), &["a%20b"])]
    #[case("/reports/2026.pdf", Some("/reports/{year}.{format}"), &["2026", "pdf"])]
    #[case("/reports/2026.tar.gz", Some("/reports/{year}.{format}"), &["2026", "tar.gz"])]
    #[case("/reports/.pdf", Some("/reports/{id}"), &[".pdf"])]
    #[case("/reports/2026.", Some("/reports/{id}"), &["2026."])]
    #[case("/reports/v1-x", Some("/reports/v{version}-x"), &["1"])]
    #[case("/caf%C3%A9", Some("/café"), &[])]
    #[case("/caf%c3%a9", Some("/café"), &[])]
    #[case("/", None, &[])]
    #[case("", None, &[])]
    #[case("*", None, &[])]
    #[case("/pets/%zz", Some("/pets/{id}"), &["%zz"])]
    fn the_most_specific_template_is_found(
        #[case] path: &str,
        #[case] template: Option<&str>,
        #[case] values: &[&str],
    ) {
        let routes = routes(&[
            "/pets",
            "/pets/{id}",
            "/pets/mine",
            "/pets/{id}/toys",
            "/pets/{id}/toys/{toy}",
            "/reports/{id}",
            "/reports/{year}.{format}",
            "/reports/v{version}-x",
            "/café",
        ]);
        let found = routes.find(path);
        assert_eq!(found.as_ref().map(|(found, _)| **found), template);
        assert_eq!(
            found.map(|(_, values)| values.to_vec()).unwrap_or_default(),
            values
        );
    }

    #[rstest]
    #[case::decoded_it_is_fixed("/a%28b%29")]
    #[case::cut_it_is_fixed("/orders;v=1")]
    fn what_two_readers_read_differently_is_not_found(#[case] path: &str) {
        let routes = routes(&["/a(b)", "/orders", "/{name}"]);
        assert!(routes.find(path).is_none());
    }

    #[test]
    fn an_escape_that_has_to_be_there_is_read_alike_by_all() {
        let routes = routes(&["/café", "/a b", "/{name}"]);
        assert_eq!(*routes.find("/caf%C3%A9").unwrap().0, "/café");
        assert_eq!(*routes.find("/a%20b").unwrap().0, "/a b");
    }

    #[test]
    fn a_semicolon_that_changes_nothing_is_no_harm() {
        let routes = routes(&["/users/{id}", "/users"]);
        for path in ["/users/;id=5", "/users/5;a=b"] {
            assert_eq!(*routes.find(path).unwrap().0, "/users/{id}");
        }
    }

    #[test]
    fn many_alternatives_cost_each_node_once() {
        let mut routes = Routes::new();
        for bits in 0..256_u32 {
            let segments = (0..8).map(|bit| {
                if bits >> bit & 1 == 1 {
                    "a".to_owned()
                } else {
                    format!("{{v{bit}}}")
                }
            });
            let path = format!("/{}/end", segments.collect::<Vec<_>>().join("/"));
            *routes.entry(&Template::parse(&path).unwrap()) = Some(());
        }
        assert!(routes.find("/a/a/a/a/a/a/a/a/other").is_none());
        assert!(routes.find("/a/b/a/b/a/a/a/a/end").is_some());
    }

    #[rstest]
    #[case("pets", TemplateError::NoSlash)]
    #[case("/{id", TemplateError::Braces)]
    #[case("/id}", TemplateError::Braces)]
    #[case("/{}", TemplateError::Braces)]
    #[case("/{a}{b}", TemplateError::Adjacent)]
    #[case("/{a}/{a}", TemplateError::Repeated)]
    #[case("/pets?x=1", TemplateError::NoPath)]
    #[case("/%zz", TemplateError::NoPath)]
    fn a_template_that_is_none_is_an_error(#[case] template: &str, #[case] error: TemplateError) {
        assert_eq!(Template::parse(template), Err(error));
    }

    #[rstest]
    #[case("/pets", true)]
    #[case("/pets/{anything}", true)]
    #[case("/pets/7/toys", true)]
    #[case("/{*rest}", true)]
    #[case("/pets/7/toys/{*rest}", false)]
    #[case("/v2/pets", false)]
    #[case("/{a}/{b}/{c}/{d}", false)]
    #[case("/", false)]
    fn a_pattern_meets_templates_or_not(#[case] pattern: &str, #[case] meets: bool) {
        let routes = routes(&["/pets", "/pets/{id}", "/pets/{id}/toys"]);
        assert_eq!(routes.meets(pattern), meets);
    }

    #[test]
    fn templates_stand_below_a_base() {
        let base = Template::parse("/v{major}").unwrap();
        let mut routes = Routes::new();
        *routes.entry(&Template::parse("/pets/{id}").unwrap().below(&base)) = Some(());
        assert_eq!(routes.find("/v2/pets/7").unwrap().1.as_slice(), ["2", "7"]);
        assert!(routes.find("/pets/7").is_none());
    }
}
