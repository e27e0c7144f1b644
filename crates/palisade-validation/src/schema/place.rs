//! In which line of a file a JSON Pointer leads.

use std::ops::Range;

/// A place in a text; both counts begin at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The byte within the line.
    pub column: usize,
}

/// Where the value stands that `pointer` leads to, in JSON that has been read without error. Where the pointer
/// leads nowhere, it is the last value on the way.
pub(crate) fn locate(json: &str, pointer: &str) -> Position {
    let mut scanner = Scanner {
        json: json.as_bytes(),
        at: 0,
    };
    scanner.skip_space();
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let start = scanner.at;
        let Some(at) = scanner.child(json, &token) else {
            scanner.at = start;
            break;
        };
        scanner.at = at;
    }
    position(json, scanner.at)
}

fn position(json: &str, at: usize) -> Position {
    let before = json.as_bytes().get(..at).unwrap_or_default();
    let line = before.split(|byte| *byte == b'\n');
    let column = line.clone().next_back().map_or(0, <[u8]>::len) + 1;
    Position {
        line: line.count(),
        column,
    }
}

struct Scanner<'a> {
    json: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Where the child begins of the value that begins here. Of members with one name the last counts, as for the
    /// reader.
    fn child(&mut self, json: &str, token: &str) -> Option<usize> {
        let is_object = match self.peek()? {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        let mut found = None;
        let mut index = 0_usize;
        loop {
            self.at += 1;
            self.skip_space();
            if matches!(self.peek()?, b'}' | b']') {
                return found;
            }
            let is_wanted = if is_object {
                let name = self.string();
                self.skip_space();
                self.at += 1;
                self.skip_space();
                serde_json::from_str::<String>(json.get(name)?).is_ok_and(|name| name == token)
            } else {
                index.to_string() == token
            };
            if is_wanted {
                found = Some(self.at);
            }
            index += 1;
            self.skip_value();
            self.skip_space();
            if self.peek()? != b',' {
                return found;
            }
        }
    }

    /// Goes behind the string that begins here.
    fn string(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => self.at += 1,
                _ => (),
            }
        }
        start..self.at
    }

    /// Goes behind the value that begins here.
    fn skip_value(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth <= 1 => {
                    self.at += depth;
                    return;
                }
                b'}' | b']' => depth -= 1,
                b',' if depth == 0 => return,
                _ => (),
            }
            self.at += 1;
        }
    }
}
