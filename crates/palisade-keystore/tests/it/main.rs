//! Keystores as OpenSSL, Java and others write them, and as we write them for them.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot make its files must stop"
)]

mod authority;
mod jks;
mod jwks;
mod keystores;
mod pem;
mod pem_keys;
mod pkcs12;
mod pkcs12_java;
mod public_keys;
mod support;
mod writer;
