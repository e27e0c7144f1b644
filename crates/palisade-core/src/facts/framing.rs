/// The head of a request is in doubt about where its body ends (RFC 9112 section 6.3).
///
/// The library for HTTP/1 settles such heads before anybody sees them: it drops `Content-Length` beside `Transfer-Encoding`, and
/// repeated equal lengths. Servers behind may settle them otherwise, which is how requests are smuggled. The listener reads the
/// bytes of the head itself and leaves this fact; the stage `headers` refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FramingConflict {
    /// `Content-Length` beside `Transfer-Encoding`.
    LengthBesideTransferEncoding,
    /// More than one `Content-Length`, equal or not.
    RepeatedLength,
    /// More than one `Transfer-Encoding`.
    RepeatedTransferEncoding,
    /// The head that the listener read at this place is another than the one that was parsed, or none.
    OutOfStep,
}

/// A `GET` or `HEAD` request has a body, whatever its fields say: over HTTP/2 a body needs no field.
///
/// The pipeline leaves this fact, because guards see heads alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyOnGet;
