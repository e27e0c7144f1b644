//! Whole configurations from real files.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod blueriq;
mod environment;
mod errors;
mod fixture;
mod laws;
mod layers;
mod placeholders;
mod secrets;
mod types;
