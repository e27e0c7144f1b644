//! The palisade command.
