//! Names of users, tenants and roles.

/// A text that is no name of a user, tenant or role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a name of 1 to 128 bytes: letters, digits, spaces inside, and ASCII punctuation other than `:`, `,`, `\"` and `\\`"
)]
pub struct BadName;

/// The longest name, in bytes.
const LONGEST: usize = 128;

/// Checks the name of a user, tenant or role.
///
/// 1. It has 1 to 128 bytes of UTF-8.
/// 2. It is made of letters and digits of any script, ASCII punctuation, and spaces that stand neither first nor last. Control
///    characters, invisible ones and combining accents are none of these.
/// 3. It has no `:`, which ends the user's name in Basic credentials (RFC 7617, section 2); no `,`, which separates names in
///    property files; no `"` and `\`, which quote in header fields.
///
/// Case matters.
///
/// What this does not protect against: names that look alike. Letters of other scripts (the Cyrillic `а`), ligatures (`ﬁ`) and
/// wide forms are letters too, and make other names; who adds users sees to it.
pub fn check_name(name: &str) -> Result<(), BadName> {
    let is_bounded = (1..=LONGEST).contains(&name.len());
    let has_outer_space = name.starts_with(' ') || name.ends_with(' ');
    if is_bounded && !has_outer_space && name.chars().all(is_allowed) {
        Ok(())
    } else {
        Err(BadName)
    }
}

fn is_allowed(character: char) -> bool {
    match character {
        ':' | ',' | '"' | '\\' => false,
        ' ' => true,
        other => other.is_alphanumeric() || other.is_ascii_punctuation(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::check_name;

    #[rstest]
    #[case("alice", true)]
    #[case("Acme Logistics B.V.", true)]
    #[case("j.d@partner.example", true)]
    #[case("Zoë", true)]
    #[case("用户", true)]
    // They look like `alice` and `fiona`, and are others.
    #[case("\u{430}lice", true)]
    #[case("\u{fb01}ona", true)]
    #[case("", false)]
    #[case(" alice", false)]
    #[case("alice ", false)]
    #[case("a:b", false)]
    #[case("a,b", false)]
    #[case("a\"b", false)]
    #[case("a\\b", false)]
    #[case("a\nb", false)]
    #[case("a\0b", false)]
    #[case("a\tb", false)]
    // A combining accent, a space of no width, a change of direction.
    #[case("Zoe\u{308}", false)]
    #[case("al\u{200b}ice", false)]
    #[case("al\u{202e}ice", false)]
    fn names_follow_a_grammar(#[case] name: &str, #[case] accepted: bool) {
        assert_eq!(check_name(name).is_ok(), accepted, "{name:?}");
    }

    #[test]
    fn the_longest_name_has_128_bytes() {
        assert!(check_name(&"a".repeat(128)).is_ok());
        assert!(check_name(&"a".repeat(129)).is_err());
    }
}
