//! Below which paths a document's operations are: the paths of `servers`.
//!
//! 1. A URL's scheme and authority are not looked at: they are matters of listeners and groups. Its path stands in front of the
//!    operations' paths. Without `servers`, or with an empty list, that is nothing.
//! 2. An operation's own `servers` take the place of its path's, and these of the document's.
//! 3. A variable with an `enum` in the path stands for each of its values; one without stands for any text within a segment, its default
//!    included. One that has a `/` in a value or in its default brings a path with it, wherever it stands: without an `enum` it is its
//!    default alone.

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
        for path in paths(url, &variables(server)) {
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

/// The variables that stand for texts that are known, by name.
fn variables(server: Node<'_>) -> Vec<(&str, Vec<&str>)> {
    let variables = server.get("variables").into_iter().flat_map(Node::members);
    let known = variables.filter_map(|(name, variable)| {
        let values = match variable.get("enum") {
            Some(values) => values.items().filter_map(Node::str).collect(),
            None => vec![
                variable
                    .get("default")?
                    .str()
                    .filter(|value| value.contains('/'))?,
            ],
        };
        Some((name, values))
    });
    known.collect()
}

/// The paths of a URL, with those variables filled in that stand in its path, or bring one.
fn paths(url: &str, variables: &[(&str, Vec<&str>)]) -> Vec<String> {
    let mut urls = vec![url.to_owned()];
    for (name, values) in variables {
        let variable = format!("{{{name}}}");
        let brings_path = values.iter().any(|value| value.contains('/'));
        let is_wanted =
            |url: &String| path_of(url).contains(&variable) || (brings_path && url.contains(&variable));
        if urls.iter().any(is_wanted) {
            urls = urls
                .iter()
                .flat_map(|url| values.iter().map(|value| url.replace(&variable, value)))
                .take(MAX_PATHS + 1)
                .collect();
        }
    }
    urls.iter().map(|url| path_of(url).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{path_of, paths};

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

    #[rstest]
    #[case::in_the_path("https://{region}.example.com/{v}", &["/1", "/2"])]
    #[case::in_the_authority_alone("https://{region}.example.com/v1", &["/v1"])]
    #[case::with_the_path("https://api.example.com{base}", &["/sell/account"])]
    #[case::with_everything("{server}/v1", &["/shop/v1"])]
    #[case::open("https://api.example.com/{tenant}", &["/{tenant}"])]
    fn variables_are_filled_in_where_they_make_a_path(#[case] url: &str, #[case] expected: &[&str]) {
        let variables = [
            ("base", vec!["/sell/account"]),
            ("region", vec!["eu", "us"]),
            ("server", vec!["https://api.example.com/shop"]),
            ("v", vec!["1", "2"]),
        ];
        assert_eq!(paths(url, &variables), expected);
    }
}
