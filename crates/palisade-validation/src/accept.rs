//! What clients accept: the field `Accept` (RFC 9110 section 12.5.1) against the media types that a service answers with.
//!
//! 1. A request without the field, or with one that names nothing, accepts anything. Several fields are one list.
//! 2. Of the ranges that hold a media type the most specific one says whether it is accepted: `application/json` before
//!    `application/*` before `*/*`, and of those the one with more parameters. Of two that are equally specific the larger weight counts.
//! 3. A range with parameters holds a media type that has all of them. Values are compared exactly, those of `charset` without regard to
//!    case; a media type that names no charset is taken to be in UTF-8.
//! 4. A weight (`q`) is 0 to 1 with three decimals at most, wherever among the parameters it stands. What is accepted with 0 is not.
//! 5. `*` is read as `*/*`, and `q=.2` as `q=0.2`: Java's own client sends `text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2` where
//!    nobody says otherwise.
//! 6. A field that does not have the syntax is refused, and so is one of more than [`MOST_RANGES`] ranges. Nothing is allocated.
//! 7. `Accept-Charset` is passed by: RFC 9110 section 12.5.2 deprecates it.
//!
//! What this does not do: the service is not told which of its media types the client likes best.

use http::HeaderMap;
use http::header::ACCEPT;
use palisade_core::media::{MediaType, is_token};

/// How many media types a service may answer with.
const MOST_OFFERS: usize = 32;

/// How many ranges a request may name; empty elements of its lists count.
const MOST_RANGES: usize = 128;

/// The media types that a service answers with.
#[derive(Debug, Clone)]
pub(crate) struct AcceptRule {
    /// At least one.
    offers: Box<[Offer]>,
}

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AcceptFault {
    /// It does not have the syntax of the field.
    #[error("the field Accept is no list of media ranges")]
    Malformed,
    /// The client accepts none of them.
    #[error("the client accepts none of the media types that there are")]
    NotAcceptable,
}

/// A media type of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Offer {
    kind: Box<str>,
    subtype: Box<str>,
    parameters: Box<[(Box<str>, Box<str>)]>,
    text: Box<str>,
}

/// How specific a range is, and its weight in thousandths: the greater one says whether a media type is accepted.
type Standing = (Specificity, u16);

/// Type, subtype, number of parameters.
type Specificity = (bool, bool, usize);

impl AcceptRule {
    /// Compiles the setting `accept`. Every fault is reported: its key, relative to the stage, and what was expected.
    pub(crate) fn compile(media_types: &[String]) -> Result<Self, Vec<(String, &'static str)>> {
        let mut faults = Vec::new();
        let mut offers: Vec<Offer> = Vec::with_capacity(media_types.len());
        for (position, text) in media_types.iter().enumerate() {
            match Offer::parse(text) {
                Some(offer) => offers.push(offer),
                None => faults.push((
                    format!("accept[{position}]"),
                    "a media type such as application/json",
                )),
            }
        }
        if media_types.is_empty() {
            faults.push(("accept".to_owned(), "at least one media type"));
        }
        if media_types.len() > MOST_OFFERS {
            faults.push(("accept".to_owned(), "at most 32 media types"));
        }
        if faults.is_empty() {
            Ok(Self {
                offers: offers.into(),
            })
        } else {
            Err(faults)
        }
    }

    /// The media types, as they are configured.
    pub(crate) fn media_types(&self) -> impl Iterator<Item = &str> {
        self.offers.iter().map(|offer| &*offer.text)
    }

    /// Whether a request accepts any of them.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), AcceptFault> {
        let mut standings = [None; MOST_OFFERS];
        let (mut elements, mut ranges) = (0, 0);
        for value in headers.get_all(ACCEPT) {
            let mut rest = value.to_str().map_err(|_| AcceptFault::Malformed)?;
            loop {
                elements += 1;
                if elements > MOST_RANGES {
                    return Err(AcceptFault::Malformed);
                }
                if let Some(range) = Range::next(&mut rest)? {
                    ranges += 1;
                    self.weigh(&range, &mut standings);
                }
                match rest.strip_prefix(',') {
                    Some(behind) => rest = behind,
                    None => break,
                }
            }
        }
        let is_accepted = |standing: &Option<Standing>| standing.is_some_and(|(_, weight)| weight > 0);
        if ranges == 0 || standings.iter().any(is_accepted) {
            Ok(())
        } else {
            Err(AcceptFault::NotAcceptable)
        }
    }

    /// Takes note of a range for the media types that it holds.
    fn weigh(&self, range: &Range<'_>, standings: &mut [Option<Standing>; MOST_OFFERS]) {
        let standing = Some((range.specificity(), range.weight));
        for (offer, known) in self.offers.iter().zip(standings) {
            if standing > *known && range.holds(offer) {
                *known = standing;
            }
        }
    }
}

impl Offer {
    fn parse(text: &str) -> Option<Self> {
        let media_type = MediaType::parse(text).ok()?;
        let is_range = media_type.kind().contains('*') || media_type.subtype().contains('*');
        if is_range || media_type.parameter("q").is_some() {
            return None;
        }
        let parameters = media_type.parameters();
        Some(Self {
            kind: media_type.kind().into(),
            subtype: media_type.subtype().into(),
            parameters: parameters
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            text: text.trim().into(),
        })
    }

    /// Whether it has that parameter.
    fn has(&self, parameter: &Parameter<'_>) -> bool {
        let mut own = self.parameters.iter();
        let own = own.find(|(name, _)| name.eq_ignore_ascii_case(parameter.name));
        let is_charset = parameter.name.eq_ignore_ascii_case("charset");
        match own {
            Some((_, value)) => parameter.is(value, is_charset),
            None => is_charset && parameter.is("utf-8", true),
        }
    }
}

/// A media range with its weight.
#[derive(Debug, Clone, Copy)]
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// The text from the first semicolon on, which has been read once.
    parameters: &'a str,
    /// How many there are beside the weight.
    count: usize,
    /// In thousandths.
    weight: u16,
}

impl<'a> Range<'a> {
    /// Takes an element off a list, up to the comma behind it; `None` where it is empty.
    fn next(rest: &mut &'a str) -> Result<Option<Self>, AcceptFault> {
        *rest = rest.trim_start_matches(SPACES);
        if rest.is_empty() || rest.starts_with(',') {
            return Ok(None);
        }
        let kind = token(rest)?;
        let subtype = match rest.strip_prefix('/') {
            Some(behind) => {
                *rest = behind;
                token(rest)?
            }
            // As `HttpURLConnection` of Java sends it.
            None if kind == "*" => "*",
            None => return Err(AcceptFault::Malformed),
        };
        if kind == "*" && subtype != "*" {
            return Err(AcceptFault::Malformed);
        }
        let parameters = *rest;
        let (mut weight, mut count) = (None, 0);
        while let Some(parameter) = Parameter::next(rest)? {
            if !parameter.is_weight() {
                count += 1;
            } else if weight.replace(parameter.weight()?).is_some() {
                return Err(AcceptFault::Malformed);
            }
        }
        Ok(Some(Self {
            kind,
            subtype,
            parameters,
            count,
            weight: weight.unwrap_or(1000),
        }))
    }

    fn specificity(&self) -> Specificity {
        (self.kind != "*", self.subtype != "*", self.count)
    }

    fn holds(&self, offer: &Offer) -> bool {
        let is = |own: &str, offered: &str| own == "*" || own.eq_ignore_ascii_case(offered);
        let mut rest = self.parameters;
        let mut parameters = std::iter::from_fn(|| Parameter::next(&mut rest).ok().flatten());
        is(self.kind, &offer.kind)
            && is(self.subtype, &offer.subtype)
            && parameters.all(|parameter| parameter.is_weight() || offer.has(&parameter))
    }
}

/// Optional white space (RFC 9110 section 5.6.3).
const SPACES: [char; 2] = [' ', '\t'];

/// A parameter as it is written.
#[derive(Debug, Clone, Copy)]
struct Parameter<'a> {
    name: &'a str,
    /// Of a quoted string, what is between the quotes.
    value: &'a str,
    is_quoted: bool,
}

impl<'a> Parameter<'a> {
    /// Takes the next parameter off an element; `None` at its end. Empty ones are passed by (RFC 9110 section 5.6.6).
    fn next(rest: &mut &'a str) -> Result<Option<Self>, AcceptFault> {
        loop {
            *rest = rest.trim_start_matches(SPACES);
            if rest.is_empty() || rest.starts_with(',') {
                return Ok(None);
            }
            *rest = rest.strip_prefix(';').ok_or(AcceptFault::Malformed)?;
            *rest = rest.trim_start_matches(SPACES);
            if rest.is_empty() || rest.starts_with([',', ';']) {
                continue;
            }
            let name = token(rest)?;
            *rest = rest.strip_prefix('=').ok_or(AcceptFault::Malformed)?;
            let is_quoted = rest.starts_with('"');
            let value = if is_quoted { quoted(rest)? } else { token(rest)? };
            return Ok(Some(Self {
                name,
                value,
                is_quoted,
            }));
        }
    }

    fn is_weight(&self) -> bool {
        self.name.eq_ignore_ascii_case("q")
    }

    /// The weight in thousandths (RFC 9110 section 12.4.2).
    fn weight(&self) -> Result<u16, AcceptFault> {
        let (whole, decimals) = self.value.split_once('.').unwrap_or((self.value, ""));
        let are_digits = decimals.bytes().all(|byte| byte.is_ascii_digit());
        if self.is_quoted || decimals.len() > 3 || !are_digits {
            return Err(AcceptFault::Malformed);
        }
        let thousandths = decimals.bytes().chain(*b"000").take(3);
        let thousandths = thousandths.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        match (whole, thousandths) {
            ("0", thousandths) => Ok(thousandths),
            ("", thousandths) if !decimals.is_empty() => Ok(thousandths),
            ("1", 0) => Ok(1000),
            _ => Err(AcceptFault::Malformed),
        }
    }

    /// Whether its value is that one, once quotes and escapes are undone.
    fn is(&self, wanted: &str, ignore_case: bool) -> bool {
        let mut bytes = self.value.bytes();
        let unescaped = std::iter::from_fn(|| match bytes.next()? {
            b'\\' if self.is_quoted => bytes.next(),
            byte => Some(byte),
        });
        if ignore_case {
            unescaped
                .map(|byte| byte.to_ascii_lowercase())
                .eq(wanted.bytes().map(|byte| byte.to_ascii_lowercase()))
        } else {
            unescaped.eq(wanted.bytes())
        }
    }
}

/// Takes a token off.
fn token<'a>(rest: &mut &'a str) -> Result<&'a str, AcceptFault> {
    let is_end = |c: char| !c.is_ascii() || !is_token(c.encode_utf8(&mut [0; 4]));
    let end = rest.find(is_end).unwrap_or(rest.len());
    let (token, behind) = rest.split_at(end);
    if token.is_empty() {
        return Err(AcceptFault::Malformed);
    }
    *rest = behind;
    Ok(token)
}

/// Takes a quoted string off (RFC 9110 section 5.6.4), and says what is between the quotes.
fn quoted<'a>(rest: &mut &'a str) -> Result<&'a str, AcceptFault> {
    let inner = rest.strip_prefix('"').ok_or(AcceptFault::Malformed)?;
    let mut is_escaped = false;
    let end = inner.find(|c: char| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    let (value, behind) = inner.split_at(end.ok_or(AcceptFault::Malformed)?);
    *rest = behind.strip_prefix('"').ok_or(AcceptFault::Malformed)?;
    Ok(value)
}

#[cfg(test)]
mod tests;
