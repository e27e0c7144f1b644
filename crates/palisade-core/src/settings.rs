//! Quantities as operators write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A number of bytes: `1048576`, `16 KiB`, `2MiB`.
///
/// `KiB`, `MiB`, `GiB` are powers of 1024 and `kB`, `MB`, `GB` powers of 1000 (IEC 80000-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// That many bytes.
    pub const fn bytes(count: u64) -> Self {
        Self(count)
    }

    /// That many times 1024 bytes.
    pub const fn kib(count: u64) -> Self {
        Self(count * 1024)
    }

    /// That many times 1,048,576 bytes.
    pub const fn mib(count: u64) -> Self {
        Self(count * 1024 * 1024)
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number of bytes as a length in memory; what does not fit is the largest length.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
            if self.0 >= unit && self.0.is_multiple_of(unit) {
                return write!(f, "{} {name}", self.0 / unit);
            }
        }
        write!(f, "{}", self.0)
    }
}

/// A text that is no quantity of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct ParseQuantityError {
    expected: &'static str,
}

const SIZE: ParseQuantityError = ParseQuantityError {
    expected: "a number of bytes such as 65536, 16 KiB or 2 MiB",
};
const PERIOD: ParseQuantityError = ParseQuantityError {
    expected: "a period such as 250ms, 10s, 5m, 1h or 1d (a bare number is seconds)",
};

/// Splits `10 MiB` into its number and its unit.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, unit.trim_start()))
}

impl FromStr for ByteSize {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = number_and_unit(text).ok_or(SIZE)?;
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kib" | "k" => 1 << 10,
            "mib" | "m" => 1 << 20,
            "gib" | "g" => 1 << 30,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            _ => return Err(SIZE),
        };
        number.checked_mul(factor).map(Self).ok_or(SIZE)
    }
}

/// A length of time: `250ms`, `10s`, `5m`, `1h`, `30d`; a bare number is seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Duration);

impl Period {
    /// That many seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// That many thousandths of a second.
    pub const fn milliseconds(count: u64) -> Self {
        Self(Duration::from_millis(count))
    }

    /// As the standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Period> for Duration {
    fn from(period: Period) -> Self {
        period.0
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
            if millis >= unit && millis.is_multiple_of(unit) {
                return write!(f, "{}{name}", millis / unit);
            }
        }
        write!(f, "{millis}ms")
    }
}

impl FromStr for Period {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = number_and_unit(text).ok_or(PERIOD)?;
        let millis = match unit.to_ascii_lowercase().as_str() {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(PERIOD),
        };
        number
            .checked_mul(millis)
            .map(|ms| Self(Duration::from_millis(ms)))
            .ok_or(PERIOD)
    }
}

/// Reads a quantity from text or from a whole number.
struct QuantityVisitor<T> {
    expected: &'static str,
    unit: fn(u64) -> T,
}

impl<T: FromStr<Err = ParseQuantityError>> Visitor<'_> for QuantityVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        Ok((self.unit)(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        let whole =
            u64::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))?;
        Ok((self.unit)(whole))
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor {
            expected: SIZE.expected,
            unit: ByteSize::bytes,
        })
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor {
            expected: PERIOD.expected,
            unit: Period::seconds,
        })
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::{ByteSize, Period};

    #[rstest]
    #[case("0", Some(0))]
    #[case("16384", Some(16384))]
    #[case("16 KiB", Some(16384))]
    #[case("2MiB", Some(2 << 20))]
    #[case("1 GB", Some(1_000_000_000))]
    #[case("", None)]
    #[case("KiB", None)]
    #[case("-1", None)]
    #[case("1.5 MiB", None)]
    #[case("99999999999 GiB", None)]
    fn sizes_are_read_with_and_without_units(#[case] text: &str, #[case] bytes: Option<u64>) {
        assert_eq!(text.parse::<ByteSize>().ok().map(ByteSize::get), bytes);
    }

    #[rstest]
    #[case("300", Some(Duration::from_secs(300)))]
    #[case("250ms", Some(Duration::from_millis(250)))]
    #[case("10 s", Some(Duration::from_secs(10)))]
    #[case("1d", Some(Duration::from_secs(86_400)))]
    #[case("soon", None)]
    #[case("1w", None)]
    fn periods_are_read_with_and_without_units(#[case] text: &str, #[case] period: Option<Duration>) {
        assert_eq!(text.parse::<Period>().ok().map(Period::get), period);
    }

    #[rstest]
    #[case("16 KiB")]
    #[case("1023")]
    #[case("2 MiB")]
    fn a_size_is_written_as_it_is_read(#[case] text: &str) {
        assert_eq!(
            text.parse::<ByteSize>().map(|size| size.to_string()).as_deref(),
            Ok(text)
        );
    }
}
