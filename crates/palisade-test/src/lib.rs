//! For tests only: a certificate authority, a fake clock, a client, assertions on problems, stage laws, a
//! PostgreSQL server, a Redis server.

pub mod ca;
mod clock;
mod measure;
#[cfg(unix)]
pub mod postgres;
mod problem;
#[cfg(unix)]
pub mod redis;

pub use clock::FakeClock;
pub use measure::{Comparison, Outcome};
pub use problem::assert_problem;
pub use serde_json::json;
