//! Hashes of passwords.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::phc;
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use palisade_core::Secret;
use subtle::ConstantTimeEq as _;

/// What one verification costs (RFC 9106, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Cost {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes. They are worked through one after the other.
    pub lanes: u32,
}

impl Cost {
    /// What new hashes cost, and what OWASP recommends at least: 19 MiB, two passes, one lane.
    pub const RECOMMENDED: Self = Self {
        memory: 19 * 1024,
        passes: 2,
        lanes: 1,
    };

    /// The choices that OWASP's Password Storage Cheat Sheet calls equal: memory in KiB, and passes.
    const EQUAL_CHOICES: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

    /// What one verification works through at most: memory times passes, eight times what is recommended. Anybody who can send
    /// a name makes the server do that, without knowing a password.
    const HIGHEST_WORK: u64 = 8 * Self::RECOMMENDED.work();
    /// What one verification may hold, 256 MiB: several run at once.
    const HIGHEST_MEMORY: u32 = 256 * 1024;
    /// More lanes than this are for machines that no server is.
    const MOST_LANES: u32 = 16;
    /// More work than this times what is recommended is a finding.
    const COSTLY: u64 = 2;

    /// Whether that is what OWASP recommends at least.
    pub fn is_sufficient(self) -> bool {
        Self::EQUAL_CHOICES
            .iter()
            .any(|&(memory, passes)| self.memory >= memory && self.passes >= passes)
    }

    /// Whether that is so much more than what is recommended that a few requests keep a server busy.
    pub fn is_costly(self) -> bool {
        self.work() > Self::COSTLY * Self::RECOMMENDED.work()
    }

    /// What is worked through: KiB times passes. Lanes divide it, and add nothing.
    const fn work(self) -> u64 {
        // Neither conversion nor product can overflow; `From` is not const.
        self.memory as u64 * self.passes as u64
    }

    fn is_bounded(self) -> bool {
        self.work() <= Self::HIGHEST_WORK
            && self.memory <= Self::HIGHEST_MEMORY
            && self.lanes <= Self::MOST_LANES
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.memory, self.passes, self.lanes)
    }
}

/// A text that is no hash of a password. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPasswordHash {
    /// No PHC string of argon2id.
    #[error(
        "expected a PHC string of argon2id, `$argon2id$v=19$m=…,t=…,p=…$<salt>$<hash>`, such as `palisade hash-password` prints"
    )]
    Malformed,
    /// A hash that is too short to protect anything.
    #[error("expected a hash of 16 bytes at least")]
    Short,
    /// A verification would hold up the server.
    #[error(
        "expected a cost of at most m=262144 (KiB), p=16, and m times t at most 311296, eight times what is recommended"
    )]
    TooCostly,
}

/// No hash could be made: the system has no memory or no randomness to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no memory or no randomness for the hash of a password")]
pub struct HashingFailed;

/// The argon2id hash of a password, with its salt and cost (RFC 9106), as a PHC string says them.
#[derive(Clone)]
pub struct PasswordHash {
    cost: Cost,
    salt: Box<[u8]>,
    output: Box<[u8]>,
}

impl PasswordHash {
    /// The shortest hash that is accepted, in bytes.
    const SHORTEST: usize = 16;
    /// New hashes, in bytes.
    const LENGTH: usize = 32;

    /// Hashes a password under a new random salt of 16 bytes. That takes some 30 ms and 19 MiB.
    pub fn hash(password: &Secret) -> Result<Self, HashingFailed> {
        let mut salt = [0; 16];
        rand::fill(&mut salt).map_err(|_| HashingFailed)?;
        let mut output = [0; Self::LENGTH];
        derive(
            Cost::RECOMMENDED,
            password.expose().as_bytes(),
            &salt,
            &mut output,
        )?;
        Ok(Self {
            cost: Cost::RECOMMENDED,
            salt: Box::from(salt),
            output: Box::from(output),
        })
    }

    /// Whether that is the password. It blocks for as long as the cost of the hash says; where the system has no memory for it,
    /// no password is the right one.
    pub fn verify(&self, password: &[u8]) -> bool {
        let mut output = vec![0; self.output.len()];
        let derived = derive(self.cost, password, &self.salt, &mut output);
        bool::from(self.output.ct_eq(&output)) && derived.is_ok()
    }

    /// What a verification costs.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// The PHC string, to be stored.
    pub fn to_phc(&self) -> Secret {
        let [salt, output] = [&self.salt, &self.output].map(|bytes| BASE64_STANDARD_NO_PAD.encode(bytes));
        Secret::new(format!("$argon2id$v=19${}${salt}${output}", self.cost))
    }

    /// What tells one hash from another, for whoever remembers verdicts: salt and output. Whoever calls this answers for where
    /// they go.
    pub fn expose_parts(&self) -> [&[u8]; 2] {
        [&self.salt, &self.output]
    }

    /// A hash of that cost that nobody's password has: nobody knows a text whose hash is all zeros.
    pub(crate) fn decoy(cost: Cost) -> Self {
        Self {
            cost,
            salt: Box::from([0; 16]),
            output: Box::from([0; Self::LENGTH]),
        }
    }
}

/// Argon2id, version 0x13.
pub(crate) fn derive(
    cost: Cost,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
) -> Result<(), HashingFailed> {
    let length = Some(output.len());
    let params = Params::new(cost.memory, cost.passes, cost.lanes, length).map_err(|_| HashingFailed)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, output)
        .map_err(|_| HashingFailed)
}

impl FromStr for PasswordHash {
    type Err = BadPasswordHash;

    fn from_str(text: &str) -> Result<Self, BadPasswordHash> {
        let parsed = phc::PasswordHash::new(text).map_err(|_| BadPasswordHash::Malformed)?;
        let is_argon2id = parsed.algorithm == ARGON2ID_IDENT && parsed.version == Some(Version::V0x13.into());
        // Neither a key identifier nor associated data, which are no longer part of the format.
        let names = parsed.params.iter().map(|(name, _)| name);
        let is_plain = names.eq(["m", "t", "p"].map(phc::Ident::new_unwrap));
        let (true, true, Some(salt), Some(output)) = (is_argon2id, is_plain, parsed.salt, parsed.hash) else {
            return Err(BadPasswordHash::Malformed);
        };
        if output.len() < Self::SHORTEST {
            return Err(BadPasswordHash::Short);
        }
        let params = Params::try_from(&parsed.params).map_err(|_| BadPasswordHash::Malformed)?;
        let cost = Cost {
            memory: params.m_cost(),
            passes: params.t_cost(),
            lanes: params.p_cost(),
        };
        if !cost.is_bounded() {
            return Err(BadPasswordHash::TooCostly);
        }
        Ok(Self {
            cost,
            salt: Box::from(salt.as_ref()),
            output: Box::from(output.as_bytes()),
        })
    }
}

/// Equal are hashes of one password under one salt. It compares in constant time.
impl PartialEq for PasswordHash {
    fn eq(&self, other: &Self) -> bool {
        self.cost == other.cost && self.salt == other.salt && bool::from(self.output.ct_eq(&other.output))
    }
}

impl Eq for PasswordHash {}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

#[cfg(test)]
mod tests {
    use palisade_core::Secret;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{BadPasswordHash, Cost, PasswordHash};

    #[test]
    fn a_password_is_verified_against_its_hash_and_no_other_is() {
        let hash = PasswordHash::hash(&Secret::new("correct horse")).unwrap();
        assert!(hash.verify(b"correct horse"));
        assert!(!hash.verify(b"correct hors"));
        assert!(!hash.verify(b""));
        assert_eq!(hash.cost(), Cost::RECOMMENDED);
        let read: PasswordHash = hash.to_phc().expose().parse().unwrap();
        assert!(read == hash && read.verify(b"correct horse"));
    }

    #[test]
    fn a_hash_of_the_reference_implementation_is_verified() {
        // src/test.c of phc-winner-argon2.
        let text = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hash: PasswordHash = text.parse().unwrap();
        assert!(hash.verify(b"password") && !hash.verify(b"Password"));
        assert_eq!(hash.to_phc().expose(), text);
    }

    #[test]
    fn one_password_has_another_hash_each_time() {
        let password = Secret::new("correct horse");
        assert!(PasswordHash::hash(&password).unwrap() != PasswordHash::hash(&password).unwrap());
    }

    #[test]
    fn a_hash_is_not_shown() {
        let hash = PasswordHash::hash(&Secret::new("correct horse")).unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash(***)");
    }

    const SALT: &str = "c29tZXNhbHQxNmJ5dGVz";
    const OUTPUT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[rstest]
    #[case::accepted(&format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${OUTPUT}"), None)]
    #[case::nothing("", Some(BadPasswordHash::Malformed))]
    #[case::the_password_itself("correct horse", Some(BadPasswordHash::Malformed))]
    #[case::bcrypt(
        "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
        Some(BadPasswordHash::Malformed)
    )]
    #[case::argon2i(&format!("$argon2i$v=19$m=19456,t=2,p=1${SALT}${OUTPUT}"), Some(BadPasswordHash::Malformed))]
    #[case::old_version(&format!("$argon2id$v=16$m=19456,t=2,p=1${SALT}${OUTPUT}"), Some(BadPasswordHash::Malformed))]
    #[case::no_version(&format!("$argon2id$m=19456,t=2,p=1${SALT}${OUTPUT}"), Some(BadPasswordHash::Malformed))]
    #[case::no_hash(&format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}"), Some(BadPasswordHash::Malformed))]
    #[case::no_params(&format!("$argon2id$v=19${SALT}${OUTPUT}"), Some(BadPasswordHash::Malformed))]
    #[case::twice_m(&format!("$argon2id$v=19$m=19456,m=8,t=2,p=1${SALT}${OUTPUT}"), Some(BadPasswordHash::Malformed))]
    #[case::key_id(&format!("$argon2id$v=19$m=19456,t=2,p=1,keyid=AAAA${SALT}${OUTPUT}"), Some(BadPasswordHash::Malformed))]
    #[case::no_passes(&format!("$argon2id$v=19$m=19456,t=0,p=1${SALT}${OUTPUT}"), Some(BadPasswordHash::Malformed))]
    #[case::trailing(&format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${OUTPUT}$x"), Some(BadPasswordHash::Malformed))]
    #[case::short_hash(&format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}$AAAAAAAAAAAAAAAAAAAA"), Some(BadPasswordHash::Short))]
    #[case::as_much_work_as_may_be(&format!("$argon2id$v=19$m=19456,t=16,p=1${SALT}${OUTPUT}"), None)]
    #[case::as_much_memory_as_may_be(&format!("$argon2id$v=19$m=262144,t=1,p=16${SALT}${OUTPUT}"), None)]
    #[case::too_much_memory(&format!("$argon2id$v=19$m=262145,t=1,p=1${SALT}${OUTPUT}"), Some(BadPasswordHash::TooCostly))]
    #[case::too_many_passes(&format!("$argon2id$v=19$m=19456,t=17,p=1${SALT}${OUTPUT}"), Some(BadPasswordHash::TooCostly))]
    #[case::too_many_lanes(&format!("$argon2id$v=19$m=19456,t=2,p=17${SALT}${OUTPUT}"), Some(BadPasswordHash::TooCostly))]
    #[case::all_of_it(&format!("$argon2id$v=19$m=1048576,t=64,p=64${SALT}${OUTPUT}"), Some(BadPasswordHash::TooCostly))]
    #[case::as_much_as_can_be_written(&format!("$argon2id$v=19$m=4294967295,t=4294967295,p=1${SALT}${OUTPUT}"), Some(BadPasswordHash::TooCostly))]
    fn only_hashes_of_argon2id_are_accepted(#[case] text: &str, #[case] error: Option<BadPasswordHash>) {
        assert_eq!(text.parse::<PasswordHash>().err(), error);
    }

    #[rstest]
    #[case(19_456, 2, true)]
    #[case(47_104, 1, true)]
    #[case(7_168, 5, true)]
    #[case(65_536, 3, true)]
    #[case(19_455, 2, false)]
    #[case(19_456, 1, false)]
    #[case(7_168, 4, false)]
    fn what_is_sufficient_is_what_owasp_says(
        #[case] memory: u32,
        #[case] passes: u32,
        #[case] sufficient: bool,
    ) {
        let cost = Cost {
            memory,
            passes,
            lanes: 1,
        };
        assert_eq!(cost.is_sufficient(), sufficient);
    }

    #[rstest]
    #[case(19_456, 2, false)]
    #[case(19_456, 4, false)]
    #[case(19_456, 5, true)]
    #[case(65_536, 1, false)]
    #[case(65_536, 2, true)]
    fn more_than_twice_the_recommended_work_is_costly(
        #[case] memory: u32,
        #[case] passes: u32,
        #[case] costly: bool,
    ) {
        let cost = Cost {
            memory,
            passes,
            lanes: 1,
        };
        assert_eq!(cost.is_costly(), costly);
    }

    #[test]
    fn the_decoy_costs_what_is_asked_and_verifies_nothing() {
        let cost = Cost {
            memory: 64,
            passes: 1,
            lanes: 1,
        };
        let decoy = PasswordHash::decoy(cost);
        assert_eq!(decoy.cost(), cost);
        assert!(!decoy.verify(b"") && !decoy.verify(&[0; 32]));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(
            text in r"\$?(argon2id)?\$?(v=19)?[$](m=[0-9]{0,11},?)?(t=[0-9]{0,3},?)?(p=[0-9]{0,3})?[$A-Za-z0-9+/=]{0,80}"
        ) {
            let _ = text.parse::<PasswordHash>();
        }
    }
}
