//! What does not fit into memory, on disk: runs of sorted visited states, and rows
//! of bytes that are read back in order.
//!
//! Files are removed from their folder as soon as they are open, so nothing is left behind
//! however the program ends. This part knows no levels.

use super::keep::KeepError;
use super::system::{State, world_of};
use super::visited::Visited;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// States of a run that are read at once.
const BLOCK: usize = 4096;

/// Bytes that are written at once.
const CHUNK: usize = 1 << 20;

/// A folder for files that do not outlive the program.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    files: AtomicU32,
}

impl Folder {
    /// Opens a folder, which is made if it is not there and must be empty.
    pub fn open(path: &Path) -> Result<Arc<Self>, KeepError> {
        let failed = |error| KeepError::Disk { folder: path.to_owned(), error };
        fs::create_dir_all(path).map_err(failed)?;
        if fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(KeepError::FolderNotEmpty { folder: path.to_owned() });
        }
        Ok(Arc::new(Self { path: path.to_owned(), files: AtomicU32::new(0) }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self) -> io::Result<File> {
        let number = self.files.fetch_add(1, Relaxed);
        let path = self.path.join(format!("cowpath-{}-{number}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        fs::remove_file(path)?;
        Ok(file)
    }
}

/// A row of bytes that grows at its end, in memory or, from some time on, on disk.
#[derive(Debug, Default)]
pub(super) struct Log {
    file: Option<File>,
    /// Bytes in the file.
    stored: u64,
    /// Those after them.
    pub tail: Vec<u8>,
}

impl Log {
    /// Bytes in it.
    pub fn len(&self) -> u64 {
        self.stored + self.tail.len() as u64
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> u64 {
        self.tail.capacity() as u64
    }

    /// From now on it is on disk.
    pub fn store(&mut self, folder: &Folder) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(folder.file()?);
            self.write()?;
            self.tail.shrink_to(2 * CHUNK);
        }
        Ok(())
    }

    /// Writes what has come together, if it is on disk and enough.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.file.is_some() && self.tail.len() >= CHUNK { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        let file = self.file.as_ref().expect("only if it is on disk");
        file.write_all_at(&self.tail, self.stored)?;
        self.stored += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }

    /// Reads bytes that are there.
    pub fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let stored = self.stored.saturating_sub(at).min(into.len() as u64) as usize;
        let (first, rest) = into.split_at_mut(stored);
        if let (Some(file), false) = (&self.file, first.is_empty()) {
            file.read_exact_at(first, at)?;
        }
        if !rest.is_empty() {
            let at = (at + stored as u64 - self.stored) as usize;
            rest.copy_from_slice(&self.tail[at..at + rest.len()]);
        }
        Ok(())
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.stored = 0;
        self.tail.clear();
    }
}

/// States in the order in which they were found: in memory, or on disk.
#[derive(Debug)]
pub(super) struct Queue<const W: usize> {
    states: Vec<State<W>>,
    stored: Option<Log>,
}

impl<const W: usize> Queue<W> {
    pub const fn new() -> Self {
        Self { states: Vec::new(), stored: None }
    }

    /// States in it.
    pub fn len(&self) -> u64 {
        let stored = self.stored.as_ref().map_or(0, Log::len);
        self.states.len() as u64 + stored / size_of::<State<W>>() as u64
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> u64 {
        let stored = self.stored.as_ref().map_or(0, Log::bytes);
        (self.states.capacity() * size_of::<State<W>>()) as u64 + stored
    }

    #[inline]
    pub fn push(&mut self, state: &State<W>) {
        match &mut self.stored {
            None => self.states.push(*state),
            Some(log) => state.iter().for_each(|word| log.tail.extend(word.to_le_bytes())),
        }
    }

    /// What it consists of, to which more can be added. It is not on disk.
    pub fn states_mut(&mut self) -> &mut Vec<State<W>> {
        assert!(self.stored.is_none(), "what is on disk is written one by one");
        &mut self.states
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.states.clear();
        if let Some(log) = &mut self.stored {
            log.clear();
        }
    }

    /// From now on it is on disk.
    pub fn store(&mut self, folder: &Folder) -> io::Result<()> {
        if self.stored.is_some() {
            return Ok(());
        }
        let mut log = Log::default();
        log.store(folder)?;
        self.stored = Some(log);
        for state in std::mem::take(&mut self.states) {
            self.push(&state);
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what has come together, if it is on disk and enough.
    pub fn flush(&mut self) -> io::Result<()> {
        self.stored.as_mut().map_or(Ok(()), Log::flush)
    }

    /// At most `most` states from a place on; `room` is for those that are read.
    pub fn block<'a>(
        &'a self,
        at: u64,
        most: usize,
        room: &'a mut Vec<State<W>>,
    ) -> io::Result<&'a [State<W>]> {
        let count = (self.len() - at).min(most as u64) as usize;
        match &self.stored {
            None => Ok(&self.states[at as usize..at as usize + count]),
            Some(log) => {
                let size = size_of::<State<W>>();
                let mut bytes = vec![0; count * size];
                log.read(at * size as u64, &mut bytes)?;
                room.clear();
                room.extend(bytes.chunks_exact(size).map(state_of));
                Ok(room)
            }
        }
    }
}

/// A state from its bytes.
pub(super) fn state_of<const W: usize>(bytes: &[u8]) -> State<W> {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|word| u64::from_le_bytes(words[word]))
}

/// States in order, by worlds, then by their words.
type Key<const W: usize> = (u32, State<W>);

fn key_of<const W: usize>(state: &State<W>) -> Key<W> {
    (world_of(state), *state)
}

/// States in the order of their keys, in a file.
#[derive(Debug)]
struct Run<const W: usize> {
    file: File,
    len: u64,
    /// The first of each block.
    firsts: Vec<Key<W>>,
}

impl<const W: usize> Run<W> {
    fn read(&self, block: usize, into: &mut Vec<State<W>>) -> io::Result<()> {
        let size = size_of::<State<W>>();
        let first = (block * BLOCK) as u64;
        let mut bytes = vec![0; (self.len - first).min(BLOCK as u64) as usize * size];
        self.file.read_exact_at(&mut bytes, first * size as u64)?;
        into.clear();
        into.extend(bytes.chunks_exact(size).map(state_of));
        Ok(())
    }

    fn each(&self, mut see: impl FnMut(&State<W>) -> io::Result<()>) -> io::Result<()> {
        let mut states = Vec::new();
        for block in 0..self.firsts.len() {
            self.read(block, &mut states)?;
            states.iter().try_for_each(&mut see)?;
        }
        Ok(())
    }
}

/// Writes a run.
struct Sorted<const W: usize> {
    run: Run<W>,
    buffer: Vec<u8>,
    written: u64,
}

impl<const W: usize> Sorted<W> {
    fn new(folder: &Folder) -> io::Result<Self> {
        let run = Run { file: folder.file()?, len: 0, firsts: Vec::new() };
        Ok(Self { run, buffer: Vec::new(), written: 0 })
    }

    fn push(&mut self, key: &Key<W>) -> io::Result<()> {
        if self.run.len.is_multiple_of(BLOCK as u64) {
            self.run.firsts.push(*key);
        }
        self.run.len += 1;
        key.1.iter().for_each(|word| self.buffer.extend(word.to_le_bytes()));
        if self.buffer.len() >= CHUNK { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.run.file.write_all_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Run<W>> {
        self.write()?;
        Ok(self.run)
    }
}

/// A place in a run, that only moves on.
struct Cursor<'a, const W: usize> {
    run: &'a Run<W>,
    /// The next block.
    next: usize,
    states: Vec<State<W>>,
    at: usize,
}

impl<'a, const W: usize> Cursor<'a, W> {
    fn new(run: &'a Run<W>) -> Self {
        Self { run, next: 0, states: Vec::new(), at: 0 }
    }

    /// Whether the run has a key, which is not before the last one asked for. Blocks in
    /// which it cannot be are not read.
    fn contains(&mut self, key: &Key<W>) -> io::Result<bool> {
        let further = self.run.firsts[self.next..].partition_point(|first| first <= key);
        if further > 0 {
            self.next += further;
            self.run.read(self.next - 1, &mut self.states)?;
            self.at = 0;
        }
        while self.states.get(self.at).is_some_and(|state| key_of(state) < *key) {
            self.at += 1;
        }
        Ok(self.states.get(self.at) == Some(&key.1))
    }

    /// The state at the place.
    fn peek(&mut self) -> io::Result<Option<Key<W>>> {
        if self.at == self.states.len() && self.next < self.run.firsts.len() {
            self.run.read(self.next, &mut self.states)?;
            self.next += 1;
            self.at = 0;
        }
        Ok(self.states.get(self.at).map(key_of))
    }
}

/// The visited states of one part of all hashes: a table, and runs of those that did not
/// fit. What is in the table and also in a run is taken out of the table when all runs are
/// looked through, so what remains there is new.
#[derive(Debug)]
pub(super) struct Part<const W: usize> {
    pub table: Visited<W>,
    /// Each less than half as long as the one before.
    runs: Vec<Run<W>>,
}

impl<const W: usize> Part<W> {
    /// One of so many parts, a power of two.
    pub fn new(parts: usize) -> Self {
        Self { table: Visited::new(parts), runs: Vec::new() }
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> u64 {
        let firsts: usize = self.runs.iter().map(|run| run.firsts.capacity()).sum();
        self.table.bytes() + (firsts * size_of::<Key<W>>()) as u64
    }

    /// Takes states out of the table that are in a run.
    pub fn settle(&mut self) -> io::Result<()> {
        let Self { table, runs } = self;
        if runs.is_empty() {
            return Ok(());
        }
        let mut cursors: Vec<_> = runs.iter().map(Cursor::new).collect();
        let mut failed = None;
        table.retain_sorted(|state| {
            let key = key_of(state);
            for cursor in &mut cursors {
                if failed.is_some() {
                    return true;
                }
                match cursor.contains(&key) {
                    Ok(true) => return false,
                    Ok(false) => {}
                    Err(error) => failed = Some(error),
                }
            }
            true
        });
        failed.map_or(Ok(()), Err)
    }

    /// Makes a run of the table, which has been looked through.
    pub fn store(&mut self, folder: &Folder) -> io::Result<()> {
        if self.table.len() == 0 {
            return Ok(());
        }
        let mut sorted = Sorted::new(folder)?;
        let mut written = Ok(());
        self.table.retain_sorted(|state| {
            if written.is_ok() {
                written = sorted.push(&key_of(state));
            }
            true
        });
        written?;
        let run = sorted.finish()?;
        self.table = self.table.anew();
        self.add(run, folder)
    }

    /// Makes a run of states that are nowhere yet.
    pub fn store_new(&mut self, states: &[State<W>], folder: &Folder) -> io::Result<()> {
        if states.is_empty() {
            return Ok(());
        }
        let mut keys: Vec<_> = states.iter().map(key_of).collect();
        keys.sort_unstable();
        let mut sorted = Sorted::new(folder)?;
        keys.iter().try_for_each(|key| sorted.push(key))?;
        let run = sorted.finish()?;
        self.add(run, folder)
    }

    fn add(&mut self, run: Run<W>, folder: &Folder) -> io::Result<()> {
        self.runs.push(run);
        while let [.., longer, shorter] = &self.runs[..]
            && longer.len < 2 * shorter.len
        {
            let both = merged(longer, shorter, folder)?;
            self.runs.truncate(self.runs.len() - 2);
            self.runs.push(both);
        }
        Ok(())
    }

    /// Sees every state.
    pub fn each(&self, mut see: impl FnMut(&State<W>) -> io::Result<()>) -> io::Result<()> {
        self.table.iter().try_for_each(|state| see(&state))?;
        self.runs.iter().try_for_each(|run| run.each(&mut see))
    }
}

fn merged<const W: usize>(a: &Run<W>, b: &Run<W>, folder: &Folder) -> io::Result<Run<W>> {
    let mut sorted = Sorted::new(folder)?;
    let mut cursors = [Cursor::new(a), Cursor::new(b)];
    loop {
        let [a, b] = &mut cursors;
        let (which, key) = match (a.peek()?, b.peek()?) {
            (None, None) => return sorted.finish(),
            (Some(a), Some(b)) => {
                if a < b {
                    (0, a)
                } else {
                    (1, b)
                }
            }
            (Some(a), None) => (0, a),
            (None, Some(b)) => (1, b),
        };
        sorted.push(&key)?;
        cursors[which].at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> (PathBuf, Arc<Folder>) {
        let path =
            std::env::temp_dir().join(format!("cowpath-spill-{name}-{}", std::process::id()));
        (path.clone(), Folder::open(&path).unwrap())
    }

    fn state(number: u64) -> State<2> {
        [number << 40 | (number % 97) << 1, number]
    }

    fn add(part: &mut Part<2>, number: u64) -> bool {
        let state = state(number);
        part.table.insert(&state)
    }

    #[test]
    fn what_is_in_a_run_is_not_new() {
        let (path, folder) = folder("part");
        let mut part = Part::new(1);
        let mut seen = std::collections::HashSet::new();
        for round in 0..40 {
            let numbers: Vec<_> = (0..3000).map(|i| (round * 1999 + i * 7) % 50_000).collect();
            for &number in &numbers {
                add(&mut part, number);
            }
            part.settle().unwrap();
            for &number in &numbers {
                let new = part.table.contains(&state(number));
                assert_eq!(new, !seen.contains(&number), "{number} in round {round}");
            }
            seen.extend(&numbers);
            part.store(&folder).unwrap();
        }
        assert!(part.runs.len() < 16);
        part.store_new(&[state(1 << 40), state(2 << 40)], &folder).unwrap();
        seen.extend([1 << 40, 2 << 40]);
        let mut all = 0;
        part.each(|_| {
            all += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(all, seen.len());
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "files are left behind");
        fs::remove_dir(path).unwrap();
    }

    #[test]
    fn a_queue_is_the_same_on_disk() {
        let (path, folder) = folder("queue");
        let [mut memory, mut disk] = [Queue::<2>::new(), Queue::new()];
        for number in 0..200_000 {
            memory.push(&state(number));
            disk.push(&state(number));
            if number == 1000 {
                disk.store(&folder).unwrap();
            }
            disk.flush().unwrap();
        }
        assert_eq!(disk.len(), memory.len());
        for at in [0, 999, 65_535, 199_999] {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            let (a, b) = (memory.block(at, 3000, &mut a), disk.block(at, 3000, &mut b));
            assert_eq!(a.unwrap(), b.unwrap(), "at {at}");
        }
        fs::remove_dir(path).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_empty_is_refused() {
        let (path, _) = folder("full");
        fs::write(path.join("mine"), "").unwrap();
        assert!(matches!(Folder::open(&path), Err(KeepError::FolderNotEmpty { .. })));
        fs::remove_dir_all(path).unwrap();
    }
}
