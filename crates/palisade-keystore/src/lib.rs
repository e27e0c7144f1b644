//! Keys and certificates by alias, from PEM, PKCS#12, JKS and JWK Set; written as these; and made by an authority of one's own.
//!
//! 1. The format is read off the content, never off a file's name.
//! 2. Every error of every keystore is reported, each with the property at fault; no text carries a secret.
//! 3. A private key must fit the certificate beside it; chains are put in order by signature.
//! 4. An alias is written `alias`, or `keystore/alias` where two keystores hold it: an ambiguous one is refused.
//! 5. A keystore that no longer loads keeps its last good state and raises an alarm.
//! 6. PKCS#12 without a MAC is refused; the digest of a JKS file is verified, which needs its password.
//! 7. Every key has a `kid`: the one its JWK names, else the thumbprint of RFC 7638 in base64url.
//! 8. A key of a kind that is not supported stops nobody who does not ask for it; whoever does is told why.
//! 9. An [`Authority`] issues certificates of clients and servers, and revokes them; an [`AuthorityFolder`] keeps it.
//!
//! What it does not protect against: a key is in this process's memory, and a copy that a library made while decoding may
//! outlive it; a file that its owner's account may write can be replaced by that account. Certificates are not verified here
//! beyond the order of a chain: that is the task of whoever trusts them.
//!
//! # Example
//!
//! ```
//! use std::collections::BTreeMap;
//! use palisade_keystore::{KeystoreSettings, Keystores, LookupError};
//! use palisade_test::ca::TestCa;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! TestCa::new("Example Root").server(&["localhost"]).write_pem(folder.path(), "server");
//!
//! let settings = BTreeMap::from([("mine".to_owned(), KeystoreSettings::new("file://server.pem"))]);
//! let keystores = Keystores::load(folder.path(), &settings)?;
//! let entry = keystores.identity("mine")?; // a single PEM file is known by its keystore's name
//! assert_eq!(entry.chain()[0].facts().subject, "CN=localhost");
//!
//! let refused = keystores.identity("mime").unwrap_err();
//! assert_eq!(refused.to_string(), "there is no alias `mime`; did you mean `mine`? (aliases: `mine`)");
//! # Ok(())
//! # }
//! ```

mod age;
mod authority;
mod der;
mod entry;
mod error;
mod facts;
mod issued;
mod jks;
mod jwk;
mod keystores;
mod location;
mod name;
mod password;
mod pem;
mod pkcs12;
mod private_key;
mod public_key;
mod settings;
mod store;
mod weak;
mod writer;

pub use authority::{
    Authority, AuthorityError, AuthorityFolder, BadList, BadRequest, CertificateRequest, Issued, KeySource,
    NewAuthority, Purpose, Revocation, RevocationList, RevocationReason, SigningRequest, Subject,
};
pub use entry::{Certificate, Entry, KeyEntry, UnusableKey};
pub use error::{LoadError, LoadErrors, LookupError, StoreError};
pub use facts::{
    BadCertificate, CertificateFacts, KeyAlgorithm, certificate_facts, client_certificate, fingerprint,
};
pub use issued::{NotIssued, check_chain, check_issued_by};
pub use jwk::{BadJwkSet, PublishedKey, PublishedKeys, SkippedKey, Usage};
pub use keystores::{Alarm, Keystores};
pub use location::{BadLocation, resolve};
pub use password::random_password;
pub use private_key::{BadPrivateKey, KeyKind, NoRandomness, PrivateKey};
pub use public_key::{BadPublicKey, PublicKey};
pub use settings::{KeystoreSettings, StoreType};
pub use store::Keystore;
pub use writer::{KeystoreBuilder, WriteError};

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
