//! The files of the configuration folder.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use palisade_core::{Finding, Severity};

use crate::properties;
use crate::source::{Raw, toml};
use crate::{Error, Errors, Origin};

/// The two files of one rank, lower first, each as a layer of its own.
pub(crate) struct Rank {
    pub(crate) layers: Vec<Vec<Raw>>,
    /// Whether one of the files exists.
    pub(crate) present: bool,
}

/// Reads files and remembers which.
pub(crate) struct Reader<'a> {
    pub(crate) folder: &'a Path,
    /// Every file that was read or looked for.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(folder: &'a Path, errors: &mut Errors) -> Self {
        match std::fs::metadata(folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => errors.push(Error::general(format!(
                "expected the configuration folder \"{}\" to be a folder",
                folder.display()
            ))),
            Err(error) => errors.push(Error::general(format!(
                "cannot read the configuration folder \"{}\": {}",
                folder.display(),
                reason(&error)
            ))),
        }
        Self {
            folder,
            files: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Reads `application.properties` and `application.toml`, or those of a profile.
    pub(crate) fn rank(&mut self, profile: Option<&str>, errors: &mut Errors) -> Rank {
        let stem = profile.map_or_else(
            || "application".to_owned(),
            |profile| format!("application-{profile}"),
        );
        let properties = self.read(&format!("{stem}.properties"), errors);
        let toml = self.read(&format!("{stem}.toml"), errors);
        let present = properties.is_some() || toml.is_some();
        let mut layers = Vec::new();
        if let Some((path, bytes)) = properties {
            layers.push(self.properties(&path, &bytes, errors));
        }
        if let Some((path, bytes)) = toml {
            layers.push(read_toml(&path, &bytes, errors));
        }
        Rank { layers, present }
    }

    /// The bytes of a file, and its name relative to the folder; nothing when there is no such file.
    fn read(&mut self, name: &str, errors: &mut Errors) -> Option<(PathBuf, Vec<u8>)> {
        let path = self.folder.join(name);
        let read = std::fs::read(&path);
        self.files.push(path);
        match read {
            Ok(bytes) => Some((PathBuf::from(name), bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            Err(error) => {
                let origin = Origin::File {
                    path: name.into(),
                    line: 0,
                };
                errors.push(Error::general(format!("cannot read the file: {}", reason(&error))).at(origin));
                Some((PathBuf::from(name), Vec::new()))
            }
        }
    }

    fn properties(&mut self, path: &Path, bytes: &[u8], errors: &mut Errors) -> Vec<Raw> {
        let parsed = properties::parse(bytes);
        let place = |line| Origin::File {
            path: path.to_owned(),
            line,
        };
        errors.extend(
            parsed
                .errors
                .iter()
                .map(|e| Error::general(e.kind.to_string()).at(place(e.line))),
        );
        let mut raws: Vec<Raw> = Vec::with_capacity(parsed.properties.len());
        let mut seen: HashMap<String, (usize, u32)> = HashMap::new();
        for property in parsed.properties {
            let raw = Raw::flat(property.key.clone(), property.value, place(property.line));
            let Some((position, line)) = seen.get_mut(&property.key) else {
                seen.insert(property.key, (raws.len(), property.line));
                raws.push(raw);
                continue;
            };
            self.findings.push(duplicate(&raw, *line));
            *line = property.line;
            if let Some(slot) = raws.get_mut(*position) {
                *slot = raw;
            }
        }
        raws
    }
}

fn duplicate(raw: &Raw, earlier: u32) -> Finding {
    let message = format!("is given twice in one file; this line wins over line {earlier}");
    Finding::new(Severity::Caution, "duplicate-key", message)
        .at(raw.text.clone())
        .from_origin(raw.origin.to_string())
}

fn read_toml(path: &Path, bytes: &[u8], errors: &mut Errors) -> Vec<Raw> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match properties::utf8(bytes) {
        Ok(text) => toml::read(path, text, errors),
        Err(line) => {
            let origin = Origin::File {
                path: path.to_owned(),
                line,
            };
            errors.push(Error::general("expected UTF-8").at(origin));
            Vec::new()
        }
    }
}

/// Why a file cannot be read, without the number of the operating system's error.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "it does not exist".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        kind => kind.to_string(),
    }
}
