//! Why a body is refused: [`JsonFault`].

use std::borrow::Cow;
use std::fmt;

use super::number::LONGEST;

/// What is wrong with a body, and where. It never has text of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body {unfit}, at line {line}, column {column}")]
pub struct JsonFault {
    /// What is wrong.
    pub unfit: Unfit,
    /// The line, from 1 on. Lines end with a line feed.
    pub line: usize,
    /// The byte of that line, from 1 on: where a string, name or number begins that is refused as a whole, or else where reading ended.
    pub column: usize,
}

/// What is wrong with a body.
// Its parts are words, as those of a text are. A result of one or the other is moved word by word then; otherwise every string
// waited for single bytes that were just written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[repr(usize)]
pub enum Unfit {
    /// There is nothing but white space.
    #[error("is empty, where JSON is expected")]
    Empty,
    /// It begins with U+FEFF.
    #[error("begins with a byte order mark")]
    ByteOrderMark,
    /// It ends within its value.
    #[error("is not JSON: it ends too early")]
    Truncated,
    /// Something else stands where only this may.
    #[error("is not JSON: {0} is expected")]
    Not(Expected),
    /// A string or name is not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// A character below U+0020 stands in a string or name.
    #[error("has a control character within a string")]
    ControlCharacter,
    /// A backslash begins none of the escapes.
    #[error("has an escape that JSON does not have")]
    Escape,
    /// An escape is half of a surrogate pair, without the other.
    #[error("has half a surrogate pair")]
    LoneSurrogate,
    /// A number has more characters than any needs.
    #[error("has a number of more than {LONGEST} characters")]
    NumberTooLong,
    /// A double would be infinite, or zero where the number is not.
    #[error("has a number beyond the range of a double")]
    NumberOutOfRange,
    /// An integer is below the least signed or above the greatest unsigned one.
    #[error("has an integer beyond the range of 64 bits")]
    IntegerOutOfRange,
    /// Arrays and objects are nested too deep.
    #[error("is nested deeper than {limit} levels")]
    TooDeep {
        /// How deep they may be.
        limit: usize,
    },
    /// A string or name is too long.
    #[error("has a string of more than {limit} bytes")]
    StringTooLong {
        /// How many bytes of UTF-8 it may have, once its escapes are undone.
        limit: usize,
    },
    /// An array has too many elements, or an object too many members.
    #[error("has an array or object of more than {limit} items")]
    TooManyItems {
        /// How many it may have.
        limit: usize,
    },
    /// There are too many values altogether.
    #[error("has more than {limit} values")]
    TooManyValues {
        /// How many there may be.
        limit: usize,
    },
    /// A name stands twice in one object.
    #[error("has a name twice in one object")]
    DuplicateName,
}

/// What alone may stand somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Expected {
    /// A value.
    Value,
    /// A name, in quotes.
    Name,
    /// The `:` after a name.
    Colon,
    /// What goes on with an array, or ends it.
    CommaOrBracket,
    /// What goes on with an object, or ends it.
    CommaOrBrace,
    /// A digit of a number.
    Digit,
    /// Nothing more.
    End,
}

impl JsonFault {
    /// The fault that was found when `rest` of the body was still to be read.
    pub(super) fn before(body: &[u8], rest: &[u8], unfit: Unfit) -> Self {
        let read = body.len().saturating_sub(rest.len());
        let (read, _) = body.split_at_checked(read).unwrap_or((body, &[]));
        let line_start = memchr::memrchr(b'\n', read).map_or(0, |line_feed| line_feed + 1);
        Self {
            unfit,
            line: memchr::memchr_iter(b'\n', read).count() + 1,
            column: read.len() - line_start + 1,
        }
    }

    /// A sentence for the problem document. It has nothing of what the peer sent but the place.
    pub fn public(&self) -> Cow<'static, str> {
        let Self { unfit, line, column } = self;
        match unfit {
            Unfit::Empty => Cow::Borrowed("The body is empty, where JSON is expected."),
            Unfit::ByteOrderMark => Cow::Borrowed("The body begins with a byte order mark."),
            Unfit::Truncated
            | Unfit::Not(_)
            | Unfit::NotUtf8
            | Unfit::ControlCharacter
            | Unfit::Escape
            | Unfit::LoneSurrogate
            | Unfit::NumberTooLong
            | Unfit::NumberOutOfRange
            | Unfit::IntegerOutOfRange
            | Unfit::TooDeep { .. }
            | Unfit::StringTooLong { .. }
            | Unfit::TooManyItems { .. }
            | Unfit::TooManyValues { .. }
            | Unfit::DuplicateName => {
                Cow::Owned(format!("The body {unfit}, at line {line}, column {column}."))
            }
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "a value",
            Self::Name => "a name in quotes",
            Self::Colon => "a colon",
            Self::CommaOrBracket => "a comma or closing bracket",
            Self::CommaOrBrace => "a comma or closing brace",
            Self::Digit => "a digit",
            Self::End => "its end",
        })
    }
}
