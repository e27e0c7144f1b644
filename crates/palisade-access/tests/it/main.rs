//! The rules, the stage as operators and peers see it, and what a decision costs.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests stops the test"
)]

mod common;
mod cost;
mod decision;
mod model;
mod properties;
mod stage;
