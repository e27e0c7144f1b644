//! Message security, from the outside.

mod vectors;
mod wire;
