//! Checkpoints: a file that an exploration goes on from.
//!
//! Numbers are little-endian. A file begins with its format and with what the exploration
//! was of, and ends with a checksum of all before; it is written under another name in
//! the same folder, and renamed when it is whole.

use super::keep::KeepError;
use super::system::Reductions;
use super::universe::Universe;
use crate::policy::Policy;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What a checkpoint begins with.
const MAGIC: &[u8; 19] = b"cowpath checkpoint\n";

/// The format's number.
pub(super) const FORMAT: u32 = 1;

/// Bytes of the checksum.
const CHECKSUM: usize = 32;

/// Longest text.
const LONGEST: u64 = 1 << 24;

/// What an exploration is of: names and values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity(Vec<(String, String)>);

impl Identity {
    /// Of a universe under a policy, with states of so many words.
    pub fn new(universe: &Universe, policy: &Policy, reductions: Reductions, words: usize) -> Self {
        let mut all = vec![
            ("cowpath".to_string(), env!("CARGO_PKG_VERSION").to_string()),
            ("program".to_string(), program().to_string()),
            ("policy".to_string(), policy.name().to_string()),
        ];
        for plugin in policy.plugins() {
            all.push((format!("plugin {}", plugin.manifest.id), plugin.hash.clone()));
        }
        let fields = serde_json::to_value(universe).expect("plain data");
        let fields = fields.as_object().expect("it has fields").clone();
        all.extend(
            fields.into_iter().map(|(name, value)| (format!("universe {name}"), value.to_string())),
        );
        all.push(("universe order".to_string(), format!("{:?}", universe.order)));
        all.push(("reductions".to_string(), format!("{reductions:?}")));
        all.push(("words of a state".to_string(), words.to_string()));
        Self(all)
    }

    /// What differs from a checkpoint's.
    fn differences(&self, there: &Self) -> Vec<String> {
        let value = |of: &Self, name: &str| {
            let found = of.0.iter().find(|one| one.0 == name);
            found.map_or_else(|| "none".to_string(), |one| one.1.clone())
        };
        let mut names: Vec<_> = there.0.iter().chain(&self.0).map(|one| &one.0).collect();
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(*name));
        let line = |name: &String| {
            let (there, here) = (value(there, name), value(self, name));
            (there != here).then(|| format!("{name}: {there} in the checkpoint, {here} now"))
        };
        names.into_iter().filter_map(line).collect()
    }
}

/// The hash of this program: another build may model something else.
fn program() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let bytes = std::env::current_exe().and_then(fs::read);
        bytes.map_or_else(|_| "unknown".to_string(), |bytes| blake3::hash(&bytes).to_string())
    })
}

/// Writes a checkpoint.
pub(super) struct Writer {
    out: BufWriter<File>,
    hash: blake3::Hasher,
    draft: Draft,
    path: PathBuf,
}

/// A file that is removed unless it is renamed.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // After a success there is none.
        let _ = fs::remove_file(&self.0);
    }
}

fn create(path: &Path) -> io::Result<(File, Draft)> {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(format!(".{}.draft", std::process::id()));
    let draft = path.with_file_name(name);
    let file = OpenOptions::new().write(true).create_new(true).open(&draft)?;
    Ok((file, Draft(draft)))
}

/// Whether a checkpoint can be written there: asked before hours of work.
pub(super) fn check(path: &Path) -> Result<(), KeepError> {
    let unwritable = |error| KeepError::Unwritable { path: path.to_owned(), error };
    match File::open(path) {
        Ok(file) => {
            let mut head = Vec::new();
            file.take(MAGIC.len() as u64).read_to_end(&mut head).map_err(unwritable)?;
            if head != MAGIC {
                return Err(KeepError::NotACheckpoint { path: path.to_owned() });
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(unwritable(error)),
    }
    create(path).map(drop).map_err(unwritable)
}

impl Writer {
    pub fn new(path: &Path, identity: &Identity) -> io::Result<Self> {
        let (file, draft) = create(path)?;
        let out = BufWriter::with_capacity(1 << 20, file);
        let mut writer = Self { out, hash: blake3::Hasher::new(), draft, path: path.to_owned() };
        writer.bytes(MAGIC)?;
        writer.bytes(&FORMAT.to_le_bytes())?;
        writer.number(identity.0.len() as u64)?;
        for (name, value) in &identity.0 {
            writer.text(name.as_bytes())?;
            writer.text(value.as_bytes())?;
        }
        Ok(writer)
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }

    pub fn number(&mut self, number: u64) -> io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }

    /// Bytes with their number before them.
    pub fn text(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.number(bytes.len() as u64)?;
        self.bytes(bytes)
    }

    /// Makes it the checkpoint of its name.
    pub fn finish(mut self) -> io::Result<()> {
        let hash = self.hash.finalize();
        self.out.write_all(hash.as_bytes())?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&self.draft.0, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Reads a checkpoint.
pub(super) struct Reader {
    input: BufReader<File>,
    path: PathBuf,
}

impl Reader {
    /// Opens a checkpoint of that identity, and sees that it is whole.
    pub fn open(path: &Path, identity: &Identity) -> Result<Self, KeepError> {
        let unreadable = |error| KeepError::Unreadable { path: path.to_owned(), error };
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let mut reader =
            Self { input: BufReader::with_capacity(1 << 20, file), path: path.to_owned() };
        let mut magic = [0; MAGIC.len()];
        if reader.bytes(&mut magic).is_err() || magic != *MAGIC {
            return Err(KeepError::NotACheckpoint { path: path.to_owned() });
        }
        let mut format = [0; 4];
        reader.bytes(&mut format)?;
        let format = u32::from_le_bytes(format);
        if format != FORMAT {
            return Err(KeepError::OtherFormat { path: path.to_owned(), format });
        }
        let begin = reader.input.stream_position().map_err(unreadable)?;
        reader.check(length).map_err(unreadable)?.then_some(()).ok_or_else(|| reader.damaged())?;
        reader.input.seek(SeekFrom::Start(begin)).map_err(unreadable)?;
        let mut there = Vec::new();
        for _ in 0..reader.number()? {
            there.push((reader.string()?, reader.string()?));
        }
        let differences = identity.differences(&Identity(there));
        if differences.is_empty() {
            Ok(reader)
        } else {
            Err(KeepError::Mismatch { path: path.to_owned(), differences })
        }
    }

    /// Whether the checksum at the end is that of all before.
    fn check(&mut self, length: u64) -> io::Result<bool> {
        let Some(mut left) = length.checked_sub(CHECKSUM as u64) else { return Ok(false) };
        self.input.rewind()?;
        let mut hash = blake3::Hasher::new();
        let mut piece = vec![0; 1 << 16];
        while left > 0 {
            let length = left.min(piece.len() as u64) as usize;
            self.input.read_exact(&mut piece[..length])?;
            hash.update(&piece[..length]);
            left -= length as u64;
        }
        let mut sum = [0; CHECKSUM];
        self.input.read_exact(&mut sum)?;
        Ok(hash.finalize() == sum)
    }

    /// It is not what was written.
    pub fn damaged(&self) -> KeepError {
        KeepError::Damaged { path: self.path.clone() }
    }

    /// It is further than a budget allows.
    pub fn beyond(&self, option: &'static str, reached: u64, most: u64) -> KeepError {
        KeepError::Beyond { path: self.path.clone(), option, reached, most }
    }

    pub fn bytes(&mut self, into: &mut [u8]) -> Result<(), KeepError> {
        self.input.read_exact(into).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => self.damaged(),
            _ => KeepError::Unreadable { path: self.path.clone(), error },
        })
    }

    pub fn number(&mut self) -> Result<u64, KeepError> {
        let mut bytes = [0; 8];
        self.bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub fn text(&mut self) -> Result<Vec<u8>, KeepError> {
        let length = self.number()?;
        if length > LONGEST {
            return Err(self.damaged());
        }
        let mut bytes = vec![0; length as usize];
        self.bytes(&mut bytes)?;
        Ok(bytes)
    }

    pub fn string(&mut self) -> Result<String, KeepError> {
        let bytes = self.text()?;
        String::from_utf8(bytes).map_err(|_| self.damaged())
    }
}
