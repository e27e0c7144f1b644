//! Numbers (RFC 8259 section 6): [`read`].

use serde_json::Number;

use super::fault::{Expected, Unfit};

/// As many characters as a number may have. The smallest double, written out whole, has 1,077.
pub(super) const LONGEST: usize = 1_100;

/// An integer of so many digits is one of 64 bits.
const SMALL_INTEGER: usize = 18;

/// A number of so many characters, without an exponent, is within the range of a double.
const SMALL_FRACTION: usize = 300;

/// As many digits as an exponent may have, zeros before them aside.
const EXPONENT_DIGITS: usize = 4;

/// The parts of a number that tell whether it fits.
struct Parts<'a> {
    /// All of it.
    text: &'a [u8],
    /// How many digits stand before a point or exponent.
    whole: usize,
    has_fraction: bool,
    /// The digits of its exponent.
    exponent: Option<&'a [u8]>,
}

/// Reads a number, at whose sign or first digit `rest` begins, and gives its text. After a fault `rest` begins where that is.
pub(super) fn read<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Unfit> {
    let start = *rest;
    if let [b'-', after @ ..] = start {
        *rest = after;
    }
    let whole = match *rest {
        // Nothing but zero begins with one.
        [b'0', after @ ..] => {
            *rest = after;
            1
        }
        _ => digits(rest)?.len(),
    };
    let mut has_fraction = false;
    if let [b'.', after @ ..] = *rest {
        *rest = after;
        digits(rest)?;
        has_fraction = true;
    }
    let mut exponent = None;
    if let [b'e' | b'E', b'+' | b'-', after @ ..] | [b'e' | b'E', after @ ..] = *rest {
        *rest = after;
        exponent = Some(digits(rest)?);
    }
    let parts = Parts {
        text: read_of(start, rest),
        whole,
        has_fraction,
        exponent,
    };
    parts.fit().inspect_err(|_| *rest = start)?;
    Ok(parts.text)
}

/// The value of a number that was read: an integer where it is written as one, or else the nearest double.
pub(super) fn parse(text: &[u8]) -> Result<Number, Unfit> {
    let text = str::from_utf8(text).map_err(|_| Unfit::NotUtf8)?;
    // As `serde_json` has it, the sign of a zero makes it a double.
    if text != "-0" {
        if let Ok(integer) = text.parse::<u64>() {
            return Ok(integer.into());
        }
        if let Ok(integer) = text.parse::<i64>() {
            return Ok(integer.into());
        }
    }
    let double = text.parse().ok().and_then(Number::from_f64);
    double.ok_or(Unfit::NumberOutOfRange)
}

/// Reads one digit at least.
fn digits<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Unfit> {
    let start = *rest;
    while let [b'0'..=b'9', after @ ..] = *rest {
        *rest = after;
    }
    match (read_of(start, rest), rest.is_empty()) {
        ([], true) => Err(Unfit::Truncated),
        ([], false) => Err(Unfit::Not(Expected::Digit)),
        (digits, _) => Ok(digits),
    }
}

/// What stands before `rest`.
fn read_of<'a>(start: &'a [u8], rest: &[u8]) -> &'a [u8] {
    start.get(..start.len() - rest.len()).unwrap_or(start)
}

impl Parts<'_> {
    /// Whether readers can hold it.
    fn fit(&self) -> Result<(), Unfit> {
        if self.text.len() > LONGEST {
            return Err(Unfit::NumberTooLong);
        }
        match self.exponent {
            None if !self.has_fraction => self.fits_64_bits(),
            None if self.text.len() <= SMALL_FRACTION => Ok(()),
            Some(exponent) if significant(exponent) > EXPONENT_DIGITS => Err(Unfit::NumberOutOfRange),
            None | Some(_) => self.fits_a_double(),
        }
    }

    fn fits_64_bits(&self) -> Result<(), Unfit> {
        if self.whole <= SMALL_INTEGER {
            return Ok(());
        }
        let fits = str::from_utf8(self.text)
            .is_ok_and(|text| text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok());
        if fits {
            Ok(())
        } else {
            Err(Unfit::IntegerOutOfRange)
        }
    }

    fn fits_a_double(&self) -> Result<(), Unfit> {
        let double = str::from_utf8(self.text).ok().and_then(|text| text.parse().ok());
        match double {
            Some(0.0) if !self.is_zero() => Err(Unfit::NumberOutOfRange),
            Some(double) if f64::is_finite(double) => Ok(()),
            Some(_) | None => Err(Unfit::NumberOutOfRange),
        }
    }

    /// Whether it has no digit but zeros before its exponent.
    fn is_zero(&self) -> bool {
        self.text
            .iter()
            .take_while(|byte| !matches!(byte, b'e' | b'E'))
            .all(|byte| matches!(byte, b'-' | b'0' | b'.'))
    }
}

/// How many digits there are, zeros before them aside.
fn significant(digits: &[u8]) -> usize {
    digits.iter().skip_while(|&&digit| digit == b'0').count()
}
