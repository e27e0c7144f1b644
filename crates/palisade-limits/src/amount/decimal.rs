//! Amounts of money as exact decimals: [`Amount`].
//!
//! 1. An amount is a whole number of units of 10^-18. What is read, and what is summed up, is below 10^20. Nothing is ever rounded, and
//!    no float is involved.
//! 2. A **plain decimal** is digits, and after a point more digits: `5000`, `5000.00`. Settings, XML and JSON strings have it. Leading
//!    zeros mean nothing. A sign, an exponent, separators of thousands, `.5` and `5.` are refused.
//! 3. A **JSON number** (RFC 8259 section 6) may have an exponent. It is read from its text; the work is proportional to the text and
//!    not to the exponent.
//! 4. What begins with a minus is negative, `-0` too, and refused.
//! 5. A number that does not fit exactly is refused: zeros at its end do not count as digits.

use std::fmt;
use std::str::FromStr;

/// The fractional digits of the smallest unit.
const SCALE: u32 = 18;

/// How many significant digits there are at most: 20 before the point and 18 after it.
const DIGITS: u32 = 20 + SCALE;

/// The units of one whole.
const ONE: u128 = 10_u128.pow(SCALE);

/// What is read or summed up is below so many units.
const BOUND: u128 = 10_u128.pow(DIGITS);

/// An exact, non-negative decimal with 18 fractional digits: an amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(u128);

/// Why a text is no [`Amount`]. It says what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// It has another form.
    #[error("a decimal such as 5000 or 5000.00")]
    NotDecimal,
    /// It begins with a minus.
    #[error("a decimal that is not negative")]
    Negative,
    /// It needs more than 20 digits before the point, or more than 18 after it.
    #[error("a decimal of at most 20 digits before the point and 18 after it")]
    OutOfRange,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// That many units of 10^-18.
    pub const fn from_units(units: u128) -> Self {
        Self(units)
    }

    /// How many units of 10^-18 it is.
    pub const fn units(self) -> u128 {
        self.0
    }

    /// Both together; `None` from 10^20 on.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(units) => Self::within_bounds(units),
            None => None,
        }
    }

    const fn within_bounds(units: u128) -> Option<Self> {
        if units < BOUND { Some(Self(units)) } else { None }
    }

    /// Reads the text of a JSON number (RFC 8259 section 6).
    pub(crate) fn from_json_number(text: &str) -> Result<Self, DecimalError> {
        let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
            return decimal(text, 0);
        };
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if !all_digits(digits) {
            return Err(DecimalError::NotDecimal);
        }
        // An exponent that does not fit is as good as the largest: no text has as many digits to make up for it.
        let size = digits.parse().unwrap_or(i64::MAX);
        decimal(mantissa, if exponent.starts_with('-') { -size } else { size })
    }
}

/// Reads a plain decimal, without white space around it.
impl FromStr for Amount {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decimal(text, 0)
    }
}

/// The shortest plain decimal: `5000`, `0.01`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 / ONE)?;
        let mut fraction = self.0 % ONE;
        let mut width = SCALE as usize;
        if fraction == 0 {
            return Ok(());
        }
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            width -= 1;
        }
        write!(f, ".{fraction:0width$}")
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The plain decimal, times ten to the power of the exponent.
fn decimal(text: &str, exponent: i64) -> Result<Amount, DecimalError> {
    if text.starts_with('-') {
        return Err(DecimalError::Negative);
    }
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if all_digits(fraction) => (whole, fraction),
        Some(_) => return Err(DecimalError::NotDecimal),
        None => (text, ""),
    };
    if !all_digits(whole) {
        return Err(DecimalError::NotDecimal);
    }
    let significand = Significand::of(whole.bytes().chain(fraction.bytes()))?;
    let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    significand.times_ten_to(exponent.saturating_sub(places))
}

/// Digits from the first to the last that is no zero, and how many zeros follow them.
#[derive(Default)]
struct Significand {
    value: u128,
    digits: u32,
    zeros: u64,
}

impl Significand {
    fn of(digits: impl Iterator<Item = u8>) -> Result<Self, DecimalError> {
        let mut read = Self::default();
        for digit in digits.map(|byte| byte - b'0') {
            match digit {
                0 if read.digits == 0 => {}
                0 => read.zeros += 1,
                _ => read.push(digit)?,
            }
        }
        Ok(read)
    }

    /// Appends the zeros that were read, and the digit.
    fn push(&mut self, digit: u8) -> Result<(), DecimalError> {
        let more = u32::try_from(self.zeros)
            .ok()
            .and_then(|zeros| zeros.checked_add(1));
        let digits = more.and_then(|more| self.digits.checked_add(more));
        let (Some(more), Some(digits @ ..=DIGITS)) = (more, digits) else {
            return Err(DecimalError::OutOfRange);
        };
        // Neither overflows: 38 digits stay below 10^38.
        self.value = self.value * 10_u128.pow(more) + u128::from(digit);
        self.digits = digits;
        self.zeros = 0;
        Ok(())
    }

    /// The amount that the digits are with that exponent. Its last digit is no zero, so that it never becomes smaller exactly.
    fn times_ten_to(&self, exponent: i64) -> Result<Amount, DecimalError> {
        if self.value == 0 {
            return Ok(Amount::ZERO);
        }
        let zeros = i64::try_from(self.zeros).unwrap_or(i64::MAX);
        let shift = exponent.saturating_add(zeros).saturating_add(i64::from(SCALE));
        u32::try_from(shift)
            .ok()
            .and_then(|shift| 10_u128.checked_pow(shift))
            .and_then(|factor| self.value.checked_mul(factor))
            .and_then(Amount::within_bounds)
            .ok_or(DecimalError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{Amount, BOUND, DecimalError, ONE};

    const NOT: Result<u128, DecimalError> = Err(DecimalError::NotDecimal);
    const NEGATIVE: Result<u128, DecimalError> = Err(DecimalError::Negative);
    const RANGE: Result<u128, DecimalError> = Err(DecimalError::OutOfRange);

    #[rstest]
    #[case("0", Ok(0))]
    #[case("5000", Ok(5000 * ONE))]
    #[case("5000.00", Ok(5000 * ONE))]
    #[case("007.50", Ok(7 * ONE + ONE / 2))]
    #[case("0.000000000000000001", Ok(1))]
    #[case("0.00000000000000000100000", Ok(1))]
    #[case("99999999999999999999.999999999999999999", Ok(BOUND - 1))]
    #[case("0000000000000000000000000000000000000000000001", Ok(ONE))]
    #[case("100000000000000000000", RANGE)]
    #[case("0.0000000000000000001", RANGE)]
    #[case("1.0000000000000000001", RANGE)]
    #[case("123456789012345678901234567890", RANGE)]
    #[case("123456789012345678901234567890123456789", RANGE)]
    #[case("-1", NEGATIVE)]
    #[case("-0", NEGATIVE)]
    #[case("-", NEGATIVE)]
    #[case("+1", NOT)]
    #[case("", NOT)]
    #[case(".", NOT)]
    #[case(".5", NOT)]
    #[case("5.", NOT)]
    #[case("1.2.3", NOT)]
    #[case("1,000", NOT)]
    #[case("1'000", NOT)]
    #[case("1 000", NOT)]
    #[case(" 1", NOT)]
    #[case("1\n", NOT)]
    #[case("1e3", NOT)]
    #[case("0x10", NOT)]
    #[case("1_000", NOT)]
    #[case("NaN", NOT)]
    #[case("INF", NOT)]
    #[case("٣", NOT)]
    #[case("\u{ff11}", NOT)]
    fn a_plain_decimal_is_read_exactly_or_refused(
        #[case] text: &str,
        #[case] expected: Result<u128, DecimalError>,
    ) {
        assert_eq!(text.parse::<Amount>().map(Amount::units), expected);
    }

    #[rstest]
    #[case("0", Ok(0))]
    #[case("12.5", Ok(12 * ONE + ONE / 2))]
    #[case("1e3", Ok(1000 * ONE))]
    #[case("1E3", Ok(1000 * ONE))]
    #[case("1.5E+2", Ok(150 * ONE))]
    #[case("150e-2", Ok(ONE + ONE / 2))]
    #[case("1e-18", Ok(1))]
    #[case("10e-19", Ok(1))]
    #[case("1e19", Ok(10 * ONE * 1_000_000_000_000_000_000))]
    #[case("0e999999999999999999999999", Ok(0))]
    #[case("0.0e-999999999999999999999999", Ok(0))]
    #[case("1e00000000000000000000000000003", Ok(1000 * ONE))]
    #[case("1e20", RANGE)]
    #[case("1e-19", RANGE)]
    #[case("1e400", RANGE)]
    #[case("1e-400", RANGE)]
    #[case("1e9223372036854775807", RANGE)]
    #[case("1e-9223372036854775808", RANGE)]
    #[case("1e99999999999999999999999999", RANGE)]
    #[case("1e-99999999999999999999999999", RANGE)]
    #[case("123456789012345678901234567890", RANGE)]
    #[case("-1", NEGATIVE)]
    #[case("-0", NEGATIVE)]
    #[case("-0.0e0", NEGATIVE)]
    #[case("1e", NOT)]
    #[case("1e+", NOT)]
    #[case("1e+-3", NOT)]
    #[case("1e3e3", NOT)]
    #[case("1e3.0", NOT)]
    #[case("e3", NOT)]
    fn a_json_number_is_read_exactly_or_refused(
        #[case] text: &str,
        #[case] expected: Result<u128, DecimalError>,
    ) {
        assert_eq!(Amount::from_json_number(text).map(Amount::units), expected);
    }

    #[test]
    fn zeros_and_an_exponent_cancel_out_however_many() {
        let zeros = "0".repeat(1_000_000);
        let small = format!("0.{zeros}1e1000001");
        let large = format!("1{zeros}e-1000000");
        assert_eq!(Amount::from_json_number(&small).map(Amount::units), Ok(ONE));
        assert_eq!(Amount::from_json_number(&large).map(Amount::units), Ok(ONE));
    }

    #[rstest]
    #[case("0", "0")]
    #[case("5000.00", "5000")]
    #[case("0.10", "0.1")]
    #[case("0.000000000000000001", "0.000000000000000001")]
    #[case("10.01", "10.01")]
    fn it_is_written_as_the_shortest_plain_decimal(#[case] text: &str, #[case] expected: &str) {
        let amount: Amount = text.parse().unwrap();
        assert_eq!(amount.to_string(), expected);
    }

    #[test]
    fn sums_end_at_the_bound() {
        let most = Amount::from_units(BOUND - 1);
        let least = Amount::from_units(1);
        assert_eq!(most.checked_add(Amount::ZERO), Some(most));
        assert_eq!(most.checked_add(least), None);
        assert_eq!(most.checked_add(most), None);
        assert_eq!(Amount::from_units(u128::MAX).checked_add(most), None);
        assert_eq!(
            Amount::from_units(u128::MAX).to_string(),
            "340282366920938463463.374607431768211455"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(units in 0..BOUND) {
            let amount = Amount::from_units(units);
            let text = amount.to_string();
            prop_assert_eq!(text.parse(), Ok(amount));
            prop_assert_eq!(Amount::from_json_number(&text), Ok(amount));
        }

        #[test]
        fn moving_the_point_and_the_exponent_together_changes_nothing(
            digits in "[0-9]{1,60}",
            point in 0_usize..60,
            exponent in -80_i64..80,
        ) {
            let point = point.min(digits.len());
            let (whole, fraction) = digits.split_at(point);
            let places = i64::try_from(fraction.len()).unwrap();
            let moved = if fraction.is_empty() {
                format!("{whole}e{exponent}")
            } else {
                format!("0{whole}.{fraction}e{exponent}")
            };
            let together = format!("{digits}e{}", exponent - places);
            prop_assert_eq!(Amount::from_json_number(&moved), Amount::from_json_number(&together));
        }

        #[test]
        fn it_agrees_with_long_decimal_arithmetic(digits in "[0-9]{1,45}", exponent in -45_i32..45) {
            prop_assert_eq!(
                Amount::from_json_number(&format!("{digits}e{exponent}")).ok().map(Amount::units),
                by_hand(&digits, exponent)
            );
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}", number in "[-+0-9.eE]{0,40}") {
            let _ = text.parse::<Amount>();
            let _ = Amount::from_json_number(&text);
            let _ = Amount::from_json_number(&number);
        }
    }

    /// The units as a row of digits, made by writing and cutting off zeros.
    fn by_hand(digits: &str, exponent: i32) -> Option<u128> {
        let mut row = digits.to_owned();
        for _ in 0..(exponent + 18).max(0) {
            row.push('0');
        }
        for _ in exponent + 18..0 {
            if row.pop().unwrap_or('0') != '0' {
                return None;
            }
        }
        let row = row.trim_start_matches('0');
        if row.len() > 38 {
            return None;
        }
        Some(if row.is_empty() { 0 } else { row.parse().unwrap() })
    }
}
