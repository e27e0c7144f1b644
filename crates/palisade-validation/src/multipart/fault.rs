//! What is wrong with a form.

use std::borrow::Cow;

use super::{MAX_FIELDS, MAX_HEAD};

/// What is wrong with a body of `multipart/form-data`. Parts are counted from 1; nothing of it is the peer's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MultipartFault {
    /// The media type is another, or has not exactly one well-formed boundary.
    #[error("the media type is not multipart/form-data with one boundary")]
    Boundary,
    /// The body does not start with the delimiter.
    #[error("the body does not start with the delimiter")]
    Preamble,
    /// A delimiter is followed by something else than a line break or `--`, or a part has no line break before it.
    #[error("the delimiter before or behind part {0} is malformed")]
    Delimiter(usize),
    /// There are more parts than may be.
    #[error("there are more than {0} parts")]
    TooManyParts(usize),
    /// A part is larger than it may be.
    #[error("part {0} is too large")]
    TooLarge(usize),
    /// The head of a part is longer than [`MAX_HEAD`], or has more fields than [`MAX_FIELDS`].
    #[error("the head of part {0} is longer than {MAX_HEAD} bytes or {MAX_FIELDS} fields")]
    HeadTooLong(usize),
    /// The head of a part is not one: a line is no field, has a control in it or is not UTF-8.
    #[error("the head of part {0} is malformed")]
    Head(usize),
    /// A part has not exactly one `Content-Disposition: form-data` with one name.
    #[error("part {0} has no well-formed Content-Disposition, or more than one")]
    Disposition(usize),
    /// The name of a file has a path or a control in it.
    #[error("the name of the file in part {0} has a path or a control in it")]
    FileName(usize),
    /// The media type of a part is malformed, or there more than once.
    #[error("part {0} has a malformed Content-Type, or more than one")]
    ContentType(usize),
    /// A part is itself `multipart`.
    #[error("part {0} has parts of its own")]
    Nested(usize),
    /// A part has a `Content-Transfer-Encoding` or a `Content-Encoding`.
    #[error("part {0} is encoded")]
    Encoded(usize),
    /// The body ends before the last delimiter.
    #[error("the body ends before the last delimiter")]
    NoEnd,
    /// Something follows the last delimiter.
    #[error("something follows the last delimiter")]
    Epilogue,
}

impl MultipartFault {
    /// What the peer is told.
    pub fn public(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Boundary => "The media type is not multipart/form-data with one boundary.",
            Self::Preamble => "The form does not start with its delimiter.",
            Self::Delimiter(_) => "A delimiter of the form is malformed.",
            Self::TooManyParts(_) => "The form has too many parts.",
            Self::TooLarge(_) => "A part of the form is too large.",
            Self::HeadTooLong(_) => "The head of a part of the form is too long.",
            Self::Head(_) => "The head of a part of the form is malformed.",
            Self::Disposition(_) => "A part of the form has no well-formed Content-Disposition.",
            Self::FileName(_) => "The name of a file in the form has a path or a control in it.",
            Self::ContentType(_) => "A part of the form has a malformed Content-Type.",
            Self::Nested(_) => "A part of the form has parts of its own.",
            Self::Encoded(_) => "A part of the form is encoded.",
            Self::NoEnd => "The form has no end.",
            Self::Epilogue => "Something follows the end of the form.",
        })
    }
}
