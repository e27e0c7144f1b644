//! Limits as operators write them and callers meet them.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests stops the test"
)]

mod amounts;
mod common;
mod concurrency;
mod cost;
mod keys;
mod quota;
mod rate;
mod reloads;
mod settings;
mod stores;
mod together;
mod totals;
