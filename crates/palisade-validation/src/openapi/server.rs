//! Below which paths a document's operations are: the paths of `servers`.
//!
//! 1. A URL's scheme and authority are not looked at: they are matters of listeners and groups. Its path stands in front of the
//!    operations' paths. Without `servers`, or with an empty list, that is nothing.
//! 2. An operation's own `servers` take the place of its path's, and these of the document's.
//! 3. A variable with an `enum` in the path stands for each of its values; one without stands for any text within a segment, its default
//!    included.

use std::collections::BTreeMap;

use super::document::Node;
use super::route::{Template, TemplateError};
use crate::schema::SchemaError;

/// How many paths the variables of one server may make.
const MAX_PATHS: usize = 64;

/// The paths in front of operations, by the innermost of `servers`.
pub(super) fn bases(servers: Option<Node<'_>>) -> Result<Vec<Template>, SchemaError> {
    let mut bases = Vec::new();
    for server in servers.into_iter().flat_map(Node::items) {
        let url = server.get("url").and_then(Node::str).unwrap_or("/");
        for path in expand(path_of(url), server) {
            let base =
                base(&path).map_err(|fault| server.error(format_args!("the path of `url` {fault}")))?;
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
        if bases.len() > MAX_PATHS {
            return Err(server.error(format_args!(
                "the variables of servers make more than {MAX_PATHS} paths"
            )));
        }
    }
    if bases.is_empty() {
        bases.push(Template::root());
    }
    Ok(bases)
}

fn base(path: &str) -> Result<Template, TemplateError> {
    match path.trim_start_matches("./").trim_matches('/') {
        "" | "." => Ok(Template::root()),
        path => Template::parse(&format!("/{path}")),
    }
}

/// The path of a URL that may be relative, and may have variables anywhere.
fn path_of(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    match url.split_once("//") {
        // A variable may stand for the scheme, or for the authority.
        Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => {
            rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("")
        }
        _ => url,
    }
}

/// A path with the variables that have an `enum` filled in.
fn expand(path: &str, server: Node<'_>) -> Vec<String> {
    let variables = server.get("variables");
    let values: BTreeMap<&str, Vec<&str>> = variables
        .into_iter()
        .flat_map(Node::members)
        .filter_map(|(name, variable)| {
            let values = variable.get("enum")?.items().filter_map(Node::str).collect();
            Some((name, values))
        })
        .collect();
    let mut paths = vec![path.to_owned()];
    for (name, values) in values {
        let variable = format!("{{{name}}}");
        if path.contains(&variable) {
            paths = paths
                .iter()
                .flat_map(|path| values.iter().map(|value| path.replace(&variable, value)))
                .take(MAX_PATHS + 1)
                .collect();
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::path_of;

    #[rstest]
    #[case("https://api.example.com/v1", "/v1")]
    #[case("https://api.example.com", "")]
    #[case("https://api.example.com/", "/")]
    #[case("{scheme}://{host}:{port}/{base}/v2/", "/{base}/v2/")]
    #[case("//api.example.com/v1", "/v1")]
    #[case("/v1", "/v1")]
    #[case("v1", "v1")]
    #[case("{scheme}://host/v1?x=//y", "/v1")]
    #[case(".", ".")]
    fn the_path_of_a_url_is_found(#[case] url: &str, #[case] path: &str) {
        assert_eq!(path_of(url), path);
    }
}
