//! Percent-decoding, once and strictly.
//!
//! Where axum replaces or passes on what it cannot decode, this refuses; all else comes out as it does there.

use std::borrow::Cow;

use crate::form::{component, escape};

/// Text with an escape that is none, or that is not UTF-8 once decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotText;

/// What `+` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// For a space: in queries and forms.
    IsSpace,
    /// For itself: in paths.
    IsPlus,
}

/// Decodes a name or a value. What has nothing to decode is borrowed.
pub(crate) fn decode(text: &str, plus: Plus) -> Result<Cow<'_, str>, NotText> {
    let is_encoded = |byte: u8| byte == b'%' || (byte == b'+' && plus == Plus::IsSpace);
    if !text.bytes().any(is_encoded) {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        decoded.push(match byte {
            b'%' => {
                let (byte, tail) = escape(tail).ok_or(NotText)?;
                rest = tail;
                byte
            }
            b'+' if plus == Plus::IsSpace => b' ',
            byte => byte,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| NotText)
}

/// Checks that a value can be decoded, without decoding it.
pub(crate) fn check(text: &str) -> Result<(), NotText> {
    component(text.as_bytes()).map(|_| ()).map_err(|_| NotText)
}
