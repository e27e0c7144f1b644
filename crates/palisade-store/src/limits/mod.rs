//! Counters of limits, in memory and on disk: the same tables, with nothing beside a key's share or with what is on disk of it.

#[expect(dead_code, reason = "what waits is for a store on disk")]
mod call;
mod few;
mod hash;
mod memory;
mod operate;
mod rules;
#[expect(dead_code, reason = "what waits is for a store on disk")]
mod table;

pub use memory::MemoryLimits;
