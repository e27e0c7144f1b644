//! Where the heads of a connection's requests begin, and whether they say twice how long their bodies are.
//!
//! The library for HTTP/1 drops `Content-Length` beside `Transfer-Encoding` and repeated equal lengths, so that no service can
//! refuse them. The bytes are therefore followed here, between TLS and that library.
//!
//! 1. Lines, lengths and chunks are read as the library reads them. What it refuses ends the connection, so only what it accepts
//!    has to be understood.
//! 2. Bodies are counted, not kept, and text inside them is never taken for a head.
//! 3. Each parsed request must match the next head that was found, by its method and, where the target is a path, by that.
//!    Where it does not, the two readers disagree, and this request and all further ones of the connection are in doubt.
//! 4. Memory holds one unfinished line, of [`Heads::LONGEST_LINE`] bytes at most, and a few bytes for each request that waits,
//!    [`Heads::MOST_WAITING`] at most; beyond that all are in doubt. A head that arrives in one piece is not even copied.
//! 5. HTTP/2 is left alone: it frames bodies itself. It is told by its preface, as the server tells it, whatever ALPN said.

mod chunks;

use std::collections::VecDeque;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{Method, Uri, Version, request};
use palisade_core::FramingConflict;
use rustc_hash::FxBuildHasher;

use chunks::Chunks;

/// The heads of one connection, shared by its stream and its service.
#[derive(Debug, Default)]
pub(crate) struct Framing(Mutex<Heads>);

impl Framing {
    /// Follows bytes that the connection brought.
    pub(crate) fn follow(&self, bytes: &[u8]) {
        self.lock().follow(bytes);
    }

    /// What is in doubt about a request that was parsed; to be asked once for each, in their order.
    pub(crate) fn judge(&self, head: &request::Parts) -> Option<FramingConflict> {
        if head.version >= Version::HTTP_2 {
            return None;
        }
        self.lock().judge(&head.method, &head.uri)
    }

    fn lock(&self) -> MutexGuard<'_, Heads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Heads that were found and not asked for yet, and the place in the stream.
#[derive(Debug, Default)]
struct Heads {
    place: Place,
    /// The start of a line that is not finished.
    line: Vec<u8>,
    current: Head,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug, Default)]
enum Place {
    /// Before the first line of the connection.
    #[default]
    Start,
    /// In a head, or between two requests.
    Head,
    /// In a body of which so many bytes are to come.
    Body(u64),
    Chunked(Chunks),
    /// Nothing further is understood: HTTP/2, an upgrade, or what the library refuses.
    Lost,
}

/// What the lines of a head said so far.
#[derive(Debug, Default)]
struct Head {
    /// The hash of the request line; `None` before it.
    request: Option<u64>,
    lengths: usize,
    codings: usize,
    /// The first length; `None` as well where it is no number.
    length: Option<u64>,
}

/// A head that was found.
#[derive(Debug)]
struct Waiting {
    request: u64,
    conflict: Option<FramingConflict>,
}

impl Heads {
    /// The most bytes of a line that are kept: more than the longest request line that the library parses. Of fields, the start
    /// decides.
    const LONGEST_LINE: usize = 72 * 1024;

    /// The most room that is kept for the next line that arrives in pieces, in bytes.
    const ROOM: usize = 4096;

    /// The most requests that may wait for their turn.
    const MOST_WAITING: usize = 1024;

    fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Start | Place::Head => bytes = self.line(bytes),
                Place::Body(rest) => {
                    bytes = skip(bytes, rest);
                    if *rest == 0 {
                        self.place = Place::Head;
                    }
                }
                Place::Chunked(chunks) => {
                    bytes = chunks.follow(bytes);
                    if chunks.is_at_end() {
                        self.place = Place::Head;
                    }
                }
                Place::Lost => return,
            }
        }
    }

    /// Follows one line of a head; returns what comes after it.
    fn line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.keep(bytes);
            return &[];
        };
        let (line, rest) = bytes.split_at(end);
        let rest = rest.get(1..).unwrap_or_default();
        if self.line.is_empty() {
            self.finish_line(line);
        } else {
            self.keep(line);
            let mut kept = std::mem::take(&mut self.line);
            self.finish_line(&kept);
            if kept.capacity() <= Self::ROOM {
                kept.clear();
                self.line = kept;
            }
        }
        rest
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = Self::LONGEST_LINE.saturating_sub(self.line.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.line.extend_from_slice(kept);
    }

    fn finish_line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if matches!(self.place, Place::Start) {
            self.place = if line == b"PRI * HTTP/2.0" {
                Place::Lost
            } else {
                Place::Head
            };
        }
        match (self.current.request, line) {
            (None, []) => {}
            (None, line) => self.current.request = Some(hash_line(line)),
            (Some(request), []) => self.finish_head(request),
            (Some(_), line) => self.current.field(line),
        }
    }

    fn finish_head(&mut self, request: u64) {
        let head = std::mem::take(&mut self.current);
        self.place = head.body();
        let conflict = head.conflict();
        if self.waiting.len() < Self::MOST_WAITING {
            self.waiting.push_back(Waiting { request, conflict });
        } else {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        self.place = Place::Lost;
        self.waiting = VecDeque::new();
        self.line = Vec::new();
    }

    fn judge(&mut self, method: &Method, uri: &Uri) -> Option<FramingConflict> {
        let path = match (uri.authority(), uri.path_and_query()) {
            (None, Some(path)) => path.as_str(),
            _ => "",
        };
        let request = hash(method.as_str().as_bytes(), path.as_bytes());
        match self.waiting.pop_front() {
            Some(waiting) if waiting.request == request => waiting.conflict,
            _ => {
                self.give_up();
                Some(FramingConflict::OutOfStep)
            }
        }
    }
}

fn hash_line(line: &[u8]) -> u64 {
    let mut words = line.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    // What follows `#` is no part of a target, and the library cuts it off.
    let end = memchr::memchr(b'#', target).unwrap_or(target.len());
    hash(method, target.get(..end).unwrap_or(target))
}

/// Of targets, only paths are compared: others may be written anew by the library.
///
/// Nobody gains from two requests of one hash: who could make the readers disagree on a head could as well send two that are equal.
fn hash(method: &[u8], path: &[u8]) -> u64 {
    let path = if path.starts_with(b"/") { path } else { &[] };
    FxBuildHasher.hash_one((method, path))
}

impl Head {
    fn field(&mut self, line: &[u8]) {
        // Most fields are neither.
        if !matches!(line.first(), Some(b'c' | b'C' | b't' | b'T')) {
            return;
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().unwrap_or_default().trim_ascii_end();
        let value = parts.next().unwrap_or_default();
        if name.eq_ignore_ascii_case(b"content-length") {
            if self.lengths == 0 {
                self.length = number(value.trim_ascii());
            }
            self.lengths += 1;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.codings += 1;
        }
    }

    /// Where the stream goes on. Of both fields the library follows `Transfer-Encoding`, of which it knows `chunked` alone.
    fn body(&self) -> Place {
        if self.codings > 0 {
            return Place::Chunked(Chunks::default());
        }
        match (self.lengths, self.length) {
            (0, _) | (_, Some(0)) => Place::Head,
            (_, Some(length)) => Place::Body(length),
            (_, None) => Place::Lost,
        }
    }

    fn conflict(&self) -> Option<FramingConflict> {
        if self.lengths > 0 && self.codings > 0 {
            Some(FramingConflict::LengthBesideTransferEncoding)
        } else if self.lengths > 1 {
            Some(FramingConflict::RepeatedLength)
        } else if self.codings > 1 {
            Some(FramingConflict::RepeatedTransferEncoding)
        } else {
            None
        }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Leaves out as many bytes as are to come, and counts them off.
fn skip<'a>(bytes: &'a [u8], to_come: &mut u64) -> &'a [u8] {
    let count = usize::try_from(*to_come).map_or(bytes.len(), |most| most.min(bytes.len()));
    *to_come -= u64::try_from(count).unwrap_or(*to_come);
    bytes.get(count..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
