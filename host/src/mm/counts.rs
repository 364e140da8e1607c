//! page_count and page_mapcount, in two representations.
//!
//! Knows nothing of pages. `Two` is what 2.6.11 has: two counters, a mapping
//! being counted in both. `Packed` is the mail's proposal for 64-bit machines:
//! one 64-bit word, count in the lower 24 bits and mapcount in the upper 40,
//! a mapping being counted in mapcount only.
//!
//! Where 24 bits overflow: 16,777,216 references that are not ptes on one page.
//! Ptes do not use them up, so it takes get_user_pages (one each), or 16,384
//! references of `FOLL_PIN`, which later kernels count as 1024.

/// How the two counts are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counters {
    /// Two 32-bit counters (`_count`, `_mapcount` of `struct page`).
    #[default]
    Two,
    /// One 64-bit word: 24 bits of count, 40 of mapcount.
    Packed,
}

/// The counts of one page, in the representation that a [`Counters`] reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageCounts(u64);

impl PageCounts {
    /// No reference, no mapping.
    pub const ZERO: Self = Self(0);

    /// The lower and the upper half, whatever they stand for.
    pub(super) const fn parts(self) -> (u32, u32) {
        (self.0 as u32, (self.0 >> 32) as u32)
    }

    pub(super) const fn of_parts(low: u32, high: u32) -> Self {
        Self(low as u64 | (high as u64) << 32)
    }
}

/// A counter has no room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

const PACKED_BITS: u32 = 24;
const PACKED_MASK: u64 = (1 << PACKED_BITS) - 1;
const TWO_BITS: u32 = 32;
const TWO_MASK: u64 = (1 << TWO_BITS) - 1;

impl Counters {
    /// `page_count`.
    #[must_use]
    #[inline]
    pub const fn count(self, counts: PageCounts) -> u32 {
        match self {
            Self::Two => (counts.0 & TWO_MASK) as u32,
            Self::Packed => ((counts.0 & PACKED_MASK) + (counts.0 >> PACKED_BITS)) as u32,
        }
    }

    /// `page_mapcount`.
    #[must_use]
    #[inline]
    pub const fn mapcount(self, counts: PageCounts) -> u32 {
        match self {
            Self::Two => (counts.0 >> TWO_BITS) as u32,
            Self::Packed => (counts.0 >> PACKED_BITS) as u32,
        }
    }

    /// `get_page`: one more reference.
    #[inline]
    pub const fn get(self, counts: &mut PageCounts) -> Result<(), Overflow> {
        let mask = match self {
            Self::Two => TWO_MASK,
            Self::Packed => PACKED_MASK,
        };
        if counts.0 & mask == mask {
            return Err(Overflow);
        }
        counts.0 += 1;
        Ok(())
    }

    /// `page_ref_add`: so many more references.
    pub const fn add(self, counts: &mut PageCounts, references: u32) -> Result<(), Overflow> {
        let mask = match self {
            Self::Two => TWO_MASK,
            Self::Packed => PACKED_MASK,
        };
        if mask - (counts.0 & mask) < references as u64 {
            return Err(Overflow);
        }
        counts.0 += references as u64;
        Ok(())
    }

    /// `page_ref_sub`, where it is known that others remain.
    ///
    /// Panics if there are not so many: a caller's bug.
    pub const fn sub(self, counts: &mut PageCounts, references: u32) {
        let free = match self {
            Self::Two => self.count(*counts) - self.mapcount(*counts),
            Self::Packed => (counts.0 & PACKED_MASK) as u32,
        };
        assert!(free > references, "page_ref_sub of more than there is");
        counts.0 -= references as u64;
    }

    /// `put_page_testzero`: one reference less; whether it was the last.
    ///
    /// Panics if there is none that is not a mapping's: a caller's bug.
    #[inline]
    pub const fn put(self, counts: &mut PageCounts) -> bool {
        let free = match self {
            Self::Two => self.count(*counts) > self.mapcount(*counts),
            Self::Packed => counts.0 & PACKED_MASK > 0,
        };
        assert!(free, "put_page without a reference");
        counts.0 -= 1;
        counts.0 == 0
    }

    /// A reference that the caller holds becomes a mapping's.
    #[inline]
    pub const fn add_rmap(self, counts: &mut PageCounts) {
        match self {
            Self::Two => counts.0 += 1 << TWO_BITS,
            Self::Packed => {
                assert!(counts.0 & PACKED_MASK > 0, "rmap without a reference");
                counts.0 += (1 << PACKED_BITS) - 1;
            }
        }
    }

    /// A mapping's reference becomes the caller's.
    #[inline]
    pub const fn remove_rmap(self, counts: &mut PageCounts) -> Result<(), Overflow> {
        match self {
            Self::Two => counts.0 -= 1 << TWO_BITS,
            Self::Packed => {
                if counts.0 & PACKED_MASK == PACKED_MASK {
                    return Err(Overflow);
                }
                counts.0 -= (1 << PACKED_BITS) - 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_representations_count_alike() {
        for counters in [Counters::Two, Counters::Packed] {
            let mut c = PageCounts::default();
            counters.get(&mut c).expect("room");
            counters.add_rmap(&mut c);
            counters.get(&mut c).expect("room");
            assert_eq!((counters.count(c), counters.mapcount(c)), (2, 1));
            counters.remove_rmap(&mut c).expect("room");
            assert_eq!((counters.count(c), counters.mapcount(c)), (2, 0));
            assert!(!counters.put(&mut c));
            assert!(counters.put(&mut c));
        }
    }

    #[test]
    fn packed_count_overflows_at_24_bits_and_never_carries_into_mapcount() {
        let mut c = PageCounts(PACKED_MASK - 1);
        assert_eq!(Counters::Packed.get(&mut c), Ok(()));
        assert_eq!(Counters::Packed.get(&mut c), Err(Overflow));
        assert_eq!(Counters::Packed.mapcount(c), 0);
        let mut two = PageCounts(PACKED_MASK);
        assert_eq!(Counters::Two.get(&mut two), Ok(()));
        assert_eq!(Counters::Two.count(two), 1 << PACKED_BITS);
    }

    #[test]
    fn foll_pin_counts_1024() {
        for counters in [Counters::Two, Counters::Packed] {
            let mut c = PageCounts::default();
            counters.get(&mut c).expect("room");
            counters.add(&mut c, 1024).expect("room");
            assert_eq!(counters.count(c), 1025);
            counters.sub(&mut c, 1023);
            assert_eq!(counters.count(c), 2);
        }
        let mut c = PageCounts(PACKED_MASK - 1024);
        assert_eq!(Counters::Packed.add(&mut c, 1024), Ok(()));
        assert_eq!(Counters::Packed.add(&mut c, 1024), Err(Overflow));
    }

    #[test]
    fn packed_mappings_do_not_use_up_the_24_bits() {
        let mut c = PageCounts::default();
        for _ in 0..1 << 10 {
            Counters::Packed.get(&mut c).expect("room");
            Counters::Packed.add_rmap(&mut c);
        }
        assert_eq!(c.0 & PACKED_MASK, 0);
        assert_eq!(Counters::Packed.count(c), 1 << 10);
    }
}
