//! Forms: `application/x-www-form-urlencoded`, as WHATWG URL section 5.1 reads it.
//!
//! 1. Fields are parted by `&`, empty ones are skipped, a name ends at its first `=`, and `+` is a space: what axum's `Form` does.
//! 2. An escape that is none (`%zz`) is refused, and so is a name or a value that is not UTF-8 once decoded; axum would pass on the
//!    first and replace the second.
//! 3. Characters outside ASCII may stand there unescaped, as many clients write them. Controls may not: no serialiser leaves them.
//! 4. There are at most [`FormLimits::max_fields`] fields, and no name or value is longer than [`FormLimits::max_text`].
//!
//! It is one pass that allocates nothing.
//!
//! # What this does not protect against
//!
//! A name that is there more than once: forms have that, for lists. Controls that are escaped, such as the line breaks of a text
//! area. A handler that decodes once more.

use std::borrow::Cow;

use crate::settings::JsonSettings;

#[cfg(test)]
mod tests;
mod utf8;

use utf8::Utf8;

/// How large a form may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormLimits {
    /// How many fields there may be.
    pub max_fields: usize,
    /// How long a name or a value may be, in bytes once decoded.
    pub max_text: usize,
}

impl From<&JsonSettings> for FormLimits {
    /// `json.max-items` and `json.max-string`: a form is an object of strings.
    fn from(settings: &JsonSettings) -> Self {
        Self {
            max_fields: settings.max_items,
            max_text: settings.max_string.as_usize(),
        }
    }
}

/// What is wrong with a form. Fields are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    /// There are more fields than may be.
    #[error("there are more than {0} fields")]
    TooManyFields(usize),
    /// A name or a value is longer than it may be.
    #[error("the name or the value of field {0} is too long")]
    TooLong(usize),
    /// A percent sign is not followed by two hexadecimal digits.
    #[error("field {0} has a malformed escape")]
    Escape(usize),
    /// A name or a value is not UTF-8.
    #[error("field {0} is not UTF-8")]
    NotUtf8(usize),
    /// A control stands there unescaped.
    #[error("field {0} has an unescaped control")]
    Control(usize),
}

impl FormFault {
    /// What the peer is told.
    pub fn public(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::TooManyFields(_) => "The form has too many fields.",
            Self::TooLong(_) => "A field of the form is too long.",
            Self::Escape(_) => "A field of the form has a malformed escape.",
            Self::NotUtf8(_) => "A field of the form is not UTF-8.",
            Self::Control(_) => "A field of the form has an unescaped control.",
        })
    }
}

/// Checks a form.
pub fn check(body: &[u8], limits: FormLimits) -> Result<(), FormFault> {
    let fields = body.split(|byte| *byte == b'&').filter(|field| !field.is_empty());
    for (field, number) in fields.zip(1..) {
        if number > limits.max_fields {
            return Err(FormFault::TooManyFields(limits.max_fields));
        }
        let mut halves = field.splitn(2, |byte| *byte == b'=');
        for half in [halves.next(), halves.next()].into_iter().flatten() {
            let length = component(half).map_err(|fault| match fault {
                ComponentFault::Escape => FormFault::Escape(number),
                ComponentFault::NotUtf8 => FormFault::NotUtf8(number),
                ComponentFault::Control => FormFault::Control(number),
            })?;
            if length > limits.max_text {
                return Err(FormFault::TooLong(number));
            }
        }
    }
    Ok(())
}

/// What is wrong with a name or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ComponentFault {
    Escape,
    NotUtf8,
    Control,
}

/// Checks a name or a value, and tells its length once decoded.
pub(crate) fn component(text: &[u8]) -> Result<usize, ComponentFault> {
    let (mut rest, mut utf8, mut length) = (text, Utf8::default(), 0);
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let byte = match byte {
            b'%' => {
                let (byte, tail) = escape(tail).ok_or(ComponentFault::Escape)?;
                rest = tail;
                byte
            }
            0..=0x1F | 0x7F => return Err(ComponentFault::Control),
            byte => byte,
        };
        utf8.push(byte).ok_or(ComponentFault::NotUtf8)?;
        length += 1;
    }
    if utf8.is_complete() {
        Ok(length)
    } else {
        Err(ComponentFault::NotUtf8)
    }
}

/// What the two hexadecimal digits behind a percent sign stand for, and what follows them.
pub(crate) fn escape(behind: &[u8]) -> Option<(u8, &[u8])> {
    let (&[high, low], tail) = behind.split_first_chunk()?;
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some((digit(high)? << 4 | digit(low)?, tail))
}
