//! Bearer tokens: signed JWTs (RFC 7519) as access tokens (RFC 6750, RFC 9068).
//!
//! 1. A token is a JWS in compact form (RFC 7515) of at most 16 KiB: two dots, base64url without padding, JSON in which no name
//!    comes twice.
//! 2. Its `alg` is one that the settings accept, and one of the key's kind: the key decides, never the token. `none` and `HS*` do
//!    not exist here. `crit` is refused, and so is a `typ` other than `JWT` and `at+jwt` (RFC 8725 section 3.11).
//! 3. `kid` selects the keys that are tried: those of that name, else those that have none. A token without `kid` is tried against
//!    each key. Never more than eight. What a header says of keys otherwise (`jku`, `jwk`, `x5u`, `x5c`) is not looked at.
//! 4. `iss` is the issuer to the letter, `aud` has one of ours, `sub` is there, `exp` is to come; `nbf` and `iat`, where they stand,
//!    are past. `clock-skew` is allowed for. No claim is read before the signature is verified.
//! 5. `cnf` must be `x5t#S256` alone (RFC 8705 section 3.1), which the caller compares with the connection's certificate. A token
//!    that is bound in another way, such as by RFC 9449, is refused: its proof is not looked at here.
//! 6. A token that was seen before is not verified again until it expires or keys change. Ten thousand are remembered, by a
//!    MAC under a key of this process and not by their text; times are checked by the clock each time.
//! 7. Keys of a URL are fetched beforehand and kept fresh as their server says, between five minutes and a day, or an hour where it
//!    does not. They stay in use when it is dead, and over a reload. A key that is not known has them fetched once; then, for 30
//!    seconds, such tokens are refused at once. After a failure nothing is fetched for 30 seconds, twice as long after each
//!    further one, at most five minutes.
//!
//! What this does not protect against: a token that is stolen and not bound to a certificate; a key that was withdrawn, until its
//! set is fetched again; an issuer that gives ID tokens and access tokens the same `aud` and no `typ` of their own, because one
//! then passes for the other. Whether a token was revoked is not asked: keep lives short.
//!
//! Signatures are verified by `jsonwebtoken`, with its aws-lc-rs provider by name: the global one that it would take otherwise hangs on
//! the features of any other crate. What it is lax about (duplicate names, `crit`, `typ`, missing claims, leeway, the clock) is
//! read here, strictly, before and after.

mod algorithm;
mod bad_token;
mod build;
mod builder;
mod claims;
mod compact;
mod json;
mod keys;
mod remote;
mod rules;
mod seen;
mod settings;
#[cfg(test)]
mod tests;
mod token;
mod verifier;

pub use algorithm::TokenAlgorithm;
pub use bad_token::BadToken;
pub use builder::BearerBuilder;
pub use rules::BearerError;
pub(crate) use seen::Accepted;
pub use settings::BearerSettings;
pub use token::Token;
pub use verifier::Bearer;
