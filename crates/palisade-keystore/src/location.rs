//! From what an operator writes as `location` to a path.

use std::path::{Path, PathBuf};

/// Why a location is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadLocation {
    /// Nothing is written.
    #[error("it is empty")]
    Empty,
    /// A `%` that two hexadecimal digits do not follow, or bytes that are no UTF-8.
    #[error("its percent-encoding is broken")]
    PercentEncoding,
    /// A URL of another scheme than `file`.
    #[error("`{0}:` is not supported, only paths and `file:` URLs are")]
    Scheme(String),
    /// A NUL.
    #[error("it contains a NUL")]
    Nul,
}

/// Resolves a path or `file:` URL; relative ones start at `folder`.
///
/// `file:/a` and `file:///a` are absolute, `file://localhost/a` too (RFC 8089); `file:a` and `file://a`, which operators write
/// for files beside their configuration, are relative. URLs are percent-decoded, plain paths are taken as they stand.
pub fn resolve(location: &str, folder: &Path) -> Result<PathBuf, BadLocation> {
    let location = location.trim();
    let decoded;
    let path = match split_scheme(location) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => {
            decoded = percent_decode(path_of_file_url(rest))?;
            decoded.as_str()
        }
        Some((scheme, _)) => return Err(BadLocation::Scheme(scheme.to_owned())),
        None => location,
    };
    if path.is_empty() {
        return Err(BadLocation::Empty);
    }
    if path.contains('\0') {
        return Err(BadLocation::Nul);
    }
    Ok(folder.join(path))
}

/// The scheme of a URL. One letter is a Windows drive, not a scheme.
fn split_scheme(location: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = location.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then_some((scheme, rest))
}

fn path_of_file_url(rest: &str) -> &str {
    let Some(authority) = rest.strip_prefix("//") else {
        return rest;
    };
    authority
        .strip_prefix("localhost")
        .filter(|path| path.starts_with('/'))
        .unwrap_or(authority)
}

fn percent_decode(text: &str) -> Result<String, BadLocation> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (rest.next().and_then(hex_digit), rest.next().and_then(hex_digit))
        else {
            return Err(BadLocation::PercentEncoding);
        };
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).map_err(|_| BadLocation::PercentEncoding)
}

fn hex_digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::{BadLocation, resolve};

    #[rstest]
    #[case("server.p12", "/conf/server.p12")]
    #[case("keys/server.p12", "/conf/keys/server.p12")]
    #[case("/etc/keys/server.p12", "/etc/keys/server.p12")]
    #[case("a%20b.pem", "/conf/a%20b.pem")]
    #[case("file:/etc/a.p12", "/etc/a.p12")]
    #[case("file:///etc/a.p12", "/etc/a.p12")]
    #[case("FILE:///etc/a.p12", "/etc/a.p12")]
    #[case("file://localhost/etc/a.p12", "/etc/a.p12")]
    #[case("file://keystore.jks", "/conf/keystore.jks")]
    #[case("file://keys/keystore.jks", "/conf/keys/keystore.jks")]
    #[case("file:keystore.jks", "/conf/keystore.jks")]
    #[case("file:///etc/a%20b%C3%A9.p12", "/etc/a bé.p12")]
    #[case(" server.p12 ", "/conf/server.p12")]
    #[case("localhost/a", "/conf/localhost/a")]
    #[case("file://localhost.p12", "/conf/localhost.p12")]
    fn a_location_becomes_a_path(#[case] location: &str, #[case] path: &str) {
        assert_eq!(
            resolve(location, Path::new("/conf")).as_deref(),
            Ok(Path::new(path))
        );
    }

    #[rstest]
    #[case("", BadLocation::Empty)]
    #[case("file:", BadLocation::Empty)]
    #[case("file://", BadLocation::Empty)]
    #[case("https://example.org/a.p12", BadLocation::Scheme("https".into()))]
    #[case("classpath:a.jks", BadLocation::Scheme("classpath".into()))]
    #[case("file:///a%2", BadLocation::PercentEncoding)]
    #[case("file:///a%zz", BadLocation::PercentEncoding)]
    #[case("file:///a%ff", BadLocation::PercentEncoding)]
    #[case("file:///a%00b", BadLocation::Nul)]
    fn what_is_no_file_is_refused(#[case] location: &str, #[case] reason: BadLocation) {
        assert_eq!(resolve(location, Path::new("/conf")), Err(reason));
    }

    proptest! {
        #[test]
        fn any_absolute_path_survives_being_written_as_a_url(path in "(/[a-zA-Z0-9 %é._-]{1,8}){1,4}") {
            let url: String = path.bytes().map(|byte| match byte {
                b'/' => "/".to_owned(),
                other => format!("%{other:02X}"),
            }).collect();
            let resolved = resolve(&format!("file://{url}"), Path::new("/conf"));
            prop_assert_eq!(resolved.as_deref(), Ok(Path::new(&path)));
        }
    }
}
