//! Servers over real sockets and from real files.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot start or reach its servers must stop"
)]

mod bodies;
mod callers;
mod common;
mod connections;
mod gateway;
mod limits;
mod limits_file;
mod listener;
mod partners;
mod redis;
mod reload;
mod replay;
mod serving;
mod upstream;
