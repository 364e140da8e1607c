//! Part of a block: what one thread expands at once, what was found, and what was new.
//!
//! States, with their worlds, belong to parts of the visited set, which are one thread's
//! each: so what was found is sorted by the part it belongs to.

use super::model::Model;
use super::system::{Choice, State, Successor, flag};
use super::visited::{Visited, part_of};

/// States that are expanded before it is seen to what was found.
pub(super) const CHUNK: usize = 512;

/// States whose steps are fetched ahead.
const NEAR: usize = 6;

/// Slots that are fetched ahead.
const AHEAD: usize = 24;

/// Tables of worlds that are fetched ahead.
const FAR: usize = 32;

/// How a state was found: ordered as they were found in a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    /// Which of the block's states led to it.
    pub from: u32,
    /// How many others that state had led to before.
    pub nth: u16,
    /// By which choice.
    pub by: Choice,
}

/// What the states of a chunk led to.
#[derive(Debug)]
pub(super) struct Found<const W: usize> {
    /// The chunk's first state in the block.
    first: u32,
    successors: Vec<Successor<W>>,
    /// For each of the states, how many successors were found up to it.
    upto: Vec<u32>,
}

/// What was found, by the part it belongs to, in the order in which it was found.
pub(super) type Sorted<const W: usize> = Vec<Vec<(State<W>, Way)>>;

/// What is told of what was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen<const W: usize> {
    /// Transitions.
    pub transitions: u64,
    /// Transitions in which something undefined was seen.
    pub undefined: u64,
    /// States of the block at which schedules end, and how.
    pub ends: Vec<(u32, &'static str)>,
    /// What was found that stands for an error.
    pub errors: Vec<(Way, State<W>)>,
}

/// What was new to one part of the visited set, in the order in which it was found.
#[derive(Debug)]
pub(super) struct Added<const W: usize> {
    pub states: Vec<State<W>>,
    pub ways: Vec<Way>,
    /// For each chunk, how much was new up to it.
    pub upto: Vec<usize>,
}

impl Way {
    /// A number that orders ways as they were found.
    pub const fn order(self) -> u64 {
        (self.from as u64) << 16 | self.nth as u64
    }
}

impl<const W: usize> Found<W> {
    pub const fn new() -> Self {
        Self { first: 0, successors: Vec::new(), upto: Vec::new() }
    }

    /// Expands the states of a chunk, the first of which has that number in the block: sees
    /// what can follow, and where nothing can.
    pub fn expand<M: Model<W>>(
        &mut self,
        (model, scratch): (&M, &mut M::Scratch),
        (first, states): (u32, &[State<W>]),
        seen: &mut Seen<W>,
    ) {
        self.first = first;
        let Self { successors, upto, .. } = self;
        successors.clear();
        upto.clear();
        for (index, state) in states.iter().enumerate() {
            if let Some(ahead) = states.get(index + NEAR) {
                model.fetch(scratch, ahead);
            }
            let before = successors.len();
            let word = model.expand(scratch, state, successors);
            if word.is_some() || successors.len() == before {
                let word = word.unwrap_or_else(|| model.end(scratch, state));
                seen.ends.push((first + index as u32, word));
            }
            upto.push(successors.len() as u32);
        }
        self.look_over(model, seen);
    }

    /// Sees what is told of what was found.
    fn look_over<M: Model<W>>(&self, model: &M, seen: &mut Seen<W>) {
        let mut index = 0;
        seen.transitions += self.successors.len() as u64;
        for (place, Successor { state, flags, .. }) in (0..).zip(&self.successors) {
            seen.undefined += u64::from(flags & flag::UNDEFINED != 0);
            if model.error(state).is_some() {
                index = self.index(place, index);
                seen.errors.push((self.way(place, index), *state));
            }
        }
    }

    /// Which of the states led to what is at a place: this one or one after it.
    #[inline(always)]
    fn index(&self, place: u32, mut index: usize) -> usize {
        while self.upto[index] <= place {
            index += 1;
        }
        index
    }

    /// How one of the states led to what is at a place.
    #[inline(always)]
    fn way(&self, place: u32, index: usize) -> Way {
        let before = index.checked_sub(1).map_or(0, |before| self.upto[before]);
        let by = self.successors[place as usize].by;
        let from = self.first + index as u32;
        Way { from, nth: (place - before) as u16, by }
    }

    /// Sorts what was found by the part it belongs to.
    pub fn sort_out(&self, to: &mut Sorted<W>) {
        let parts = to.len();
        to.iter_mut().for_each(Vec::clear);
        let mut place = 0;
        for (from, &upto) in (self.first..).zip(&self.upto) {
            let successors = &self.successors[place as usize..upto as usize];
            for (nth, &Successor { state, by, .. }) in (0..).zip(successors) {
                to[part_of(&state, parts)].push((state, Way { from, nth, by }));
            }
            place = upto;
        }
    }

    /// How many transitions were found up to one; none: it is not from these states.
    pub fn len_upto(&self, way: Way) -> Option<u64> {
        let index = way.from.checked_sub(self.first)? as usize;
        self.upto.get(index)?;
        let before = index.checked_sub(1).map_or(0, |before| self.upto[before]);
        Some(u64::from(before) + u64::from(way.nth) + 1)
    }
}

impl<const W: usize> Seen<W> {
    pub const fn new() -> Self {
        Self { transitions: 0, undefined: 0, ends: Vec::new(), errors: Vec::new() }
    }

    /// Adds what was seen by another thread.
    pub fn add(&mut self, other: Self) {
        self.transitions += other.transitions;
        self.undefined += other.undefined;
        self.ends.extend(other.ends);
        self.errors.extend(other.errors);
    }

    /// All in the order in which it was found.
    pub fn sort(&mut self) {
        self.ends.sort_unstable();
        self.errors.sort_unstable();
    }
}

impl<const W: usize> Added<W> {
    pub const fn new() -> Self {
        Self { states: Vec::new(), ways: Vec::new(), upto: Vec::new() }
    }

    /// Forgets what was new, for the next block.
    pub fn clear(&mut self) {
        self.states.clear();
        self.ways.clear();
        self.upto.clear();
    }

    /// What was new in a chunk.
    pub fn of_chunk(&self, chunk: usize) -> (&[State<W>], &[Way]) {
        let from = chunk.checked_sub(1).map_or(0, |before| self.upto[before]);
        let range = from..self.upto[chunk];
        (&self.states[range.clone()], &self.ways[range])
    }

    /// Adds all that a chunk led to to the visited set, and keeps what was new.
    pub fn add_all(&mut self, found: &Found<W>, visited: &mut Visited<W>) {
        let (mut index, successors) = (0, &found.successors);
        let Self { states, ways, upto } = self;
        add(
            successors.len(),
            |place| &successors[place].state,
            visited,
            |place| {
                index = found.index(place as u32, index);
                states.push(successors[place].state);
                ways.push(found.way(place as u32, index));
            },
        );
        upto.push(states.len());
    }

    /// The same for what belongs to a part of the visited set.
    pub fn add_sorted(&mut self, found: &[(State<W>, Way)], visited: &mut Visited<W>) {
        let Self { states, ways, upto } = self;
        add(
            found.len(),
            |place| &found[place].0,
            visited,
            |place| {
                let (state, way) = found[place];
                states.push(state);
                ways.push(way);
            },
        );
        upto.push(states.len());
    }
}

/// Adds so many states, and tells which were new.
#[inline(always)]
fn add<'a, const W: usize>(
    count: usize,
    state: impl Fn(usize) -> &'a State<W>,
    visited: &mut Visited<W>,
    mut new: impl FnMut(usize),
) {
    (0..count.min(AHEAD)).for_each(|index| visited.fetch(state(index)));
    for index in 0..count {
        // Tables of worlds first, lines in them later.
        if index + FAR < count {
            visited.fetch_table(state(index + FAR));
        }
        if index + AHEAD < count {
            visited.fetch(state(index + AHEAD));
        }
        if visited.insert(state(index)) {
            new(index);
        }
    }
}
