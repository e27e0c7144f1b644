//! The files of a schema: those below one folder, and never anything else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use xsd_schema::{EmbeddedLoader, SchemaError, SchemaLoader, SchemaResult};

/// How large a file may be.
const MAX_FILE: u64 = 16 << 20;
/// Where the crate keeps the schemas of the namespaces `xml` and `xlink`.
const EMBEDDED: &str = "embedded://";

/// The files of a folder that a schema consists of.
#[derive(Debug, Clone)]
pub(super) struct Folder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// As it was named.
    shown: PathBuf,
    /// Without links.
    real: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether no more files are read: what was read once is the schema.
    is_closed: bool,
    /// By location.
    texts: BTreeMap<String, String>,
    /// Why others are not there, by location.
    refused: BTreeMap<String, String>,
    /// Every file that was looked for, found or not.
    asked: Vec<PathBuf>,
}

impl Folder {
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Inner {
            shown: folder.to_owned(),
            real: fs::canonicalize(folder)?,
            state: Mutex::default(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The location of a file directly in the folder.
    pub(super) fn location(&self, name: &str) -> String {
        self.0.real.join(name).to_string_lossy().into_owned()
    }

    /// A location as operators know it.
    pub(super) fn shown(&self, location: &str) -> String {
        match Path::new(location).strip_prefix(&self.0.real) {
            Ok(path) => self.0.shown.join(path).display().to_string(),
            Err(_) => location.to_owned(),
        }
    }

    /// What was read, by location.
    pub(super) fn texts(&self) -> BTreeMap<String, String> {
        self.state().texts.clone()
    }

    pub(super) fn asked(&self) -> Vec<PathBuf> {
        self.state().asked.clone()
    }

    /// Why the file at that location is not there.
    pub(super) fn reason(&self, location: &str) -> Option<String> {
        self.state().refused.get(location).cloned()
    }

    /// From now on the schema is what was read so far.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
    }

    /// The text at a location.
    pub(super) fn text(&self, location: &str) -> Result<String, String> {
        let mut state = self.state();
        if let Some(text) = state.texts.get(location) {
            return Ok(text.clone());
        }
        if state.is_closed {
            return Err("was not there when the schema was read".to_owned());
        }
        let read = self.read(location, &mut state.asked);
        match &read {
            Ok(text) => drop(state.texts.insert(location.to_owned(), text.clone())),
            Err(reason) => drop(state.refused.insert(location.to_owned(), reason.clone())),
        }
        read
    }

    fn read(&self, location: &str, asked: &mut Vec<PathBuf>) -> Result<String, String> {
        const ELSEWHERE: &str = "is no file below the folder of the schema; documents elsewhere are never fetched, but a copy may lie \
                                 beside the schema";
        let path = Path::new(location);
        let below = path
            .strip_prefix(&self.0.real)
            .map_err(|_| ELSEWHERE.to_owned())?;
        asked.push(self.0.shown.join(below));
        let unreadable = |error: io::Error| format!("cannot be read: {error}");
        let real = fs::canonicalize(path).map_err(unreadable)?;
        if !real.starts_with(&self.0.real) {
            return Err("is a link that leaves the folder of the schema".to_owned());
        }
        if fs::metadata(&real).map_err(unreadable)?.len() > MAX_FILE {
            return Err("has more than 16 MiB".to_owned());
        }
        fs::read_to_string(&real).map_err(unreadable)
    }
}

impl SchemaLoader for Folder {
    fn load(&self, location: &str) -> SchemaResult<String> {
        if location.starts_with(EMBEDDED) {
            return EmbeddedLoader.load(location);
        }
        self.text(location).map_err(SchemaError::resolution)
    }

    fn can_load(&self, _: &str) -> bool {
        true
    }
}
