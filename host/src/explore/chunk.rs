//! Part of a block: what one thread expands at once, and what was found.

use super::model::Model;
use super::system::{Choice, State, Successor, flag};
use super::visited::{Visited, part_of};
use std::mem::take;

/// States that one thread expands before it takes more.
pub(super) const CHUNK: usize = 512;

/// States whose steps are fetched ahead.
const NEAR: usize = 6;

/// Slots that are fetched ahead.
const AHEAD: usize = 24;

/// Tables of worlds that are fetched ahead.
const FAR: usize = 32;

/// What came of expanding part of a block.
pub(super) struct Chunk<const W: usize> {
    found: Vec<Successor<W>>,
    /// For each expanded state, how many successors were found up to it.
    upto: Vec<u32>,
    /// Expanded states at which schedules end, and how.
    pub ends: Vec<(u32, &'static str)>,
    /// Transitions in which something undefined was seen.
    pub undefined: u64,
    /// Places in `found` of what stands for an error.
    errors: Vec<u32>,
    /// For each part of the visited set.
    shares: Vec<Share>,
    /// Places of all that was new, in order, if there are several parts.
    new: Vec<u32>,
    /// All that was new.
    states: Vec<State<W>>,
    /// Which of the expanded states led to it, and how.
    ways: Vec<(u32, Choice)>,
}

/// Places in a chunk of what belongs to one part of the visited set.
#[derive(Clone, Debug, Default)]
pub(super) struct Share {
    /// None: all of it.
    places: Option<Vec<u32>>,
    /// Of what was new.
    new: Vec<u32>,
}

impl<const W: usize> Chunk<W> {
    pub fn new(parts: usize) -> Self {
        let share = Share { places: (parts > 1).then(Vec::new), new: Vec::new() };
        Self {
            found: Vec::new(),
            upto: Vec::new(),
            ends: Vec::new(),
            undefined: 0,
            errors: Vec::new(),
            shares: vec![share; parts],
            new: Vec::new(),
            states: Vec::new(),
            ways: Vec::new(),
        }
    }

    /// Expands states: sees what can follow, and where nothing can.
    pub fn expand<M: Model<W>>(
        &mut self,
        model: &M,
        scratch: &mut M::Scratch,
        states: &[State<W>],
    ) {
        let Self { found, upto, ends, .. } = self;
        found.clear();
        upto.clear();
        ends.clear();
        for (offset, state) in states.iter().enumerate() {
            if let Some(ahead) = states.get(offset + NEAR) {
                model.fetch(scratch, ahead);
            }
            let before = found.len();
            match model.expand(scratch, state, found) {
                Some(word) => ends.push((offset as u32, word)),
                None if found.len() == before => {
                    ends.push((offset as u32, model.end(scratch, state)));
                }
                None => {}
            }
            upto.push(found.len() as u32);
        }
        self.sort_out(model);
    }

    /// Sees which part each belongs to, and what is told of them besides.
    fn sort_out<M: Model<W>>(&mut self, model: &M) {
        let Self { found, undefined, errors, shares, .. } = self;
        errors.clear();
        *undefined = 0;
        for Share { places, new } in &mut *shares {
            places.iter_mut().for_each(Vec::clear);
            new.clear();
        }
        let count = shares.len();
        for (place, successor) in (0..).zip(&*found) {
            *undefined += u64::from(successor.flags & flag::UNDEFINED != 0);
            if model.error(&successor.state).is_some() {
                errors.push(place);
            }
            if count > 1 {
                let places = &mut shares[part_of(&successor.state, count)].places;
                places.as_mut().expect("there are several").push(place);
            }
        }
    }

    /// How many transitions were found.
    pub const fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether any of them leads to an error.
    pub const fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// What was found, and the share of each part in it.
    pub fn shares(&mut self) -> (&[Successor<W>], &mut [Share]) {
        (&self.found, &mut self.shares)
    }

    /// Puts together what was new to any part.
    pub fn gather(&mut self) {
        self.new.clear();
        if self.shares.len() > 1 {
            let mut lists: Vec<_> = self.shares.iter().map(|share| &share.new[..]).collect();
            let head = |list: &&mut &[u32]| list.first().copied();
            let rest = |list: &&mut &[u32]| !list.is_empty();
            while let Some(list) = lists.iter_mut().filter(rest).min_by_key(head) {
                self.new.push(list[0]);
                *list = &list[1..];
            }
        }
        let (mut states, mut ways) = (take(&mut self.states), take(&mut self.ways));
        states.clear();
        ways.clear();
        let mut expanded = 0;
        for &place in self.new_places() {
            let Successor { state, by, .. } = self.found[place as usize];
            expanded = self.expanded(place, expanded);
            states.push(state);
            ways.push((expanded as u32, by));
        }
        (self.states, self.ways) = (states, ways);
    }

    /// Places of all that was new, in order.
    fn new_places(&self) -> &[u32] {
        if let [share] = &self.shares[..] { &share.new } else { &self.new }
    }

    /// The expanded state that led to a place: this one or one after it.
    #[inline(always)]
    fn expanded(&self, place: u32, mut from: usize) -> usize {
        while self.upto[from] <= place {
            from += 1;
        }
        from
    }

    /// What was new, and for each of these which of the expanded states led to it, and how.
    pub fn new_ones(&self) -> (&[State<W>], &[(u32, Choice)]) {
        (&self.states, &self.ways)
    }

    /// Sees errors and what was new, in the order in which they were found, with which of the
    /// expanded states led there and whether it was new; until there are enough: how many
    /// transitions there were up to the last one then.
    pub fn each(&self, mut see: impl FnMut(&Successor<W>, u32, bool) -> bool) -> Option<usize> {
        let (mut new, mut errors) = (self.new_places(), &self.errors[..]);
        let mut expanded = 0;
        while let Some(&place) = new.first().into_iter().chain(errors.first()).min() {
            let is_new = new.first() == Some(&place);
            new = &new[usize::from(is_new)..];
            errors = &errors[usize::from(errors.first() == Some(&place))..];
            expanded = self.expanded(place, expanded);
            if !see(&self.found[place as usize], expanded as u32, is_new) {
                return Some(place as usize + 1);
            }
        }
        None
    }
}

impl Share {
    /// Adds what belongs to a part of the visited set to it, and notes what was new.
    pub fn add<const W: usize>(&mut self, found: &[Successor<W>], visited: &mut Visited<W>) {
        let Self { places, new } = self;
        match places {
            None => add(found.len(), |index| index as u32, found, new, visited),
            Some(places) => add(places.len(), |index| places[index], found, new, visited),
        }
    }

    /// Places of what was new.
    pub fn new_ones(&self) -> &[u32] {
        &self.new
    }
}

/// Adds so many states, and notes the places of those that were new.
#[inline(always)]
fn add<const W: usize>(
    count: usize,
    place: impl Fn(usize) -> u32,
    found: &[Successor<W>],
    new: &mut Vec<u32>,
    visited: &mut Visited<W>,
) {
    let state = |index| &found[place(index) as usize].state;
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
            new.push(place(index));
        }
    }
}
