//! Directories as their users see them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod cost;
#[cfg(feature = "sql")]
mod sql;
