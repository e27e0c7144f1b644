//! The outer structure of a JKS file: big-endian numbers, texts and blocks with their lengths before them.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use super::protection::{self, DIGEST};
use super::{MAGIC, NewEntry, modified_utf8};

const KEY: u32 = 1;
const TRUSTED: u32 = 2;
const CERTIFICATE_TYPE: &str = "X.509";
/// Tag, length of the alias, date, length of what follows.
const SMALLEST_ENTRY: usize = 4 + 2 + 8 + 4;

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The digest does not fit: another password, or an altered file.
    Digest,
    /// The digest fits, or cannot be found, and the structure is broken.
    Structure(String),
}

/// An entry as it stands in the file.
#[derive(Debug)]
pub(super) enum RawEntry<'a> {
    /// A sealed private key and its chain.
    Key {
        alias: String,
        sealed: &'a [u8],
        chain: Vec<&'a [u8]>,
    },
    /// A trusted certificate.
    Trusted { alias: String, der: &'a [u8] },
}

impl RawEntry<'_> {
    pub(super) fn alias(&self) -> &str {
        match self {
            Self::Key { alias, .. } | Self::Trusted { alias, .. } => alias,
        }
    }
}

/// Verifies and splits a file.
pub(super) fn read<'a>(bytes: &'a [u8], password: &str) -> Result<Vec<RawEntry<'a>>, Broken> {
    let short = || Broken::Structure("it is shorter than its digest".to_owned());
    let end = bytes.len().checked_sub(DIGEST).ok_or_else(short)?;
    let (content, digest) = bytes.split_at_checked(end).ok_or_else(short)?;
    let expected = protection::of_file(content, password);
    verify_slices_are_equal(&expected, digest).map_err(|_| Broken::Digest)?;
    let mut cursor = Cursor(content);
    entries(&mut cursor).map_err(|reason| {
        let place = content.len() - cursor.0.len();
        Broken::Structure(format!("{reason} (byte {place})"))
    })
}

fn entries<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<RawEntry<'a>>, &'static str> {
    if cursor.take(MAGIC.len())? != MAGIC {
        return Err("it does not start as a JKS file");
    }
    let version = cursor.number()?;
    if !(1..=2).contains(&version) {
        return Err("its version is neither 1 nor 2");
    }
    let count = cursor.length()?;
    if count > cursor.0.len() / SMALLEST_ENTRY {
        return Err("it says it holds more entries than its size allows");
    }
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(entry(cursor, version)?);
    }
    if cursor.0.is_empty() {
        Ok(entries)
    } else {
        Err("bytes follow its last entry")
    }
}

fn entry<'a>(cursor: &mut Cursor<'a>, version: u32) -> Result<RawEntry<'a>, &'static str> {
    let tag = cursor.number()?;
    let alias = cursor.text()?.to_lowercase();
    // When it was made; nothing depends on it.
    cursor.take(8)?;
    match tag {
        KEY => {
            let sealed = cursor.block()?;
            let length = cursor.length()?;
            if length > cursor.0.len() / 4 {
                return Err("a chain says it is longer than the file");
            }
            let mut chain = Vec::new();
            for _ in 0..length {
                chain.push(certificate(cursor, version)?);
            }
            Ok(RawEntry::Key { alias, sealed, chain })
        }
        TRUSTED => Ok(RawEntry::Trusted {
            alias,
            der: certificate(cursor, version)?,
        }),
        _ => Err("an entry is neither a key nor a certificate"),
    }
}

fn certificate<'a>(cursor: &mut Cursor<'a>, version: u32) -> Result<&'a [u8], &'static str> {
    // Version 1 knew no other type.
    if version == 2 && cursor.text()? != CERTIFICATE_TYPE {
        return Err("a certificate is not of type X.509");
    }
    cursor.block()
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or("it ends in the middle of something")?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, &'static str> {
        let bytes = self.take(4)?;
        Ok(bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn length(&mut self) -> Result<usize, &'static str> {
        usize::try_from(self.number()?).map_err(|_| "a length is out of bounds")
    }

    fn block(&mut self) -> Result<&'a [u8], &'static str> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<String, &'static str> {
        let length = self
            .take(2)?
            .iter()
            .fold(0, |number, byte| number << 8 | usize::from(*byte));
        modified_utf8::decode(self.take(length)?).ok_or("a text is no modified UTF-8")
    }
}

/// Writes a file of version 2.
pub(super) fn write(entries: &[NewEntry<'_>], password: &str, now: SystemTime) -> Option<Zeroizing<Vec<u8>>> {
    let made = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let made = u64::try_from(made).ok()?.to_be_bytes();
    let mut file = Zeroizing::new(MAGIC.to_vec());
    file.extend(2_u32.to_be_bytes());
    put_length(&mut file, entries.len())?;
    for entry in entries {
        let tag = if entry.key.is_some() { KEY } else { TRUSTED };
        file.extend(tag.to_be_bytes());
        put_text(&mut file, entry.alias)?;
        file.extend(made);
        if let Some((pkcs8, password)) = entry.key {
            put_block(&mut file, &protection::seal(pkcs8, password)?)?;
            put_length(&mut file, entry.certificates.len())?;
        }
        for der in &entry.certificates {
            put_text(&mut file, CERTIFICATE_TYPE)?;
            put_block(&mut file, der)?;
        }
    }
    let digest = protection::of_file(&file, password);
    file.extend(digest);
    Some(file)
}

fn put_length(file: &mut Vec<u8>, length: usize) -> Option<()> {
    file.extend(u32::try_from(length).ok()?.to_be_bytes());
    Some(())
}

fn put_block(file: &mut Vec<u8>, block: &[u8]) -> Option<()> {
    put_length(file, block.len())?;
    file.extend_from_slice(block);
    Some(())
}

fn put_text(file: &mut Vec<u8>, text: &str) -> Option<()> {
    let bytes = modified_utf8::encode(text);
    file.extend(u16::try_from(bytes.len()).ok()?.to_be_bytes());
    file.extend(bytes);
    Some(())
}

#[cfg(test)]
mod tests;
