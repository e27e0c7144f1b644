//! Decimal numbers as text, compared exactly.

use std::cmp::Ordering;

/// A decimal number as JSON writes it (RFC 8259 section 6): `-12`, `0.5`, `1e6`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal<S> {
    negative: bool,
    whole: S,
    fraction: S,
    exponent: i64,
}

/// Longer exponents are of no number that fits a float.
const EXPONENT_DIGITS: usize = 6;

impl<'a> Decimal<&'a str> {
    /// Reads a whole number: no sign but `-`, no zero in front, no `-0`.
    pub(super) fn integer(text: &'a str) -> Option<Self> {
        let number = Self::parse(text)?;
        let is_whole = number.fraction.is_empty() && !text.contains(['e', 'E']);
        (is_whole && text != "-0").then_some(number)
    }

    /// Reads a number that a float of 64 bits can hold: it is not rounded to infinity, nor to zero unless it is zero.
    pub(super) fn number(text: &'a str) -> Option<Self> {
        let number = Self::parse(text)?;
        let float: f64 = text.parse().ok()?;
        (float.is_finite() && (float != 0.0 || number.is_zero())).then_some(number)
    }

    fn parse(text: &'a str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (rest, exponent) = match rest.split_once(['e', 'E']) {
            Some((rest, exponent)) => (rest, read_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match rest.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (rest, ""),
        };
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_written_once = whole == "0" || (!whole.is_empty() && !whole.starts_with('0'));
        (is_written_once && are_digits(whole) && are_digits(fraction)).then_some(Self {
            negative,
            whole,
            fraction,
            exponent,
        })
    }

    /// The same, kept.
    pub(super) fn into_owned(self) -> Decimal<Box<str>> {
        Decimal {
            negative: self.negative,
            whole: self.whole.into(),
            fraction: self.fraction.into(),
            exponent: self.exponent,
        }
    }
}

impl<S: AsRef<str>> Decimal<S> {
    /// Compares two numbers exactly.
    pub(super) fn compare<T: AsRef<str>>(&self, other: &Decimal<T>) -> Ordering {
        match (self.sign(), other.sign()) {
            (Ordering::Greater, Ordering::Greater) => self.compare_size(other),
            (Ordering::Less, Ordering::Less) => other.compare_size(self),
            (own, other) => own.cmp(&other),
        }
    }

    fn sign(&self) -> Ordering {
        match (self.is_zero(), self.negative) {
            (true, _) => Ordering::Equal,
            (false, true) => Ordering::Less,
            (false, false) => Ordering::Greater,
        }
    }

    fn is_zero(&self) -> bool {
        self.significant().next().is_none()
    }

    /// Compares without the signs two numbers of which neither is zero.
    fn compare_size<T: AsRef<str>>(&self, other: &Decimal<T>) -> Ordering {
        self.magnitude().cmp(&other.magnitude()).then_with(|| {
            let (mut own, mut other) = (self.significant(), other.significant());
            loop {
                match (own.next(), other.next()) {
                    (None, None) => return Ordering::Equal,
                    (own, other) => {
                        let order = own.unwrap_or(b'0').cmp(&other.unwrap_or(b'0'));
                        if order.is_ne() {
                            return order;
                        }
                    }
                }
            }
        })
    }

    /// The digits from the first that is not zero.
    fn significant(&self) -> impl Iterator<Item = u8> {
        let digits = self.whole.as_ref().bytes().chain(self.fraction.as_ref().bytes());
        digits.skip_while(|digit| *digit == b'0')
    }

    /// How many places the first significant digit stands before the decimal point.
    fn magnitude(&self) -> i64 {
        let (whole, fraction) = (self.whole.as_ref().len(), self.fraction.as_ref().len());
        let zeros = (whole + fraction) - self.significant().count();
        let length = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        length(whole)
            .saturating_sub(length(zeros))
            .saturating_add(self.exponent)
    }
}

fn read_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_read =
        (1..=EXPONENT_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_read.then(|| text.parse().ok()).flatten()
}
