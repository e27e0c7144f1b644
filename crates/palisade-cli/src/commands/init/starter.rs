//! The texts of a starter folder.

use std::path::Path;

/// The listener, and the keystore it takes its key from.
pub(super) const LISTENER: &str = include_str!("listener.properties");

/// The whole of `application.properties`.
pub(super) const PROPERTIES: &str = concat!(
    include_str!("listener.properties"),
    "\n",
    include_str!("groups.properties")
);

/// The name of the file of cases.
pub(super) const TESTS_NAME: &str = "policy-tests.yaml";

/// What becomes of requests to the starter's groups.
pub(super) const TESTS: &str = include_str!("policy-tests.yaml");

/// What to do with the folder.
pub(super) fn next(folder: &Path, is_taken_over: bool) -> Vec<String> {
    let shown = quoted(folder);
    let mut next = vec![
        format!("palisade check --config {shown}"),
        format!("palisade serve --echo --config {shown}"),
    ];
    if !is_taken_over {
        let tests = quoted(&folder.join(TESTS_NAME));
        next.insert(1, format!("palisade test {tests} --config {shown}"));
        let curl = |rest: &str, outcome: &str| {
            let ca = quoted(&folder.join("keys/demo-ca.pem"));
            format!("curl --cacert {ca} {rest}  # {outcome}")
        };
        let url = "https://localhost:8443/server/rest";
        let client = quoted(&folder.join("demo-client.pem"));
        next.extend([
            curl(&format!("{url}/orders/list"), "200"),
            curl(
                &format!("--cert {client} {url}/orders/list"),
                "200, and client-certificate names its owner",
            ),
            curl(
                &format!("{url}/orders/remove"),
                "404: no group has that operation",
            ),
            curl(
                &format!("--tls-max 1.2 {url}/payments/pay"),
                "403: payments demand TLS 1.3",
            ),
        ]);
    }
    next
}

/// A path as a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '+' | ',' | '@' | '%');
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::quoted;

    #[test]
    fn a_path_is_one_word_of_the_shell() {
        assert_eq!(quoted(Path::new("/etc/palisade-1")), "/etc/palisade-1");
        assert_eq!(quoted(Path::new("my config")), "'my config'");
        assert_eq!(quoted(Path::new("it's")), "'it'\\''s'");
    }
}
