//! Bytes that are read from a file, or from standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::outcome::Failure;

/// The largest input: far more than a server buffers.
const LARGEST: u64 = 64 << 20;

/// Whether that is standard input: `-`.
pub(super) fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// All of the file, or of standard input where there is none, or it is `-`.
pub(super) fn read(path: Option<&Path>) -> Result<Vec<u8>, Failure> {
    match path.filter(|path| !is_standard(path)) {
        None => read_all(io::stdin().lock(), "standard input"),
        Some(path) => {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| Failure::wrong(format!("{name}: {error}")))?;
            read_all(file, &name)
        }
    }
}

fn read_all(source: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    source
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::wrong(format!("{name}: {error}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::wrong(format!("{name}: larger than 64 MiB")));
    }
    Ok(bytes)
}
