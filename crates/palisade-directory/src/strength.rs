//! What a password must have.

use std::fmt;

/// One way in which a password is too weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// Fewer than 12 characters.
    Short,
    /// No lower-case letter.
    NoLowerCase,
    /// No upper-case letter.
    NoUpperCase,
    /// No digit.
    NoDigit,
    /// Nothing but letters and digits.
    NothingElse,
    /// The user's name stands in it, in whatever case.
    ContainsName,
    /// A control character, such as a line break, which Basic credentials cannot carry (RFC 7617, section 2).
    ControlCharacter,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "it has fewer than 12 characters",
            Self::NoLowerCase => "it has no lower-case letter",
            Self::NoUpperCase => "it has no upper-case letter",
            Self::NoDigit => "it has no digit",
            Self::NothingElse => "it has nothing but letters and digits",
            Self::ContainsName => "the user's name stands in it",
            Self::ControlCharacter => "it has a control character, which Basic credentials cannot carry",
        })
    }
}

/// Everything that makes a password too weak. It does not show the password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WeakPassword {
    /// At least one.
    pub weaknesses: Vec<Weakness>,
}

impl fmt::Display for WeakPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the password is too weak: ")?;
        for (position, weakness) in self.weaknesses.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{weakness}")?;
        }
        Ok(())
    }
}

impl std::error::Error for WeakPassword {}

/// The fewest characters.
const SHORTEST: usize = 12;
/// A shorter name stands in passwords by chance.
const SHORTEST_NAME: usize = 3;

/// Checks a password, or another secret that somebody chose, of the user of that name.
///
/// 1. It has 12 characters at least, of all four classes: lower case, upper case, digits, others.
/// 2. The user's name does not stand in it, in whatever case, unless the name is shorter than three characters.
/// 3. It has no control characters.
///
/// Everything that is wrong is told at once.
pub fn check_strength(password: &str, user: Option<&str>) -> Result<(), WeakPassword> {
    let has = |class: fn(char) -> bool| password.chars().any(class);
    let folded = password.to_lowercase();
    let name = user.filter(|name| name.chars().count() >= SHORTEST_NAME);
    let weaknesses: Vec<Weakness> = [
        (password.chars().count() < SHORTEST, Weakness::Short),
        (!has(char::is_lowercase), Weakness::NoLowerCase),
        (!has(char::is_uppercase), Weakness::NoUpperCase),
        (!has(|c| c.is_ascii_digit()), Weakness::NoDigit),
        (!has(|c| !c.is_alphanumeric()), Weakness::NothingElse),
        (
            name.is_some_and(|name| folded.contains(&name.to_lowercase())),
            Weakness::ContainsName,
        ),
        (has(char::is_control), Weakness::ControlCharacter),
    ]
    .into_iter()
    .filter_map(|(holds, weakness)| holds.then_some(weakness))
    .collect();
    if weaknesses.is_empty() {
        Ok(())
    } else {
        Err(WeakPassword { weaknesses })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Weakness::{
        ContainsName, ControlCharacter, NoDigit, NoLowerCase, NoUpperCase, NothingElse, Short,
    };
    use super::{Weakness, check_strength};

    #[rstest]
    #[case::accepted("Correct-Horse7", Some("alice"), &[])]
    #[case::accepted_at_the_bound("aB3-aB3-aB3-", None, &[])]
    #[case::accepted_in_other_scripts("Ñandú-pequeño-9", None, &[])]
    #[case::one_short("aB3-aB3-aB3", None, &[Short])]
    #[case::empty("", None, &[Short, NoLowerCase, NoUpperCase, NoDigit, NothingElse])]
    #[case::no_lower("CORRECT-HORSE7", None, &[NoLowerCase])]
    #[case::no_upper("correct-horse7", None, &[NoUpperCase])]
    #[case::no_digit("Correct-Horse-", None, &[NoDigit])]
    #[case::nothing_else("CorrectHorse77", None, &[NothingElse])]
    #[case::name_in_it("My-aLiCe-password-1", Some("Alice"), &[ContainsName])]
    #[case::short_name("Correct-Horse7", Some("or"), &[])]
    #[case::line_break("Correct-Horse7\n", None, &[ControlCharacter])]
    #[case::several("alice", Some("alice"), &[Short, NoUpperCase, NoDigit, NothingElse, ContainsName])]
    fn a_weak_password_is_refused_with_every_reason(
        #[case] password: &str,
        #[case] user: Option<&str>,
        #[case] expected: &[Weakness],
    ) {
        let weaknesses = check_strength(password, user)
            .err()
            .map(|weak| weak.weaknesses)
            .unwrap_or_default();
        assert_eq!(weaknesses, expected);
    }

    #[test]
    fn the_error_says_all_reasons_and_not_the_password() {
        let weak = check_strength("abc", None).unwrap_err();
        assert_eq!(
            weak.to_string(),
            "the password is too weak: it has fewer than 12 characters; it has no upper-case letter; it has no digit; it has \
             nothing but letters and digits"
        );
    }
}
