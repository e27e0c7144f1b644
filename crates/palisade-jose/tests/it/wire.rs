//! The wire: round trips, what is refused, and the attacks that must not work.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on must stop"
)]

mod algorithms;
mod attacks;
mod cost;
pub(crate) mod forge;
mod header;
pub(crate) mod keys;
mod oracle;
mod round_trip;
mod selection;
