//! What cannot be seen from outside: content encryption and base64url by themselves, and the vectors of Project Wycheproof below
//! the wire.

mod agreement;
mod base64url;
mod content;
mod wycheproof;
