//! `Content-Disposition` of a part (RFC 7578 section 4.2).

use super::MultipartFault;
use super::parameter::{Parameter, Parameters, token};
use crate::form::escape;

/// Reads the value of the field. Gives the part's name, and its file's.
pub(super) fn check(value: &str, number: usize) -> Result<(&str, Option<&str>), MultipartFault> {
    let (name, file_name) = read(value).ok_or(MultipartFault::Disposition(number))?;
    if file_name.is_some_and(|file_name| !is_plain(file_name)) {
        return Err(MultipartFault::FileName(number));
    }
    Ok((name, file_name))
}

fn read(value: &str) -> Option<(&str, Option<&str>)> {
    let (kind, rest) = token(value)?;
    if !kind.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let mut parameters = Parameters(rest);
    let first = parameters.next()?.ok()?;
    let second = parameters.next().transpose().ok()?;
    if parameters.next().is_some() {
        return None;
    }
    let (name, file_name) = match (first, second) {
        (first, None) => (first, None),
        (first, Some(second)) if first.name == "name" => (first, Some(second)),
        (first, Some(second)) => (second, Some(first)),
    };
    let are_named = name.name == "name" && file_name.is_none_or(|file_name| file_name.name == "filename");
    let other = if first.name == "name" { "filename" } else { "name" };
    let is_read_alike = !looks_like_parameter(first, other);
    (are_named && is_read_alike && !name.value.is_empty())
        .then_some((name.value, file_name.map(|parameter| parameter.value)))
}

/// Whether a value has in it what a reader that searches for the name of the next parameter would take for it. `multer`, behind axum's
/// `Multipart`, takes the name behind a space or a semicolon, and the second of two in a row.
fn looks_like_parameter(parameter: Parameter<'_>, other: &str) -> bool {
    let value = parameter.value;
    let mut words = value.split([';', ' ']).skip(1);
    let mut found = value.match_indices(other);
    words.any(|word| word.starts_with(other))
        || found.any(|(at, word)| {
            value
                .get(at + word.len()..)
                .is_some_and(|behind| behind.starts_with(other))
        })
}

/// Whether the name of a file is no more than that, whether a reader decodes it once or not at all.
fn is_plain(name: &str) -> bool {
    // Nobody has a reason to encode a dot.
    let is_barred = |byte: u8| matches!(byte, b'/' | b'\\' | b'.' | 0..=0x1F | 0x7F);
    let escapes = name.split('%').skip(1);
    let mut encoded = escapes.filter_map(|behind| escape(behind.as_bytes()).map(|(byte, _)| byte));
    !matches!(name, "." | "..")
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
        && !encoded.any(is_barred)
}
