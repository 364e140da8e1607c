//! The file system that a kernel boots with: the guest program, modules, scenarios.
//!
//! An archive of cpio's "newc" form, as Documentation/driver-api/early-userspace has it.

use std::fs;
use std::path::PathBuf;

use super::kernel::Kernel;
use super::scratch::Folder;
use super::{RecordError, RecordOptions};

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const FILE: u32 = 0o100_644;

/// Writes it into a temporary folder.
pub(super) fn write(
    options: &RecordOptions,
    kernel: &Kernel,
    scratch: &Folder,
) -> Result<PathBuf, RecordError> {
    let mut archive = Archive::default();
    archive.add("init", PROGRAM, &guest(options)?);
    archive.add("modules", FOLDER, &[]);
    for (number, (name, module)) in kernel.modules.iter().enumerate() {
        archive.add(&format!("modules/{number}-{name}.ko"), FILE, module);
    }
    archive.add("scenarios", FOLDER, &[]);
    let mut index = String::new();
    for (name, source) in &options.scenarios {
        archive.add(&format!("scenarios/{name}.toml"), FILE, source.as_bytes());
        index.push_str(name);
        index.push('\n');
    }
    archive.add("scenarios/index", FILE, index.as_bytes());
    let path = scratch.path().join("initramfs.cpio");
    match fs::write(&path, archive.finish()) {
        Ok(()) => Ok(path),
        Err(error) => Err(RecordError::File { path, error }),
    }
}

/// The guest program, if nothing that it needs would be missing.
fn guest(options: &RecordOptions) -> Result<Vec<u8>, RecordError> {
    let path = options.guest.clone();
    let bytes = fs::read(&path).map_err(|error| RecordError::File { path: path.clone(), error })?;
    if !bytes.starts_with(b"\x7fELF") {
        return Err(RecordError::Guest { path, why: "not a program" });
    }
    if bytes.windows(INTERPRETER.len()).any(|window| window == INTERPRETER) {
        return Err(RecordError::Guest {
            path,
            why: "linked dynamically, and an initramfs has no libraries",
        });
    }
    Ok(bytes)
}

/// PT_INTERP of a dynamically linked program for x86_64.
const INTERPRETER: &[u8] = b"/lib64/ld-linux-x86-64.so.2\0";

#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    files: u32,
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, data: &[u8]) {
        self.files += 1;
        let links = if mode == FOLDER { 2 } else { 1 };
        // inode, mode, uid, gid, nlink, mtime, size, device and rdev, namesize, check
        let fields = [
            self.files,
            mode,
            0,
            0,
            links,
            0,
            data.len() as u32,
            0,
            0,
            0,
            0,
            name.len() as u32 + 1,
            0,
        ];
        self.bytes.extend(b"070701");
        fields.iter().for_each(|field| self.bytes.extend(format!("{field:08x}").bytes()));
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.add("TRAILER!!!", 0, &[]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_aligned_and_ends() {
        let mut archive = Archive::default();
        archive.add("init", PROGRAM, b"abc");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        assert!(bytes.starts_with(b"07070100000001000081ed"));
        assert!(bytes.windows(10).any(|window| window == b"TRAILER!!!"));
    }
}
