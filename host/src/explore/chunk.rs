//! Part of a block: what one thread expands at once, and what was found.

use super::model::Model;
use super::system::{State, Successor, flag, place_of};
use super::visited::Visited;

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
}

/// What of a chunk belongs to one part of the visited set.
#[derive(Clone, Debug, Default)]
pub(super) struct Share {
    /// Its places in the chunk; none: all of it.
    places: Option<Vec<u32>>,
    /// Those of what was new.
    pub new: Vec<u32>,
}

/// What is known of something that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted {
    /// The part of the visited set to which it is new.
    pub new_to: Option<usize>,
    /// It stands for an error.
    pub is_error: bool,
}

impl<const W: usize> Chunk<W> {
    pub fn new(parts: usize) -> Self {
        Self {
            found: Vec::new(),
            upto: Vec::new(),
            ends: Vec::new(),
            undefined: 0,
            errors: Vec::new(),
            shares: vec![Share { places: (parts > 1).then(Vec::new), new: Vec::new() }; parts],
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

    /// Adds what belongs to a part of the visited set to it, and notes what was new.
    pub fn add(found: &[Successor<W>], share: &mut Share, visited: &mut Visited<W>) {
        match share {
            Share { places: None, new } => {
                let all = |index| (index < found.len()).then_some(index as u32);
                add(found, all, new, visited);
            }
            Share { places: Some(places), new } => {
                add(found, |index| places.get(index).copied(), new, visited);
            }
        }
    }

    /// What was found, and the share of each part in it.
    pub fn shares(&mut self) -> (&[Successor<W>], &mut [Share]) {
        (&self.found, &mut self.shares)
    }

    /// How many transitions were found.
    pub const fn len(&self) -> usize {
        self.found.len()
    }

    /// How many were new to their part.
    pub fn new_ones(&self) -> u64 {
        self.shares.iter().map(|share| share.new.len() as u64).sum()
    }

    /// Sees what was new to its part, and errors, in the order in which they were found, with
    /// the parent's number; until there are enough: the place of the last one then. The
    /// first state that was expanded has the number that is given.
    pub fn each_new(
        &self,
        first: u64,
        mut see: impl FnMut(&Successor<W>, u64, Noted) -> bool,
    ) -> Option<usize> {
        let mut expanded = 0;
        let mut tell = |place: u32, noted| {
            while self.upto[expanded] <= place {
                expanded += 1;
            }
            see(&self.found[place as usize], first + expanded as u64, noted)
        };
        if let ([share], []) = (&self.shares[..], &self.errors[..]) {
            let noted = Noted { new_to: Some(0), is_error: false };
            return share.new.iter().find(|&&place| !tell(place, noted)).map(|&at| at as usize);
        }
        let mut new: Vec<_> = self.shares.iter().map(|share| &share.new[..]).collect();
        let mut errors = &self.errors[..];
        loop {
            let heads = new.iter().enumerate().map(|(part, new)| (new.first(), part));
            let head = heads.filter_map(|(head, part)| Some((*head?, part))).min();
            let place = head.map(|head| head.0).into_iter().chain(errors.first().copied()).min()?;
            let new_to = head.filter(|head| head.0 == place).map(|head| head.1);
            let is_error = errors.first() == Some(&place);
            if let Some(part) = new_to {
                new[part] = &new[part][1..];
            }
            if is_error {
                errors = &errors[1..];
            }
            if !tell(place, Noted { new_to, is_error }) {
                return Some(place as usize);
            }
        }
    }
}

/// The part of the visited set that a state belongs to.
#[inline]
pub(super) fn part_of<const W: usize>(state: &State<W>, parts: usize) -> usize {
    if parts == 1 { 0 } else { place_of(state) as usize & (parts - 1) }
}

/// Adds states whose places are given, and notes which of them were new.
#[inline(always)]
fn add<const W: usize>(
    found: &[Successor<W>],
    place: impl Fn(usize) -> Option<u32>,
    new: &mut Vec<u32>,
    visited: &mut Visited<W>,
) {
    let state = |index| Some(&found[place(index)? as usize].state);
    (0..AHEAD).map_while(state).for_each(|state| visited.fetch(state));
    for (index, place) in (0..).map_while(|index| Some((index, place(index)?))) {
        // Tables of worlds first, lines in them later.
        if let Some(far) = state(index + FAR) {
            visited.fetch_table(far);
        }
        if let Some(near) = state(index + AHEAD) {
            visited.fetch(near);
        }
        if visited.insert(&found[place as usize].state) {
            new.push(place);
        }
    }
}
