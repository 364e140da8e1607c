//! The memory of steps: what a choice makes of a world and an actor.

use crate::explore::huge;
use std::alloc::Layout;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Lines of the cache at the beginning.
const FIRST: u64 = 1 << 10;

/// And at most: a gigabyte, or less where so much cannot be reserved.
const MOST: u64 = 1 << 24;

/// Steps in a line.
const WAYS: usize = 4;

/// A step: its value, and before it a word that belongs to it and to its key.
type Entry = [AtomicU64; 2];

/// Bytes of a line.
const LINE: usize = size_of::<[Entry; WAYS]>();

/// Remembers steps: lossy, each anywhere in one of two lines. Two words that threads write
/// without a lock: an entry whose words do not belong together is none.
pub(in crate::explore) struct Memo {
    /// As many as there can ever be; memory that was never used takes no room.
    entries: Box<[Entry]>,
    /// The first that begins a line of the cache.
    first: usize,
    /// Lines at most.
    most: u64,
    /// Of the number of a line that is used so far.
    mask: AtomicU64,
    /// Steps that are remembered.
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
            black_box(zeroed(4 * lines as usize * WAYS)?);
            // Aligned as lines are, all of it would be written to.
            Some((lines, zeroed((lines as usize + 1) * WAYS)?))
        };
        let found = sizes.take_while(|&lines| lines >= FIRST).find_map(reserved);
        let (most, entries) = found.expect("memory for a few steps");
        huge::advise(entries.as_ptr(), entries.len());
        let first = (entries.as_ptr() as usize).next_multiple_of(LINE) - entries.as_ptr() as usize;
        let first = first / size_of::<Entry>();
        Self { entries, first, most, mask: AtomicU64::new(FIRST - 1), len: AtomicU64::new(0) }
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
                if !self.places(key).contains(&place) {
                    entry.iter().for_each(|word| word.store(0, Relaxed));
                    self.len.fetch_sub(1, Relaxed);
                    self.put(key, value);
                }
            }
        }
    }

    /// The numbers of a key's lines.
    #[inline]
    fn places(&self, key: u64) -> [u64; 2] {
        let wide = u128::from(key ^ 0x9e37_79b9_7f4a_7c15) * 0xa076_1d64_78bd_642f_u128;
        let hash = (wide >> 64) as u64 ^ wide as u64;
        let mask = self.mask.load(Relaxed);
        [hash & mask, hash >> 32 & mask]
    }

    #[inline]
    fn line(&self, place: u64) -> &[Entry] {
        &self.entries[self.first + place as usize * WAYS..][..WAYS]
    }

    #[inline]
    fn lines(&self, key: u64) -> [&[Entry]; 2] {
        self.places(key).map(|place| self.line(place))
    }

    /// Asks for an entry to be brought near.
    #[inline]
    pub fn fetch(&self, key: u64) {
        fetch(&self.line(self.places(key)[0])[0]);
    }

    /// What is remembered of a key.
    #[inline(always)]
    pub fn get(&self, key: u64) -> Option<u64> {
        let of = |entry: &Entry| {
            let value = entry[1].load(Relaxed);
            (entry[0].load(Relaxed) == seal(key, value)).then_some(value)
        };
        self.places(key).into_iter().find_map(|place| self.line(place).iter().find_map(of))
    }

    /// Forgets everything.
    pub fn forget(&self) {
        let used = (self.mask.load(Relaxed) + 1) as usize * WAYS;
        let words = self.entries[self.first..][..used].iter().flatten();
        words.for_each(|word| word.store(0, Relaxed));
        self.len.store(0, Relaxed);
    }

    /// Remembers a key's value; where there is no room, in place of another one.
    #[inline]
    pub fn put(&self, key: u64, value: u64) {
        let lines = self.lines(key);
        let free = |entry: &&Entry| entry.iter().all(|word| word.load(Relaxed) == 0);
        let entry = lines.into_iter().flatten().find(free).unwrap_or_else(|| {
            self.len.fetch_sub(1, Relaxed);
            &lines[1][(seal(key, value) >> 62) as usize]
        });
        self.len.fetch_add(1, Relaxed);
        entry[0].store(seal(key, value), Relaxed);
        entry[1].store(value, Relaxed);
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        (self.mask.load(Relaxed) + 1) * LINE as u64
    }
}

/// So many empty entries, none of which was written to; none: there cannot be so many.
fn zeroed(many: usize) -> Option<Box<[Entry]>> {
    let layout = Layout::array::<Entry>(many).ok()?;
    assert!(layout.size() > 0, "no entries");
    // SAFETY: the layout is not empty.
    let entries = unsafe { std::alloc::alloc_zeroed(layout) }.cast::<Entry>();
    // SAFETY: unless null, it is of the global allocator with the layout of this slice, and
    // an AtomicU64 may be any bits, and so zeroes.
    (!entries.is_null())
        .then(|| unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(entries, many)) })
}

/// The word beside a value: of this key and this value, and hardly of any others.
#[inline]
const fn seal(key: u64, value: u64) -> u64 {
    !key ^ value.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(32)
}

/// The key of which this is the word beside the value.
#[inline]
const fn unseal(sealed: u64, value: u64) -> u64 {
    !(sealed ^ value.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(32))
}

/// Asks for what is somewhere to be brought near.
#[inline]
pub(in crate::explore) fn fetch<T>(what: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing, whatever the address; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>((&raw const *what).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = what;
}
