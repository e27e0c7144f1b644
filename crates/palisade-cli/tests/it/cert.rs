//! `palisade cert`, with OpenSSL, Java and curl as those who use what it makes.

mod ca;
mod imported;
mod issued;
mod reports;
mod revoked;
mod served;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Ended, Folder};

/// The starter folder, with an authority.
pub(crate) fn with_authority() -> Folder {
    let folder = Folder::initialised();
    folder.run(&["cert", "ca"]).with_status(0);
    folder
}

/// The starter folder with an authority, and with users and tenants in a database.
pub(crate) fn with_database() -> Folder {
    let folder = with_authority();
    append(&folder, "palisade.directory=sqlite:directory.db\n");
    folder
}

pub(crate) fn append(folder: &Folder, text: &str) {
    let path = folder.config().join("application.properties");
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{before}\n{text}")).unwrap();
}

/// `palisade cert …`, which succeeds, and its JSON.
pub(crate) fn cert(folder: &Folder, arguments: &[&str]) -> Value {
    json(folder, arguments).with_status(0).json()
}

pub(crate) fn json(folder: &Folder, arguments: &[&str]) -> Ended {
    folder.run(&[&["cert"], arguments, &["--format", "json"]].concat())
}

/// The message of the only error.
pub(crate) fn refused(folder: &Folder, arguments: &[&str]) -> String {
    let errors = json(folder, arguments).with_status(2).json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 1, "{errors:#}");
    errors[0]["message"].as_str().unwrap().to_owned()
}

/// Runs another program in the folder; what it prints where it succeeds, what it complains of where it does not.
pub(crate) fn program(folder: &Folder, name: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(name)
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    }
}

pub(crate) fn openssl(folder: &Folder, arguments: &[&str]) -> String {
    program(folder, "openssl", arguments).unwrap()
}

/// What `keytool` prints; `None` where it is not installed, and nothing is tried.
pub(crate) fn keytool(folder: &Folder, arguments: &[&str]) -> Option<String> {
    if Command::new("keytool").arg("-help").output().is_err() {
        eprintln!("keytool is not installed: nothing is tried against Java here");
        return None;
    }
    Some(
        program(
            folder,
            "keytool",
            &[&["-J-Duser.language=en"], arguments].concat(),
        )
        .unwrap(),
    )
}

pub(crate) fn read(folder: &Folder, name: impl AsRef<Path>) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

/// The files of the working folder, without the configuration folder.
pub(crate) fn files(folder: &Folder) -> Vec<PathBuf> {
    let items = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<PathBuf> = items
        .map(|item| PathBuf::from(item.unwrap().file_name()))
        .filter(|name| name != Path::new("config"))
        .collect();
    names.sort();
    names
}

#[cfg(unix)]
pub(crate) fn mode(folder: &Folder, name: impl AsRef<Path>) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.path().join(name);
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
