//! Why an amount cannot be read: [`Unreadable`].

use std::fmt;

use super::MOST_TRANSACTIONS;
use super::decimal::DecimalError;
use super::pointer::AmountPath;

/// The amounts of a request cannot be read. What it says is for the log: it names places by the settings' path and never has text of the
/// peer; [`public`](Self::public) is for the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// No media type, or one that is neither JSON nor XML.
    #[error("the media type is neither JSON nor XML")]
    MediaType,
    /// A charset other than UTF-8 is named.
    #[error("the charset is not UTF-8")]
    Charset,
    /// The body is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// The body does not have the syntax of its media type.
    #[error("the body is no well-formed {format} at line {line}, column {column}")]
    Malformed {
        /// What it should be.
        format: Format,
        /// Where reading ended, from 1 on.
        line: usize,
        /// Where reading ended in that line, from 1 on.
        column: usize,
    },
    /// XML has a document type declaration.
    #[error("the body has a document type declaration")]
    DocumentType,
    /// XML is nested too deep, or has too many nodes, attributes or namespaces.
    #[error("the body has more nodes, attributes or namespaces than are read")]
    TooComplex,
    /// What the path leads to cannot be read.
    #[error("the {subject} at {place} {why}")]
    Value {
        /// What stands there.
        subject: Subject,
        /// The path up to there, as in the settings.
        place: String,
        /// What is wrong with it.
        why: Why,
    },
}

/// The syntax of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// RFC 8259.
    Json,
    /// XML 1.0 with namespaces.
    Xml,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// An amount.
    Amount,
    /// The currency of amounts.
    Currency,
}

/// What is wrong with a value on the way of a path, or at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Why {
    /// It is not there, on one branch at least.
    #[error("is missing")]
    Missing,
    /// It is there twice in one object, or another member differs from it in the case of letters alone.
    #[error("is given twice")]
    Twice,
    /// It is of another kind: null, a boolean, an object or array too many, or text with markup in it.
    #[error("is of the wrong kind")]
    Kind,
    /// It is no decimal.
    #[error("is not {0}")]
    Decimal(DecimalError),
    /// It is another currency than the accepted one.
    #[error("is not the accepted one")]
    OtherCurrency,
    /// There are too many transactions.
    #[error("is given for more than {MOST_TRANSACTIONS} transactions")]
    TooMany,
    /// All of them together are too large to count.
    #[error("is too large in total")]
    Total,
}

/// Why a walk along a path ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// The body does not have the syntax, from that line and column on.
    Malformed { line: usize, column: usize },
    /// What is reached after that many tokens cannot be read.
    At { tokens: usize, why: Why },
}

impl Unreadable {
    /// A sentence for the problem document. It says nothing of what the peer sent.
    pub(crate) fn public(&self) -> &'static str {
        match self {
            Self::Value {
                why: Why::OtherCurrency,
                ..
            } => "The currency of the transaction is not accepted.",
            Self::Value {
                subject: Subject::Currency,
                ..
            } => "The currency of the transaction cannot be read.",
            Self::Value {
                subject: Subject::Amount,
                ..
            }
            | Self::MediaType
            | Self::Charset
            | Self::NotUtf8
            | Self::Malformed { .. }
            | Self::DocumentType
            | Self::TooComplex => "The amount of the transaction cannot be read.",
        }
    }
}

impl Halt {
    /// The fault that it is on the way to the subject.
    pub(super) fn on_the_way(self, format: Format, subject: Subject, path: &AmountPath) -> Unreadable {
        match self {
            Self::Malformed { line, column } => Unreadable::Malformed { format, line, column },
            Self::At { tokens, why } => Unreadable::Value {
                subject,
                place: path.prefix(tokens),
                why,
            },
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Xml => "XML",
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amount => "amount",
            Self::Currency => "currency",
        })
    }
}
