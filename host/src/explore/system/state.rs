//! Packed states, and how one leads to another.

/// A packed state.
pub type State<const W: usize> = [u64; W];

/// Who makes a transition, and which one: the actor's place in the cast and what it
/// chooses, or the place of a swap request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Choice {
    /// The actor; [`Choice::SWAP`] for swap IO.
    pub by: u8,
    /// What it chooses.
    pub which: u8,
}

impl Choice {
    /// Swap IO completes.
    pub const SWAP: u8 = u8::MAX;
}

/// A state that another leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Successor<const W: usize> {
    /// The state.
    pub state: State<W>,
    /// How.
    pub by: Choice,
    /// What happened on the way.
    pub flags: u8,
}

/// What happened in a transition.
pub mod flag {
    /// It is possible.
    pub const POSSIBLE: u8 = 1;
    /// A scan of a page (reclaim, migration) ended without success.
    pub const REFUSED: u8 = 2;
    /// A scan of a page ended with success.
    pub const REMOVED: u8 = 4;
    /// A request completed.
    pub const COMPLETED: u8 = 8;
    /// swapoff ended.
    pub const OFF: u8 = 16;
    /// Something undefined was seen.
    pub const UNDEFINED: u8 = 32;
    /// Names changed.
    pub const RENAMED: u8 = 64;
}

/// Writes so many bits of a state.
#[inline]
pub(in crate::explore) fn put<const W: usize>(
    state: &mut State<W>,
    place: u32,
    bits: u32,
    value: u64,
) {
    let (word, shift) = ((place / 64) as usize, place % 64);
    let mask = u64::MAX >> (64 - bits);
    state[word] = state[word] & !(mask << shift) | value << shift;
    if shift + bits > 64 {
        let low = 64 - shift;
        state[word + 1] = state[word + 1] & !(mask >> low) | value >> low;
    }
}

/// Reads so many bits of a state.
#[inline]
pub(in crate::explore) fn get<const W: usize>(state: &State<W>, place: u32, bits: u32) -> u64 {
    let (word, shift) = ((place / 64) as usize, place % 64);
    let mask = u64::MAX >> (64 - bits);
    let mut value = state[word] >> shift;
    if shift + bits > 64 {
        value |= state[word + 1] << (64 - shift);
    }
    value & mask
}

/// The hash that places a state.
#[inline]
pub(in crate::explore) fn place_of<const W: usize>(state: &State<W>) -> u64 {
    let mut hash = 0u64;
    for &word in state {
        let wide = u128::from(word ^ hash ^ 0x9e37_79b9_7f4a_7c15) * 0xa076_1d64_78bd_642f_u128;
        hash = (wide >> 64) as u64 ^ wide as u64;
    }
    hash
}
