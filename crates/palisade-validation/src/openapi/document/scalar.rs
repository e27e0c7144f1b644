//! Scalars of YAML, and tags.

use saphyr_parser::{ScalarStyle, Tag};
use serde_json::{Number, Value};

fn is_core(tag: &Tag, suffix: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == suffix
}

/// Whether a collection is what it is tagged as.
pub(super) fn only_tag(tag: Option<&Tag>, suffix: &str) -> Result<(), String> {
    match tag {
        Some(tag) if !is_core(tag, suffix) => Err(not_done(tag)),
        _ => Ok(()),
    }
}

/// Whether a scalar is tagged as text.
pub(super) fn text_tag(tag: Option<&Tag>) -> Result<bool, String> {
    match tag {
        None => Ok(false),
        Some(tag) if is_core(tag, "str") || (tag.handle.is_empty() && tag.suffix == "!") => Ok(true),
        Some(tag) => Err(not_done(tag)),
    }
}

fn not_done(tag: &Tag) -> String {
    format!("the tag `{tag}` means nothing here; those of text (`!!str`), `!!map` and `!!seq` do")
}

/// The value of a scalar, by the core schema (YAML 1.2.2 section 10.3.2).
pub(super) fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let is_text = text_tag(tag)?;
    if is_text || style != ScalarStyle::Plain {
        return Ok(text.into());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(true.into()),
        "false" | "False" | "FALSE" => return Ok(false.into()),
        ".nan" | ".NaN" | ".NAN" => return Err(no_number()),
        _ => (),
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Err(no_number());
    }
    let with_radix = |digits: &str, radix| {
        let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        is_number.then(|| {
            u64::from_str_radix(digits, radix)
                .map(Value::from)
                .map_err(|_| "the number is larger than 64 bits".to_owned())
        })
    };
    let radix = [("0o", 8), ("0x", 16)]
        .into_iter()
        .find_map(|(prefix, radix)| with_radix(text.strip_prefix(prefix)?, radix));
    if let Some(number) = radix {
        return number;
    }
    if !is_decimal(unsigned) {
        return Ok(text.into());
    }
    decimal(text.strip_prefix('+').unwrap_or(text))
        .map(Value::Number)
        .ok_or_else(no_number)
}

fn no_number() -> String {
    "JSON has no such number".to_owned()
}

/// Whether it is `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let is_number = digits(whole)
        && fraction.is_none_or(digits)
        && (!whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty()));
    let is_exponent = |exponent: &str| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    };
    is_number && exponent.is_none_or(is_exponent)
}

/// The number as the reader of JSON has it, in which zeros lead nothing and a point stands between digits.
fn decimal(text: &str) -> Option<Number> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text),
    };
    let exponent_at = unsigned.find(['e', 'E']).unwrap_or(unsigned.len());
    let (number, exponent) = unsigned.split_at_checked(exponent_at)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    // `1.` is a number in floating point as `1.0` is.
    let fraction = match (number.contains('.'), fraction) {
        (false, _) => String::new(),
        (true, "") => ".0".to_owned(),
        (true, fraction) => format!(".{fraction}"),
    };
    serde_json::from_str(&format!("{sign}{whole}{fraction}{exponent}")).ok()
}
