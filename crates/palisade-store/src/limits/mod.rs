//! Counters of limits, in memory and on disk: the same tables, with nothing beside a key's share or with what is on disk of it.

mod bound;
mod call;
mod embedded;
mod few;
mod hash;
mod health;
mod memory;
mod operate;
mod places;
mod record;
mod rules;
mod table;
mod tables;
mod trial;
mod writer;

pub use embedded::{EmbeddedLimits, EmbeddedLimitsConfig};
pub use memory::MemoryLimits;
