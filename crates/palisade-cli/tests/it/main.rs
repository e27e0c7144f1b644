//! The command as users run it: the built binary over real folders.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly"
)]

mod api_key;
mod blueriq;
mod cert;
mod check;
mod diff;
mod encrypt;
mod explain;
mod explain_body;
mod hash_password;
mod init;
mod keystore;
mod limits;
mod message;
mod policy_tests;
mod probe;
mod probes;
mod serve;
mod support;
mod two_servers;
mod usage;
mod user;
