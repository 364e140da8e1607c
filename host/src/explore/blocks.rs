//! Memory for many small tables that grow: blocks of a few sizes, handed out and given back.

use super::huge::Table;
use super::line::{self, Line};

/// Words of the smallest block, in which places are counted.
const UNIT: usize = 4;

/// Bits of a place within its segment.
const WITHIN: u32 = 22;

/// Words of the first segment. Each has twice as many as the one before, up to as many as
/// places can tell apart.
const FIRST: usize = 1 << 14;

/// Blocks of zeroes, in segments.
#[derive(Debug)]
pub(super) struct Blocks {
    segments: Vec<Table<u32>>,
    /// Words of the last segment that were handed out.
    used: usize,
    /// Those of segments before.
    before: usize,
    /// Blocks that were given back, of each size.
    free: Vec<Vec<u32>>,
}

/// Words of the blocks of a class: one unit, a line of the cache, from then on twice as many,
/// and where that would be much at a time, steps of a half and a third.
pub(super) const fn words(class: u32) -> usize {
    const LARGE: u32 = 7;
    match class {
        0 => UNIT,
        1..=LARGE => line::WORDS << (class - 1),
        _ => {
            ((line::WORDS << LARGE) / 4 * (3 + (class - LARGE + 1) as usize % 2))
                << ((class - LARGE - 1) / 2)
        }
    }
}

impl Blocks {
    /// None was handed out.
    ///
    /// # Panics
    /// There is no memory for a few.
    pub fn new() -> Self {
        let mut blocks = Self { segments: Vec::new(), used: 0, before: 0, free: Vec::new() };
        blocks.open(FIRST);
        blocks
    }

    /// A block of a class; where it is.
    ///
    /// # Panics
    /// There is no memory for it.
    pub fn take(&mut self, class: u32) -> u32 {
        if let Some(at) = self.free.get_mut(class as usize).and_then(Vec::pop) {
            return at;
        }
        let size = words(class);
        let whole = size.next_multiple_of(line::WORDS);
        if self.segments.last().is_none_or(|last| self.used + whole > last.len()) {
            self.open(whole);
        }
        let segment = (self.segments.len() - 1) << WITHIN;
        let at = |word| (segment + word / UNIT) as u32;
        let (first, end) = (self.used, self.used + whole);
        self.used = end;
        (first + size..end).step_by(size).for_each(|word| self.keep(at(word), class));
        at(first)
    }

    /// Takes a block back.
    pub fn give_back(&mut self, at: u32, class: u32) {
        self.block_mut(at, words(class)).fill(0);
        self.keep(at, class);
    }

    fn keep(&mut self, at: u32, class: u32) {
        let class = class as usize;
        if self.free.len() <= class {
            self.free.resize_with(class + 1, Vec::new);
        }
        self.free[class].push(at);
    }

    /// Opens a segment with at least so many words.
    #[cold]
    fn open(&mut self, least: usize) {
        let last = self.segments.last().map_or(0, |last| last.len());
        let some = (2 * last).min(UNIT << WITHIN).max(least);
        let table = Table::new(some).or_else(|| Table::new(least));
        let number = self.segments.len();
        assert!(number < 1 << (u32::BITS - WITHIN), "states of one set take more than 64 GiB");
        self.segments
            .push(table.unwrap_or_else(|| panic!("no memory for {least} words of states")));
        self.before += self.used;
        self.used = 0;
    }

    /// So many words of a block.
    #[inline(always)]
    pub fn block(&self, at: u32, words: usize) -> &[u32] {
        let (segment, first) = place(at);
        self.segments[segment].part(first, words)
    }

    /// So many words of a block.
    #[inline(always)]
    pub fn block_mut(&mut self, at: u32, words: usize) -> &mut [u32] {
        let (segment, first) = place(at);
        self.segments[segment].part_mut(first, words)
    }

    /// The line of the cache with a word of a block, and the word's place in it.
    #[inline(always)]
    pub fn line_mut(&mut self, at: u32, word: usize) -> (&mut Line, usize) {
        let (segment, first) = place(at);
        let word = first + word;
        let line = self.segments[segment].part_mut(word / line::WORDS * line::WORDS, line::WORDS);
        (line.try_into().expect("a line is so long"), word % line::WORDS)
    }

    /// Asks for a word of a block to be brought near.
    #[inline(always)]
    pub fn fetch(&self, at: u32, word: usize) {
        let (segment, first) = place(at);
        if let Some(segment) = self.segments.get(segment) {
            segment.fetch(first + word);
        }
    }

    /// Bytes that they take: of what was ever handed out.
    pub fn bytes(&self) -> u64 {
        let kept: usize = self.free.iter().map(Vec::capacity).sum();
        ((self.before + self.used + kept) * size_of::<u32>()) as u64
    }
}

/// The segment of a block, and its first word there.
#[inline]
const fn place(at: u32) -> (usize, usize) {
    ((at >> WITHIN) as usize, (at & ((1 << WITHIN) - 1)) as usize * UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::huge::LINE;

    #[test]
    fn blocks_are_apart_and_zero() {
        let mut blocks = Blocks::new();
        let mut taken = Vec::new();
        for number in 1..4000u32 {
            let class = number.trailing_zeros() + number % 2 * (number % 19);
            let at = blocks.take(class);
            assert!(blocks.block(at, words(class)).iter().all(|&word| word == 0));
            blocks.block_mut(at, words(class)).fill(number);
            taken.push((at, class, number));
            if number % 3 == 0 {
                let (at, class, number) = taken.swap_remove(number as usize * 7 % taken.len());
                assert!(blocks.block(at, words(class)).iter().all(|&word| word == number));
                blocks.give_back(at, class);
            }
        }
        for (at, class, number) in taken {
            let block = blocks.block(at, words(class));
            assert!(block.iter().all(|&word| word == number), "block {number}");
            assert!(class == 0 || (block.as_ptr() as usize).is_multiple_of(LINE));
        }
        assert!(blocks.segments.len() > 4);
    }

    #[test]
    fn sizes_grow() {
        let sizes: Vec<_> = (0..12).map(|class| words(class) / UNIT).collect();
        assert_eq!(sizes, [1, 4, 8, 16, 32, 64, 128, 256, 384, 512, 768, 1024]);
    }
}
