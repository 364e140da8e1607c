//! Large tables: in large pages, for a probe of a table of a hundred megabytes misses the TLB
//! nearly every time otherwise; and zero, for memory that nobody wrote to takes no room.

use std::alloc::Layout;
use std::ops::Deref;
use std::sync::atomic::AtomicU64;

/// Bytes of a line of the cache.
pub(super) const LINE: usize = 64;

/// What may be any bits, and so zeroes.
///
/// # Safety
/// It has a size that divides that of a line, and every value of its bytes is one of it.
pub(super) unsafe trait Plain {}

// SAFETY: four bytes, of which any are a number.
unsafe impl Plain for u32 {}

// SAFETY: eight bytes, of which any are a number.
unsafe impl Plain for AtomicU64 {}

// SAFETY: sixteen bytes, of which any are two numbers.
unsafe impl Plain for [AtomicU64; 2] {}

/// A table of zeroes that begins with a line of the cache.
#[derive(Debug)]
pub(super) struct Table<T> {
    entries: Box<[T]>,
    /// The first that begins a line.
    first: usize,
}

impl<T: Plain> Table<T> {
    /// So many entries; none: there cannot be so many.
    pub fn new(many: usize) -> Option<Self> {
        // Aligned as lines are, all of it would be written to.
        let entries = zeroed::<T>(many.checked_add(LINE / size_of::<T>())?)?;
        advise(&entries);
        let start = entries.as_ptr() as usize;
        let first = (start.next_multiple_of(LINE) - start) / size_of::<T>();
        Some(Self { entries, first })
    }
}

impl<T> Table<T> {
    /// So many entries from one on.
    #[inline(always)]
    pub fn part(&self, at: usize, len: usize) -> &[T] {
        let at = self.first + at;
        &self.entries[at..at + len]
    }

    /// So many entries from one on.
    #[inline(always)]
    pub fn part_mut(&mut self, at: usize, len: usize) -> &mut [T] {
        let at = self.first + at;
        &mut self.entries[at..at + len]
    }

    /// Asks for an entry to be brought near.
    #[inline(always)]
    pub fn fetch(&self, at: usize) {
        fetch(self.entries.as_ptr().wrapping_add(self.first + at));
    }
}

impl<T> Deref for Table<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.entries[self.first..]
    }
}

/// So many zeroes, none of which was written to; none: there cannot be so many.
fn zeroed<T: Plain>(many: usize) -> Option<Box<[T]>> {
    let layout = Layout::array::<T>(many).ok()?;
    assert!(layout.size() > 0, "no entries");
    // SAFETY: the layout is not empty.
    let entries = unsafe { std::alloc::alloc_zeroed(layout) }.cast::<T>();
    // SAFETY: unless null, it is of the global allocator with the layout of this slice, and
    // what is plain may be zeroes.
    (!entries.is_null())
        .then(|| unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(entries, many)) })
}

/// Asks for large pages under a table that nothing was written to yet. A hint: where the
/// kernel gives none, the table is slower and no different.
fn advise<T>(table: &[T]) {
    #[cfg(target_os = "linux")]
    {
        /// What a kernel may put a large page under.
        const LARGE: usize = 2 << 20;
        let start = (table.as_ptr() as usize).next_multiple_of(LARGE);
        let end = (table.as_ptr() as usize + size_of_val(table)) / LARGE * LARGE;
        if start < end {
            // SAFETY: the range lies inside an allocation of ours, and MADV_HUGEPAGE changes
            // nothing of what is in it.
            let _ = unsafe {
                rustix::mm::madvise(
                    start as *mut std::ffi::c_void,
                    end - start,
                    rustix::mm::Advice::LinuxHugepage,
                )
            };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = table;
}

/// Asks for what is somewhere to be brought near.
#[inline(always)]
pub(super) fn fetch<T>(what: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing, whatever the address; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(what.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = what;
}
