//! A JSON text as bytes: whether it is one (RFC 8259), and where the members of an object stand.
//!
//! 1. The whole grammar is checked: a text that passes is JSON for every parser.
//! 2. Nothing is built, copied or recursed into; at most [`DEEPEST`] levels are followed.
//! 3. A value keeps its bytes: what stands in a member is handed on as it was written.
//!
//! Duplicate names below the first level, lone surrogates and numbers of any size pass: they are matters of whoever reads the
//! value.

#![expect(
    clippy::inline_always,
    reason = "inlined, a body is checked at two gigabytes a second instead of one"
)]

use std::borrow::Cow;
use std::ops::Range;

/// The deepest nesting that is followed.
pub(crate) const DEEPEST: usize = 512;

/// Whether the bytes are one JSON value in UTF-8, with or without white space around it.
pub(crate) fn is_json(text: &[u8]) -> bool {
    if std::str::from_utf8(text).is_err() {
        return false;
    }
    let mut scanner = Scanner { bytes: text, at: 0 };
    scanner.space();
    scanner.value().is_some() && scanner.ends()
}

/// A member of an object: its name, and where its value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) value: Range<usize>,
}

/// The members of a text that is one JSON object, at most `most` of them; `None` for anything else.
pub(crate) fn members(text: &[u8], most: usize) -> Option<Vec<Member<'_>>> {
    std::str::from_utf8(text).ok()?;
    let mut scanner = Scanner { bytes: text, at: 0 };
    let mut members = Vec::with_capacity(8);
    scanner.space();
    scanner.expect(b'{')?;
    scanner.space();
    if scanner.peek() == Some(b'}') {
        scanner.at += 1;
        return scanner.ends().then_some(members);
    }
    loop {
        if members.len() == most {
            return None;
        }
        let start = scanner.at;
        scanner.expect(b'"')?;
        scanner.string()?;
        let name = name(text.get(start..scanner.at)?)?;
        scanner.colon()?;
        let start = scanner.at;
        scanner.value()?;
        let value = start..scanner.at;
        members.push(Member { name, value });
        scanner.space();
        match scanner.next()? {
            b',' => scanner.space(),
            b'}' => return scanner.ends().then_some(members),
            _ => return None,
        }
    }
}

/// A name in its quotes.
fn name(quoted: &[u8]) -> Option<Cow<'_, str>> {
    if quoted.contains(&b'\\') {
        return serde_json::from_slice(quoted).ok().map(Cow::Owned);
    }
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    std::str::from_utf8(inner).ok().map(Cow::Borrowed)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What is open around a position: one bit a level, set for an object.
#[derive(Default)]
struct Nesting {
    objects: [u64; DEEPEST / 64],
    depth: usize,
}

impl Nesting {
    #[inline(always)]
    fn push(&mut self, is_object: bool) -> Option<()> {
        let word = self.objects.get_mut(self.depth / 64)?;
        let bit = 1 << (self.depth % 64);
        *word = if is_object { *word | bit } else { *word & !bit };
        self.depth += 1;
        Some(())
    }

    /// Whether the innermost is an object; `None` outside of all.
    #[inline(always)]
    fn innermost(&self) -> Option<bool> {
        let level = self.depth.checked_sub(1)?;
        Some(self.objects.get(level / 64)? & (1 << (level % 64)) != 0)
    }
}

impl Scanner<'_> {
    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline(always)]
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    #[inline(always)]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn ends(&mut self) -> bool {
        self.space();
        self.at == self.bytes.len()
    }

    /// A colon with the white space around it.
    #[inline(always)]
    fn colon(&mut self) -> Option<()> {
        self.space();
        self.expect(b':')?;
        self.space();
        Some(())
    }

    /// A name with its colon.
    #[inline(always)]
    fn name(&mut self) -> Option<()> {
        self.space();
        self.expect(b'"')?;
        self.string()?;
        self.colon()
    }

    /// One value, from its first byte.
    fn value(&mut self) -> Option<()> {
        let mut nesting = Nesting::default();
        loop {
            if !self.begin(&mut nesting)? {
                continue;
            }
            loop {
                let Some(is_object) = nesting.innermost() else {
                    return Some(());
                };
                self.space();
                match (self.next()?, is_object) {
                    (b',', true) => {
                        self.name()?;
                        break;
                    }
                    (b',', false) => {
                        self.space();
                        break;
                    }
                    (b'}', true) | (b']', false) => nesting.depth -= 1,
                    _ => return None,
                }
            }
        }
    }

    /// The beginning of a value; `true` when that was all of it.
    #[inline(always)]
    fn begin(&mut self, nesting: &mut Nesting) -> Option<bool> {
        match self.next()? {
            b'{' => {
                self.space();
                if self.peek() == Some(b'}') {
                    self.at += 1;
                    return Some(true);
                }
                nesting.push(true)?;
                self.name()?;
                Some(false)
            }
            b'[' => {
                self.space();
                if self.peek() == Some(b']') {
                    self.at += 1;
                    return Some(true);
                }
                nesting.push(false)?;
                Some(false)
            }
            b'"' => self.string().map(|()| true),
            b't' => self.literal(b"rue"),
            b'f' => self.literal(b"alse"),
            b'n' => self.literal(b"ull"),
            first @ (b'-' | b'0'..=b'9') => self.number(first).map(|()| true),
            _ => None,
        }
    }

    #[inline(always)]
    fn literal(&mut self, rest: &[u8]) -> Option<bool> {
        let end = self.at + rest.len();
        let found = self.bytes.get(self.at..end)? == rest;
        self.at = end;
        found.then_some(true)
    }

    #[inline(always)]
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    #[inline(always)]
    fn number(&mut self, first: u8) -> Option<()> {
        let first = if first == b'-' { self.next()? } else { first };
        match first {
            b'0' => {}
            b'1'..=b'9' => {
                // The first digit may be the only one.
                let _ = self.digits();
            }
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// A string behind its opening quote, to behind its closing one.
    #[inline(always)]
    fn string(&mut self) -> Option<()> {
        loop {
            self.plain();
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                // What `plain` stops at otherwise is a control character, which has to be escaped, or the last few bytes.
                0..=0x1f => return None,
                _ => {}
            }
        }
    }

    /// Passes over bytes that mean nothing in a string, eight at a time.
    #[inline(always)]
    fn plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
        while let Some(eight) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_le_bytes(*eight);
            let quotes = zero_bytes(word ^ (ONES * 0x22));
            let backslashes = zero_bytes(word ^ (ONES * 0x5c));
            let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
            let found = quotes | backslashes | controls;
            if found != 0 {
                // The lowest mark is never a false one: borrows only run upwards.
                self.at += usize::try_from(found.trailing_zeros() / 8).unwrap_or_default();
                return;
            }
            self.at += 8;
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let hex = self.bytes.get(self.at..self.at + 4)?;
                self.at += 4;
                hex.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{DEEPEST, is_json, members};

    #[rstest]
    #[case(r#"{"a":[1,-0.5e+3,true,false,null,"\u00e9\n"],"b":{}}"#, true)]
    #[case(" \t\r\n[ ] ", true)]
    #[case("\"a longer text than eight bytes, with \\\"quotes\\\" in it\"", true)]
    #[case("\"tab\tinside\"", false)]
    #[case("\"no end", false)]
    #[case("01", false)]
    #[case("-", false)]
    #[case("1.", false)]
    #[case("1e", false)]
    #[case(r#"{"a" 1}"#, false)]
    #[case(r#"{"a":1,}"#, false)]
    #[case("[1,]", false)]
    #[case("[1}", false)]
    #[case("{]", false)]
    #[case("1,\"exp\":9", false)]
    #[case("{} {}", false)]
    #[case("", false)]
    #[case(r#""\x""#, false)]
    #[case(r#""\u12g4""#, false)]
    #[case("tru", false)]
    fn the_grammar_holds(#[case] text: &str, #[case] valid: bool) {
        assert_eq!(is_json(text.as_bytes()), valid);
    }

    #[test]
    fn depth_is_bounded_and_costs_no_stack() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(is_json(&nested(DEEPEST)));
        // The innermost pair is empty, and empty ones take no level.
        assert!(is_json(&nested(DEEPEST + 1)));
        assert!(!is_json(&nested(DEEPEST + 2)));
        assert!(!is_json(&vec![b'['; 10_000_000]));
    }

    #[test]
    fn members_keep_their_bytes() {
        let text = br#" { "iat" : 1.50 , "b\u006fdy":{"b": [ 1,2 ] , "a":"\/"} } "#;
        let found = members(text, 8).unwrap();
        let names: Vec<_> = found.iter().map(|member| member.name.as_ref()).collect();
        assert_eq!(names, ["iat", "body"]);
        assert_eq!(&text[found[0].value.clone()], b"1.50");
        assert_eq!(&text[found[1].value.clone()], br#"{"b": [ 1,2 ] , "a":"\/"}"#);
        assert_eq!(members(b"{}", 8).unwrap(), []);
        assert_eq!(members(b"[]", 8), None);
        assert_eq!(members(text, 1), None);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_parser(text in r#"[\[\]{},:"\\ a0-9.eE+\-tu\n]{0,24}"#) {
            let parsed = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(is_json(text.as_bytes()), parsed, "{}", text);
        }

        #[test]
        fn it_agrees_with_a_parser_on_strings(text in r#""[^a-z]{0,20}"#) {
            let parsed = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(is_json(text.as_bytes()), parsed, "{}", text);
        }

        #[test]
        fn what_a_writer_writes_is_accepted(names in prop::collection::btree_map(".{0,6}", ".{0,30}", 0..5)) {
            let text = serde_json::to_vec(&names).unwrap();
            prop_assert!(is_json(&text));
            let found = members(&text, 8).unwrap();
            prop_assert_eq!(found.len(), names.len());
            for (member, (name, value)) in found.iter().zip(&names) {
                prop_assert_eq!(member.name.as_ref(), name);
                let read: String = serde_json::from_slice(&text[member.value.clone()]).unwrap();
                prop_assert_eq!(&read, value);
            }
        }
    }
}
