//! The memory of steps: what a choice makes of a world and an actor.

use crate::explore::huge;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Remembers steps: lossy, each in one of two places, in the second the latest wins. Two words that threads write
/// without a lock: an entry whose words do not belong together is none.
pub(super) struct Memo {
    /// As many as there can ever be; memory that was never used takes no room.
    entries: Box<[[AtomicU64; 2]]>,
    /// Of the number of an entry that is used so far.
    mask: AtomicU64,
}

impl Memo {
    /// Room for so many steps, 16 bytes each, or a few more; it can grow `times` as large.
    pub fn new(entries: usize, times: usize) -> Self {
        let entries = entries.next_power_of_two();
        let most = entries * times.next_power_of_two();
        let all = Box::<[[AtomicU64; 2]]>::new_zeroed_slice(most);
        huge::advise(all.as_ptr(), most);
        // SAFETY: an AtomicU64 may be any bits, and so zeroes.
        let all = unsafe { all.assume_init() };
        Self { mask: AtomicU64::new(entries as u64 - 1), entries: all }
    }

    /// Makes room for so many steps, if that takes at most so many bytes more. Whoever asks
    /// meanwhile may find nothing.
    pub fn grow(&self, steps: u64, bytes: u64) {
        let before = self.mask.load(Relaxed) + 1;
        let mut many = before;
        while many < steps && many < self.entries.len() as u64 && (many * 2 - before) * 16 <= bytes
        {
            many *= 2;
        }
        if many == before {
            return;
        }
        self.mask.store(many - 1, Relaxed);
        for entry in &self.entries[..before as usize] {
            let [sealed, value] = entry.each_ref().map(|word| word.load(Relaxed));
            let key = unseal(sealed, value);
            let stays = || {
                std::ptr::eq(entry, self.place(key)) || std::ptr::eq(entry, self.other_place(key))
            };
            if (sealed, value) != (0, 0) && !stays() {
                entry.iter().for_each(|word| word.store(0, Relaxed));
                self.put(key, value);
            }
        }
    }

    /// The choices of an actor in a world are neighbours: they share a line of the cache.
    #[inline]
    fn place(&self, key: u64) -> &[AtomicU64; 2] {
        self.at(key, 28)
    }

    /// Where an entry is whose place another one has.
    #[inline]
    fn other_place(&self, key: u64) -> &[AtomicU64; 2] {
        self.at(key, 6)
    }

    #[inline]
    fn at(&self, key: u64, bits: u32) -> &[AtomicU64; 2] {
        let hash = (key >> 8).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = ((hash >> bits) & !3).wrapping_add(key & 0xff) & self.mask.load(Relaxed);
        &self.entries[place as usize]
    }

    /// Asks for an entry to be brought near.
    #[inline]
    pub fn fetch(&self, key: u64) {
        fetch(self.place(key));
    }

    /// What is remembered of a key.
    #[inline]
    pub fn get(&self, key: u64) -> Option<u64> {
        let at = |place: &[AtomicU64; 2]| {
            let value = place[1].load(Relaxed);
            (place[0].load(Relaxed) == seal(key, value)).then_some(value)
        };
        at(self.place(key)).or_else(|| at(self.other_place(key)))
    }

    /// Forgets everything.
    pub fn forget(&self) {
        let used = self.mask.load(Relaxed) as usize + 1;
        self.entries[..used].iter().flatten().for_each(|word| word.store(0, Relaxed));
    }

    /// Remembers a key's value.
    #[inline]
    pub fn put(&self, key: u64, value: u64) {
        let first = self.place(key);
        let free = first.iter().all(|word| word.load(Relaxed) == 0);
        let place = if free { first } else { self.other_place(key) };
        place[0].store(seal(key, value), Relaxed);
        place[1].store(value, Relaxed);
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        (self.mask.load(Relaxed) + 1) * size_of::<[AtomicU64; 2]>() as u64
    }
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
