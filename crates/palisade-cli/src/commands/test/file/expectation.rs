//! What is to become of a request.

use std::fmt;
use std::str::FromStr;

use http::StatusCode;
use serde::Serialize;

use super::reader::{Mapping, Reader};

pub(super) const KEYS: &[&str] = &[
    "verdict", "status", "code", "group", "stage", "stages", "hangs-on",
];

/// What is to become of it. What is left out may be anything.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands::test) struct Expectation {
    pub(in crate::commands::test) verdict: ExpectedVerdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands::test) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands::test) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands::test) group: Option<ExpectedGroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands::test) stage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands::test) stages: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands::test) hangs_on: Option<String>,
}

/// One of the three verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands::test) enum ExpectedVerdict {
    Accepted,
    Refused,
    Unknown,
}

/// A group by its name, or that there is none.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(in crate::commands::test) struct ExpectedGroup(pub(in crate::commands::test) Option<String>);

impl Reader {
    pub(super) fn expectation(&mut self, expect: &Mapping<'_>) -> Option<Expectation> {
        let verdict = self.verdict(expect);
        let status = self.parsed(expect.find("status"), |text| {
            let status = StatusCode::from_str(text).map(|status| status.as_u16());
            status.map_err(|_| "expected a status such as 403".to_owned())
        });
        let group = match expect.find("group") {
            Some(member) if member.is_nothing() => Some(ExpectedGroup(None)),
            member => self.owned(member).map(|name| ExpectedGroup(Some(name))),
        };
        let stages = expect.find("stages");
        let verdict = verdict?;
        self.misplaced(expect, verdict);
        Some(Expectation {
            verdict,
            status,
            code: self.owned(expect.find("code")),
            group,
            stage: self.owned(expect.find("stage")),
            stages: stages.map(|member| self.texts(&member.key, member.node)),
            hangs_on: self.owned(expect.find("hangs-on")),
        })
    }

    /// The verdict, which need not be said where something is said of a refusal.
    fn verdict(&mut self, expect: &Mapping<'_>) -> Option<ExpectedVerdict> {
        if let Some(member) = expect.find("verdict") {
            return self.parsed(Some(member), |text| match text {
                "accepted" => Ok(ExpectedVerdict::Accepted),
                "refused" => Ok(ExpectedVerdict::Refused),
                "unknown" => Ok(ExpectedVerdict::Unknown),
                _ => Err("expected accepted, refused or unknown".to_owned()),
            });
        }
        if expect.has("status") || expect.has("code") {
            return Some(ExpectedVerdict::Refused);
        }
        let message = "expected accepted, refused or unknown, or the code of a refusal";
        self.error(&expect.key_of("verdict"), expect.line, message);
        None
    }

    /// What means nothing beside that verdict.
    fn misplaced(&mut self, expect: &Mapping<'_>, verdict: ExpectedVerdict) {
        let places = [
            ("status", verdict == ExpectedVerdict::Refused, "refused"),
            ("code", verdict == ExpectedVerdict::Refused, "refused"),
            ("hangs-on", verdict == ExpectedVerdict::Unknown, "unknown"),
            (
                "stage",
                verdict != ExpectedVerdict::Accepted,
                "refused or unknown",
            ),
        ];
        for (name, fits, goes_with) in places {
            if let (false, Some(member)) = (fits, expect.find(name)) {
                let message = format!("this goes with the verdict {goes_with} alone");
                self.error(&member.key, member.line, message);
            }
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            ExpectedVerdict::Accepted => f.write_str("accepted"),
            ExpectedVerdict::Unknown => match &self.hangs_on {
                Some(what) => write!(f, "unknown: hangs on {what}"),
                None => f.write_str("unknown"),
            },
            ExpectedVerdict::Refused => match (self.status, &self.code) {
                (Some(status), Some(code)) => write!(f, "refused: {status} {code}"),
                (Some(status), None) => write!(f, "refused: {status}"),
                (None, Some(code)) => write!(f, "refused: {code}"),
                (None, None) => f.write_str("refused"),
            },
        }
    }
}
