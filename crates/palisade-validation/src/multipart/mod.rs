//! Forms with files: `multipart/form-data` (RFC 7578, RFC 2046 section 5.1).
//!
//! 1. The media type has one `boundary`, of 1 to 70 of the characters that RFC 2046 allows.
//! 2. The body starts with the first delimiter and ends with the last, the line break before and behind not counted: nothing is hidden
//!    in front of the parts, or behind them. What looks like a delimiter and is none, or has spaces behind it, is refused.
//! 3. There are at most `multipart.max-parts` parts, and none is larger than `multipart.max-part`.
//! 4. The head of a part has at most [`MAX_HEAD`] bytes and [`MAX_FIELDS`] fields, in UTF-8, without folded lines or bare line breaks.
//! 5. Each part has one `Content-Disposition: form-data` with one `name` that is not empty and at most one `filename`, and no other
//!    parameters: RFC 7578 section 4.2 bans `filename*`, and what readers make of others differs.
//! 6. A file's name has no path: no `/` or `\`, percent-encoded ones included, no controls, and it is neither `.` nor `..`.
//! 7. What hides its content from all other rules is refused: a part that is itself `multipart`, `Content-Transfer-Encoding` (RFC 7578
//!    section 4.7) and `Content-Encoding`.
//!
//! It is one pass over the body, copies nothing and allocates nothing. What is accepted, axum's `Multipart` reads as the same parts with
//! the same names.
//!
//! # What this does not protect against
//!
//! What a file contains, and whether its media type or its suffix tells the truth. A name that is there more than once: forms have
//! that, for lists. Names of files that mean something to one operating system only (`con`, `a.txt:stream`).

use http::HeaderValue;
use memchr::memmem;

use crate::settings::MultipartSettings;

mod boundary;
mod disposition;
mod fault;
mod head;
mod parameter;
#[cfg(test)]
mod tests;

pub use fault::MultipartFault;

use boundary::Delimiter;

/// How large the head of a part may be, in bytes.
pub const MAX_HEAD: usize = 8 * 1024;

/// How many fields the head of a part may have.
pub const MAX_FIELDS: usize = 16;

const LINE_BREAK: &[u8] = b"\r\n";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Checks a body of that media type.
pub fn check(
    content_type: &HeaderValue,
    body: &[u8],
    settings: &MultipartSettings,
) -> Result<(), MultipartFault> {
    walk(content_type, body, settings, |_| ())
}

/// A part of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) name: &'a str,
    file_name: Option<&'a str>,
    /// The value of its `Content-Type`, which is a media type.
    pub(crate) content_type: Option<&'a str>,
    pub(crate) content: &'a [u8],
}

/// Checks a body, and hands over each part on the way.
pub(crate) fn walk<'a>(
    content_type: &HeaderValue,
    body: &'a [u8],
    settings: &MultipartSettings,
    mut found: impl FnMut(Part<'a>),
) -> Result<(), MultipartFault> {
    let delimiter = Delimiter::of(content_type).ok_or(MultipartFault::Boundary)?;
    let next = memmem::Finder::new(delimiter.with_line_break());
    let start = body.strip_prefix(LINE_BREAK).unwrap_or(body);
    let mut rest = start
        .strip_prefix(delimiter.bare())
        .ok_or(MultipartFault::Preamble)?;
    for number in 1.. {
        if let Some(epilogue) = rest.strip_prefix(b"--") {
            let is_empty = epilogue.is_empty() || epilogue == LINE_BREAK;
            return if is_empty {
                Ok(())
            } else {
                Err(MultipartFault::Epilogue)
            };
        }
        let part = rest
            .strip_prefix(LINE_BREAK)
            .ok_or(MultipartFault::Delimiter(number))?;
        if number > settings.max_parts {
            return Err(MultipartFault::TooManyParts(settings.max_parts));
        }
        let (head, behind) = split_head(part, number)?;
        let head = head::check(head, number)?;
        if behind.starts_with(delimiter.bare()) {
            // A part without content and its line break: some read a delimiter here, and some content.
            return Err(MultipartFault::Delimiter(number));
        }
        let end = next.find(behind).ok_or(MultipartFault::NoEnd)?;
        if end > settings.max_part.as_usize() {
            return Err(MultipartFault::TooLarge(number));
        }
        let (content, tail) = behind.split_at_checked(end).ok_or(MultipartFault::NoEnd)?;
        found(Part {
            name: head.name,
            file_name: head.file_name,
            content_type: head.content_type,
            content,
        });
        rest = tail
            .get(delimiter.with_line_break().len()..)
            .ok_or(MultipartFault::NoEnd)?;
    }
    Err(MultipartFault::NoEnd)
}

/// The head of a part, and what follows its empty line.
fn split_head(part: &[u8], number: usize) -> Result<(&[u8], &[u8]), MultipartFault> {
    if part.starts_with(LINE_BREAK) {
        return Err(MultipartFault::Disposition(number));
    }
    let longest = part.len().min(MAX_HEAD + END_OF_HEAD.len());
    let end = part
        .get(..longest)
        .and_then(|part| memmem::find(part, END_OF_HEAD))
        .ok_or(if longest < part.len() {
            MultipartFault::HeadTooLong(number)
        } else {
            MultipartFault::NoEnd
        })?;
    let (head, behind) = part.split_at_checked(end).ok_or(MultipartFault::NoEnd)?;
    let content = behind.strip_prefix(END_OF_HEAD).ok_or(MultipartFault::NoEnd)?;
    Ok((head, content))
}
