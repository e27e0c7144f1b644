//! What stands in a file of cases: checked as a whole, every error with its line.

mod expectation;
mod reader;
mod request;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub(super) use self::expectation::{Expectation, ExpectedVerdict};
use self::reader::{Mapping, Reader};
pub(super) use self::request::{CaseBody, CaseRequest};
use super::source::{self, Node, Value};
use crate::commands::input;
use crate::outcome::Failure;

const OF_FILE: &[&str] = &["defaults", "cases"];
const OF_CASE: &[&str] = &["name", "request", "expect"];

/// A request, and what is to become of it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) request: CaseRequest,
    pub(super) expect: Expectation,
}

/// Reads all cases, or tells everything that is wrong.
pub(super) fn read(path: &Path) -> Result<Vec<Case>, Failure> {
    let bytes = input::read(Some(path))?;
    let shown = if input::is_standard(path) {
        PathBuf::from("standard input")
    } else {
        path.to_owned()
    };
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::wrong(format!("{}: it is no UTF-8", shown.display())))?;
    let is_json = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut reader = Reader::new(shown, path.parent().unwrap_or(Path::new("")));
    let cases = match source::read(text, is_json) {
        Ok(root) => reader.file(&root),
        Err(error) => {
            reader.error("", error.line, error.problem);
            Vec::new()
        }
    };
    Ok(reader.finish(cases)?)
}

impl Reader {
    fn file(&mut self, root: &Node) -> Vec<Case> {
        let Some(file) = self.mapping("", root, OF_FILE) else {
            return Vec::new();
        };
        let defaults = file
            .find("defaults")
            .and_then(|member| self.mapping(&member.key, member.node, request::KEYS));
        let Some(cases) = file.find("cases") else {
            self.error("cases", root.line, "expected a list of cases");
            return Vec::new();
        };
        let Value::List(items) = &cases.node.value else {
            self.unexpected("cases", cases.node, "a list of cases");
            return Vec::new();
        };
        if items.is_empty() {
            self.error("cases", cases.line, "expected at least one case");
        }
        let mut names = HashMap::new();
        let mut read = Vec::new();
        for (position, item) in items.iter().enumerate() {
            let key = format!("cases[{position}]");
            let Some(case) = self.case(&key, item, defaults.as_ref()) else {
                continue;
            };
            if let Some(line) = names.insert(case.name.clone(), case.line) {
                let message = format!("the case in line {line} has this name already");
                self.error(&format!("{key}.name"), case.line, message);
            }
            read.push(case);
        }
        read
    }

    fn case(&mut self, key: &str, node: &Node, defaults: Option<&Mapping<'_>>) -> Option<Case> {
        let case = self.mapping(key, node, OF_CASE)?;
        let name = case.find("name");
        if name.is_none() {
            self.error(&case.key_of("name"), case.line, "expected a name");
        }
        let name = self.owned(name);
        let request = self
            .nested(
                &case,
                "request",
                request::KEYS,
                "the request, with method and path",
            )
            .and_then(|request| self.request(&request, defaults));
        let expect = self
            .nested(
                &case,
                "expect",
                expectation::KEYS,
                "what is to become of the request",
            )
            .and_then(|expect| self.expectation(&expect));
        Some(Case {
            name: name?,
            line: node.line,
            request: request?,
            expect: expect?,
        })
    }
}
