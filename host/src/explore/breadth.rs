//! Breadth first through all states of a system, level by level.
//!
//! A level is taken in blocks. Threads first expand parts of a block; then each adds what
//! was found to its own part of the visited set, in the order of the block; then what was
//! new is appended to the next level, in that order. So numbers of states, shortest
//! schedules and everything printed are the same at any number of threads.

use super::parents::Parents;
use super::system::{Choice, Scratch, State, Successor, System, flag, place_of};
use super::visited::Visited;
use super::{Counts, Progress, Verdict};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// States that one thread expands before it takes more.
const CHUNK: usize = 512;

/// States of a block: small enough that what was found is still in the cache when it is
/// added by one thread; larger if threads have to wait for each other.
const BLOCK: [usize; 2] = [2048, 65536];

/// Slots that are fetched ahead.
const AHEAD: usize = 24;

/// States whose steps are fetched ahead.
const NEAR: usize = 6;

/// How much to search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits<'a> {
    pub states: Option<u64>,
    pub depth: Option<u32>,
    pub time: Option<Duration>,
    pub memory: Option<u64>,
    pub threads: usize,
    /// Somebody wants it to end.
    pub stop: &'a AtomicBool,
}

/// How schedules end: a word, how many states end so, and the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub word: &'static str,
    pub states: u64,
    /// Transitions that lead to it, for errors.
    pub transitions: u64,
    pub first: u64,
}

/// A search, and how far it is.
pub(super) struct Breadth<'a, const W: usize> {
    system: &'a System<'a, W>,
    visited: Vec<Visited<W>>,
    parents: Parents,
    level: Vec<State<W>>,
    /// Number of the level's first state.
    first: u64,
    next: Vec<State<W>>,
    pub counts: Counts,
    pub ends: Vec<End>,
    /// Transitions in which something undefined was seen.
    pub undefined: u64,
    scratch: Vec<Scratch>,
    chunks: Vec<Chunk<W>>,
}

/// What came of expanding part of a block.
struct Chunk<const W: usize> {
    found: Vec<Successor<W>>,
    hashes: Vec<u64>,
    /// For each expanded state, how many successors were found up to it.
    upto: Vec<u32>,
    ends: Vec<(u32, &'static str)>,
    undefined: u64,
    /// For each part of the visited set: places in `found`, and whether each was new.
    parts: Vec<(Vec<u32>, Vec<bool>)>,
    one: Vec<Successor<W>>,
}

impl<const W: usize> Chunk<W> {
    fn new(parts: usize) -> Self {
        Self {
            found: Vec::new(),
            hashes: Vec::new(),
            upto: Vec::new(),
            ends: Vec::new(),
            undefined: 0,
            parts: vec![(Vec::new(), Vec::new()); parts],
            one: Vec::new(),
        }
    }
}

impl<'a, const W: usize> Breadth<'a, W> {
    pub fn new(system: &'a System<'a, W>, threads: usize) -> Self {
        let initial = system.initial();
        let parts = threads.next_power_of_two();
        let mut visited: Vec<_> = (0..parts).map(|_| Visited::new()).collect();
        let hash = place_of(&initial);
        visited[part_of(hash, parts)].insert(&initial, hash);
        Self {
            system,
            visited,
            parents: Parents::default(),
            level: vec![initial],
            first: 0,
            next: Vec::new(),
            counts: Counts { states: 1, transitions: 0, depth: 0, ends: 0 },
            ends: Vec::new(),
            undefined: 0,
            scratch: (0..threads).map(|_| system.scratch()).collect(),
            chunks: Vec::new(),
        }
    }

    /// Searches on, to the end or to a limit.
    pub fn run(&mut self, limits: &Limits<'_>, tell: &mut dyn FnMut(Progress)) -> Verdict {
        let since = Instant::now();
        while !self.level.is_empty() {
            if limits.depth.is_some_and(|most| self.counts.depth >= most) {
                return self.last_level(limits);
            }
            let size = BLOCK[usize::from(limits.threads > 1)];
            let level = std::mem::take(&mut self.level);
            for (number, block) in level.chunks(size).enumerate() {
                if let Some(verdict) = self.out_of(limits, since) {
                    return verdict;
                }
                let first = self.first + (number * size) as u64;
                if !self.block(block, first, limits) {
                    return Verdict::BoundedStates;
                }
                tell(self.progress());
            }
            self.first += level.len() as u64;
            self.level = std::mem::replace(&mut self.next, level);
            self.next.clear();
            self.counts.depth += u32::from(!self.level.is_empty());
        }
        Verdict::Exhaustive
    }

    fn out_of(&self, limits: &Limits<'_>, since: Instant) -> Option<Verdict> {
        if limits.stop.load(Relaxed) {
            return Some(Verdict::Interrupted);
        }
        if limits.time.is_some_and(|most| since.elapsed() >= most) {
            return Some(Verdict::BoundedTime);
        }
        limits.memory.filter(|&most| self.bytes() > most).map(|_| Verdict::BoundedMemory)
    }

    fn progress(&self) -> Progress {
        let Counts { states, depth, .. } = self.counts;
        Progress { states, depth, frontier: self.next.len() as u64, bytes: self.bytes() }
    }

    /// Bytes of everything that grows.
    pub fn bytes(&self) -> u64 {
        let frontier = (self.level.capacity() + self.next.capacity()) * size_of::<State<W>>();
        self.visited_bytes() + frontier as u64 + self.system.bytes().1
    }

    /// Bytes of what is kept of every state that was visited.
    pub fn visited_bytes(&self) -> u64 {
        let visited = self.visited.iter().map(Visited::bytes).sum::<u64>();
        visited + self.parents.bytes() + self.system.bytes().0
    }

    /// Steps that were worked out.
    pub fn worked_out(&self) -> u64 {
        self.scratch.iter().map(|scratch| scratch.worked_out).sum()
    }

    /// The choices that lead to a state.
    pub fn schedule(&self, state: u64) -> Vec<Choice> {
        self.parents.schedule(state)
    }

    /// The level at the limit of depth: it may have nothing but ends.
    fn last_level(&mut self, limits: &Limits<'_>) -> Verdict {
        let level = std::mem::take(&mut self.level);
        for (number, block) in level.chunks(BLOCK[1]).enumerate() {
            self.expand(block, limits);
            let first = self.first + (number * BLOCK[1]) as u64;
            for index in 0..self.chunks.len() {
                if !self.chunks[index].found.is_empty() {
                    return Verdict::BoundedDepth;
                }
                self.note_ends(index, first + (index * CHUNK) as u64);
            }
        }
        Verdict::Exhaustive
    }

    /// Expands a block and adds what was found; false if there may be no more states.
    fn block(&mut self, block: &[State<W>], first: u64, limits: &Limits<'_>) -> bool {
        self.expand(block, limits);
        self.add();
        for index in 0..self.chunks.len() {
            self.note_ends(index, first + (index * CHUNK) as u64);
            let chunk = &mut self.chunks[index];
            let mut at = 0;
            let mut places = vec![0; chunk.parts.len()];
            for (offset, &upto) in chunk.upto.iter().enumerate() {
                let parent = first + (index * CHUNK + offset) as u64;
                for place in at..upto as usize {
                    let Successor { state, by, .. } = chunk.found[place];
                    let part = part_of(chunk.hashes[place], chunk.parts.len());
                    let new = chunk.parts[part].1[places[part]];
                    places[part] += 1;
                    self.counts.transitions += 1;
                    if let Some(word) = self.system.error(&state) {
                        let end = end_of(&mut self.ends, word, self.counts.states);
                        end.transitions += 1;
                    }
                    if new {
                        if limits.states.is_some_and(|most| self.counts.states >= most) {
                            return false;
                        }
                        self.counts.states += 1;
                        self.parents.push(parent, by);
                        self.next.push(state);
                    }
                }
                at = upto as usize;
            }
        }
        true
    }

    fn note_ends(&mut self, index: usize, first: u64) {
        let chunk = &self.chunks[index];
        self.undefined += chunk.undefined;
        for &(offset, word) in &chunk.ends {
            let end = end_of(&mut self.ends, word, first + u64::from(offset));
            end.states += 1;
            self.counts.ends += 1;
        }
    }

    /// Expands a block, part by part.
    fn expand(&mut self, block: &[State<W>], limits: &Limits<'_>) {
        let parts = self.visited.len();
        self.chunks.truncate(block.len().div_ceil(CHUNK));
        self.chunks.resize_with(block.len().div_ceil(CHUNK), || Chunk::new(parts));
        let system = self.system;
        let threads = limits.threads.min(self.chunks.len());
        if threads <= 1 {
            for (states, chunk) in block.chunks(CHUNK).zip(&mut self.chunks) {
                expand(system, &mut self.scratch[0], states, chunk);
            }
            return;
        }
        let taken = AtomicUsize::new(0);
        let chunks: Vec<_> = self.chunks.iter_mut().map(std::sync::Mutex::new).collect();
        std::thread::scope(|scope| {
            for scratch in &mut self.scratch[..threads] {
                let (taken, chunks) = (&taken, &chunks);
                scope.spawn(move || {
                    loop {
                        let index = taken.fetch_add(1, Relaxed);
                        let Some(chunk) = chunks.get(index) else { return };
                        let mut chunk = chunk.lock().expect("each is taken once");
                        let states = &block[index * CHUNK..block.len().min((index + 1) * CHUNK)];
                        expand(system, scratch, states, &mut chunk);
                    }
                });
            }
        });
    }

    /// Adds what was found to the visited set.
    fn add(&mut self) {
        let chunks = &mut self.chunks;
        let mut lists: Vec<Vec<(&[Successor<W>], &[u64], &[u32], &mut Vec<bool>)>> =
            self.visited.iter().map(|_| Vec::new()).collect();
        for chunk in chunks {
            let Chunk { found, hashes, parts, .. } = chunk;
            for (list, (places, new)) in lists.iter_mut().zip(parts) {
                list.push((found, hashes, places, new));
            }
        }
        let busy = lists.len() > 1
            && lists.iter().flatten().map(|one| one.2.len()).sum::<usize>() > CHUNK;
        if !busy {
            for (visited, list) in self.visited.iter_mut().zip(lists) {
                add(visited, list);
            }
            return;
        }
        std::thread::scope(|scope| {
            for (visited, list) in self.visited.iter_mut().zip(lists) {
                scope.spawn(move || add(visited, list));
            }
        });
    }
}

fn end_of<'a>(ends: &'a mut Vec<End>, word: &'static str, first: u64) -> &'a mut End {
    let place = ends.iter().position(|end| end.word == word).unwrap_or_else(|| {
        ends.push(End { word, states: 0, transitions: 0, first });
        ends.len() - 1
    });
    &mut ends[place]
}

/// The part of the visited set for a hash: by its lower bits, for the upper ones give the
/// place.
#[inline]
const fn part_of(hash: u64, parts: usize) -> usize {
    hash as usize & (parts - 1)
}

fn expand<const W: usize>(
    system: &System<'_, W>,
    scratch: &mut Scratch,
    states: &[State<W>],
    chunk: &mut Chunk<W>,
) {
    let Chunk { found, hashes, upto, ends, undefined, parts, one } = chunk;
    found.clear();
    hashes.clear();
    upto.clear();
    ends.clear();
    *undefined = 0;
    let count = parts.len();
    for (places, new) in &mut *parts {
        places.clear();
        new.clear();
    }
    for (offset, state) in states.iter().enumerate() {
        if let Some(ahead) = states.get(offset + NEAR) {
            system.fetch(scratch, ahead);
        }
        match system.verdict(scratch, state) {
            Some(word) => ends.push((offset as u32, word)),
            None => {
                system.successors(scratch, state, one);
                if one.is_empty() {
                    let word = if system.quiet(scratch, state) { "ok" } else { "DEADLOCK" };
                    ends.push((offset as u32, word));
                }
                for successor in &*one {
                    *undefined += u64::from(successor.flags & flag::UNDEFINED != 0);
                    let hash = place_of(&successor.state);
                    parts[part_of(hash, count)].0.push(found.len() as u32);
                    hashes.push(hash);
                    found.push(*successor);
                }
            }
        }
        upto.push(found.len() as u32);
    }
}

fn add<const W: usize>(
    visited: &mut Visited<W>,
    list: Vec<(&[Successor<W>], &[u64], &[u32], &mut Vec<bool>)>,
) {
    visited.reserve(list.iter().map(|one| one.2.len() as u64).sum());
    for (found, hashes, places, new) in list {
        for &place in places.iter().take(AHEAD) {
            visited.fetch(hashes[place as usize]);
        }
        for (index, &place) in places.iter().enumerate() {
            if let Some(&ahead) = places.get(index + AHEAD) {
                visited.fetch(hashes[ahead as usize]);
            }
            new.push(visited.insert(&found[place as usize].state, hashes[place as usize]));
        }
    }
}
