//! Validation as operators write it and callers meet it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests stops the test"
)]

mod agreement;
mod answers;
mod bodies;
mod common;
mod costs;
mod heads;
mod openapi;
mod settings;
mod soap;
#[cfg(feature = "xsd")]
mod xsd;
