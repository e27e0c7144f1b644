//! Requests that together try every combination of selectors that two configurations know.
//!
//! 1. Names that exactly the same groups list are tried once: no selector tells them apart.
//! 2. Each kind of name is also tried with one that nobody lists.
//! 3. A path pattern is tried with one example of itself.
//!
//! What this does not see: a path that two patterns match, where neither pattern's own example shows it.

use std::collections::{BTreeMap, BTreeSet};

use http::header::HeaderName;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Uri};
use palisade_config::{Config, Errors};
use palisade_endpoint::{GroupSettings, Probe};

/// The most combinations of routes and groups that are tried: a few seconds' work.
const MOST: usize = 10_000_000;

/// A request, with words for all those that it stands for.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) label: String,
    pub(super) probe: Probe,
}

/// Too many combinations to try.
#[derive(Debug)]
pub(super) struct TooMany;

/// The selectors of all groups of both configurations.
#[derive(Debug)]
pub(super) struct Selectors {
    groups: Vec<GroupSettings>,
    rest_bases: BTreeSet<String>,
    soap_bases: BTreeSet<String>,
    has_soap: bool,
}

/// Names that no selector tells apart.
#[derive(Debug, PartialEq, Eq)]
struct Class {
    label: String,
    sample: String,
}

impl Selectors {
    pub(super) fn read(configs: [&Config; 2]) -> Result<Self, Errors> {
        let mut selectors = Self {
            groups: Vec::new(),
            rest_bases: BTreeSet::new(),
            soap_bases: BTreeSet::new(),
            has_soap: false,
        };
        for config in configs {
            for position in 0..config.len("palisade.endpoints") {
                let group = config.get(&format!("palisade.endpoints[{position}]"))?;
                selectors.groups.push(group.unwrap_or_default());
            }
            let base = |key: &str, default: &str| -> Result<String, Errors> {
                let written: Option<String> = config.get(key)?;
                Ok(written
                    .as_deref()
                    .unwrap_or(default)
                    .trim_end_matches('/')
                    .to_owned())
            };
            selectors
                .rest_bases
                .insert(base("palisade.endpoint-base-path", "/server/rest")?);
            selectors
                .soap_bases
                .insert(base("palisade.soap-base-path", "/webservices")?);
            selectors.has_soap |= !config.blueriq().soap_groups.is_empty();
        }
        selectors.has_soap |= selectors.groups.iter().any(|group| group.soap_actions.is_some());
        Ok(selectors)
    }

    /// Every combination.
    pub(super) fn routes(&self) -> Result<Vec<Route>, TooMany> {
        let services = self.classes(|group| group.webservices.as_ref(), "any-service");
        let operations = self.classes(|group| group.operations.as_ref(), "any-operation");
        let actions = self.classes(|group| group.soap_actions.as_ref(), "any-action");
        let methods = self.methods();
        let paths: BTreeSet<&String> = self
            .groups
            .iter()
            .flat_map(|group| &group.paths)
            .flatten()
            .collect();
        let soap = if self.has_soap {
            self.soap_bases.len() * services.len() * actions.len()
        } else {
            0
        };
        let rest = self.rest_bases.len() * services.len() * operations.len();
        let routes = (rest + soap + paths.len()) * methods.len();
        if routes.saturating_mul(self.groups.len()) > MOST {
            return Err(TooMany);
        }

        let mut routes = Vec::new();
        for method in &methods {
            for path in &paths {
                routes.extend(route(method, path, &example(path), None));
            }
            for (base, service) in pairs(&self.rest_bases, &services) {
                for operation in &operations {
                    let label = format!("{base}/{}/{}", service.label, operation.label);
                    let path = format!("{base}/{}/{}", encode(&service.sample), encode(&operation.sample));
                    routes.extend(route(method, &label, &path, None));
                }
            }
            for (base, service) in pairs(&self.soap_bases, &services).filter(|_| self.has_soap) {
                let path = format!("{base}/{}", encode(&service.sample));
                for action in &actions {
                    let label = format!("{base}/{} SOAP action {}", service.label, action.label);
                    routes.extend(route(method, &label, &path, Some(&action.sample)));
                }
            }
        }
        Ok(routes)
    }

    /// The names of one kind, those that the same groups list together, and one that no group lists.
    fn classes(&self, of: impl Fn(&GroupSettings) -> Option<&Vec<String>>, other: &str) -> Vec<Class> {
        let mut listed_by: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (position, group) in self.groups.iter().enumerate() {
            for name in of(group).into_iter().flatten() {
                listed_by.entry(name).or_default().push(position);
            }
        }
        let mut together: BTreeMap<&Vec<usize>, Vec<&str>> = BTreeMap::new();
        for (name, groups) in &listed_by {
            together.entry(groups).or_default().push(name);
        }
        let mut classes: Vec<Class> = together
            .into_values()
            .map(|names| Class {
                label: names.join(","),
                sample: names.first().copied().unwrap_or_default().to_owned(),
            })
            .collect();
        classes.sort_by(|a, b| a.label.cmp(&b.label));
        let mut sample = other.to_owned();
        while listed_by.contains_key(sample.as_str()) {
            sample.push('_');
        }
        let label = if classes.is_empty() { "*" } else { "(other)" };
        classes.push(Class {
            label: label.to_owned(),
            sample,
        });
        classes
    }

    fn methods(&self) -> Vec<Class> {
        let mut methods = self.classes(|group| group.methods.as_ref(), "OTHER");
        // Stages may look at the method; a real one is tried where no group lists it.
        let listed: BTreeSet<&str> = self
            .groups
            .iter()
            .flat_map(|group| &group.methods)
            .flatten()
            .map(String::as_str)
            .collect();
        let real = ["GET", "POST", "PUT", "DELETE", "PATCH"]
            .into_iter()
            .find(|method| !listed.contains(method));
        if let (Some(last), Some(real)) = (methods.last_mut(), real) {
            real.clone_into(&mut last.sample);
        }
        methods
    }
}

fn pairs<'a>(
    bases: &'a BTreeSet<String>,
    classes: &'a [Class],
) -> impl Iterator<Item = (&'a String, &'a Class)> {
    bases
        .iter()
        .flat_map(move |base| classes.iter().map(move |class| (base, class)))
}

/// Nothing for a name that cannot stand in a request at all.
fn route(method: &Class, label: &str, path: &str, action: Option<&str>) -> Option<Route> {
    let target = Uri::from(PathAndQuery::try_from(path).ok()?);
    let mut probe = Probe::new(Method::from_bytes(method.sample.as_bytes()).ok()?, target);
    if let Some(action) = action {
        let value = HeaderValue::try_from(format!("\"{action}\"")).ok()?;
        probe.headers.insert(HeaderName::from_static("soapaction"), value);
    }
    Some(Route {
        label: format!("{} {label}", method.label),
        probe,
    })
}

/// A name as one segment of a path (RFC 3986 section 2.1).
fn encode(name: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(encode).collect()
}

/// A path that a pattern matches: `/a/{id}` becomes `/a/any`, `/a/{*rest}` becomes `/a/any/path`.
fn example(pattern: &str) -> String {
    let mut path = String::new();
    let mut rest = pattern;
    while let Some((before, behind)) = rest.split_once('{') {
        path.push_str(before);
        if let Some(literal) = behind.strip_prefix('{') {
            path.push_str("%7B");
            rest = literal;
            continue;
        }
        let (name, next) = behind.split_once('}').unwrap_or((behind, ""));
        path.push_str(if name.starts_with('*') { "any/path" } else { "any" });
        rest = next;
    }
    path.push_str(rest);
    path.replace("}}", "%7D")
}

#[cfg(test)]
mod tests {
    use palisade_config::{Config, Sources};

    use super::{Selectors, encode, example};

    #[test]
    fn an_example_of_a_pattern_has_something_for_each_name() {
        assert_eq!(example("/payments/{id}/lines/{line}"), "/payments/any/lines/any");
        assert_eq!(example("/files/{*rest}"), "/files/any/path");
        assert_eq!(example("/plain"), "/plain");
        assert_eq!(example("/{{x}}"), "/%7Bx%7D");
    }

    #[test]
    fn a_name_is_one_segment() {
        assert_eq!(encode("My Service/é-1"), "My%20Service%2F%C3%A9-1");
    }

    #[test]
    fn names_that_the_same_groups_list_are_tried_once_and_one_that_none_lists_too() {
        let mut sources = Sources::default();
        let settings = [
            ("palisade.endpoints[0].webservices", "a,b,c"),
            ("palisade.endpoints[1].webservices", "c"),
            ("palisade.endpoints[1].methods", "GET"),
        ];
        sources.overrides = settings
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec();
        let (config, _) = Config::load(&sources);
        let selectors = Selectors::read([&config, &config]).unwrap();
        let labels: Vec<String> = selectors
            .routes()
            .unwrap()
            .into_iter()
            .map(|route| route.label)
            .collect();
        let expected = [
            "GET /server/rest/a,b/*",
            "GET /server/rest/c/*",
            "GET /server/rest/(other)/*",
            "(other) /server/rest/a,b/*",
            "(other) /server/rest/c/*",
            "(other) /server/rest/(other)/*",
        ];
        assert_eq!(labels, expected);
    }
}
