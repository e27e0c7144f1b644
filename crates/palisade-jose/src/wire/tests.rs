//! What cannot be seen from outside: content encryption by itself, and the vectors of Project Wycheproof below the wire.

mod agreement;
mod content;
mod wycheproof;
