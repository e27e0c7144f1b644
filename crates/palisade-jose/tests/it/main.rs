//! Message security, from the outside.

mod wire;
