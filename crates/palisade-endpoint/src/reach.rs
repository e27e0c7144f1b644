//! Which groups no request can reach, because earlier ones take everything they select.
//!
//! For each group, requests are made up that fit it and nothing more: a name, method or segment that it leaves open is one that no
//! other group speaks of. Where earlier groups take even those, they take all the others.

use std::borrow::Cow;

use http::Method;

use crate::index::Index;
use crate::pattern::{Pattern, Segment};
use crate::selector::{Protocol, Route, Selectors, Target};

/// A text that stands in no pattern and is no name: neither may have a NUL.
const FRESH: &str = "\0";

/// Groups that would need more requests than this are taken for reachable.
const MOST: usize = 4_096;

/// Whether any request reaches the group at that position, as far as can be told.
pub(crate) fn is_reachable(index: &Index, position: u32, group: &Selectors, deepest: usize) -> bool {
    let paths = paths(group, deepest);
    let routes: &[Route] = match (group.protocol, &group.soap_actions, &group.operations) {
        (Protocol::Rest, _, _) | (Protocol::Any, None, Some(_)) => &[Route::Rest],
        (Protocol::Soap, _, _) | (Protocol::Any, Some(_), _) => &[Route::Soap],
        (Protocol::Any, None, None) => &[Route::Rest, Route::Soap],
    };
    let Ok(fresh) = Method::from_bytes(b"FRESH") else {
        return true;
    };
    let methods = group.methods.clone().unwrap_or_else(|| vec![fresh]);
    let webservices = names(group.webservices.as_deref());
    let requests = paths.len() * methods.len() * webservices.len() * routes.len();
    routes.iter().any(|&route| {
        let seconds = names(match route {
            Route::Rest => group.operations.as_deref(),
            Route::Soap => group.soap_actions.as_deref(),
        });
        if requests * seconds.len() > MOST {
            return true;
        }
        let mut combinations = paths.iter().flat_map(|path| {
            let (webservices, methods, seconds) = (&webservices, &methods, &seconds);
            webservices.iter().flat_map(move |webservice| {
                methods.iter().flat_map(move |method| {
                    seconds
                        .iter()
                        .map(move |second| (path, webservice, method, second))
                })
            })
        });
        combinations.any(|(path, webservice, method, second)| {
            let second = second.map(Cow::Borrowed);
            let (operation, action) = match route {
                Route::Rest => (second, None),
                Route::Soap => (None, second),
            };
            let webservice = webservice.map(Cow::Borrowed);
            let target = Target {
                method,
                path,
                webservice,
                operation,
                route,
                action,
            };
            index.find(&target) == Some(position)
        })
    })
}

/// The names that a group selects; one open name where it leaves them out.
fn names(selected: Option<&[String]>) -> Vec<Option<&str>> {
    selected.map_or_else(
        || vec![None],
        |names| names.iter().map(|name| Some(name.as_str())).collect(),
    )
}

/// Paths that fit the group's patterns and, where a pattern is open at its end, have any depth that makes a difference.
fn paths(group: &Selectors, deepest: usize) -> Vec<String> {
    let Some(patterns) = &group.paths else {
        return std::iter::once("/".to_owned())
            .chain(deeper(String::new(), 1..=deepest + 1))
            .collect();
    };
    patterns
        .iter()
        .flat_map(|(_, pattern)| examples(pattern, deepest))
        .collect()
}

fn examples(pattern: &Pattern, deepest: usize) -> Vec<String> {
    let mut path = String::new();
    for segment in &pattern.0 {
        path.push('/');
        match segment {
            Segment::Static(text) => path.push_str(text),
            Segment::Param(prefix) => path.extend([prefix, FRESH]),
            Segment::Rest(prefix) => {
                path.extend([prefix, FRESH]);
                let more = (deepest + 1).saturating_sub(pattern.0.len());
                return deeper(path, 0..=more).collect();
            }
        }
    }
    vec![path]
}

/// Paths with that many open segments more, each with a slash at its end and without.
fn deeper(path: String, depths: std::ops::RangeInclusive<usize>) -> impl Iterator<Item = String> {
    depths.flat_map(move |depth| {
        let path = format!("{path}{}", format!("/{FRESH}").repeat(depth));
        [format!("{path}/"), path]
    })
}

/// The depth of the deepest pattern among groups.
pub(crate) fn deepest<'a>(groups: impl Iterator<Item = &'a Selectors>) -> usize {
    let patterns = groups.filter_map(|group| group.paths.as_deref()).flatten();
    patterns
        .map(|(_, pattern)| pattern.0.len())
        .max()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{deepest, is_reachable};
    use crate::index::Index;
    use crate::pattern::Pattern;
    use crate::selector::{Protocol, Selectors};

    fn group(selectors: &[(&str, &str)]) -> Selectors {
        let mut group = Selectors::default();
        for (name, list) in selectors {
            let names: Vec<String> = list.split(',').map(str::to_owned).collect();
            match *name {
                "webservices" => group.webservices = Some(names),
                "operations" => group.operations = Some(names),
                "soap-actions" => group.soap_actions = Some(names),
                "methods" => group.methods = Some(names.iter().map(|name| name.parse().unwrap()).collect()),
                "paths" => {
                    let read = |text: String| Pattern::parse(&text).map(|pattern| (text, pattern));
                    group.paths = Some(names.into_iter().map(read).collect::<Result<_, _>>().unwrap());
                }
                _ => group.protocol = Protocol::Rest,
            }
        }
        group
    }

    #[rstest]
    #[case(&[("webservices", "A")], &[("webservices", "A")], false)]
    #[case(&[("webservices", "A")], &[("webservices", "A"), ("operations", "X")], false)]
    #[case(&[("webservices", "A"), ("operations", "X")], &[("webservices", "A")], true)]
    #[case(&[("webservices", "A,B")], &[("webservices", "B")], false)]
    #[case(&[("webservices", "A")], &[("webservices", "A,B")], true)]
    #[case(&[], &[("soap-actions", "urn:a")], false)]
    #[case(&[("rest", "")], &[], true)]
    #[case(&[("paths", "/{*rest}")], &[("paths", "/a/{id}")], false)]
    #[case(&[("paths", "/a/{id}")], &[("paths", "/{*rest}")], true)]
    #[case(&[("paths", "/{a},/{a}/{b}")], &[("paths", "/{*rest}")], true)]
    #[case(&[("paths", "/a/{id}")], &[("paths", "/a/b")], false)]
    #[case(&[("paths", "/a/b")], &[("paths", "/a/{id}")], true)]
    #[case(&[("methods", "GET")], &[("methods", "HEAD")], false)]
    #[case(&[("methods", "HEAD")], &[("methods", "GET")], true)]
    #[case(&[("methods", "GET,POST")], &[], true)]
    #[case(&[("methods", "GET")], &[("methods", "GET"), ("webservices", "A")], false)]
    #[case(&[("operations", "X")], &[("webservices", "A")], true)]
    fn the_second_group_is_reachable_or_not(
        #[case] first: &[(&str, &str)],
        #[case] second: &[(&str, &str)],
        #[case] reachable: bool,
    ) {
        let groups = [group(first), group(second)];
        let mut index = Index::default();
        for (position, group) in (0..).zip(&groups) {
            index.insert(position, group);
        }
        assert!(is_reachable(&index, 0, &groups[0], deepest(groups.iter())));
        assert_eq!(
            is_reachable(&index, 1, &groups[1], deepest(groups.iter())),
            reachable
        );
    }
}
