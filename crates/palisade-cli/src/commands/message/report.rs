//! What is told of a message: to people by lines, to programs as JSON.

use std::fmt;
use std::time::SystemTime;

use palisade::jose::{Claims, EncryptionKey, Passed, ReadError, SigningKey};
use serde::Serialize;

use crate::instant::{rfc3339, span};

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    Ok,
    Failed,
    NotChecked,
}

/// One step of reading a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Step {
    #[serde(rename = "step")]
    pub(super) name: &'static str,
    pub(super) result: Verdict,
    pub(super) detail: String,
    /// The `kid` by which the message chose its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    /// The alias of the key that fitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<String>,
    /// Whether whoever receives the message checks what was not checked here.
    #[serde(skip)]
    pub(super) is_owed: bool,
}

impl Step {
    pub(super) fn ok(step: &'static str, detail: impl Into<String>) -> Self {
        Self::new(step, Verdict::Ok, detail)
    }

    pub(super) fn failed(step: &'static str, detail: impl Into<String>) -> Self {
        Self::new(step, Verdict::Failed, detail)
    }

    pub(super) fn not_checked(step: &'static str, why: impl Into<String>) -> Self {
        Self::new(step, Verdict::NotChecked, why)
    }

    /// The same, of a step that the receiver does check, with what it knows of the exchange.
    pub(super) fn owed(self) -> Self {
        Self {
            is_owed: true,
            ..self
        }
    }

    fn new(name: &'static str, result: Verdict, detail: impl Into<String>) -> Self {
        Self {
            name,
            result,
            detail: detail.into(),
            kid: None,
            alias: None,
            is_owed: false,
        }
    }

    /// The step that a message could not pass.
    pub(super) fn of_error(error: &ReadError) -> Self {
        Self::failed(error.failed_step(), error.reason())
    }
}

impl From<&Passed> for Step {
    fn from(passed: &Passed) -> Self {
        let step = match passed.step {
            "decrypt" => "decryption",
            step => step,
        };
        let Passed { kid, alias, .. } = passed;
        let detail = match kid {
            Some(kid) => format!("kid {kid} → alias {alias}"),
            None => format!("no kid, alias {alias} fits"),
        };
        Self {
            kid: kid.clone(),
            alias: Some(alias.clone()),
            ..Self::ok(step, detail)
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, detail, .. } = self;
        match self.result {
            Verdict::Ok if *name == "decryption" => write!(f, "decrypt ok, {detail}"),
            Verdict::Ok => write!(f, "{name} ok, {detail}"),
            Verdict::Failed => write!(f, "{name}: {detail}"),
            Verdict::NotChecked => write!(f, "{name} not checked: {detail}"),
        }
    }
}

/// What a message says about itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    /// Negative once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    htm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    htu: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aud: Vec<String>,
}

impl Told {
    pub(super) fn new(claims: &Claims, now: SystemTime) -> Self {
        Self {
            issued_at: claims.issued_at.map(rfc3339),
            expires_at: claims.expires_at.map(rfc3339),
            not_before: claims.not_before.map(rfc3339),
            seconds_left: claims.expires_at.map(|end| seconds_until(end, now)),
            jti: claims.id.clone(),
            htm: claims.method.clone(),
            htu: claims.target.clone(),
            in_reply_to: claims.in_reply_to.clone(),
            aud: claims.audience.clone(),
        }
    }

    /// What the message is named, and its answer refers to.
    pub(super) fn id(&self) -> Option<String> {
        self.jti.as_deref().map(shown)
    }

    /// For people: name and value.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let text = |text: &Option<String>| text.as_deref().map(shown);
        let left = self.seconds_left.map(|left| {
            let length = span(std::time::Duration::from_secs(left.unsigned_abs()));
            if left < 0 {
                format!("ended {length} ago")
            } else {
                format!("{length} left")
            }
        });
        let expires = self.expires_at.as_ref().zip(left);
        let audience = self.aud.iter().map(|name| shown(name)).collect::<Vec<_>>();
        let rows = [
            ("iat", self.issued_at.clone()),
            ("exp", expires.map(|(end, left)| format!("{end} ({left})"))),
            ("nbf", self.not_before.clone()),
            ("jti", text(&self.jti)),
            ("htm", text(&self.htm)),
            ("htu", text(&self.htu)),
            ("in-reply-to", text(&self.in_reply_to)),
            ("aud", (!audience.is_empty()).then(|| audience.join(", "))),
        ];
        rows.into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

fn seconds_until(end: SystemTime, now: SystemTime) -> i64 {
    let seconds = |length: std::time::Duration| i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    match end.duration_since(now) {
        Ok(left) => seconds(left),
        Err(passed) => -seconds(passed.duration()),
    }
}

/// A key that was used, by its names.
#[derive(Debug, Serialize)]
pub(super) struct Used {
    alias: String,
    kid: String,
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    enc: Option<&'static str>,
}

impl From<&SigningKey> for Used {
    fn from(key: &SigningKey) -> Self {
        Self {
            alias: key.alias().to_owned(),
            kid: key.kid().to_owned(),
            alg: key.algorithm().name(),
            enc: None,
        }
    }
}

impl From<&EncryptionKey> for Used {
    fn from(key: &EncryptionKey) -> Self {
        Self {
            alias: key.alias().to_owned(),
            kid: key.kid().to_owned(),
            alg: key.algorithm().name(),
            enc: Some(key.content().name()),
        }
    }
}

/// A partner's text as a terminal may be given it: at most 200 characters, letters, digits and ASCII as they are.
pub(super) fn shown(text: &str) -> String {
    const SHOWN: usize = 200;
    let mut shown = String::new();
    for c in text.chars().take(SHOWN) {
        if c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric() {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use palisade::jose::Claims;

    use super::{Told, shown};

    #[test]
    fn a_partners_text_cannot_steer_a_terminal() {
        assert_eq!(shown("naïve /a?b=c"), "naïve /a?b=c");
        assert_eq!(shown("\u{1b}[2J\u{202e}"), "\\u{1b}[2J\\u{202e}");
        assert_eq!(shown(&"x".repeat(201)), format!("{}…", "x".repeat(200)));
    }

    #[test]
    fn what_is_left_of_a_life_is_told() {
        let mut claims = Claims::default();
        claims.expires_at = Some(UNIX_EPOCH + Duration::from_secs(1_000));
        let row = |now| Told::new(&claims, UNIX_EPOCH + Duration::from_secs(now)).rows();
        assert_eq!(
            row(900),
            [("exp", "1970-01-01T00:16:40Z (1m 40s left)".to_owned())]
        );
        assert_eq!(
            row(1_061),
            [("exp", "1970-01-01T00:16:40Z (ended 1m 1s ago)".to_owned())]
        );
    }
}
