//! Finds a kernel and its modules in packages, or takes them as files.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::RecordError;
use super::scratch::Folder;
use super::tool;

/// Modules that the guest program needs where they are not built in, in the order of loading.
const MODULES: [&str; 3] = ["loop", "fuse", "nbd"];

/// What a kernel runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    Qemu,
    UserMode,
}

impl Machine {
    /// As transcripts call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Qemu => "qemu pc tcg",
            Self::UserMode => "user-mode linux",
        }
    }
}

/// A kernel that can be booted.
pub(super) struct Kernel {
    pub(super) machine: Machine,
    pub(super) image: PathBuf,
    /// Names and contents of modules.
    pub(super) modules: Vec<(&'static str, Vec<u8>)>,
    pub(super) package: String,
    pub(super) sha256: Vec<String>,
}

impl Kernel {
    /// Finds it; packages are unpacked into a temporary folder.
    pub(super) fn find(
        paths: &[PathBuf],
        modules: Option<&Path>,
        scratch: &Folder,
    ) -> Result<Self, RecordError> {
        let sha256 = paths.iter().map(|path| hash(path)).collect::<Result<_, _>>()?;
        let none = || RecordError::NoKernel { paths: paths.to_vec() };
        let is_package =
            |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
        let (image, found, package) = match paths {
            [file] if !is_package(file) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let found = modules.map(files_below).transpose()?.unwrap_or_default();
                (file.clone(), found, name)
            }
            packages if !packages.is_empty() && packages.iter().all(is_package) => {
                let root = scratch.path().join("packages");
                let names: Vec<_> = packages
                    .iter()
                    .map(|package| unpack(package, &root))
                    .collect::<Result<_, _>>()?;
                let mut files = files_below(&root)?;
                if let Some(modules) = modules {
                    files.extend(files_below(modules)?);
                }
                let image = files.iter().find(|file| is_image(file)).ok_or_else(none)?.clone();
                (image, files, names.join(", "))
            }
            _ => return Err(none()),
        };
        let machine = if is_program(&image)? { Machine::UserMode } else { Machine::Qemu };
        let modules = MODULES
            .iter()
            .filter_map(|name| Some((*name, found.iter().find(|file| is_module(file, name))?)))
            .map(|(name, file)| Ok((name, module(file)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self { machine, image, modules, package, sha256 })
    }
}

fn hash(path: &Path) -> Result<String, RecordError> {
    let bytes = read(path)?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read(path: &Path) -> Result<Vec<u8>, RecordError> {
    fs::read(path).map_err(|error| RecordError::File { path: path.to_owned(), error })
}

/// Unpacks a package: its name and version.
fn unpack(package: &Path, root: &Path) -> Result<String, RecordError> {
    let (file, folder) = (package.to_string_lossy(), root.to_string_lossy());
    fs::create_dir_all(root).map_err(|error| RecordError::File { path: root.to_owned(), error })?;
    tool::run("dpkg-deb", &["--extract", &file, &folder], package)?;
    let form = "--showformat=${Package} ${Version}";
    let name = tool::run("dpkg-deb", &["--show", form, &file], package)?;
    Ok(String::from_utf8_lossy(&name).trim().to_owned())
}

/// Every file in a folder and below, by path.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, RecordError> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(path) = folders.pop() {
        let error = |error| RecordError::File { path: path.clone(), error };
        for entry in fs::read_dir(&path).map_err(error)? {
            let entry = entry.map_err(error)?;
            let kind = entry.file_type().map_err(error)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_image(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name == "linux.uml" || name == "vmlinuz" || name.starts_with("vmlinuz-")
}

/// Whether a kernel is a program: user-mode Linux is ELF, a bzImage is not.
fn is_program(image: &Path) -> Result<bool, RecordError> {
    Ok(read(image)?.starts_with(b"\x7fELF"))
}

fn is_module(file: &Path, name: &str) -> bool {
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    file.strip_prefix(name).is_some_and(|rest| matches!(rest, ".ko" | ".ko.xz" | ".ko.zst"))
}

/// A module as the kernel takes it.
fn module(file: &Path) -> Result<Vec<u8>, RecordError> {
    let path = file.to_string_lossy();
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => tool::run("xz", &["--decompress", "--stdout", &path], file),
        Some("zst") => tool::run("zstd", &["--decompress", "--stdout", "--quiet", &path], file),
        _ => read(file),
    }
}
