//! The verifier against tokens of keys made here, and of other implementations.

mod background;
mod build;
mod issuer;
mod keys;
mod library;
mod refused;
mod remote;
mod seen;
mod server;
mod vectors;
mod world;
