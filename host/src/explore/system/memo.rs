//! The memory of steps: what a choice makes of a world and an actor.

use crate::explore::huge;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Remembers steps: lossy, one entry a place, the latest wins. Two words that threads write
/// without a lock: an entry whose words do not belong together is none.
pub(super) struct Memo {
    entries: Box<[[AtomicU64; 2]]>,
    mask: u64,
}

impl Memo {
    /// Room for so many steps, 16 bytes each, or a few more.
    pub fn new(entries: usize) -> Self {
        let entries = entries.next_power_of_two();
        let all = Box::<[[AtomicU64; 2]]>::new_zeroed_slice(entries);
        huge::advise(all.as_ptr(), entries);
        // SAFETY: an AtomicU64 may be any bits, and so zeroes.
        let entries = unsafe { all.assume_init() };
        Self { mask: entries.len() as u64 - 1, entries }
    }

    /// The choices of an actor in a world are neighbours: they share a line of the cache.
    #[inline]
    fn place(&self, key: u64) -> &[AtomicU64; 2] {
        let hash = (key >> 8).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.entries[(((hash >> 28) & !3).wrapping_add(key & 0xff) & self.mask) as usize]
    }

    /// Asks for an entry to be brought near.
    #[inline]
    pub fn fetch(&self, key: u64) {
        fetch(self.place(key));
    }

    /// What is remembered of a key.
    #[inline]
    pub fn get(&self, key: u64) -> Option<u64> {
        let place = self.place(key);
        let value = place[1].load(Relaxed);
        (place[0].load(Relaxed) == seal(key, value)).then_some(value)
    }

    /// Forgets everything.
    pub fn forget(&self) {
        self.entries.iter().flatten().for_each(|word| word.store(0, Relaxed));
    }

    /// Remembers a key's value.
    #[inline]
    pub fn put(&self, key: u64, value: u64) {
        let place = self.place(key);
        place[0].store(seal(key, value), Relaxed);
        place[1].store(value, Relaxed);
    }

    /// Bytes that it takes.
    pub const fn bytes(&self) -> u64 {
        size_of_val::<[[AtomicU64; 2]]>(&self.entries) as u64
    }
}

/// The word beside a value: of this key and this value, and hardly of any others.
#[inline]
const fn seal(key: u64, value: u64) -> u64 {
    !key ^ value.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(32)
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
