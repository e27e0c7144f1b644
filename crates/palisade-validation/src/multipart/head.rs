//! The head of a part.

use super::boundary::media_type;
use super::parameter::token;
use super::{MAX_FIELDS, MultipartFault, disposition};

/// What the head of a part tells.
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) file_name: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
}

/// Checks the head of a part, without its last line break.
pub(super) fn check(head: &[u8], number: usize) -> Result<Head<'_>, MultipartFault> {
    let head = std::str::from_utf8(head).map_err(|_| MultipartFault::Head(number))?;
    let (mut names, mut content_type) = (None, None);
    for (line, count) in head.split("\r\n").zip(1..) {
        if count > MAX_FIELDS {
            return Err(MultipartFault::HeadTooLong(number));
        }
        let (name, value) = field(line).ok_or(MultipartFault::Head(number))?;
        if name.eq_ignore_ascii_case("content-disposition") {
            if names.is_some() {
                return Err(MultipartFault::Disposition(number));
            }
            names = Some(disposition::check(value, number)?);
        } else if name.eq_ignore_ascii_case("content-type") {
            if content_type.replace(value).is_some() {
                return Err(MultipartFault::ContentType(number));
            }
            check_type(value, number)?;
        } else if name.eq_ignore_ascii_case("content-transfer-encoding")
            || name.eq_ignore_ascii_case("content-encoding")
        {
            return Err(MultipartFault::Encoded(number));
        }
    }
    let (name, file_name) = names.ok_or(MultipartFault::Disposition(number))?;
    Ok(Head {
        name,
        file_name,
        content_type,
    })
}

/// The name and the value of a field.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = token(line)?;
    let value = rest.strip_prefix(':')?.trim_matches([' ', '\t']);
    let is_control = |c: char| c.is_control() && c != '\t';
    // A line that starts as a delimiter does is one to other readers.
    (!name.starts_with("--") && !value.contains(is_control)).then_some((name, value))
}

fn check_type(value: &str, number: usize) -> Result<(), MultipartFault> {
    let malformed = MultipartFault::ContentType(number);
    let (kind, mut parameters) = media_type(value).ok_or(malformed)?;
    if parameters.any(|parameter| parameter.is_err()) {
        return Err(malformed);
    }
    match kind.split_once('/') {
        Some((kind, _)) if kind.eq_ignore_ascii_case("multipart") => Err(MultipartFault::Nested(number)),
        _ => Ok(()),
    }
}
