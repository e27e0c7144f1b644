//! A file of YAML or JSON as a tree, in which everything knows its line.
//!
//! 1. YAML is that of 1.2, which JSON is a part of. A file that is named `.json`, or begins with a brace, is held to be JSON.
//! 2. Scalars are texts: `no` is `no`, `0123` keeps its zero. Alone `null`, `~` and nothing are nothing.
//! 3. Two members of one name are an error, and so are aliases, tags and a second document: policy is written out.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde::de::IgnoredAny;

/// How deep values may be nested: far more than a file of cases needs.
const MAX_DEPTH: usize = 32;

/// A value, and the line it begins in.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: u32,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Nothing,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

/// A named value.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) node: Node,
}

/// Why a text is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceError {
    pub(super) line: u32,
    pub(super) problem: String,
}

impl Value {
    /// What it is, in a word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads one document.
pub(super) fn read(text: &str, is_json: bool) -> Result<Node, SourceError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !(is_json || text.trim_start().starts_with('{')) {
        return read_yaml(text);
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => read_yaml(&without_surrogates(text)),
        // What begins with a brace may be YAML all the same.
        Err(_) if !is_json => read_yaml(text),
        Err(error) => {
            let whole = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            Err(SourceError {
                line: line(error.line()),
                problem: whole.strip_suffix(&place).unwrap_or(&whole).to_owned(),
            })
        }
    }
}

/// JSON in which characters that are written as two escapes are written as themselves, as YAML has them.
fn without_surrogates(json: &str) -> String {
    let mut written = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        written.push_str(before);
        let pair = unit(escape).zip(escape.get(6..).and_then(unit));
        let character = pair.and_then(|(high, low)| char::decode_utf16([high, low]).next()?.ok());
        // An escape has two characters at least, and none begins in the middle of another.
        let length = match character {
            Some(character) if character.len_utf16() == 2 => {
                written.push(character);
                12
            }
            _ => {
                written.push_str(escape.get(..2).unwrap_or(escape));
                2
            }
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    written.push_str(rest);
    written
}

/// The unit of UTF-16 that a text begins with: `\uXXXX`.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

fn line(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn read_yaml(text: &str) -> Result<Node, SourceError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| SourceError {
            line: line(error.marker().line()),
            problem: error.info().to_owned(),
        })?;
        let line = line(span.start.line());
        builder
            .take(event, line)
            .map_err(|problem| SourceError { line, problem })?;
    }
    builder.root.ok_or(SourceError {
        line: 1,
        problem: "there is nothing in it".to_owned(),
    })
}

/// A collection that is not complete.
#[derive(Debug)]
enum Open {
    List(u32, Vec<Node>),
    Map {
        line: u32,
        members: Vec<Member>,
        /// The name whose value comes next.
        name: Option<(String, u32)>,
    },
}

#[derive(Debug, Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    documents: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), String> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err("there is a second document, where one is expected".to_owned()),
                }
            }
            Event::Alias(_) => Err("aliases are not taken: write it out".to_owned()),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => Err("tags are not taken".to_owned()),
            Event::Scalar(text, style, _, None) => self.scalar(&text, style, line),
            Event::SequenceStart(_, None) => self.begin(Open::List(line, Vec::new())),
            Event::MappingStart(_, None) => self.begin(Open::Map {
                line,
                members: Vec::new(),
                name: None,
            }),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(line, items)) => self.complete(line, Value::List(items)),
                Some(Open::Map { line, members, .. }) => self.complete(line, Value::Map(members)),
                None => Ok(()),
            },
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, line: u32) -> Result<(), String> {
        if let Some(Open::Map {
            members,
            name: name @ None,
            ..
        }) = self.open.last_mut()
        {
            if members.iter().any(|member| member.name == text) {
                return Err(format!("there is a second member `{text}`"));
            }
            *name = Some((text.to_owned(), line));
            return Ok(());
        }
        let is_nothing = style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
        let value = if is_nothing {
            Value::Nothing
        } else {
            Value::Text(text.to_owned())
        };
        self.complete(line, value)
    }

    fn begin(&mut self, open: Open) -> Result<(), String> {
        if let Some(Open::Map { name: None, .. }) = self.open.last() {
            return Err("the name of a member must be a text".to_owned());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("values are nested more than {MAX_DEPTH} deep"));
        }
        self.open.push(open);
        Ok(())
    }

    /// Puts a value where it belongs.
    fn complete(&mut self, line: u32, value: Value) -> Result<(), String> {
        let node = Node { line, value };
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map { members, name, .. }) => {
                let (name, line) = name.take().ok_or("there is a member without a name")?;
                members.push(Member { name, line, node });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Node, Value, read};

    /// On one line, with the line of each text.
    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Nothing => "-".to_owned(),
            Value::Text(text) => format!("{text}@{}", node.line),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(shown).collect();
                format!("[{}]", items.join(" "))
            }
            Value::Map(members) => {
                let members = members
                    .iter()
                    .map(|member| format!("{}@{}={}", member.name, member.line, shown(&member.node)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[rstest]
    #[case("a: 0123\nb: [no, ~, 'null']\n", "{a@1=0123@1 b@2=[no@2 - null@2]}")]
    #[case("# only\n- a: |\n    one\n    two\n", "[{a@2=one\ntwo\n@3}]")]
    #[case("peer: ::1\npath: /a?b=c#d\n", "{peer@1=::1@1 path@2=/a?b=c#d@2}")]
    fn yaml_is_read_with_lines(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(shown(&read(text, false).unwrap()), expected);
    }

    #[test]
    fn json_is_read_with_lines_whatever_is_escaped() {
        let text = "{\n\t\"a\": \"\\ud83d\\ude00 \\/ \\\\ud83d \\\"\\u00e4\",\n\t\"b\": [1, null, true]\n}";
        let expected = "{a@2=\u{1f600} / \\ud83d \"\u{e4}@2 b@3=[1@3 - true@3]}";
        assert_eq!(shown(&read(text, true).unwrap()), expected);
        assert_eq!(shown(&read(text, false).unwrap()), expected);
    }

    #[rstest]
    #[case("a: 1\na: 2\n", false, 2)]
    #[case("{\"a\": 1,\n\"a\": 2}", true, 2)]
    #[case("{\"a\": 1,\n}", true, 2)]
    #[case("a: b: c\n", false, 1)]
    #[case("a: &x 1\nb: *x\n", false, 2)]
    #[case("a: 1\n---\nb: 1\n", false, 2)]
    #[case("a: !!int 1\n", false, 1)]
    #[case("a: 1\n", true, 1)]
    #[case("", false, 1)]
    fn what_is_not_taken_has_a_line(#[case] text: &str, #[case] is_json: bool, #[case] line: u32) {
        assert_eq!(read(text, is_json).unwrap_err().line, line);
    }

    #[test]
    fn no_depth_is_too_deep_to_be_refused() {
        let deep = "[".repeat(10_000);
        assert!(read(&deep, false).is_err());
    }
}
