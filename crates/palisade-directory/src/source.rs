//! Where a directory is kept.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use palisade_core::Secret;
use serde::{Deserialize, Deserializer, de};

/// Where a directory is kept: `palisade.directory`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DirectorySource {
    /// `config`: `palisade.users` and `palisade.tenants` of the property files.
    #[default]
    Config,
    /// `sqlite:<file>`: an SQLite database. A relative path starts at the configuration folder.
    Sqlite(PathBuf),
    /// `postgres://…` or `postgresql://…`: a PostgreSQL database. The URL may have a password in it.
    Postgres(Secret),
}

/// A text that says of no directory where it is. It does not repeat the text, which may have a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `config`, `sqlite:<file>` or `postgres://<user>@<host>/<database>`")]
pub struct BadDirectorySource;

impl FromStr for DirectorySource {
    type Err = BadDirectorySource;

    fn from_str(text: &str) -> Result<Self, BadDirectorySource> {
        if text == "config" {
            return Ok(Self::Config);
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            // Names with which SQLite means no file, and options that others write behind it.
            let is_file = !path.is_empty() && !path.starts_with([':', ' ']) && !path.contains(['?', '\0']);
            return is_file
                .then(|| Self::Sqlite(PathBuf::from(path)))
                .ok_or(BadDirectorySource);
        }
        let rest = ["postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        match rest {
            Some(rest) if !rest.is_empty() => Ok(Self::Postgres(Secret::new(text))),
            _ => Err(BadDirectorySource),
        }
    }
}

impl<'de> Deserialize<'de> for DirectorySource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Secret::deserialize(deserializer)?;
        text.expose().parse().map_err(de::Error::custom)
    }
}

/// Shows host and database of a URL, and never its user and password.
impl fmt::Display for DirectorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("config"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let (_, rest) = url.expose().split_once("://").unwrap_or_default();
                // A password may hold any character, `@`, `/` and `?` too, where it was not encoded as it ought to be: what
                // stands behind the last `@` holds none of it. Options may: `?password=`.
                let place = rest.rsplit('@').next().unwrap_or_default();
                let place = place.split(['?', '#']).next().unwrap_or_default();
                write!(f, "postgres://{place}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use palisade_core::Secret;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::DirectorySource;

    #[rstest]
    #[case("config", DirectorySource::Config)]
    #[case(
        "sqlite:data/directory.db",
        DirectorySource::Sqlite(PathBuf::from("data/directory.db"))
    )]
    #[case(
        "sqlite:/var/lib/d.db",
        DirectorySource::Sqlite(PathBuf::from("/var/lib/d.db"))
    )]
    #[case("sqlite://data/d.db", DirectorySource::Sqlite(PathBuf::from("data/d.db")))]
    #[case("sqlite:///var/d.db", DirectorySource::Sqlite(PathBuf::from("/var/d.db")))]
    #[case(
        "postgres://u:p@h/db",
        DirectorySource::Postgres(Secret::new("postgres://u:p@h/db"))
    )]
    #[case(
        "postgresql://h/db",
        DirectorySource::Postgres(Secret::new("postgresql://h/db"))
    )]
    fn a_directory_is_in_one_of_three_places(#[case] text: &str, #[case] source: DirectorySource) {
        assert_eq!(text.parse(), Ok(source));
    }

    #[rstest]
    #[case("")]
    #[case("Config")]
    #[case("data/directory.db")]
    #[case("sqlite:")]
    #[case("sqlite::memory:")]
    #[case("sqlite://")]
    #[case("sqlite:d.db?mode=memory")]
    #[case("postgres://")]
    #[case("posgres://user:hunter22@host/db")]
    #[case("mysql://user:hunter22@host/db")]
    fn anything_else_is_refused_and_not_repeated(#[case] text: &str) {
        let error = text.parse::<DirectorySource>().unwrap_err().to_string();
        assert!(error.contains("sqlite:<file>") && !error.contains("hunter22"));
        let error = serde_json::from_value::<DirectorySource>(text.into())
            .unwrap_err()
            .to_string();
        assert!(!error.contains("hunter22"));
    }

    #[rstest]
    #[case(
        "postgres://user:hunter22@db.example:5432/palisade?sslmode=require",
        "postgres://db.example:5432/palisade"
    )]
    #[case("postgresql://db.example/palisade", "postgres://db.example/palisade")]
    #[case(
        "postgres://user:hunt@er/22?@db.example/palisade",
        "postgres://db.example/palisade"
    )]
    #[case(
        "postgres://db.example/palisade?user=u&password=hunter22",
        "postgres://db.example/palisade"
    )]
    #[case("sqlite:data/directory.db", "sqlite:data/directory.db")]
    #[case("config", "config")]
    fn a_source_is_shown_without_its_password(#[case] text: &str, #[case] shown: &str) {
        let source: DirectorySource = text.parse().unwrap();
        assert_eq!(source.to_string(), shown);
        assert!(!format!("{source:?}").contains("hunt"));
    }

    proptest! {
        #[test]
        fn a_password_is_never_shown(password in "[A-Za-z0-9:@/?#%&=]{3,20}") {
            let password = format!("hunter22{password}hunter22");
            let source: DirectorySource = format!("postgres://user:{password}@host/db").parse().unwrap();
            prop_assert_eq!(source.to_string(), "postgres://host/db");
        }
    }
}
