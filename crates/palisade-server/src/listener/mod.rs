//! Listeners: accepting, the cap, the limits of the protocol, closing.
//!
//! 1. At most `max-connections` are open at a time; further clients wait in the kernel's queue until one ends.
//! 2. A head arrives within `header-read-timeout`, over HTTP/1.1 and, for the first one, over HTTP/2; later ones over HTTP/2 are
//!    bounded by pings that a peer cannot answer while it stalls inside a frame.
//! 3. Heads are read up to [`HEAD_BYTES`] and [`HEAD_FIELDS`], so that one that is merely too large is refused with a problem
//!    document. Beyond that the HTTP library answers with a bare 431, or 400 where the bytes are no HTTP.
//! 4. HTTP/2 has [`STREAMS`] streams a connection, and bounded windows, header lists and resets.
//! 5. A close lingers, so that an answer reaches a client that is still sending.
//! 6. A client that asks for answers and takes nothing of them for a minute is cut off, over HTTP/2 too, where it could go on
//!    answering pings.
//! 7. A drain stops accepting at once, tells HTTP/2 clients with GOAWAY, and lets requests finish.
//!
//! What this does not protect against: clients of many addresses that take every connection and use each one now and then; a
//! reader that takes a little of one of its answers just often enough.

mod capped;
mod flow;
mod http;
mod serve;
mod stream;

pub use self::capped::{CappedAddress, CappedListener};
pub use self::http::{HEAD_BYTES, HEAD_FIELDS, STREAMS};
pub use self::serve::{Bound, ListenerHandle};
pub use self::stream::ServedStream;
