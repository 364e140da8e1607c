//! The memory of steps: what a choice makes of a world and an actor.

use super::state::mixed;
use crate::explore::huge::{LINE, Table, fetch};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Lines of the cache at the beginning.
const FIRST: u64 = 1 << 10;

/// And at most: a gigabyte, or less where so much cannot be reserved.
const MOST: u64 = 1 << 24;

/// A step: its value, and before it a word that belongs to it and to its key.
type Entry = [AtomicU64; 2];

/// Steps in a line.
const WAYS: usize = LINE / size_of::<Entry>();

/// A line of the cache.
type Line = [Entry; WAYS];

/// Where entries of a world and an actor are.
#[derive(Clone, Copy)]
pub(in crate::explore) struct Near<'a> {
    line: &'a Line,
    /// The line's number.
    place: u64,
    /// Where the first choice is looked for first.
    turn: usize,
}

/// Remembers steps: lossy, each anywhere in one of two lines beside each other, which are
/// the same for all that a world and an actor can choose; in the first of these at a place
/// of its own, if that was free. Two words that threads write without a lock: an entry whose
/// words do not belong together is none.
pub(in crate::explore) struct Memo {
    /// As many as there can ever be; memory that was never used takes no room.
    entries: Table<Entry>,
    /// Lines at most.
    most: u64,
    /// Of the number of a line that is used so far.
    mask: AtomicU64,
    /// Steps that are remembered, about: only some are counted, for the others, so that
    /// threads do not wait for each other's count.
    len: AtomicU64,
}

impl Memo {
    /// Remembers nothing.
    ///
    /// # Panics
    /// There is no memory even for a few steps.
    pub fn new() -> Self {
        let sizes = std::iter::successors(Some(MOST), |&lines| Some(lines / 2));
        let reserved = |lines: u64| {
            // Three times as much is left to others.
            black_box(Table::<Entry>::new(4 * lines as usize * WAYS)?);
            Some((lines, Table::new(lines as usize * WAYS)?))
        };
        let found = sizes.take_while(|&lines| lines >= FIRST).find_map(reserved);
        let (most, entries) = found.expect("memory for a few steps");
        Self { entries, most, mask: AtomicU64::new(FIRST - 1), len: AtomicU64::new(0) }
    }

    /// Makes room as long as more than half of it is in use, if that takes at most so
    /// many bytes more. Whoever asks meanwhile may find nothing.
    pub fn grow(&self, bytes: u64) {
        let before = self.mask.load(Relaxed) + 1;
        let mut many = before;
        let len = self.len.load(Relaxed);
        let more = |many: u64| (many * 2 - before) * LINE as u64;
        while len > many * WAYS as u64 / 2 && many < self.most && more(many) <= bytes {
            many *= 2;
        }
        if many == before {
            return;
        }
        self.mask.store(many - 1, Relaxed);
        for place in 0..before {
            for entry in self.line(place) {
                let [sealed, value] = entry.each_ref().map(|word| word.load(Relaxed));
                if [sealed, value] == [0, 0] {
                    continue;
                }
                let key = unseal(sealed, value);
                let near = self.near(key).place;
                if place != near && place != beside(near) {
                    entry.iter().for_each(|word| word.store(0, Relaxed));
                    self.len.fetch_sub(counts(sealed), Relaxed);
                    self.put(key, value);
                }
            }
        }
    }

    /// Where entries are of a key, and of all that differ from it in the last byte.
    #[inline(always)]
    pub fn near(&self, key: u64) -> Near<'_> {
        let hash = mixed(key >> 8);
        let place = hash & self.mask.load(Relaxed);
        Near { line: self.line(place), place, turn: (hash >> 62) as usize }
    }

    #[inline(always)]
    fn line(&self, place: u64) -> &Line {
        let line = self.entries.part(place as usize * WAYS, WAYS);
        line.try_into().expect("a line is so long")
    }

    /// Asks for a key's entries to be brought near: many choices may take both lines.
    #[inline(always)]
    pub fn fetch(&self, key: u64, many: bool) {
        let Near { line, place, .. } = self.near(key);
        fetch(line);
        if many {
            fetch(self.line(beside(place)));
        }
    }

    /// What is remembered of a key.
    #[inline]
    pub fn get(&self, key: u64) -> Option<u64> {
        self.get_near(&self.near(key), key)
    }

    /// What is remembered of a key, whose entries are near there.
    #[inline(always)]
    pub fn get_near(&self, near: &Near<'_>, key: u64) -> Option<u64> {
        of(&near.line[near.first(key)], key).or_else(|| self.seek(near, key))
    }

    /// The same, wherever it is.
    #[inline(never)]
    fn seek(&self, near: &Near<'_>, key: u64) -> Option<u64> {
        let other = self.line(beside(near.place));
        near.line.iter().chain(other).find_map(|entry| of(entry, key))
    }

    /// Forgets everything.
    pub fn forget(&self) {
        let used = (self.mask.load(Relaxed) + 1) as usize * WAYS;
        let words = self.entries[..used].iter().flatten();
        words.for_each(|word| word.store(0, Relaxed));
        self.len.store(0, Relaxed);
    }

    /// Remembers a key's value; where there is no room, in place of another one.
    #[inline]
    pub fn put(&self, key: u64, value: u64) {
        let near = self.near(key);
        let other = self.line(beside(near.place));
        let own = &near.line[near.first(key)];
        let free = |entry: &&Entry| entry.iter().all(|word| word.load(Relaxed) == 0);
        let found = [own].into_iter().chain(near.line).chain(other).find(free);
        let sealed = seal(key, value);
        let entry = found.unwrap_or_else(|| {
            let entry = &other[(sealed >> 62) as usize];
            self.len.fetch_sub(counts(entry[0].load(Relaxed)), Relaxed);
            entry
        });
        if counts(sealed) > 0 {
            self.len.fetch_add(counts(sealed), Relaxed);
        }
        entry[0].store(sealed, Relaxed);
        entry[1].store(value, Relaxed);
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        (self.mask.load(Relaxed) + 1) * LINE as u64
    }
}

impl Near<'_> {
    /// The place in the line where a key is looked for first.
    #[inline(always)]
    const fn first(&self, key: u64) -> usize {
        (self.turn + key as usize) % WAYS
    }
}

/// The number of the other line.
const fn beside(place: u64) -> u64 {
    place ^ 1
}

/// What an entry says of a key.
#[inline(always)]
fn of(entry: &Entry, key: u64) -> Option<u64> {
    let value = entry[1].load(Relaxed);
    (entry[0].load(Relaxed) == seal(key, value)).then_some(value)
}

/// The word beside a value: of this key and this value, and hardly of any others.
#[inline]
const fn seal(key: u64, value: u64) -> u64 {
    !key ^ value.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(32)
}

/// For how many entries one counts.
const fn counts(sealed: u64) -> u64 {
    const OF: u64 = 16;
    if sealed.is_multiple_of(OF) { OF } else { 0 }
}

/// The key of which this is the word beside the value.
#[inline]
const fn unseal(sealed: u64, value: u64) -> u64 {
    !(sealed ^ value.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(32))
}
