//! For tests only: a certificate authority, a fake clock, a client, assertions on problems, stage laws.

pub mod ca;
mod clock;
mod measure;
mod problem;

pub use clock::FakeClock;
pub use measure::{Comparison, Outcome};
pub use problem::assert_problem;
pub use serde_json::json;
