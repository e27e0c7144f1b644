//! Who is calling, seen from outside: real servers on free ports, real TLS, certificates that the `openssl` command made, and
//! clients that know nothing of the code behind the socket.
//!
//! 1. The table of two-way TLS is written down once, in [`cells`], as the contract has it, and each way by which a certificate can
//!    come in is held to all of it.
//! 2. Time is a clock that tests move. Nothing is measured.
//! 3. What files can change is changed in the files of the running server, and the same requests are sent on the same connection.

#![expect(clippy::indexing_slicing, reason = "helpers of tests may fail loudly")]

mod cells;
pub(crate) mod client;
mod issuer;
mod log;
pub(crate) mod pki;
mod world;

mod access;
mod bearer;
mod directory;
mod ended;
mod forged;
mod on_behalf;
mod proxied;
mod reload;
mod resumed;
mod same_answer;
mod secrets;
mod soap;
mod table;
