//! Compact JWE and JWS (RFC 7515, RFC 7516), read strictly and written once.
//!
//! josekit does the key management and the signatures with keys that were parsed once; content encryption is aws-lc-rs; the
//! compact form and its header are read and written here.
//!
//! 1. A message is read in this order: segments, header, algorithm, key, lengths, and only then cryptography. Whatever a message
//!    says, it costs no more than one private-key operation per key that its `kid` and `alg` admit, and at most
//!    [`MAX_TRIED`] where it names none.
//! 2. The header is a JSON object without repeated names at any depth, of at most 8 KiB encoded and 8 levels. `jku`, `x5u`, `jwk`,
//!    `zip` and `b64` are refused, `x5c` and `x5t` never choose a key, `crit` is obeyed, other unknown names are ignored.
//! 3. base64url is strict: no padding, no white space, no bits set behind the last byte.
//! 4. The tag is checked before the padding, in constant time, and has exactly 16 bytes. A key that does not unwrap is replaced by
//!    a random one (RFC 7516 section 11.5), so that it fails where an altered message fails. All of it is one reason:
//!    [`Reason::NotAuthentic`].
//! 5. Nothing is ever decompressed.
//!
//! It does not protect against a peer that learns from timing how many keys of a kind there are, nor against one that measures
//! the difference between an encrypted key that does not unwrap and content that does not match: OAEP and AES key wrap stay
//! secure when that is known (with `RUST_BACKTRACE` set that difference grows, for josekit's errors then note where they were made).
//! The length of the content is visible to everybody.

pub(crate) mod agreement;
mod assemble;
mod base64url;
mod candidates;
mod compact;
mod content;
mod decrypt;
mod encrypt;
mod failure;
mod header;
mod peek;
mod sign;
mod verify;

#[cfg(test)]
mod tests;

pub use compact::is_compact;
pub use decrypt::decrypt;
pub use encrypt::encrypt;
pub use failure::{FailedStep, Failure, Reason};
pub use header::{BadHeader, ProtectedHeader};
pub use sign::sign;
pub use verify::verify;

pub(crate) use content::{ContentCipher, KEY as CONTENT_KEY};
pub(crate) use failure::printable;
pub(crate) use peek::unverified_jws;

use std::fmt;

use bytes::Bytes;

/// So many keys are tried for a message without `kid`.
pub const MAX_TRIED: usize = 16;

/// A message that was decrypted or verified.
#[non_exhaustive]
pub struct Opened {
    /// What was inside.
    pub payload: Bytes,
    /// The protected header.
    pub header: ProtectedHeader,
    /// Which of the keys given fitted, as an index.
    pub key: usize,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("payload_len", &self.payload.len())
            .field("header", &self.header)
            .field("key", &self.key)
            .finish()
    }
}
