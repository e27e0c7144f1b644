//! Which group comes first for a request, at a cost that does not grow with the number of groups.
//!
//! Every group is written into tables under each combination of names it selects, at the node of a tree that stands for its path
//! pattern. A table keeps only the earliest position per combination, since the first match wins. A look-up walks the few nodes that fit
//! the path, and never into a part of the tree that holds nothing earlier than what was found already.

use http::Method;
use rustc_hash::FxHashMap;

use crate::pattern::{Pattern, Segment};
use crate::prefixed::Prefixed;
use crate::selector::{Protocol, Route, Selectors, Target};

/// A group's position; the largest number stands for none.
type Position = u32;
const NONE: Position = Position::MAX;

/// A name's number; 0 stands for any.
type NameId = u32;
const ANY: NameId = 0;

/// The index of all groups.
#[derive(Debug, Default)]
pub(crate) struct Index {
    names: FxHashMap<Box<str>, NameId>,
    rest: Tables,
    soap: Tables,
}

/// The tables of one protocol.
#[derive(Debug, Default)]
struct Tables {
    everywhere: Table,
    tree: Node,
}

/// A node of the tree of path patterns: the segments before it have matched.
#[derive(Debug, Default)]
struct Node {
    earliest: Earliest,
    here: Option<Table>,
    fixed: FxHashMap<Box<str>, Node>,
    params: Prefixed<Node>,
    rests: Prefixed<Table>,
}

/// The earliest position in a part of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Earliest(Position);

impl Default for Earliest {
    fn default() -> Self {
        Self(NONE)
    }
}

impl Earliest {
    fn admit(&mut self, position: Position) {
        self.0 = self.0.min(position);
    }
}

/// Groups by the names and methods they select.
#[derive(Debug, Default)]
struct Table {
    earliest: Earliest,
    by_names: FxHashMap<(NameId, NameId), Methods>,
}

/// Groups by method.
#[derive(Debug, Default)]
struct Methods {
    any: Earliest,
    some: Vec<(Method, Position)>,
}

impl Index {
    /// Writes a group into the index.
    pub(crate) fn insert(&mut self, position: Position, selectors: &Selectors) {
        let webservices = self.ids(selectors.webservices.as_deref());
        if selectors.protocol != Protocol::Soap && selectors.soap_actions.is_none() {
            let operations = self.ids(selectors.operations.as_deref());
            self.rest.insert(position, &webservices, &operations, selectors);
        }
        if selectors.protocol != Protocol::Rest && selectors.operations.is_none() {
            let actions = self.ids(selectors.soap_actions.as_deref());
            self.soap.insert(position, &webservices, &actions, selectors);
        }
    }

    fn ids(&mut self, names: Option<&[String]>) -> Vec<NameId> {
        let Some(names) = names else { return vec![ANY] };
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            let next = NameId::try_from(self.names.len() + 1).unwrap_or(NameId::MAX);
            ids.push(*self.names.entry(name.as_str().into()).or_insert(next));
        }
        ids
    }

    /// The first group that matches.
    pub(crate) fn find(&self, target: &Target<'_>) -> Option<Position> {
        let id = |name: Option<&str>| name.and_then(|name| self.names.get(name)).copied().unwrap_or(ANY);
        let webservice = id(target.webservice.as_deref());
        let (tables, second) = match target.route {
            Route::Rest => (&self.rest, id(target.operation.as_deref())),
            Route::Soap => (&self.soap, id(target.action.as_deref())),
        };
        let query = Query {
            webservice,
            second,
            method: target.method,
        };
        let mut best = NONE;
        tables.everywhere.find(&query, &mut best);
        if let Some(path) = target.path.strip_prefix('/') {
            tables.tree.find(path, &query, &mut best);
        }
        (best != NONE).then_some(best)
    }
}

struct Query<'a> {
    webservice: NameId,
    second: NameId,
    method: &'a Method,
}

impl Tables {
    fn insert(&mut self, position: Position, first: &[NameId], second: &[NameId], selectors: &Selectors) {
        let methods = selectors.methods.as_deref();
        let Some(paths) = &selectors.paths else {
            self.everywhere.insert(position, first, second, methods);
            return;
        };
        for (_, pattern) in paths {
            self.tree
                .table(position, pattern)
                .insert(position, first, second, methods);
        }
    }
}

impl Node {
    /// The table at the end of a pattern, made on the way.
    fn table(&mut self, position: Position, pattern: &Pattern) -> &mut Table {
        let mut node = self;
        node.earliest.admit(position);
        for segment in &pattern.0 {
            node = match segment {
                Segment::Static(text) => node.fixed.entry(text.clone()).or_default(),
                Segment::Param(prefix) => node.params.entry(prefix),
                Segment::Rest(prefix) => return node.rests.entry(prefix),
            };
            node.earliest.admit(position);
        }
        node.here.get_or_insert_default()
    }

    fn find(&self, path: &str, query: &Query<'_>, best: &mut Position) {
        if self.earliest.0 >= *best {
            return;
        }
        for (table, rest) in self.rests.of(path) {
            if !rest.is_empty() {
                table.find(query, best);
            }
        }
        let (segment, behind) = match path.split_once('/') {
            Some((segment, behind)) => (segment, Some(behind)),
            None => (path, None),
        };
        if let Some(node) = self.fixed.get(segment) {
            node.descend(behind, query, best);
        }
        for (node, rest) in self.params.of(segment) {
            // As in axum's router, a parameter may be empty where more segments follow, and not at the end.
            if !rest.is_empty() || behind.is_some() {
                node.descend(behind, query, best);
            }
        }
    }

    fn descend(&self, behind: Option<&str>, query: &Query<'_>, best: &mut Position) {
        match (behind, &self.here) {
            (Some(path), _) => self.find(path, query, best),
            (None, Some(table)) => table.find(query, best),
            (None, None) => {}
        }
    }
}

impl Table {
    fn insert(
        &mut self,
        position: Position,
        first: &[NameId],
        second: &[NameId],
        methods: Option<&[Method]>,
    ) {
        self.earliest.admit(position);
        for &first in first {
            for &second in second {
                self.by_names
                    .entry((first, second))
                    .or_default()
                    .insert(position, methods);
            }
        }
    }

    fn find(&self, query: &Query<'_>, best: &mut Position) {
        if self.earliest.0 >= *best {
            return;
        }
        let firsts = [ANY, query.webservice];
        let seconds = [ANY, query.second];
        let first_count = if query.webservice == ANY { 1 } else { 2 };
        let second_count = if query.second == ANY { 1 } else { 2 };
        for &first in firsts.iter().take(first_count) {
            for &second in seconds.iter().take(second_count) {
                if let Some(methods) = self.by_names.get(&(first, second)) {
                    *best = (*best).min(methods.find(query.method));
                }
            }
        }
    }
}

impl Methods {
    fn insert(&mut self, position: Position, methods: Option<&[Method]>) {
        let Some(methods) = methods else {
            self.any.admit(position);
            return;
        };
        // axum answers HEAD with the handler of GET, so a rule for GET is one for HEAD.
        let head = methods.contains(&Method::GET).then_some(&Method::HEAD);
        for method in methods.iter().chain(head) {
            if !self.some.iter().any(|(known, _)| known == method) {
                self.some.push((method.clone(), position));
            }
        }
    }

    fn find(&self, method: &Method) -> Position {
        let some = self
            .some
            .iter()
            .find(|(known, _)| known == method)
            .map_or(NONE, |(_, position)| *position);
        some.min(self.any.0)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use super::Index;
    use crate::pattern::Pattern;
    use crate::reach;
    use crate::selector::{BasePaths, Protocol, Selectors, Target};

    const NAMES: [&str; 3] = ["A", "B", "a"];
    const PATTERNS: [&str; 10] = [
        "/",
        "/server/rest/{webservice}/{operation}",
        "/server/rest/A/{operation}",
        "/server/rest/A/B",
        "/server/{*rest}",
        "/{*rest}",
        "/server/rest/A-{x}/B",
        "/server/rest/{x}/B/",
        "/webservices/{x}",
        "/{x}/{y}/{z}",
    ];

    fn names() -> impl Strategy<Value = Option<Vec<String>>> {
        let some = subsequence(NAMES.to_vec(), 1..=2)
            .prop_map(|names| names.into_iter().map(str::to_owned).collect());
        prop_oneof![2 => Just(None), 1 => some.prop_map(Some)]
    }

    fn selectors() -> impl Strategy<Value = Selectors> {
        let methods = subsequence(vec![Method::GET, Method::POST, Method::HEAD], 1..=2);
        let methods = prop_oneof![2 => Just(None), 1 => methods.prop_map(Some)];
        let paths = subsequence(PATTERNS.to_vec(), 1..=2).prop_map(|paths| {
            paths
                .into_iter()
                .map(|text| (text.to_owned(), Pattern::parse(text).unwrap()))
                .collect()
        });
        let paths = prop_oneof![1 => Just(None), 1 => paths.prop_map(Some)];
        let protocol = select(vec![Protocol::Any, Protocol::Any, Protocol::Rest, Protocol::Soap]);
        let fields = (protocol, names(), names(), methods, paths, names());
        fields.prop_map(
            |(protocol, webservices, operations, methods, paths, soap_actions)| Selectors {
                protocol,
                webservices,
                operations,
                methods,
                paths,
                soap_actions,
            },
        )
    }

    fn path() -> impl Strategy<Value = String> {
        let segment = select(vec![
            "A",
            "B",
            "a",
            "A-1",
            "A-",
            "server",
            "rest",
            "webservices",
            "",
        ]);
        let below = (
            select(vec!["/server/rest/", "/webservices/", "/"]),
            prop::collection::vec(segment, 0..4),
        );
        below.prop_map(|(base, segments)| format!("{base}{}", segments.join("/")))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_index_finds_what_trying_every_group_in_order_finds(
            groups in prop::collection::vec(selectors(), 0..12),
            path in path(),
            method in select(vec![Method::GET, Method::HEAD, Method::POST, Method::PUT]),
            action in prop::option::of(select(NAMES.to_vec())),
        ) {
            // Other paths never come this far.
            prop_assume!(crate::path::check(&path).is_ok());
            let mut index = Index::default();
            for (position, group) in (0..).zip(&groups) {
                index.insert(position, group);
            }
            let mut headers = HeaderMap::new();
            if let Some(action) = action {
                headers.insert("soapaction", HeaderValue::from_static(action));
            }
            let bases = BasePaths::default();
            let target = Target::new(&bases, &method, &path, &headers, None).unwrap();
            let expected = groups.iter().position(|group| group.mismatch(&target).is_none());
            prop_assert_eq!(index.find(&target).map(|position| position as usize), expected);
            if let Some(position) = expected {
                let deepest = reach::deepest(groups.iter());
                let reachable = reach::is_reachable(&index, u32::try_from(position).unwrap(), &groups[position], deepest);
                prop_assert!(reachable, "a group that took a request was called unreachable");
            }
        }
    }
}
