//! Tests of the stage `authentication`, without TLS: facts are put where a listener puts them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

mod common;
mod cost;
mod credentials;
mod on_behalf;
mod settings;
mod table;
