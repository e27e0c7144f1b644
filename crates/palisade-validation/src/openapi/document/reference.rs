//! References as URIs (RFC 3986 section 5.2), and their fragments as pointers (RFC 6901 section 6).

/// A reference made absolute: the document, and the fragment with its percent-encoding undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) document: String,
    pub(super) fragment: String,
}

/// Resolves a reference against an absolute URI without fragment. Nothing, if the fragment is no text.
pub(super) fn resolve(base: &str, reference: &str) -> Option<Target> {
    let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    Some(Target {
        document: document(base, path),
        fragment: decode(fragment)?,
    })
}

fn document(base: &str, reference: &str) -> String {
    if reference.is_empty() {
        return base.to_owned();
    }
    if has_scheme(reference) {
        return reference.to_owned();
    }
    let Some((scheme, rest)) = base.split_once(':') else {
        return reference.to_owned();
    };
    if reference.starts_with("//") {
        return format!("{scheme}:{reference}");
    }
    let Some(after) = rest.strip_prefix("//") else {
        // `urn:` and the like: nothing is relative to them.
        return reference.to_owned();
    };
    let (authority, path) = after
        .split_at_checked(after.find('/').unwrap_or(after.len()))
        .unwrap_or((after, ""));
    let (reference_path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (reference, String::new()),
    };
    let path = path.split('?').next().unwrap_or(path);
    let merged = if reference_path.starts_with('/') {
        reference_path.to_owned()
    } else {
        let folder = path
            .rfind('/')
            .and_then(|end| path.get(..end))
            .unwrap_or_default();
        format!("{folder}/{reference_path}")
    };
    format!("{scheme}://{authority}{}{query}", without_dots(&merged))
}

/// Section 5.2.4.
fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            "." if is_last => segments.push(""),
            "." => (),
            ".." => {
                segments.pop();
                if is_last {
                    segments.push("");
                }
            }
            part => segments.push(part),
        }
    }
    format!("/{}", segments.join("/"))
}

fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other))
    })
}

/// Undoes percent-encoding (RFC 3986 section 2.1).
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = match (first, others) {
            (b'%', [high, low, others @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                others
            }
            (b'%', _) => return None,
            (byte, others) => {
                bytes.push(*byte);
                others
            }
        };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Target, resolve};

    #[rstest]
    #[case(
        "schema:///folder/a/b.yaml",
        "#/x~1y%20z",
        "schema:///folder/a/b.yaml",
        "/x~1y z"
    )]
    #[case("schema:///folder/a/b.yaml", "c.yaml#/x", "schema:///folder/a/c.yaml", "/x")]
    #[case("schema:///folder/a/b.yaml", "./c.yaml", "schema:///folder/a/c.yaml", "")]
    #[case("schema:///folder/a/b.yaml", "../c.yaml", "schema:///folder/c.yaml", "")]
    #[case("schema:///folder/a/b.yaml", "../../../c.yaml", "schema:///c.yaml", "")]
    #[case("schema:///folder/a/b.yaml", "/c.yaml", "schema:///c.yaml", "")]
    #[case(
        "schema:///folder/b.yaml",
        "https://example.com/x#y",
        "https://example.com/x",
        "y"
    )]
    #[case("https://example.com/a/b?q#", "c", "https://example.com/a/c", "")]
    #[case("https://example.com", "c?d", "https://example.com/c?d", "")]
    #[case("https://example.com/a", "//other/c", "https://other/c", "")]
    #[case("urn:x:y", "c", "c", "")]
    fn references_are_relative_to_where_they_stand(
        #[case] base: &str,
        #[case] reference: &str,
        #[case] document: &str,
        #[case] fragment: &str,
    ) {
        let expected = Target {
            document: document.to_owned(),
            fragment: fragment.to_owned(),
        };
        assert_eq!(resolve(base.trim_end_matches('#'), reference), Some(expected));
    }

    #[rstest]
    #[case("#%")]
    #[case("#%zz")]
    #[case("#%ff")]
    fn fragments_that_are_no_text_are_none(#[case] reference: &str) {
        assert_eq!(resolve("schema:///folder/a", reference), None);
    }
}
