//! Two policies side by side: the shortest schedule on which one goes wrong and the other
//! does not.
//!
//! A state is one of each policy, reached by the same choices; whoever cannot make a choice
//! stays where it is. Names must mean the same on both sides, and steps must be as long, so
//! nothing is reduced here. Where only one of two policies ever goes wrong, its own shortest
//! schedule is the answer and this search is not needed.

use super::breadth::Limits;
use super::model::Model;
use super::system::{Choice, State, Successor, place_of};
use super::{Counts, Verdict};
use crate::run::is_error;
use hashbrown::HashTable;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// A schedule on which two policies come apart.
#[derive(Clone, Debug)]
pub(super) struct Parted {
    /// Which of the two goes wrong.
    pub wrong: usize,
    /// The word of its error.
    pub word: &'static str,
    pub schedule: Vec<Choice>,
}

/// A pair of states, in the order in which they were found.
struct Node<const W: usize> {
    states: [State<W>; 2],
    parent: u32,
    by: Choice,
}

/// What is explored, under two policies.
pub(super) struct Pairs<'a, M: Model<W>, const W: usize> {
    models: [&'a M; 2],
    scratch: [M::Scratch; 2],
    nodes: Vec<Node<W>>,
    table: HashTable<u32>,
    pub counts: Counts,
}

impl<'a, M: Model<W>, const W: usize> Pairs<'a, M, W> {
    pub fn new(models: [&'a M; 2]) -> Self {
        let mut pairs = Self {
            models,
            scratch: models.map(Model::scratch),
            nodes: Vec::new(),
            table: HashTable::new(),
            counts: Counts { states: 0, transitions: 0, depth: 0, ends: 0 },
        };
        let by = Choice { by: 0, which: 0 };
        pairs.add(models.map(Model::initial), 0, by);
        pairs
    }

    /// Searches until `enough` says so of a schedule, or to the end or a limit.
    pub fn run(&mut self, limits: &Limits<'_>, mut enough: impl FnMut(Parted) -> bool) -> Verdict {
        let since = Instant::now();
        let mut found = [Vec::new(), Vec::new()];
        let (mut at, mut level_ends) = (0, 1);
        while at < self.nodes.len() {
            if at == level_ends {
                level_ends = self.nodes.len();
                self.counts.depth += 1;
                if limits.depth.is_some_and(|most| self.counts.depth >= most) {
                    return Verdict::BoundedDepth;
                }
            }
            if at % 4096 == 0 {
                self.models.iter().for_each(|model| model.remember_more(u64::MAX));
                if limits.stop.load(Relaxed) {
                    return Verdict::Interrupted;
                }
                if limits.time.is_some_and(|most| since.elapsed() >= most) {
                    return Verdict::BoundedTime;
                }
                if limits.states.is_some_and(|most| self.counts.states >= most) {
                    return Verdict::BoundedStates;
                }
            }
            if self.expand(at, &mut found, &mut enough) {
                return Verdict::Exhaustive;
            }
            at += 1;
        }
        Verdict::Exhaustive
    }

    /// Expands one pair; true if that is enough.
    fn expand(
        &mut self,
        at: usize,
        found: &mut [Vec<Successor<W>>; 2],
        enough: &mut impl FnMut(Parted) -> bool,
    ) -> bool {
        let states = self.nodes[at].states;
        let words =
            [0, 1].map(|side| self.models[side].verdict(&mut self.scratch[side], &states[side]));
        if let Some(enough) = self.judge(at, words, enough) {
            return enough;
        }
        for side in 0..2 {
            let scratch = &mut self.scratch[side];
            found[side].clear();
            self.models[side].successors(scratch, &states[side], &mut found[side]);
        }
        let [one, other] = found;
        let mut choices: Vec<_> = one.iter().chain(&*other).map(|successor| successor.by).collect();
        choices.sort_unstable();
        choices.dedup();
        if choices.is_empty() {
            let words = [0, 1].map(|side| {
                let word = self.models[side].end(&mut self.scratch[side], &states[side]);
                Some(word).filter(|word| is_error(word))
            });
            return self.judge(at, words, enough).unwrap_or(false);
        }
        for by in choices {
            self.counts.transitions += 1;
            let next = |side: usize, of: &[Successor<W>]| {
                let follows = of.iter().find(|successor| successor.by == by);
                follows.map_or(states[side], |successor| successor.state)
            };
            self.add([next(0, one), next(1, other)], at as u32, by);
        }
        false
    }

    /// Whether it is enough that one side went wrong, or both did; none if nobody did.
    fn judge(
        &self,
        at: usize,
        words: [Option<&'static str>; 2],
        enough: &mut impl FnMut(Parted) -> bool,
    ) -> Option<bool> {
        match words {
            [None, None] => None,
            [Some(word), None] => Some(enough(self.parted(at, 0, word))),
            [None, Some(word)] => Some(enough(self.parted(at, 1, word))),
            [Some(one), Some(other)] => Some(one != other && enough(self.parted(at, 0, one))),
        }
    }

    fn add(&mut self, states: [State<W>; 2], parent: u32, by: Choice) {
        let hash =
            |states: &[State<W>; 2]| place_of(&states[0]) ^ place_of(&states[1]).rotate_left(31);
        let Self { nodes, table, .. } = self;
        let this = hash(&states);
        if table.find(this, |&node| nodes[node as usize].states == states).is_some() {
            return;
        }
        let node = u32::try_from(nodes.len()).expect("fewer than 2^32 pairs");
        nodes.push(Node { states, parent, by });
        table.insert_unique(this, node, |&node| hash(&nodes[node as usize].states));
        self.counts.states += 1;
    }

    fn parted(&self, at: usize, wrong: usize, word: &'static str) -> Parted {
        let mut schedule = Vec::new();
        let mut node = at;
        while node > 0 {
            let Node { parent, by, .. } = self.nodes[node];
            schedule.push(by);
            node = parent as usize;
        }
        schedule.reverse();
        Parted { wrong, word, schedule }
    }
}
