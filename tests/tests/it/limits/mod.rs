//! Limits, seen from outside: the command as it is built, in processes of its own, over TLS, with property files, and clients that
//! know nothing of the code behind the socket.
//!
//! 1. Windows of time are so long that none of them ends, and no rate gives anything back, while a test runs. Nothing is timed.
//! 2. The fields of every answer that is looked at are read by a reader of structured fields, and held to the draft.
//! 3. Redis is a real one, and tests that need it are not tried where there is none.

#![expect(clippy::indexing_slicing, reason = "helpers of tests may fail loudly")]

mod fields;
pub(crate) mod node;
pub(crate) mod world;

mod amounts;
mod answers;
mod commands;
mod crash;
mod exact;
mod flood;
mod in_flight;
mod keys;
mod quotas;
mod redis;
mod reload;
mod replay;
mod reports;
mod soap;
