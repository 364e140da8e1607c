//! Packed states, and how one leads to another.

/// A packed state.
pub type State<const W: usize> = [u64; W];

/// Who makes a transition, and which one: the actor's place in the cast and what it
/// chooses, or the place of a swap request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// Most bits of an actor's number.
const MOST_BITS: u32 = 24;

/// Bits of a world's number.
const WORLD_BITS: u32 = 32;

/// In place of an actor's number: swap IO.
pub(in crate::explore) const SWAP_IO: u32 = (1 << MOST_BITS) - 1;

/// In place of an actor's number: everything is looked at.
pub(super) const LOOK: u32 = (1 << MOST_BITS) - 2;

/// What ends a schedule, in the order of its words: numbers of the worlds that stand for it.
pub const WORDS: [&str; 12] = [
    "POLICY",
    "BUG",
    "FILE DAMAGE",
    "ZERO DAMAGE",
    "MISSED COW",
    "LOST IO",
    "LOST STORE",
    "PIN APART",
    "NO PROGRESS",
    "DEADLOCK",
    "STUCK",
    UNPROVED,
];

/// Not certain to be right, with general contents: never told, for everything is looked at
/// again with contents told apart.
pub(super) const UNPROVED: &str = "UNPROVED";

/// The first world's number that stands for an error.
pub(in crate::explore) const ERRORS: u32 = u32::MAX - WORDS.len() as u32;

/// The number of the world that stands for an error.
pub(in crate::explore) fn world_of_error(word: &str) -> u32 {
    let place = WORDS.iter().position(|&one| one == word).expect("a word of an error");
    ERRORS + place as u32
}

/// The word of the error that a state stands for.
#[inline]
pub(in crate::explore) fn error_of<const W: usize>(state: &State<W>) -> Option<&'static str> {
    let world = world_of(state);
    (world >= ERRORS).then(|| WORDS[(world - ERRORS) as usize])
}

/// The number of a state's world.
#[inline]
pub(in crate::explore) const fn world_of<const W: usize>(state: &State<W>) -> u32 {
    state[0] as u32
}

/// Gives a state another world.
#[inline]
pub(in crate::explore) fn set_world<const W: usize>(state: &mut State<W>, world: u32) {
    state[0] = state[0] >> WORLD_BITS << WORLD_BITS | u64::from(world);
}

/// The key of a step: a world, an actor or what is in its place, and what it chooses.
/// Values of actors are of one actor each, so who it is need not be in it.
#[inline]
pub(in crate::explore) const fn key(world: u32, actor: u32, which: u8) -> u64 {
    (world as u64) << 32 | (actor as u64) << 8 | which as u64
}

/// What a step comes to, as one word: world, actor, flags.
///
/// # Panics
/// 2^24 values of actors.
pub(in crate::explore) fn outcome(world: u32, actor: u32, flags: u8) -> u64 {
    assert!(actor < LOOK, "too many values of actors");
    key(world, actor, flags)
}

/// World, actor and flags that a step comes to.
#[inline]
pub(in crate::explore) const fn parts_of(outcome: u64) -> (u32, u32, u8) {
    ((outcome >> 32) as u32, (outcome >> 8) as u32 & ((1 << MOST_BITS) - 1), outcome as u8)
}

/// Where the numbers of actors are in a state: after that of its world.
#[derive(Clone, Debug)]
pub(in crate::explore) struct Places {
    bits: u32,
    mask: u64,
    of: [Place; MOST_PLACES],
}

/// Where the number of an actor is in a state.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The word in which it begins.
    word: u8,
    /// Bits before it.
    shift: u8,
    /// It ends in the next word.
    split: bool,
}

/// As many as any universe or scenario has actors.
const MOST_PLACES: usize = 32;

const _: () = assert!(MOST_PLACES >= crate::explore::MOST_ACTORS);

impl Places {
    /// For so many actors in so many words.
    pub fn new(words: usize, actors: usize) -> Self {
        let all = words as u32 * 64;
        let bits = ((all - WORLD_BITS) / actors.max(1) as u32).min(MOST_BITS);
        // Each in one word, if there is room for that.
        let apart = |at: u32| if at % 64 + bits > 64 { at.next_multiple_of(64) } else { at };
        let layout = |place: &dyn Fn(u32) -> u32| {
            let (mut of, mut at) = ([Place::default(); MOST_PLACES], WORLD_BITS);
            for of in &mut of[..actors] {
                at = place(at);
                let (word, shift, split) = (at / 64, at % 64, at % 64 + bits > 64);
                *of = Place { word: word as u8, shift: shift as u8, split };
                at += bits;
            }
            (of, at)
        };
        let (of, end) = layout(&apart);
        let of = if end <= all { of } else { layout(&|at| at).0 };
        Self { bits, mask: (1 << bits) - 1, of }
    }

    /// A state of a world and actors.
    pub fn state<const W: usize>(&self, world: u32, actors: &[u32]) -> State<W> {
        let mut state = [0; W];
        set_world(&mut state, world);
        for (place, &actor) in actors.iter().enumerate() {
            self.set(&mut state, place, actor);
        }
        state
    }

    /// The number of an actor.
    #[inline(always)]
    pub fn get<const W: usize>(&self, state: &State<W>, actor: usize) -> u32 {
        let Place { word, shift, split } = self.of[actor];
        let mut bits = state[usize::from(word)] >> shift;
        if split {
            bits |= state[usize::from(word) + 1] << (64 - shift);
        }
        (bits & self.mask) as u32
    }

    /// Gives an actor another number.
    ///
    /// # Panics
    /// It has too many bits, or all of them are set: then it is none.
    #[inline(always)]
    pub fn set<const W: usize>(&self, state: &mut State<W>, actor: usize, number: u32) {
        let (number, mask) = (u64::from(number), self.mask);
        assert!(number < mask, "too many values of actors for {} bits", self.bits);
        let Place { word, shift, split } = self.of[actor];
        let bits = &mut state[usize::from(word)];
        *bits = *bits & !(mask << shift) | number << shift;
        if split {
            let bits = &mut state[usize::from(word) + 1];
            *bits = *bits & !(mask >> (64 - shift)) | number >> (64 - shift);
        }
    }
}

/// The hash that places a state.
#[inline]
pub(in crate::explore) fn place_of<const W: usize>(state: &State<W>) -> u64 {
    state.iter().fold(0, |hash, &word| mixed(word ^ hash))
}

/// A number of which each bit goes by each bit of another.
#[inline]
pub(in crate::explore) const fn mixed(word: u64) -> u64 {
    let wide = (word ^ 0x9e37_79b9_7f4a_7c15) as u128 * 0xa076_1d64_78bd_642f_u128;
    (wide >> 64) as u64 ^ wide as u64
}
