//! Breadth first through all states, level by level.
//!
//! Threads expand parts of a level; what they found is merged in the order of the level,
//! so that numbers of states, shortest schedules and everything printed are the same at
//! any number of threads. A state is known by 128 bits of `blake3` of all that its future
//! depends on: among 10^9 states the chance of any collision is below 10^-20, and one
//! could only hide a state, since every finding is replayed.

use super::canonical::renumber;
use super::{Budget, Counts, Ending, Progress, Verdict};
use crate::run::{Move, Walk};
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

/// States that are expanded before what was found is merged.
const BLOCK: usize = 2048;

/// The state that another was reached from, and by which move.
#[derive(Clone, Copy, Debug)]
struct Node {
    parent: u32,
    by: Move,
}

/// A state that was reached, if it was not known yet when it was.
struct Reached<'a> {
    by: Move,
    key: u128,
    walk: Walk<'a>,
}

/// What came of expanding one state.
struct Expanded<'a> {
    /// Moves that are possible.
    moves: u64,
    fresh: Vec<Reached<'a>>,
    /// The outcome, if nothing can follow.
    end: Option<&'static str>,
}

/// What a search found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub verdict: Verdict,
    pub counts: Counts,
    /// Each distinct outcome, in the order in which they were met: with the number of end
    /// states, and the shortest schedule.
    pub endings: Vec<(Ending, Vec<Move>)>,
}

struct Search<'a> {
    seen: HashSet<u128>,
    nodes: Vec<Node>,
    level: Vec<(u32, Walk<'a>)>,
    counts: Counts,
    endings: Vec<(Ending, u32)>,
}

/// Searches all that can follow a walk.
pub(super) fn search(
    start: Walk<'_>,
    budget: &Budget,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(Progress),
) -> Found {
    let mut start = start;
    let key = key(&mut start);
    let root = Node { parent: u32::MAX, by: Move::Actor(0) };
    let mut search = Search {
        seen: HashSet::from([key]),
        nodes: vec![root],
        level: vec![(0, start)],
        counts: Counts { states: 1, transitions: 0, depth: 0, ends: 0 },
        endings: Vec::new(),
    };
    let verdict = search.levels(budget, stop, tell);
    let Search { nodes, counts, endings, .. } = search;
    let endings = endings.into_iter().map(|(ending, node)| (ending, schedule(&nodes, node)));
    Found { verdict, counts, endings: endings.collect() }
}

impl<'a> Search<'a> {
    fn levels(
        &mut self,
        budget: &Budget,
        stop: &AtomicBool,
        tell: &mut dyn FnMut(Progress),
    ) -> Verdict {
        let since = Instant::now();
        while !self.level.is_empty() {
            // The last level is expanded all the same: it may have nothing but ends.
            let last = budget.depth.is_some_and(|most| self.counts.depth >= most);
            let level = std::mem::take(&mut self.level);
            let mut next = Vec::new();
            for block in level.chunks(BLOCK) {
                if stop.load(Relaxed) {
                    return Verdict::Interrupted;
                }
                if budget.time.is_some_and(|most| since.elapsed() >= most) {
                    return Verdict::BoundedTime;
                }
                for (&(parent, _), expanded) in block.iter().zip(self.expand(block, budget)) {
                    if last && expanded.moves > 0 {
                        return Verdict::BoundedDepth;
                    }
                    if !self.merge(parent, expanded, &mut next, budget) {
                        return Verdict::BoundedStates;
                    }
                }
                let Counts { states, depth, .. } = self.counts;
                tell(Progress { states, depth, frontier: next.len() as u64, bytes: 0 });
            }
            self.level = next;
            self.counts.depth += u32::from(!self.level.is_empty());
        }
        Verdict::Exhaustive
    }

    /// Expands some states; the result is in their order.
    fn expand(&self, block: &[(u32, Walk<'a>)], budget: &Budget) -> Vec<Expanded<'a>> {
        let part = block.len().div_ceil(budget.threads.max(1)).max(1);
        let one = |states: &[(u32, Walk<'a>)]| -> Vec<_> {
            states.iter().map(|(_, walk)| expand(walk, &self.seen)).collect()
        };
        if part == block.len() {
            return one(block);
        }
        std::thread::scope(|scope| {
            let parts = block.chunks(part).map(|states| scope.spawn(move || one(states)));
            let parts: Vec<_> = parts.collect();
            let joined = parts.into_iter().map(|part| part.join());
            joined.flat_map(|part| part.unwrap_or_else(|e| std::panic::resume_unwind(e))).collect()
        })
    }

    /// Takes up what came of one state; false if there may be no more states.
    fn merge(
        &mut self,
        parent: u32,
        expanded: Expanded<'a>,
        next: &mut Vec<(u32, Walk<'a>)>,
        budget: &Budget,
    ) -> bool {
        self.counts.transitions += expanded.moves;
        if let Some(word) = expanded.end {
            self.note_end(word, parent);
        }
        for Reached { by, key, walk } in expanded.fresh {
            if self.seen.contains(&key) {
                continue;
            }
            if budget.states.is_some_and(|most| self.counts.states >= most) {
                return false;
            }
            self.seen.insert(key);
            self.counts.states += 1;
            let node = u32::try_from(self.nodes.len()).expect("fewer than 2^32 states");
            self.nodes.push(Node { parent, by });
            next.push((node, walk));
        }
        true
    }

    fn note_end(&mut self, word: &'static str, node: u32) {
        self.counts.ends += 1;
        match self.endings.iter_mut().find(|(ending, _)| ending.word == word) {
            Some((ending, _)) => ending.states += 1,
            None => self.endings.push((Ending { word, states: 1 }, node)),
        }
    }
}

fn expand<'a>(walk: &Walk<'a>, seen: &HashSet<u128>) -> Expanded<'a> {
    let mut expanded = Expanded { moves: 0, fresh: Vec::new(), end: None };
    for by in walk.candidates() {
        let mut walk = walk.clone();
        if walk.take(by).is_none() {
            continue;
        }
        expanded.moves += 1;
        let key = key(&mut walk);
        if !seen.contains(&key) {
            walk.audit();
            expanded.fresh.push(Reached { by, key, walk });
        }
    }
    if expanded.moves == 0 {
        expanded.end = Some(walk.clone().end().word);
    }
    expanded
}

fn schedule(nodes: &[Node], mut node: u32) -> Vec<Move> {
    let mut moves = Vec::new();
    while node != 0 {
        let Node { parent, by } = nodes[node as usize];
        moves.push(by);
        node = parent;
    }
    moves.reverse();
    moves
}

/// Collects what is hashed, to be hashed at once.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the bytes are hashed whole")
    }
}

/// Makes a state canonical; what it is known by.
fn key(walk: &mut Walk<'_>) -> u128 {
    renumber(walk.machine_mut());
    let mut bytes = Bytes(Vec::with_capacity(4096));
    walk.hash(&mut bytes);
    let hash = blake3::hash(&bytes.0);
    u128::from_le_bytes(hash.as_bytes()[..16].try_into().expect("32 bytes"))
}
