//! Message security.

mod algorithms;
mod keys;
mod wire;

pub use algorithms::{Algorithms, ContentEncryption, KeyManagement, SignatureAlgorithm, UnknownAlgorithm};
pub use keys::{DecryptionKey, EncryptionKey, KeyError, SigningKey, VerificationKey};
pub use wire::{
    BadHeader, FailedStep, Failure, MAX_TRIED, Opened, ProtectedHeader, Reason, decrypt, encrypt, is_compact,
    sign, verify,
};
