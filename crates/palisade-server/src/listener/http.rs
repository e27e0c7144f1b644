//! Limits of the HTTP protocol on a listener.
//!
//! 1. A head must arrive within `header-read-timeout`, on a new connection and on a kept one; the same bound ends idle HTTP/1.1
//!    connections.
//! 2. Heads are read up to [`HEAD_BYTES`] and [`HEAD_FIELDS`], well above the bounds of `palisade_core::head`, so that what is
//!    too large is refused with a problem document and not with a bare status.
//! 3. HTTP/2: bounded streams, windows, header lists and resets (CVE-2023-44487); pings end peers that stall inside a frame,
//!    where no other timer looks.

use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;

/// The most bytes of a head that are read at all.
pub const HEAD_BYTES: u32 = 400 * 1024;
/// The most fields of an HTTP/1.1 head that are read at all.
pub const HEAD_FIELDS: usize = 208;
/// The most requests at a time on one HTTP/2 connection.
pub const STREAMS: u32 = 128;

/// The most streams that a client has opened and reset before they were looked at.
const PENDING_RESETS: usize = 20;
/// The most streams that are reset because the client broke the protocol on them.
const ERROR_RESETS: usize = 64;
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const FRAME: u32 = 16 * 1024;
const SEND_BUFFER: usize = 256 * 1024;
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Sets the limits.
pub(crate) fn limit(builder: &mut Builder<TokioExecutor>, header_read_timeout: Duration) {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_read_timeout)
        .max_buf_size(HEAD_BYTES as usize)
        .max_headers(HEAD_FIELDS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES)
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(ERROR_RESETS)
        .adaptive_window(false)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(header_read_timeout)
        .keep_alive_timeout(PING_TIMEOUT.min(header_read_timeout));
}
