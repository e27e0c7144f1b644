//! Message security, from the outside.

mod attacks;
mod client;
mod exchange;
mod limits;
mod server;
mod settings;
mod vectors;
mod wire;
mod wire_format;
