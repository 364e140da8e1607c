//! Rows of bytes one after the other, that any thread reads without a lock.

use super::huge::{Plain, Table};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::sync::{Mutex, MutexGuard, OnceLock};

/// Rows, each written once.
#[derive(Debug, Default)]
pub(super) struct Rows {
    bytes: Segments<Byte>,
    /// Of each row the place of its first byte, and above it how many it has; 0 until all of
    /// them are written, and never again.
    spans: Segments<AtomicU64>,
    written: Mutex<Written>,
}

/// How much was written.
#[derive(Debug, Default)]
struct Written {
    rows: u32,
    /// Bytes, and those left free where a row would have been in two segments.
    bytes: usize,
}

/// Writes rows: one thread at a time.
pub(super) struct Writer<'a> {
    rows: &'a Rows,
    written: MutexGuard<'a, Written>,
}

/// A byte that is written once, before anybody reads it.
#[derive(Debug)]
#[repr(transparent)]
struct Byte(UnsafeCell<u8>);

// SAFETY: one byte, of which any bits are a number.
unsafe impl Plain for Byte {}

// SAFETY: it is written by `Writer::push` alone, which has the lock, in the part behind what
// was written; and read by `Rows::get` alone, in parts whose span was stored (Release) when
// they were written, and seen (Acquire).
unsafe impl Sync for Byte {}

/// Bits of the place of a byte.
const PLACE: u32 = 40;

impl Rows {
    /// To write more of them.
    pub fn writer(&self) -> Writer<'_> {
        Writer { rows: self, written: self.written.lock().expect("nobody panics with it") }
    }

    /// A row; none: this thread does not see it yet.
    #[inline]
    pub fn get(&self, number: u32) -> Option<&[u8]> {
        let span = self.spans.part(number as usize, 1)?[0].load(Acquire);
        let (first, bytes) = ((span % (1 << PLACE)) as usize, (span >> PLACE) as usize);
        let row: &[Byte] = self.bytes.part(first, bytes).filter(|_| bytes > 0)?;
        // SAFETY: so many bytes are there, a `Byte` is laid out as one, and nobody writes to
        // them any more.
        Some(unsafe { std::slice::from_raw_parts(row.as_ptr().cast(), row.len()) })
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        let Written { rows, bytes } = *self.writer().written;
        bytes + rows as usize * size_of::<u64>()
    }
}

impl Writer<'_> {
    /// How many rows there are.
    pub fn len(&self) -> u32 {
        self.written.rows
    }

    /// Adds a row, whose number is how many there were.
    ///
    /// # Panics
    /// The row is empty, or has 16 MiB; there are a terabyte of rows, or 2^32 of them.
    pub fn push(&mut self, row: &[u8]) {
        assert!((1..1 << (u64::BITS - PLACE)).contains(&row.len()), "a row of {}", row.len());
        let Self { rows: Rows { bytes, spans, .. }, written } = self;
        let first = bytes.room(written.bytes, row.len());
        let to: &[Byte] = bytes.part_opened(first, row.len());
        // SAFETY: so many bytes are there, each in a cell; they are behind all that was
        // written, so nobody reads them, and nobody else writes, for this has the lock.
        unsafe {
            let to = UnsafeCell::raw_get(to.as_ptr().cast::<UnsafeCell<u8>>());
            std::ptr::copy_nonoverlapping(row.as_ptr(), to, row.len());
        }
        // Whatever happens from now on, these bytes are not written again.
        written.bytes = first + row.len();
        assert!(written.bytes < 1 << PLACE, "too many bytes of rows");
        let span = first as u64 | (row.len() as u64) << PLACE;
        spans.part_opened(written.rows as usize, 1)[0].store(span, Release);
        written.rows = written.rows.checked_add(1).expect("less than 2^32 rows");
    }
}

/// Entries of the first segment.
const FIRST: usize = 1 << 8;

/// Segments at most: as many as the bytes that have places need.
const SEGMENTS: usize = 33;

/// Zeroes without end, in segments of which each is twice as long as the one before: those
/// that were opened stay where they are.
#[derive(Debug)]
struct Segments<T>([OnceLock<Table<T>>; SEGMENTS]);

impl<T> Default for Segments<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| OnceLock::new()))
    }
}

impl<T: Plain> Segments<T> {
    /// So many entries from one on, all in one segment; none: that was not opened yet.
    #[inline(always)]
    fn part(&self, at: usize, many: usize) -> Option<&[T]> {
        let (segment, within) = place(at);
        Some(self.0[segment].get()?.part(within, many))
    }

    /// The same; the segment is opened.
    fn part_opened(&self, at: usize, many: usize) -> &[T] {
        let (segment, within) = place(at);
        let open = || {
            let many = FIRST << segment;
            Table::new(many).unwrap_or_else(|| panic!("no memory for {many} entries of rows"))
        };
        self.0[segment].get_or_init(open).part(within, many)
    }

    /// The first entry from one on that has so many in its segment.
    fn room(&self, at: usize, many: usize) -> usize {
        let (segment, within) = place(at);
        let end = FIRST << segment;
        if within + many <= end { at } else { self.room(at - within + end, many) }
    }
}

/// The segment of an entry, and its place there.
#[inline(always)]
const fn place(at: usize) -> (usize, usize) {
    let segment = (at / FIRST + 1).ilog2() as usize;
    (segment, at - FIRST * ((1 << segment) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_each_other() {
        let places: Vec<_> = (0..7 * FIRST).map(place).collect();
        let expected = (0..3).flat_map(|of| (0..FIRST << of).map(move |within| (of, within)));
        assert_eq!(places, expected.collect::<Vec<_>>());
        assert_eq!(place((1 << PLACE) - 1).0, SEGMENTS - 1);
    }

    fn row(number: u32) -> Vec<u8> {
        let byte = |at| (number.wrapping_mul(at + 3) >> 3) as u8;
        (0..number * 7 % 61 + 1).map(byte).collect()
    }

    #[test]
    fn rows_are_what_was_written() {
        let rows = Rows::default();
        let long = vec![7; FIRST << 9];
        for number in 0..3000 {
            assert_eq!((rows.get(number), rows.writer().len()), (None, number));
            rows.writer().push(&row(number));
        }
        rows.writer().push(&long);
        for number in 0..3000 {
            assert_eq!(rows.get(number), Some(&row(number)[..]));
        }
        assert_eq!((rows.get(3000), rows.get(3001)), (Some(&long[..]), None));
    }

    #[test]
    fn whoever_reads_sees_whole_rows() {
        const ROWS: u32 = if cfg!(miri) { 100 } else { 20_000 };
        let rows = Rows::default();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for number in 0..ROWS {
                        let expected = row(number);
                        let seen = loop {
                            match rows.get(number) {
                                Some(seen) => break seen,
                                None => std::thread::yield_now(),
                            }
                        };
                        assert_eq!(seen, expected);
                    }
                });
            }
            (0..ROWS).for_each(|number| rows.writer().push(&row(number)));
        });
    }
}
