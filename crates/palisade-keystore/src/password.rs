//! Passwords that nobody has to think of.

use aws_lc_rs::rand;
use palisade_core::Secret;
use zeroize::Zeroizing;

use crate::private_key::NoRandomness;

/// How many characters: 142 bits of chance.
const LENGTH: usize = 24;
/// Letters and digits that cannot be taken for one another, and signs that shells, property files and command lines leave alone.
const CLASSES: [&[u8]; 4] = [
    b"ABCDEFGHJKLMNPQRSTUVWXYZ",
    b"abcdefghijkmnpqrstuvwxyz",
    b"23456789",
    b"+-=@_",
];

/// A random password: 24 ASCII characters out of upper case, lower case, digits and signs, each at least once, and a letter or
/// digit first, so that no program takes it for an option. Without `0`, `O`, `o`, `1`, `I` and `l`.
pub fn random_password() -> Result<Secret, NoRandomness> {
    let characters = CLASSES.concat();
    loop {
        let mut password = Zeroizing::new(String::with_capacity(LENGTH));
        while password.len() < LENGTH {
            password.push(char::from(pick(&characters)?));
        }
        if is_mixed(&password) {
            return Ok(Secret::new(password.as_str()));
        }
    }
}

/// One of the characters, each as likely as the others.
fn pick(characters: &[u8]) -> Result<u8, NoRandomness> {
    loop {
        let mut byte = [0];
        rand::fill(&mut byte).map_err(|_| NoRandomness)?;
        let [byte] = byte;
        // Of 64 numbers those that stand for no character are drawn again.
        if let Some(character) = characters.get(usize::from(byte & 0x3f)) {
            return Ok(*character);
        }
    }
}

fn is_mixed(password: &str) -> bool {
    let has = |class: &[u8]| password.bytes().any(|byte| class.contains(&byte));
    CLASSES.iter().all(|class| has(class))
        && password.starts_with(|first: char| first.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CLASSES, LENGTH, random_password};

    #[test]
    fn a_password_has_every_class_and_nothing_that_can_be_mistaken() {
        let mut seen = BTreeSet::new();
        for _ in 0..500 {
            let password = random_password().unwrap();
            let text = password.expose();
            assert_eq!(text.len(), LENGTH);
            assert!(
                text.is_ascii() && text.as_bytes()[0].is_ascii_alphanumeric(),
                "{text}"
            );
            for class in CLASSES {
                assert!(text.bytes().any(|byte| class.contains(&byte)), "{text}");
            }
            assert!(!text.contains(['0', 'O', 'o', '1', 'I', 'l']), "{text}");
            assert!(seen.insert(text.to_owned()), "a password came twice");
        }
        let used: BTreeSet<char> = seen.iter().flat_map(|text| text.chars()).collect();
        assert_eq!(
            used.len(),
            CLASSES.concat().len(),
            "a character never comes: {used:?}"
        );
    }

    #[test]
    fn the_characters_fit_the_numbers_they_are_drawn_by() {
        let characters: BTreeSet<u8> = CLASSES.concat().into_iter().collect();
        assert_eq!(characters.len(), CLASSES.concat().len());
        assert!(characters.len() <= 64 && characters.len() > 48);
    }
}
