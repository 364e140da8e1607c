//! A line of the cache, looked at as a whole: nobody can tell where a search in it would end.

use super::huge::LINE;

/// Words of a line.
pub(super) const WORDS: usize = LINE / size_of::<u32>();

/// A line.
pub(super) type Line = [u32; WORDS];

/// The places that begin a pair of words, as bits.
const EVEN: u32 = 0x5555;

/// Where a line holds a pair, and where a pair begins with a zero: places of words, as bits.
#[inline(always)]
pub(super) fn pairs(line: &Line, pair: [u32; 2]) -> (u32, u32) {
    let (same, zero) = (equal(line, pair), equal(line, [0, 0]));
    (same & same >> 1 & EVEN, zero & EVEN)
}

/// The places of a line's words that are what they would be if it held nothing but a pair.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn equal(line: &Line, [first, second]: [u32; 2]) -> u32 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi32, _mm_loadu_si128, _mm_movemask_epi8, _mm_packs_epi16,
        _mm_packs_epi32, _mm_set1_epi64x,
    };
    let fours = line.as_chunks::<4>().0;
    // SAFETY: four words are read of four; SSE2 is part of x86-64.
    unsafe {
        let all = _mm_set1_epi64x((u64::from(second) << 32 | u64::from(first)) as i64);
        let same = |place: usize| {
            _mm_cmpeq_epi32(_mm_loadu_si128(fours[place].as_ptr().cast::<__m128i>()), all)
        };
        let lower = _mm_packs_epi32(same(0), same(1));
        let upper = _mm_packs_epi32(same(2), same(3));
        _mm_movemask_epi8(_mm_packs_epi16(lower, upper)) as u32
    }
}

/// The same, without words of the machine's own.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn equal_one_by_one(line: &Line, pair: [u32; 2]) -> u32 {
    let same = line.iter().enumerate().map(|(place, &word)| word == pair[place % 2]);
    same.enumerate().fold(0, |bits, (place, same)| bits | u32::from(same) << place)
}

#[cfg(not(target_arch = "x86_64"))]
use equal_one_by_one as equal;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_looked_at_as_a_whole() {
        let mut seed = 1u32;
        let mut small = || {
            seed = seed.wrapping_mul(0x0001_9660d).wrapping_add(0x3c6e_f35f);
            seed >> 30
        };
        for _ in 0..20_000 {
            let line: Line = std::array::from_fn(|_| small() * 0x4000_0001);
            let pair = [small() * 0x4000_0001, small() * 0x4000_0001];
            assert_eq!(equal(&line, pair), equal_one_by_one(&line, pair), "{line:x?} {pair:x?}");
            let (here, free) = pairs(&line, pair);
            for (place, two) in line.as_chunks::<2>().0.iter().enumerate() {
                assert_eq!(here >> (2 * place) & 1 == 1, *two == pair);
                assert_eq!(free >> (2 * place) & 1 == 1, two[0] == 0);
            }
        }
    }
}
