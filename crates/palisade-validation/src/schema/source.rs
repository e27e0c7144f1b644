//! The documents that a schema refers to: files below one folder, and never anything else.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io};

use jsonschema::{Retrieve, Uri};
use serde_json::Value;

use super::place::Position;

/// The folder of the schema, as a URI that leads nowhere else.
pub(crate) const FOLDER: &str = "schema:///folder/";
/// Where paths lead that go up from [`FOLDER`].
pub(crate) const ABOVE: &str = "schema:///";
/// How large a file may be.
const MAX_FILE: u64 = 16 << 20;

/// A file that has been read.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) json: Value,
}

/// Why a document is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// It is not below the folder.
    #[error(
        "is neither in this document nor a file below its folder; documents elsewhere are never fetched, but a \
         copy may lie beside the schema"
    )]
    Elsewhere,
    /// It is a link to a file elsewhere.
    #[error("is a link that leaves the folder of the schema")]
    Leaves,
    /// It cannot be read.
    #[error("cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no JSON.
    #[error("is not JSON: {source}")]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl SourceError {
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Elsewhere | Self::Leaves => None,
            Self::Unreadable { path, .. } | Self::NotJson { path, .. } => Some(path),
        }
    }

    pub(super) fn position(&self) -> Option<Position> {
        match self {
            Self::Elsewhere | Self::Leaves | Self::Unreadable { .. } => None,
            Self::NotJson { source, .. } => Some(Position {
                line: source.line(),
                column: source.column(),
            }),
        }
    }
}

/// Reads a file of JSON.
pub(super) fn read(path: &Path) -> Result<Document, SourceError> {
    let text = read_text(path)?;
    let json = serde_json::from_str(&text).map_err(|source| SourceError::NotJson {
        path: path.to_owned(),
        source,
    })?;
    Ok(Document {
        path: path.to_owned(),
        text,
        json,
    })
}

/// Reads a file of text.
pub(crate) fn read_text(path: &Path) -> Result<String, SourceError> {
    let unreadable = |source| SourceError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE {
        return Err(unreadable(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it has more than 16 MiB",
        )));
    }
    fs::read_to_string(path).map_err(unreadable)
}

/// The files of one folder, and those of them that were read.
#[derive(Debug, Clone)]
pub(crate) struct Folder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Where files are looked for; nowhere, if it is `None`.
    folder: Option<PathBuf>,
    /// What the URIs of files begin with: [`FOLDER`], and the folder of the schema's own `$id`.
    bases: Vec<String>,
    /// By the URI they were asked for.
    read: Mutex<BTreeMap<String, Document>>,
    /// Every file that was looked for, found or not.
    asked: Mutex<Vec<PathBuf>>,
}

impl Folder {
    /// The folder of a schema that may call itself `id`.
    pub(crate) fn new(folder: &Path, id: Option<&str>) -> Self {
        let bases = std::iter::once(FOLDER.to_owned())
            .chain(id.and_then(folder_of))
            .collect();
        Self::of(Some(folder.to_owned()), bases)
    }

    /// No folder: everything that is asked for is elsewhere.
    pub(super) fn nowhere() -> Self {
        Self::of(None, Vec::new())
    }

    fn of(folder: Option<PathBuf>, bases: Vec<String>) -> Self {
        let inner = Inner {
            folder,
            bases,
            read: Mutex::default(),
            asked: Mutex::default(),
        };
        Self(Arc::new(inner))
    }

    /// The documents that were read, by URI.
    pub(super) fn documents(&self) -> BTreeMap<String, Document> {
        self.0.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The files that were looked for.
    pub(crate) fn asked(&self) -> Vec<PathBuf> {
        self.0
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What of `uri` is a path below the folder, if it is one.
    pub(super) fn relative(&self, uri: &str) -> Option<String> {
        self.0
            .bases
            .iter()
            .find_map(|base| safe_path(uri.strip_prefix(base.as_str())?))
    }

    fn find(&self, uri: &str) -> Result<Document, SourceError> {
        read(&self.locate(uri)?)
    }

    /// The file that a URI means. It is remembered as one that was looked for.
    pub(crate) fn locate(&self, uri: &str) -> Result<PathBuf, SourceError> {
        let folder = self.0.folder.as_deref().ok_or(SourceError::Elsewhere)?;
        let path = folder.join(self.relative(uri).ok_or(SourceError::Elsewhere)?);
        self.0
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(path.clone());
        let unreadable = |source| SourceError::Unreadable {
            path: path.clone(),
            source,
        };
        let real = fs::canonicalize(&path).map_err(unreadable)?;
        if !real.starts_with(fs::canonicalize(folder).map_err(unreadable)?) {
            return Err(SourceError::Leaves);
        }
        Ok(path)
    }
}

impl Retrieve for Folder {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let document = self.find(uri.as_str())?;
        let json = document.json.clone();
        self.0
            .read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(uri.as_str().to_owned(), document);
        Ok(json)
    }
}

/// The URI of a file of the folder.
pub(crate) fn uri_of(name: &str) -> String {
    let mut uri = FOLDER.to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// What the references of a document with that `$id` are relative to (RFC 3986 section 5.2.3).
fn folder_of(id: &str) -> Option<String> {
    let (scheme, rest) = id.split_once("://")?;
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let folder = rest
        .rfind('/')
        .map_or(rest, |end| rest.get(..end).unwrap_or_default());
    Some(format!("{scheme}://{folder}/"))
}

/// The path in a URI, if each of its segments is the plain name of a file or folder.
fn safe_path(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let [first, others @ ..] = rest {
        (bytes, rest) = match (first, others) {
            (b'%', [high, low, others @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                (bytes, others)
            }
            (b'%' | b'?' | b'#', _) => return None,
            (byte, others) => {
                bytes.push(*byte);
                (bytes, others)
            }
        };
    }
    let path = String::from_utf8(bytes).ok()?;
    let is_plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\\', ':', '\0']);
    path.split('/').all(is_plain).then_some(path)
}
