//! Whether files can be kept in a directory, found out without making any.
//!
//! 1. A directory that is there has to be one; of one that is not there, the nearest above it that is has to take it.
//! 2. What is asked is what the operating system would answer to this process: permissions, and file systems that are read-only
//!    or hold no files of ours at all.
//! 3. Files of ours that are there already have to be writable.
//!
//! What this does not find: a disk that is full, limits, another server that holds the directory, and a file that is damaged.
//! Starting the server tells those.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Files that a server keeps there.
const FILES: [&str; 3] = ["limits.redb", "palisade.lock", "replay.redb"];

/// Why nothing can be kept there.
pub(crate) fn check(data_dir: &Path) -> Result<(), String> {
    for folder in data_dir.ancestors() {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let shown = folder.display();
        match fs::metadata(folder) {
            Ok(metadata) if !metadata.is_dir() => return Err(format!("{shown} is not one")),
            Ok(_) => {
                takes_files(folder)?;
                break;
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                if folder.is_symlink() {
                    return Err(format!("{shown} leads nowhere"));
                }
            }
            Err(error) => return Err(format!("{shown} cannot be read: {error}")),
        }
    }
    for file in FILES.map(|name| data_dir.join(name)) {
        if file.exists() {
            is_writable(&file)?;
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn takes_files(folder: &Path) -> Result<(), String> {
    use rustix::fs::{Access, FsWord, PROC_SUPER_MAGIC, access, statfs};

    /// The file systems of `/sys` and of control groups, as `statfs(2)` numbers them.
    const SYSFS: FsWord = 0x6265_6572;
    const CGROUP2: FsWord = 0x6367_7270;

    let shown = folder.display();
    access(folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("{shown} cannot be written to: {error}"))?;
    // Their permissions say that root may write.
    match statfs(folder) {
        Ok(found) if [PROC_SUPER_MAGIC, SYSFS, CGROUP2].contains(&found.f_type) => {
            Err(format!("{shown} belongs to the kernel and takes no files"))
        }
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn is_writable(file: &Path) -> Result<(), String> {
    use rustix::fs::{Access, access};

    access(file, Access::READ_OK | Access::WRITE_OK)
        .map_err(|error| format!("{} cannot be written to: {error}", file.display()))
}

#[cfg(not(target_os = "linux"))]
fn takes_files(folder: &Path) -> Result<(), String> {
    is_writable(folder)
}

#[cfg(not(target_os = "linux"))]
fn is_writable(file: &Path) -> Result<(), String> {
    match fs::metadata(file) {
        Ok(metadata) if metadata.permissions().readonly() => {
            Err(format!("{} cannot be written to", file.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::check;

    #[test]
    fn a_directory_that_is_there_or_can_be_made_will_do_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path()), Ok(()));
        assert_eq!(check(&folder.path().join("a/b/c")), Ok(()));
        assert_eq!(check(Path::new("data")), Ok(()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_or_a_link_that_leads_nowhere_on_the_way_will_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("data")] {
            assert!(check(&path).unwrap_err().ends_with("file is not one"), "{path:?}");
        }
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(folder.path().join("gone"), &link).unwrap();
            let error = check(&link.join("data")).unwrap_err();
            assert!(error.ends_with("link leads nowhere"), "{error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_belongs_to_the_kernel_or_to_others_will_not() {
        let error = check(Path::new("/proc/palisade")).unwrap_err();
        assert!(error.starts_with("/proc "), "{error}");

        let folder = tempfile::tempdir().unwrap();
        let of_others = folder.path().join("data");
        fs::create_dir(&of_others).unwrap();
        fs::set_permissions(&of_others, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
        // Root may write everywhere.
        let may_write = fs::write(of_others.join("probe"), "").is_ok();
        assert_eq!(check(&of_others).is_ok(), may_write);
        assert_eq!(check(&of_others.join("below")).is_ok(), may_write);
    }
}
