//! What a message says about itself, beside its body.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

/// The longest `jti` that is read, in bytes.
pub const LONGEST_ID: usize = 256;
/// The longest text of any other claim that is read, in bytes.
const LONGEST_TEXT: usize = 8 * 1024;
/// The most audiences of one message.
const MOST_AUDIENCES: usize = 32;
/// The last second that is read: the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// What a message says about itself (RFC 7519 section 4.1, RFC 9449 section 4.2 for `htm` and `htu`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Claims {
    /// `iat`: when it was made.
    pub issued_at: Option<SystemTime>,
    /// `exp`: when it ends.
    pub expires_at: Option<SystemTime>,
    /// `nbf`: when it begins, where that is not when it was made.
    pub not_before: Option<SystemTime>,
    /// `jti`: its name, different in each message of a sender.
    pub id: Option<String>,
    /// `htm`: the method of the request it is made for.
    pub method: Option<String>,
    /// `htu`: the target of the request it is made for.
    pub target: Option<String>,
    /// `in-reply-to`: the name of the request that a response answers.
    pub in_reply_to: Option<String>,
    /// `aud`: whom it is for.
    pub audience: Vec<String>,
}

/// A claim that is not what the standard says it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the claim {name} is not {expected}")]
pub struct BadClaim {
    name: &'static str,
    expected: &'static str,
}

/// The names of the claims, in the order in which they are written.
pub(crate) const NAMES: [&str; 8] = ["iat", "exp", "nbf", "jti", "htm", "htu", "in-reply-to", "aud"];

impl Claims {
    /// Takes over a claim of one of the names; `false` for any other name.
    pub(crate) fn read(&mut self, name: &str, value: &Value) -> Result<bool, BadClaim> {
        match name {
            "iat" => self.issued_at = Some(date("iat", value)?),
            "exp" => self.expires_at = Some(date("exp", value)?),
            "nbf" => self.not_before = Some(date("nbf", value)?),
            "jti" => self.id = Some(text("jti", value, LONGEST_ID)?),
            "htm" => self.method = Some(text("htm", value, LONGEST_TEXT)?),
            "htu" => self.target = Some(text("htu", value, LONGEST_TEXT)?),
            "in-reply-to" => self.in_reply_to = Some(text("in-reply-to", value, LONGEST_ID)?),
            "aud" => self.audience = audience(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The claims that are there, by name, in the order of [`NAMES`].
    pub(crate) fn write(&self) -> Map<String, Value> {
        let mut map = Map::new();
        let dates = [
            ("iat", self.issued_at),
            ("exp", self.expires_at),
            ("nbf", self.not_before),
        ];
        for (name, date) in dates {
            if let Some(date) = date {
                map.insert(name.to_owned(), seconds(date).into());
            }
        }
        let texts = [
            ("jti", &self.id),
            ("htm", &self.method),
            ("htu", &self.target),
            ("in-reply-to", &self.in_reply_to),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                map.insert(name.to_owned(), text.as_str().into());
            }
        }
        match self.audience.as_slice() {
            [] => {}
            [one] => {
                map.insert("aud".to_owned(), one.as_str().into());
            }
            several => {
                map.insert("aud".to_owned(), several.to_vec().into());
            }
        }
        map
    }
}

/// Whole seconds since 1970, as claims are written.
fn seconds(date: SystemTime) -> u64 {
    date.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// A `NumericDate` (RFC 7519 section 2): seconds since 1970, fractions allowed.
fn date(name: &'static str, value: &Value) -> Result<SystemTime, BadClaim> {
    let bad = BadClaim {
        name,
        expected: "a number of seconds since 1970",
    };
    let since = match (value.as_u64(), value.as_f64()) {
        (Some(seconds), _) => Duration::from_secs(seconds),
        (None, Some(seconds)) => Duration::try_from_secs_f64(seconds).map_err(|_| bad.clone())?,
        (None, None) => return Err(bad),
    };
    if since.as_secs() > LAST_SECOND {
        return Err(bad);
    }
    Ok(SystemTime::UNIX_EPOCH + since)
}

fn text(name: &'static str, value: &Value, longest: usize) -> Result<String, BadClaim> {
    value
        .as_str()
        .filter(|text| !text.is_empty() && text.len() <= longest)
        .map(str::to_owned)
        .ok_or(BadClaim {
            name,
            expected: "a text of a bounded length",
        })
}

/// One text, or a list of them (RFC 7519 section 4.1.3).
fn audience(value: &Value) -> Result<Vec<String>, BadClaim> {
    let one = std::slice::from_ref(value);
    let values = value.as_array().map_or(one, Vec::as_slice);
    if values.is_empty() || values.len() > MOST_AUDIENCES {
        return Err(BadClaim {
            name: "aud",
            expected: "a text, or a list of a few",
        });
    }
    values
        .iter()
        .map(|value| text("aud", value, LONGEST_TEXT))
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{Claims, NAMES};

    #[rstest]
    #[case("iat", json!(1_700_000_000), true)]
    #[case("iat", json!(1_700_000_000.25), true)]
    #[case("iat", json!(0), true)]
    #[case("iat", json!(-1), false)]
    #[case("iat", json!("1700000000"), false)]
    #[case("exp", json!(1e300), false)]
    #[case("exp", json!(253_402_300_800_u64), false)]
    #[case("exp", json!(null), false)]
    #[case("nbf", json!(true), false)]
    #[case("jti", json!("a"), true)]
    #[case("jti", json!(""), false)]
    #[case("jti", json!("x".repeat(256)), true)]
    #[case("jti", json!("x".repeat(257)), false)]
    #[case("jti", json!(5), false)]
    #[case("htm", json!(["POST"]), false)]
    #[case("aud", json!("a"), true)]
    #[case("aud", json!(["a", "b"]), true)]
    #[case("aud", json!([]), false)]
    #[case("aud", json!(["a", 1]), false)]
    #[case("in-reply-to", json!({}), false)]
    fn a_claim_of_another_type_is_refused(#[case] name: &str, #[case] value: Value, #[case] accepted: bool) {
        assert_eq!(Claims::default().read(name, &value).is_ok(), accepted);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let written = json!({
            "iat": 1_700_000_000, "exp": 1_700_000_300, "nbf": 1_700_000_001, "jti": "j", "htm": "POST", "htu": "/a",
            "in-reply-to": "r", "aud": ["a", "b"]
        });
        let mut claims = Claims::default();
        for (name, value) in written.as_object().unwrap() {
            assert!(claims.read(name, value).unwrap(), "{name}");
        }
        assert_eq!(Value::Object(claims.write()), written);
        assert_eq!(claims.write().keys().collect::<Vec<_>>(), NAMES);
        assert!(!claims.read("sub", &json!("other")).unwrap());
    }
}
