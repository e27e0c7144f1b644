//! From the text of a parameter to a value: `style` and `explode` (OpenAPI 3.0.4 and 3.1.1, "Style Values" and "Style Examples").
//!
//! | style | where | one value | array | object | array, exploded | object, exploded |
//! |---|---|---|---|---|---|---|
//! | `matrix` | path | `;n=a` | `;n=a,b` | `;n=k,a,l,b` | `;n=a;n=b` | `;k=a;l=b` |
//! | `label` | path | `.a` | `.a,b` | `.k,a,l,b` | `.a.b` | `.k=a.l=b` |
//! | `simple` | path, header | `a` | `a,b` | `k,a,l,b` | `a,b` | `k=a,l=b` |
//! | `form` | query, cookie | `n=a` | `n=a,b` | `n=k,a,l,b` | `n=a&n=b` | `k=a&l=b` |
//! | `spaceDelimited` | query | | `n=a%20b` | `n=k%20a%20l%20b` | `n=a&n=b` | |
//! | `pipeDelimited` | query | | `n=a%7Cb` | `n=k%7Ca%7Cl%7Cb` | `n=a&n=b` | |
//! | `deepObject` | query | | | `n[k]=a&n[l]=b` | | the same |
//!
//! 1. Cells that are empty are an error at start, as are arrays and objects within arrays and objects, and exploded arrays and objects in
//!    cookies: the standard leaves them undefined. That `spaceDelimited` and `pipeDelimited` explode as `form` does is not in it either,
//!    but all that write it agree; and so they do on `deepObject`, which has only one form, whatever `explode` says.
//! 2. A text is split where its delimiters stand as they are, and each piece is decoded then, exactly once: `%2C` is a comma within a
//!    value. A space may be written as `+` or `%20`, and a bar as `|` or `%7C`: those delimiters have no other spelling in a URI. `+` is a
//!    space in queries alone. Fields of the header are not decoded; around their commas may be white space (RFC 9110 section 5.6.1).
//! 3. An escape that is none, or text that is not UTF-8 once decoded, is refused.
//! 4. An empty text is one empty value: `n=` is the empty string, or an array of it. Where a schema takes `null` and neither strings nor
//!    arrays, it is `null`, as the column "undefined" of the standard has it; else what is to have a character could be left empty. `;n` is
//!    `;n=`. An array or an object of nothing has no text: it is left out.
//! 5. What each piece is, the schema tells ([`Shape`]): `5` is a number where it takes numbers. Numbers are written as JSON writes them
//!    and fit its readers; integers have neither a fraction nor an exponent. What is not, stays text, which then does not match.
//! 6. Where a schema takes more than one type, there is more than one reading ([`Reading`]): numbers, `true`, `false` and nothing, or
//!    text; an array or object, or one value. A value is accepted if it matches in one of them, the same for all of its pieces.
//! 7. A name that is there twice in an object is refused. `allowReserved` has no meaning here: whether a client had to encode a character
//!    does not show in how it is decoded, and delimiters are delimiters with it too.
//!
//! Time is linear in the text. What this does not protect against: a handler that decodes first and splits afterwards, and so takes `%2C`
//! for a delimiter; say in the schema which characters items may have.

mod kinds;
mod names;
mod read;
mod shape;
mod split;

#[cfg(test)]
pub(in crate::openapi) mod tests;

pub(crate) use kinds::Kinds;
pub(crate) use names::{Names, Taken};
pub(crate) use read::{Pair, StyleFault, decode};
pub(crate) use shape::Shape;

use crate::parameters::Place;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Matrix,
    Label,
    Simple,
    Form,
    SpaceDelimited,
    PipeDelimited,
    DeepObject,
}

impl Style {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "matrix" => Self::Matrix,
            "label" => Self::Label,
            "simple" => Self::Simple,
            "form" => Self::Form,
            "spaceDelimited" => Self::SpaceDelimited,
            "pipeDelimited" => Self::PipeDelimited,
            "deepObject" => Self::DeepObject,
            _ => return None,
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Matrix => "matrix",
            Self::Label => "label",
            Self::Simple => "simple",
            Self::Form => "form",
            Self::SpaceDelimited => "spaceDelimited",
            Self::PipeDelimited => "pipeDelimited",
            Self::DeepObject => "deepObject",
        }
    }

    fn is_of(self, place: Place) -> bool {
        match self {
            Self::Matrix | Self::Label => place == Place::Path,
            Self::Simple => matches!(place, Place::Path | Place::Header),
            Self::Form => matches!(place, Place::Query | Place::Cookie),
            Self::SpaceDelimited | Self::PipeDelimited | Self::DeepObject => place == Place::Query,
        }
    }

    /// The one of parameters that do not name one.
    fn default_of(place: Place) -> Self {
        match place {
            Place::Path | Place::Header => Self::Simple,
            Place::Query | Place::Cookie => Self::Form,
        }
    }
}

/// One way to take the texts of a value that may be of several types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    structure: Structure,
    word: Word,
}

/// What becomes of a value that may be an array or object as well as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Structure {
    Whole,
    Flat,
}

/// What becomes of a text that may be a string as well as a number, a boolean or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Typed,
    Text,
}

impl Reading {
    pub(crate) fn is_flat(self) -> bool {
        self.structure == Structure::Flat
    }

    fn keeps_text(self) -> bool {
        self.word == Word::Text
    }

    /// All that a shape has, the likeliest first.
    pub(crate) fn all(shape: &Shape) -> impl Iterator<Item = Self> + use<> {
        let (is_mixed, is_ambiguous) = (shape.is_mixed(), shape.is_ambiguous());
        let structures = [Structure::Whole, Structure::Flat].into_iter();
        let structures = structures.filter(move |structure| is_mixed || *structure == Structure::Whole);
        structures.flat_map(move |structure| {
            let words = [Word::Typed, Word::Text].into_iter();
            let words = words.filter(move |word| is_ambiguous || *word == Word::Typed);
            words.map(move |word| Self { structure, word })
        })
    }
}

/// How the value of one name is written, and what it may be.
#[derive(Debug)]
pub(crate) struct Layout {
    name: Box<str>,
    place: Place,
    style: Style,
    is_exploded: bool,
    shape: Shape,
}

/// Why there is no layout. The sentence goes on after the name of the parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LayoutError {
    #[error("`style` must be one of those of OpenAPI")]
    NoStyle,
    #[error("`style: {0}` is not for parameters of the {1}")]
    NotHere(&'static str, &'static str),
    #[error("`style: {0}` is not defined for {1}{2}")]
    Undefined(&'static str, &'static str, &'static str),
}

impl Layout {
    /// How that is written which has this `style` and `explode` in its Parameter or Encoding Object.
    pub(crate) fn new(
        name: &str,
        place: Place,
        (style, explode): (Option<&str>, Option<bool>),
        shape: Shape,
    ) -> Result<Self, LayoutError> {
        let style = match style {
            Some(style) => Style::named(style).ok_or(LayoutError::NoStyle)?,
            None => Style::default_of(place),
        };
        if !style.is_of(place) {
            return Err(LayoutError::NotHere(style.as_str(), place.as_str()));
        }
        let layout = Self {
            name: name.into(),
            place,
            style,
            is_exploded: explode.unwrap_or(style == Style::Form) || style == Style::DeepObject,
            shape,
        };
        layout.check()?;
        Ok(layout)
    }

    /// Whether the standard, or those who implement it, define this.
    fn check(&self) -> Result<(), LayoutError> {
        let kinds = self.shape.kinds;
        let undefined = |what, instead| Err(LayoutError::Undefined(self.style.as_str(), what, instead));
        if kinds.may_be_array() && kinds.may_be_object() {
            return undefined("what may be an array or an object: they look alike", "");
        }
        if self.shape.is_nested() {
            return undefined(
                "arrays and objects within one",
                "; use `content` with application/json",
            );
        }
        match self.style {
            Style::DeepObject if !kinds.may_be_object() || kinds.is_mixed() => {
                undefined("anything but objects", "")
            }
            Style::SpaceDelimited | Style::PipeDelimited if !kinds.is_structured() => {
                undefined("single values", "; use `style: form`")
            }
            Style::SpaceDelimited | Style::PipeDelimited if self.is_exploded && kinds.may_be_object() => {
                undefined("exploded objects", "; use `style: form` or `style: deepObject`")
            }
            Style::Form if self.place == Place::Cookie && self.is_exploded && kinds.has_structure() => {
                undefined("exploded arrays and objects in cookies", "; use `explode: false`")
            }
            Style::Form if self.spreads() && kinds.is_mixed() => {
                undefined("what may be an exploded object or something else", "")
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether the members of the object stand by names of their own, without the name of the parameter.
    pub(crate) fn spreads(&self) -> bool {
        self.style == Style::Form && self.is_exploded && self.shape.kinds.may_be_object()
    }

    /// Whether the members of the object stand by names such as `name[member]`.
    pub(crate) fn is_deep(&self) -> bool {
        self.style == Style::DeepObject
    }

    /// Whether an empty value has a meaning of its own where `allowEmptyValue` says so: not where the style takes no single values.
    pub(crate) fn takes_single_values(&self) -> bool {
        self.style == Style::Form
    }

    /// The ways in which texts can be read, the likeliest first.
    pub(crate) fn readings(&self) -> impl Iterator<Item = Reading> + use<> {
        Reading::all(&self.shape)
    }
}
