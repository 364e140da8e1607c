//! A file for each content: the dynamic loader knows libraries by path and inode
//! and would hand out the old image for a file that was replaced.
//!
//! This module does not know what the bytes are.

use std::env;
use std::fs::{self, DirBuilder};
use std::io::{self, Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{self, Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Puts the bytes into a file that nothing else will ever be written to, and
/// names it; reuses the file of an earlier run if its content is intact.
pub(super) fn store(bytes: &[u8], hash: &blake3::Hash) -> io::Result<PathBuf> {
    if let Some(folder) = cache_folder()
        && let Ok(path) = store_in(&folder, bytes, hash)
    {
        return Ok(path);
    }
    store_in(&private_temp_folder()?, bytes, hash)
}

fn cache_folder() -> Option<PathBuf> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from);
    // An empty variable counts as unset; the XDG convention ignores relative paths.
    if let Some(folder) = variable("COWPATH_CACHE_DIR")
        && let Ok(folder) = path::absolute(folder)
    {
        return Some(folder);
    }
    let user = |name: &str| variable(name).filter(|path| path.is_absolute());
    user("XDG_CACHE_HOME")
        .map(|folder| folder.join("cowpath"))
        .or_else(|| Some(user("HOME")?.join(".cache/cowpath")))
}

/// A folder in the temporary folder that is ours alone, since what lies there is executed.
fn private_temp_folder() -> io::Result<PathBuf> {
    let uid = fs::metadata("/proc/self")?.uid();
    let folder = env::temp_dir().join(format!("cowpath-{uid}"));
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&folder)?;
    if found.is_dir() && found.uid() == uid && found.mode() & 0o022 == 0 {
        Ok(folder)
    } else {
        let message = format!("{} belongs to somebody else", folder.display());
        Err(Error::new(ErrorKind::PermissionDenied, message))
    }
}

fn store_in(folder: &Path, bytes: &[u8], hash: &blake3::Hash) -> io::Result<PathBuf> {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let path = folder.join(format!("{}.so", hash.to_hex()));
    if fs::read(&path).is_ok_and(|found| blake3::hash(&found) == *hash) {
        return Ok(path);
    }
    fs::create_dir_all(folder)?;
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let draft = folder.join(format!("{}.{}.{serial}", hash.to_hex(), process::id()));
    let renamed = fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, &path));
    if renamed.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&draft);
    }
    renamed.map(|()| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        env::temp_dir().join(format!("cowpath-cache-test-{name}-{}", process::id()))
    }

    #[test]
    fn a_damaged_file_is_replaced() {
        let folder = folder("damaged");
        let hash = blake3::hash(b"content");
        let path = store_in(&folder, b"content", &hash).unwrap();
        fs::write(&path, b"other").unwrap();
        assert_eq!(store_in(&folder, b"content", &hash).unwrap(), path);
        assert_eq!(fs::read(&path).unwrap(), b"content");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "a draft was left behind");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let hash = blake3::hash(b"");
        assert!(store_in(Path::new("/proc/cowpath"), b"", &hash).is_err());
    }
}
