//! Lists of elements, with everything that is wrong in them.

use std::fmt;

use crate::element::{AddressRange, ElementError};

/// An element that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadElement {
    /// Its place, from 0; in a file its line, from 1.
    pub place: usize,
    /// What is wrong with it.
    pub error: ElementError,
}

/// How many bad elements are kept.
const SHOWN: usize = 20;

/// A list with elements that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListError {
    shown: Vec<BadElement>,
    count: usize,
}

impl ListError {
    /// The first bad elements, at most 20.
    pub fn elements(&self) -> &[BadElement] {
        &self.shown
    }

    /// How many bad elements there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many bad elements [`elements`](Self::elements) leaves out.
    pub fn left_out(&self) -> usize {
        self.count - self.shown.len()
    }

    fn push(&mut self, place: usize, error: ElementError) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(BadElement { place, error });
        }
    }

    fn or_ok(self, ranges: Vec<AddressRange>) -> Result<Vec<AddressRange>, Self> {
        if self.count == 0 { Ok(ranges) } else { Err(self) }
    }
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, bad) in self.shown.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}[{}]: expected {}", bad.place, bad.error)?;
        }
        if self.left_out() > 0 {
            write!(f, "; and {} more", self.left_out())?;
        }
        Ok(())
    }
}

impl std::error::Error for ListError {}

/// Reads every element.
pub(crate) fn parse<T: AsRef<str>>(
    elements: impl IntoIterator<Item = T>,
) -> Result<Vec<AddressRange>, ListError> {
    let mut errors = ListError::default();
    let mut ranges = Vec::new();
    for (place, element) in elements.into_iter().enumerate() {
        match element.as_ref().parse() {
            Ok(range) => ranges.push(range),
            Err(error) => errors.push(place, error),
        }
    }
    errors.or_ok(ranges)
}

/// Reads one element a line. Blank lines and what follows a `#` do not count; lines end with LF or CRLF.
pub(crate) fn parse_lines(text: &[u8]) -> Result<Vec<AddressRange>, ListError> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut errors = ListError::default();
    // An IPv4 prefix is 15 bytes with its line's end; a guess that is off costs a move.
    let mut ranges = Vec::with_capacity(text.len() / 15);
    for (number, line) in (1_usize..).zip(text.split(|byte| *byte == b'\n')) {
        let element = line
            .split(|byte| *byte == b'#')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        if element.is_empty() {
            continue;
        }
        match std::str::from_utf8(element)
            .map_err(|_| ElementError::Address)
            .and_then(str::parse)
        {
            Ok(range) => ranges.push(range),
            Err(error) => errors.push(number, error),
        }
    }
    errors.or_ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::{ElementError, parse, parse_lines};

    #[test]
    fn a_file_has_one_element_a_line_with_comments_and_blank_lines() {
        let text =
            b"\xEF\xBB\xBF# partners\r\n192.0.2.1\r\n\r\n  10.0.0.0/8  # head office\n\t\n2001:db8::/32";
        let ranges = parse_lines(text).unwrap();
        let shown: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "192.0.2.1",
                "10.0.0.0-10.255.255.255",
                "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"
            ]
        );
        assert_eq!(parse_lines(b""), Ok(Vec::new()));
        assert_eq!(parse_lines(b"# nobody\n"), Ok(Vec::new()));
    }

    #[test]
    fn every_bad_element_is_counted_and_the_first_are_shown_with_their_lines() {
        let mut text = b"10.0.0.1\n10.0.0.1/8\n\xFF\n".to_vec();
        for _ in 0..30 {
            text.extend_from_slice(b"nobody\n");
        }
        let error = parse_lines(&text).unwrap_err();
        assert_eq!(
            (error.count(), error.elements().len(), error.left_out()),
            (32, 20, 12)
        );
        let places: Vec<usize> = error.elements().iter().map(|bad| bad.place).collect();
        assert_eq!(places, (2..22).collect::<Vec<_>>());
        assert_eq!(error.elements()[1].error, ElementError::Address);
        assert!(error.to_string().ends_with("; and 12 more"));
    }

    #[test]
    fn elements_of_a_list_are_counted_from_nought() {
        let error = parse(["10.0.0.1", "", "x"]).unwrap_err();
        let places: Vec<usize> = error.elements().iter().map(|bad| bad.place).collect();
        assert_eq!(places, [1, 2]);
    }
}
