//! Parameters of `Content-Type` and `Content-Disposition`: `; name=token` and `; name="text"`.

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// The grammar is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// The parameters behind the first word of a field.
///
/// A backslash is malformed: what it does to the character behind it differs from reader to reader, and browsers never write one.
#[derive(Debug, Clone)]
pub(super) struct Parameters<'a>(pub(super) &'a str);

impl<'a> Parameters<'a> {
    fn read(&mut self) -> Result<Option<Parameter<'a>>, Malformed> {
        let rest = self.0.trim_start_matches(' ');
        if rest.is_empty() {
            return Ok(None);
        }
        let rest = rest.strip_prefix(';').ok_or(Malformed)?.trim_start_matches(' ');
        let (name, rest) = token(rest).ok_or(Malformed)?;
        let rest = rest.strip_prefix('=').ok_or(Malformed)?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or(Malformed)?,
            None => token(rest).ok_or(Malformed)?,
        };
        if value.contains(|c: char| c == '\\' || c.is_control()) {
            return Err(Malformed);
        }
        self.0 = rest;
        Ok(Some(Parameter { name, value }))
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<Parameter<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let parameter = self.read().transpose();
        if matches!(parameter, Some(Err(_))) {
            self.0 = "";
        }
        parameter
    }
}

/// A token (RFC 9110 section 5.6.2) that is not empty, and what follows it.
pub(super) fn token(text: &str) -> Option<(&str, &str)> {
    let end = text
        .bytes()
        .position(|byte| !is_token(byte))
        .unwrap_or(text.len());
    text.split_at_checked(end).filter(|(token, _)| !token.is_empty())
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
