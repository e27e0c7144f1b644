//! Which values are secret, and how the others are shown.

use crate::key::{Key, Segment};

/// What stands for a secret wherever values are shown.
pub(crate) const MASK: &str = "***";

/// Words that make a name secret wherever they stand in it.
const SECRET_WORDS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "private",
    "api-key",
    "apikey",
    "credential",
    "hash",
];

/// The longest value shown whole, in characters.
const SHOWN: usize = 120;

/// Names whose members are secret, whatever the members are called: they are named after what they open.
const SECRET_MAPS: [&str; 1] = ["key-passwords"];

/// Whether the last names of a key say that its value is secret.
pub(crate) fn is_secret_key(key: &Key) -> bool {
    let mut names = key.segments().iter().rev().filter_map(Segment::as_name);
    let is_secret = names.next().is_some_and(is_secret_word);
    is_secret || names.next().is_some_and(is_secret_map)
}

/// Whether a single name, or the last parts of a dotted one, say that its value is secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let mut names = name.rsplit('.');
    // The name of an environment variable has underscores between its parts.
    let variable = spelling(name).replace("--", ".");
    names.next().is_some_and(is_secret_word)
        || names.next().is_some_and(is_secret_map)
        || variable.rsplit('.').nth(1).is_some_and(is_secret_map)
}

fn is_secret_word(name: &str) -> bool {
    let name = spelling(name);
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

fn is_secret_map(name: &str) -> bool {
    SECRET_MAPS.contains(&spelling(name).as_str())
}

fn spelling(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

/// A value as it may be shown: quoted, without control characters, with the secrets of URLs masked.
pub(crate) fn quoted(text: &str) -> String {
    let masked = mask_urls(text);
    let mut shown: String = masked.chars().take(SHOWN).collect();
    if shown.len() < masked.len() {
        shown.push('…');
    }
    format!("\"{}\"", shown.chars().flat_map(escape).collect::<String>())
}

fn escape(c: char) -> Vec<char> {
    if c == '"' || c == '\\' || c.is_control() {
        c.escape_default().collect()
    } else {
        vec![c]
    }
}

/// Masks `user:password@`, and a query with a secret in it, in every URL that occurs in a text; in doubt it masks too much, not too
/// little.
pub(crate) fn mask_urls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = behind
            .find(|c: char| c == ',' || c.is_whitespace())
            .unwrap_or(behind.len());
        let (url, next) = behind.split_at_checked(end).unwrap_or((behind, ""));
        shown.push_str(&masked(url));
        rest = next;
    }
    shown.push_str(rest);
    shown
}

/// A URL, without its scheme.
fn masked(url: &str) -> String {
    match url.split_once('?') {
        // What stands before an `@` in it may be of a password that begins before the `?`.
        Some((_, query)) if has_secret(query) && query.contains('@') => MASK.to_owned(),
        Some((place, query)) if has_secret(query) => format!("{}?{MASK}", without_user(place)),
        _ => without_user(url),
    }
}

/// Whether a query names a secret, as `?password=` does.
fn has_secret(query: &str) -> bool {
    let names = query.split(['&', ';']);
    names
        .filter_map(|option| option.split_once('='))
        .any(|(name, _)| is_secret_word(name))
}

fn without_user(url: &str) -> String {
    match url.rsplit_once('@') {
        // A password may hold a slash that ought to have been escaped.
        Some((user, host)) if user.contains(':') || !user.contains('/') => format!("{MASK}@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("palisade.keystores.main.password", true)]
    #[case("palisade.users.ann.password-hash", true)]
    #[case("palisade.users.ann.api-key-hashes[0]", true)]
    #[case("palisade.x.client-secret", true)]
    #[case("palisade.properties.encryption.password", true)]
    #[case("palisade.interceptors.I.authentication.api-key.header", false)]
    #[case("palisade.listeners.main.tls.key-alias", false)]
    #[case("palisade.interceptors.password-reset.ip-filter.allow", false)]
    #[case("palisade.keystores.main.key-passwords.server", true)]
    #[case("palisade.keystores.main.key-passwords[partner.2026]", true)]
    #[case("palisade.keystores.key-passwords.main.location", false)]
    fn the_last_name_of_a_key_decides_whether_it_is_secret(#[case] key: &str, #[case] secret: bool) {
        assert_eq!(is_secret_key(&Key::parse(key).unwrap()), secret);
    }

    #[rstest]
    #[case("DB_PASSWORD", true)]
    #[case("palisade.keystores.main.key-passwords.server", true)]
    #[case("PALISADE__KEYSTORES__MAIN__KEY_PASSWORDS__SERVER", true)]
    #[case("PALISADE__KEYSTORES__MAIN__LOCATION", false)]
    fn so_it_is_with_names_of_variables(#[case] name: &str, #[case] secret: bool) {
        assert_eq!(is_secret_name(name), secret);
    }

    #[rstest]
    #[case("redis://user:pw@host:6379/0", "redis://***@host:6379/0")]
    #[case("postgres://u:p@ss@h/db", "postgres://***@h/db")]
    #[case("a://b:c@d,e://f:g@h", "a://***@d,e://***@h")]
    #[case("redis://u:p/w@h", "redis://***@h")]
    #[case("https://host/path@at", "https://host/path@at")]
    #[case("user@host", "user@host")]
    #[case("postgres://h:1/db?user=u&password=pw", "postgres://h:1/db?***")]
    #[case("postgres://u:pw@h/db?PASSWORD=pw", "postgres://***@h/db?***")]
    #[case("postgres://h:1/db?password=p@w", "postgres://***")]
    #[case("postgres://u:p?password=w@h/db", "postgres://***")]
    #[case("https://h/keys?access_token=t, a://b:c@d", "https://h/keys?***, a://***@d")]
    #[case("https://h/keys?p=policy", "https://h/keys?p=policy")]
    fn secrets_in_urls_are_masked(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(mask_urls(text), shown);
    }

    #[test]
    fn a_shown_value_is_one_short_line() {
        assert_eq!(quoted("a\"\n\u{1b}é"), "\"a\\\"\\n\\u{1b}é\"");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), 120 + 3);
    }
}
