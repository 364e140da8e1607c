//! Part of a block: what one thread expands at once, what was found, and what was new.
//!
//! States, with their worlds, belong to parts of the visited set, which are one thread's
//! each: so what was found is sorted by the part it belongs to.

use super::model::Model;
use super::system::{Choice, State, Successor, flag, mixed};
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

/// Expands chunks, one after the other.
#[derive(Debug)]
pub(super) struct Expander<const W: usize> {
    /// The chunk's first state in the block.
    first: u32,
    successors: Vec<Successor<W>>,
    /// For each of the states, how many successors were found up to it.
    upto: Vec<u32>,
    recent: Recent<W>,
}

/// A state that was found, and how.
type Found<const W: usize> = (State<W>, Way);

/// What the states of a chunk led to, but for what was found shortly before, by the part it
/// belongs to: in the order in which it was found.
#[derive(Clone, Debug)]
pub(super) struct Sorted<const W: usize> {
    /// Of each part, and how much of it is not of chunks before.
    parts: Vec<(Vec<Found<W>>, usize)>,
}

/// States that were found shortly before, each in a place of its own that others take over:
/// two actors that do not meet lead to the same state whoever is first, so half of all that
/// is found is among a few of them.
#[derive(Debug)]
struct Recent<const W: usize>(Box<[State<W>]>);

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

/// What was new, in the order in which it was found.
#[derive(Debug)]
pub(super) struct New<'a, const W: usize> {
    pub states: &'a mut Vec<State<W>>,
    pub ways: &'a mut Vec<Way>,
}

/// What was new to one part of the visited set, in the order in which it was found.
#[derive(Debug)]
pub(super) struct Added<const W: usize> {
    states: Vec<State<W>>,
    ways: Vec<Way>,
}

impl Way {
    /// A number that orders ways as they were found.
    pub const fn order(self) -> u64 {
        (self.from as u64) << 16 | self.nth as u64
    }
}

impl<const W: usize> Recent<W> {
    /// Bytes of it, or up to twice as many: fewer than the nearest cache has.
    const BYTES: usize = 1 << 14;

    /// In place of a state.
    const NONE: State<W> = [u64::MAX; W];

    fn new() -> Self {
        let many = (Self::BYTES / size_of::<State<W>>()).next_power_of_two();
        Self(vec![Self::NONE; many].into())
    }

    /// Whether a state was found shortly before; from now on it was.
    #[inline(always)]
    fn find(&mut self, state: &State<W>) -> bool {
        let hash = state.iter().fold(0, |hash, &word| mixed(hash ^ word));
        let place = hash as usize & (self.0.len() - 1);
        std::mem::replace(&mut self.0[place], *state) == *state
    }

    fn forget(&mut self) {
        self.0.fill(Self::NONE);
    }
}

impl<const W: usize> Sorted<W> {
    /// Nothing, for so many parts.
    pub fn new(parts: usize) -> Self {
        Self { parts: vec![(Vec::new(), 0); parts] }
    }

    /// What belongs to a part.
    pub fn of_part(&self, part: usize) -> &[Found<W>] {
        let (found, many) = &self.parts[part];
        &found[..*many]
    }

    /// Forgets everything.
    fn clear(&mut self) {
        self.parts.iter_mut().for_each(|(_, many)| *many = 0);
    }

    /// Adds what is new; without a branch, which nobody could tell the way of.
    #[inline(always)]
    fn add(&mut self, state: &State<W>, way: Way, new: bool) {
        let part = part_of(state, self.parts.len());
        let (found, many) = &mut self.parts[part];
        if *many == found.len() {
            more(found);
        }
        found[*many] = (*state, way);
        *many += usize::from(new);
    }
}

/// Makes room for more.
#[cold]
fn more<const W: usize>(found: &mut Vec<Found<W>>) {
    found.resize((2 * found.len()).max(CHUNK), ([0; W], Way::default()));
}

impl<const W: usize> Expander<W> {
    pub fn new() -> Self {
        Self { first: 0, successors: Vec::new(), upto: Vec::new(), recent: Recent::new() }
    }

    /// Expands the states of a chunk, the first of which has that number in the block: sees
    /// what can follow, and where nothing can. Of what it sorts, all is added before anything
    /// that is found later: so what was found shortly before need not be.
    pub fn expand<M: Model<W>>(
        &mut self,
        (model, scratch): (&M, &mut M::Scratch),
        (first, states): (u32, &[State<W>]),
        seen: &mut Seen<W>,
        to: &mut Sorted<W>,
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
        self.look_over(model, seen, to);
    }

    /// Sees what is told of what was found, and sorts it by the part it belongs to.
    fn look_over<M: Model<W>>(&mut self, model: &M, seen: &mut Seen<W>, to: &mut Sorted<W>) {
        let Self { first, successors, upto, recent } = self;
        seen.transitions += successors.len() as u64;
        to.clear();
        let mut place = 0;
        for (from, &upto) in (*first..).zip(&*upto) {
            let successors = &successors[place as usize..upto as usize];
            for (nth, Successor { state, by, flags }) in (0..).zip(successors) {
                let way = Way { from, nth, by: *by };
                seen.undefined += u64::from(flags & flag::UNDEFINED != 0);
                if model.error(state).is_some() {
                    seen.errors.push((way, *state));
                }
                to.add(state, way, !recent.find(state));
            }
            place = upto;
        }
    }

    /// Takes nothing to be in the visited set any more.
    pub fn forget(&mut self) {
        self.recent.forget();
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

impl<const W: usize> New<'_, W> {
    /// Adds what was found to the visited set, or to the part of it that all belongs to, and
    /// keeps what was new.
    pub fn add(&mut self, found: &[Found<W>], visited: &mut Visited<W>) {
        let fetch = |visited: &Visited<W>, index: usize| {
            if let Some((state, _)) = found.get(index) {
                visited.fetch(state);
            }
        };
        (0..AHEAD).for_each(|index| fetch(visited, index));
        for (index, (state, way)) in found.iter().enumerate() {
            // Tables of worlds first, lines in them later.
            if let Some((state, _)) = found.get(index + FAR) {
                visited.fetch_table(state);
            }
            fetch(visited, index + AHEAD);
            if visited.insert(state) {
                self.states.push(*state);
                self.ways.push(*way);
            }
        }
    }

    /// Keeps what was new to any part.
    pub fn gather<'b>(&mut self, added: impl Iterator<Item = &'b Added<W>>) {
        /// After everything else.
        const END: u64 = u64::MAX;
        let order = |added: &Added<W>, at: usize| added.ways.get(at).map_or(END, |way| way.order());
        let mut heads: Vec<_> = added.map(|added| (order(added, 0), 0, added)).collect();
        while let Some((first, at, added)) = heads.iter_mut().min_by_key(|head| head.0)
            && *first != END
        {
            self.states.push(added.states[*at]);
            self.ways.push(added.ways[*at]);
            *at += 1;
            *first = order(added, *at);
        }
    }
}

impl<const W: usize> Added<W> {
    pub const fn new() -> Self {
        Self { states: Vec::new(), ways: Vec::new() }
    }

    /// To add to it.
    pub fn new_mut(&mut self) -> New<'_, W> {
        New { states: &mut self.states, ways: &mut self.ways }
    }

    /// Forgets what was new.
    pub fn clear(&mut self) {
        self.states.clear();
        self.ways.clear();
    }
}
