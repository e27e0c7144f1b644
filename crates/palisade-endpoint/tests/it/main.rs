//! Tests of endpoint groups over real property files and a real router.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

mod axum_agrees;
mod callers;
mod clients;
mod common;
mod compile;
mod cost;
mod limits;
mod service;
mod several_roots;
