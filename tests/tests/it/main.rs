//! Laws of the house, and black-box tests over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

mod architecture;
mod blueriq;
mod book;
mod callers;
mod limits;
mod misread_keystores;
mod reference;
mod rotation;
mod validation;
