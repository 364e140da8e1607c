//! Breadth first through all states of a system, level by level.
//!
//! A level is taken in blocks, of which threads expand parts; what was new is appended to the
//! next level in the order of the block. So numbers of states, shortest schedules and
//! everything printed are the same at any number of threads.
//!
//! When some of the visited set is on disk, what is new to the table is a candidate, kept
//! in order; when the level is over, or the table full again, all runs are looked through
//! once, and those that remain get their numbers then: the same as ever.
//!
//! Between two blocks everything is exact, so a search can be saved there and go on later.

use super::block::Block;
use super::chunk::{CHUNK, Seen, Way};
use super::model::Model;
use super::parents::{self, Parents};
use super::spill::{Folder, Log, Part, Queue, state_of};
use super::system::{Choice, State};
use super::visited::part_of;
use super::{Budget, Counts, Ending, Progress, Verdict};
use crate::run::is_error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// States of a block, between two looks at the limits: a few chunks for one thread; many for
/// several, which have to be started for each, and who take it piece by piece.
const BLOCK: [usize; 2] = [8 * CHUNK, 1 << 17];

/// How much to search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits<'a> {
    pub states: Option<u64>,
    pub depth: Option<u32>,
    pub time: Option<Duration>,
    pub memory: Option<u64>,
    pub threads: usize,
    /// Most bytes of the tables, if there is a disk.
    pub tables: u64,
    /// It ends at the first error.
    pub first_error: bool,
    /// How often it is saved.
    pub every: Option<Duration>,
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

impl<'a> Limits<'a> {
    /// Those of a budget, in memory alone.
    pub const fn new(budget: &Budget, stop: &'a AtomicBool) -> Self {
        let Budget { states, depth, time, memory, threads, .. } = *budget;
        let (tables, first_error, every) = (u64::MAX, false, None);
        Self { states, depth, time, memory, threads, tables, first_error, every, stop }
    }
}

impl End {
    /// What is told of it.
    pub const fn ending(&self) -> Ending {
        Ending { word: self.word, states: self.states }
    }
}

/// A search, and how far it is.
pub(super) struct Breadth<'a, M: Model<W>, const W: usize> {
    pub(super) model: &'a M,
    pub(super) parts: Vec<Part<W>>,
    pub(super) parents: Parents,
    pub(super) level: Queue<W>,
    /// Number of the level's first state.
    pub(super) first: u64,
    /// States of the level that were expanded.
    pub(super) done: u64,
    /// Some of the level was expanded, and is not in it any more.
    pub(super) begun: bool,
    pub(super) next: Queue<W>,
    disk: Option<Arc<Folder>>,
    spilled: bool,
    candidates: Candidates,
    /// Where it was before it went on a little further, for what is printed only.
    back: Option<Mark>,
    pub counts: Counts,
    pub ends: Vec<End>,
    /// Transitions in which something undefined was seen.
    pub undefined: u64,
    block: Block<M::Scratch, W>,
}

/// Everything about a search that has to be known to go on from a place, but for what only
/// grows.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub counts: Counts,
    pub ends: Vec<End>,
    pub undefined: u64,
    pub coverage: u64,
    pub parents: parents::Mark,
    /// States of the next level.
    pub next: u64,
}

/// States that are new if no run has them, in the order in which they were found, with how.
#[derive(Debug, Default)]
struct Candidates {
    log: Log,
    len: u64,
}

impl Candidates {
    /// Bytes of one.
    const fn size<const W: usize>() -> usize {
        size_of::<State<W>>() + 10
    }

    fn push<const W: usize>(&mut self, state: &State<W>, parent: u64, by: Choice) {
        let bytes = &mut self.log.tail;
        state.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        bytes.extend(parent.to_le_bytes());
        bytes.extend([by.by, by.which]);
        self.len += 1;
    }

    fn of<const W: usize>(bytes: &[u8]) -> (State<W>, u64, Choice) {
        let (state, rest) = bytes.split_at(size_of::<State<W>>());
        let [parent @ .., by, which] = rest else { unreachable!("it has ten bytes more") };
        let parent = parent.try_into().expect("eight bytes");
        (state_of(state), u64::from_le_bytes(parent), Choice { by: *by, which: *which })
    }
}

impl<'a, M: Model<W>, const W: usize> Breadth<'a, M, W> {
    /// A search that has seen nothing; what does not fit into memory goes to the folder.
    pub(super) fn empty(model: &'a M, threads: usize, disk: Option<Arc<Folder>>) -> Self {
        let parts = threads.next_power_of_two();
        Self {
            model,
            parts: (0..parts).map(|_| Part::new(parts)).collect(),
            parents: Parents::default(),
            level: Queue::new(),
            first: 0,
            done: 0,
            begun: false,
            next: Queue::new(),
            disk,
            spilled: false,
            candidates: Candidates::default(),
            back: None,
            counts: Counts::default(),
            ends: Vec::new(),
            undefined: 0,
            block: Block::new(parts, (0..threads).map(|_| model.scratch())),
        }
    }

    /// A search at its beginning.
    pub fn new(model: &'a M, threads: usize, disk: Option<Arc<Folder>>) -> Self {
        let mut search = Self::empty(model, threads, disk);
        let initial = model.initial();
        search.visit(&initial);
        search.level.push(&initial);
        search.counts.states = 1;
        search
    }

    /// Adds a state that is new.
    pub(super) fn visit(&mut self, state: &State<W>) {
        let part = part_of(state, self.parts.len());
        self.parts[part].table.insert(state);
    }

    /// Whether tables have to go to disk.
    pub(super) fn is_full(&self, limits: &Limits<'_>) -> bool {
        let tables = self.parts.iter().map(Part::bytes).sum::<u64>();
        let full = limits.memory.is_some_and(|most| self.bytes() > most);
        self.disk.is_some() && (full && tables > for_tables(limits) || tables > limits.tables)
    }

    /// Adds states that are new, on disk.
    pub(super) fn store_new(&mut self, states: &[State<W>]) -> io::Result<()> {
        self.spill()?;
        let Some(folder) = &self.disk else { return Ok(()) };
        let count = self.parts.len();
        for (index, part) in self.parts.iter_mut().enumerate() {
            let its = |state: &&State<W>| part_of(state, count) == index;
            let its: Vec<_> = states.iter().filter(its).copied().collect();
            part.store_new(&its, folder)?;
        }
        Ok(())
    }

    /// Searches on, to the end or to a limit; `save` is for a search between two blocks.
    pub fn run(
        &mut self,
        limits: &Limits<'_>,
        tell: &mut dyn FnMut(Progress),
        save: &mut dyn FnMut(&Self),
    ) -> io::Result<Verdict> {
        let verdict = self.search(limits, tell, save)?;
        self.settle()?;
        // In what order they came to be known goes by threads and the disk.
        self.ends.sort_unstable_by_key(|end| end.first);
        tell(self.progress());
        Ok(verdict)
    }

    fn search(
        &mut self,
        limits: &Limits<'_>,
        tell: &mut dyn FnMut(Progress),
        save: &mut dyn FnMut(&Self),
    ) -> io::Result<Verdict> {
        let since = Instant::now();
        let mut saving = limits.every.map(|every| since + every);
        let size = BLOCK[usize::from(limits.threads > 1)];
        let mut room = Vec::new();
        loop {
            if self.done == self.level.len() && !self.turn()? {
                return Ok(Verdict::Exhaustive);
            }
            if limits.depth.is_some_and(|most| self.counts.depth >= most) {
                return self.last_level();
            }
            if let Some(verdict) = self.out_of(limits, since)? {
                return Ok(verdict);
            }
            let left = limits.memory.map_or(u64::MAX, |most| most.saturating_sub(self.bytes()));
            self.model.remember_more(left / 2);
            let now = Instant::now();
            if saving.is_some_and(|time| now >= time) {
                self.settle()?;
                save(self);
                let took = now.elapsed() * 10;
                saving = limits.every.map(|every| now + every.max(took));
            }
            let level = std::mem::replace(&mut self.level, Queue::new());
            let block = level.block(self.done, size, &mut room)?;
            let all = self.expand(block, self.first + self.done, limits)?;
            let length = block.len() as u64;
            self.level = level;
            if !all {
                return Ok(Verdict::BoundedStates);
            }
            self.done += length;
            tell(self.progress());
            if limits.first_error && self.ends.iter().any(|end| is_error(end.word)) {
                return Ok(Verdict::Interrupted);
            }
        }
    }

    /// Makes the next level the level; false if it is empty.
    fn turn(&mut self) -> io::Result<bool> {
        self.settle()?;
        self.first += self.level.len();
        std::mem::swap(&mut self.level, &mut self.next);
        self.next.clear();
        if let (true, Some(folder)) = (self.spilled, &self.disk) {
            self.next.store(folder)?;
        }
        (self.done, self.begun) = (0, false);
        let more = self.level.len() > 0;
        self.counts.depth += u32::from(more);
        Ok(more)
    }

    /// Sees to the limits.
    fn out_of(&mut self, limits: &Limits<'_>, since: Instant) -> io::Result<Option<Verdict>> {
        if limits.stop.load(Relaxed) {
            return Ok(Some(Verdict::Interrupted));
        }
        if limits.time.is_some_and(|most| since.elapsed() >= most) {
            return Ok(Some(Verdict::BoundedTime));
        }
        if self.disk.is_none() {
            let full = limits.memory.is_some_and(|most| self.bytes() > most);
            return Ok(full.then_some(Verdict::BoundedMemory));
        }
        if self.is_full(limits) {
            self.spill()?;
        }
        let (parts, fixed) = self.model.bytes();
        let others = parts + fixed + self.parents.bytes();
        let left = |most| most - for_tables(limits);
        let full = limits.memory.is_some_and(|most| others > left(most));
        Ok(full.then_some(Verdict::BoundedMemory))
    }

    /// Moves everything to disk that can go there.
    fn spill(&mut self) -> io::Result<()> {
        self.settle()?;
        let Some(folder) = self.disk.clone() else { return Ok(()) };
        self.parents.store(&folder)?;
        self.level.store(&folder)?;
        self.next.store(&folder)?;
        self.candidates.log.store(&folder)?;
        self.spilled = true;
        self.each_part(|part| part.store(&folder))
    }

    /// Gives numbers to those candidates that are new.
    fn settle(&mut self) -> io::Result<()> {
        if self.candidates.len == 0 { Ok(()) } else { self.look_through() }
    }

    /// Looks through all runs.
    fn look_through(&mut self) -> io::Result<()> {
        self.each_part(Part::settle)?;
        let Candidates { log, len } = std::mem::take(&mut self.candidates);
        let size = Candidates::size::<W>();
        let mut bytes = Vec::new();
        for first in (0..len).step_by(CHUNK) {
            bytes.resize((len - first).min(CHUNK as u64) as usize * size, 0);
            log.read(first * size as u64, &mut bytes)?;
            let some: Vec<_> = bytes.chunks_exact(size).map(Candidates::of::<W>).collect();
            let count = self.parts.len();
            for (state, ..) in &some {
                self.parts[part_of(state, count)].table.fetch(state);
            }
            for (state, parent, by) in some {
                if self.parts[part_of(&state, count)].table.contains(&state) {
                    if let Some(word) = self.model.error(&state) {
                        end_of(&mut self.ends, word, self.counts.states);
                    }
                    self.take(&state, parent, by);
                }
            }
            self.flush()?;
        }
        self.candidates.log = log;
        self.candidates.log.clear();
        Ok(())
    }

    fn each_part(
        &mut self,
        work: impl Fn(&mut Part<W>) -> io::Result<()> + Sync,
    ) -> io::Result<()> {
        if let [one] = &mut self.parts[..] {
            return work(one);
        }
        std::thread::scope(|scope| {
            let work = &work;
            let threads = self.parts.iter_mut().map(|part| scope.spawn(move || work(part)));
            let threads: Vec<_> = threads.collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()?;
        self.parents.flush()?;
        self.candidates.log.flush()
    }

    fn progress(&self) -> Progress {
        let Counts { states, depth, .. } = self.counts;
        let unsettled = self.candidates.len;
        let frontier = self.next.len() + unsettled;
        Progress { states: states + unsettled, depth, frontier, bytes: self.bytes() }
    }

    /// Where it is, or was when it was last exact.
    pub fn mark(&self) -> Mark {
        self.back.clone().unwrap_or_else(|| Mark {
            counts: self.counts,
            ends: self.ends.clone(),
            undefined: self.undefined,
            coverage: self.model.coverage(),
            parents: self.parents.mark(),
            next: self.next.len(),
        })
    }

    /// Bytes of everything that grows.
    pub fn bytes(&self) -> u64 {
        let frontier = self.level.bytes() + self.next.bytes() + self.candidates.log.bytes();
        self.visited_bytes() + frontier + self.model.bytes().1
    }

    /// Bytes of what is kept of every state that was visited.
    pub fn visited_bytes(&self) -> u64 {
        let visited = self.parts.iter().map(Part::bytes).sum::<u64>();
        visited + self.parents.bytes() + self.model.bytes().0
    }

    /// The choices that lead to a state.
    pub fn schedule(&self, state: u64) -> io::Result<Vec<Choice>> {
        self.parents.schedule(state)
    }

    /// The level at the limit of depth: it may have nothing but ends.
    fn last_level(&mut self) -> io::Result<Verdict> {
        let mark = self.mark();
        let level = std::mem::replace(&mut self.level, Queue::new());
        let mut block = std::mem::replace(&mut self.block, Block::new(0, Vec::new()));
        let mut room = Vec::new();
        let mut verdict = Verdict::Exhaustive;
        for at in (0..level.len()).step_by(CHUNK) {
            let mut more = false;
            let states = level.block(at, CHUNK, &mut room)?;
            block.expand_alone(self.model, states, |_, seen| {
                more |= seen.transitions > 0;
                self.note(&seen, self.first + at);
            });
            if more {
                self.back = Some(mark);
                verdict = Verdict::BoundedDepth;
                break;
            }
        }
        self.block = block;
        self.level = level;
        Ok(verdict)
    }

    /// Expands states and adds what was found; false if there may be no more states.
    fn expand(&mut self, states: &[State<W>], first: u64, limits: &Limits<'_>) -> io::Result<bool> {
        let mut block = std::mem::replace(&mut self.block, Block::new(0, Vec::new()));
        let all = self.expand_as(&mut block, states, first, limits);
        self.block = block;
        all
    }

    fn expand_as(
        &mut self,
        block: &mut Block<M::Scratch, W>,
        states: &[State<W>],
        first: u64,
        limits: &Limits<'_>,
    ) -> io::Result<bool> {
        let coverage = self.model.coverage();
        let mut aside = Vec::new();
        let into = if self.spilled { &mut aside } else { self.next.states_mut() };
        let (seen, ways) = block.expand(self.model, states, &mut self.parts, into);
        let new = ways.len();
        let fits = |before: u64| limits.states.is_none_or(|most| before + new as u64 <= most);
        if !self.spilled && fits(self.counts.states) {
            self.note(&seen, first);
            self.take_all(ways, &seen.errors, first);
            self.flush()?;
            return Ok(true);
        }
        if self.spilled && fits(self.counts.states + self.candidates.len) {
            self.note(&seen, first);
            seen.errors.iter().for_each(|(_, state)| self.note_error(state, u64::MAX));
            for (state, way) in aside.iter().zip(ways) {
                self.candidates.push(state, first + u64::from(way.from), way.by);
            }
            self.flush()?;
            return Ok(true);
        }
        if !self.spilled {
            let before = into.len() - new;
            aside = into.split_off(before);
        }
        // The limit is near, so which are new has to be known.
        if self.spilled {
            self.look_through()?;
        }
        let mark = Mark { coverage, ..self.mark() };
        let last = self.take_some((ways, &aside), &seen.errors, first, limits);
        match last {
            None => self.note(&seen, first),
            Some(last) => {
                self.back = Some(mark);
                self.take_back((block, states, &aside), first, last);
            }
        }
        self.flush()?;
        Ok(last.is_none())
    }

    /// Takes up what is told of a block.
    fn note(&mut self, seen: &Seen<W>, first: u64) {
        self.counts.transitions += seen.transitions;
        self.undefined += seen.undefined;
        for &(from, word) in &seen.ends {
            end_of(&mut self.ends, word, first + u64::from(from)).states += 1;
            self.counts.ends += 1;
        }
    }

    /// Takes up what was new in a block; the next level has it already.
    fn take_all(&mut self, ways: &[Way], errors: &[(Way, State<W>)], first: u64) {
        if errors.is_empty() {
            self.counts.states += ways.len() as u64;
            ways.iter().for_each(|way| self.parents.push(first + u64::from(way.from), way.by));
            return;
        }
        each(ways, errors, |way, new, error| {
            error.into_iter().for_each(|state| self.note_error(state, self.counts.states));
            if new.is_some() {
                self.counts.states += 1;
                self.parents.push(first + u64::from(way.from), way.by);
            }
            true
        });
    }

    /// The same, one by one, of what was new to the table; the last one, if there may be no
    /// more states.
    fn take_some(
        &mut self,
        (ways, new): (&[Way], &[State<W>]),
        errors: &[(Way, State<W>)],
        first: u64,
        limits: &Limits<'_>,
    ) -> Option<Way> {
        each(ways, errors, |way, place, error| {
            error.into_iter().for_each(|state| self.note_error(state, self.counts.states));
            let Some(state) = place.map(|place| &new[place]) else { return true };
            if self.spilled {
                let part = &self.parts[part_of(state, self.parts.len())];
                if !part.table.contains(state) {
                    return true;
                }
            }
            let more = limits.states.is_none_or(|most| self.counts.states < most);
            if more {
                self.take(state, first + u64::from(way.from), way.by);
            }
            more
        })
    }

    /// Counts a transition to an error, the first of which has that number.
    #[cold]
    fn note_error(&mut self, state: &State<W>, number: u64) {
        let word = self.model.error(state).expect("it stands for an error");
        end_of(&mut self.ends, word, number).transitions += 1;
    }

    /// Gives a new state its number.
    fn take(&mut self, state: &State<W>, parent: u64, by: Choice) {
        self.counts.states += 1;
        self.parents.push(parent, by);
        self.next.push(state);
    }

    /// Takes what was new in a block out of the visited set, for a checkpoint has what was
    /// before it; and notes, as if nothing had been asked since, what is told up to the last
    /// one and its chunk.
    fn take_back(
        &mut self,
        (block, states, new): (&mut Block<M::Scratch, W>, &[State<W>], &[State<W>]),
        first: u64,
        last: Way,
    ) {
        let parts = self.parts.len();
        new.iter().for_each(|state| self.parts[part_of(state, parts)].table.remove(state));
        let before = self.back.as_ref().map_or(0, |mark| mark.coverage);
        self.model.forget_steps(before);
        let chunk = last.from as usize / CHUNK;
        let upto = states.len().min((chunk + 1) * CHUNK);
        block.expand_alone(self.model, &states[..upto], |found, mut seen| {
            seen.transitions = found.len_upto(last).unwrap_or(seen.transitions);
            self.note(&seen, first);
        });
    }
}

/// Sees what was new, by its place, and errors, in the order in which they were found, until
/// there is enough: the last one then.
fn each<const W: usize>(
    ways: &[Way],
    errors: &[(Way, State<W>)],
    mut see: impl FnMut(Way, Option<usize>, Option<&State<W>>) -> bool,
) -> Option<Way> {
    let (mut new, mut errors) = (ways.iter().enumerate().peekable(), errors.iter().peekable());
    loop {
        let heads = [new.peek().map(|&(_, &way)| way), errors.peek().map(|&&(way, _)| way)];
        let way = heads.into_iter().flatten().min()?;
        let place = new.next_if(|&(_, &one)| one == way).map(|(place, _)| place);
        let error = errors.next_if(|&&(one, _)| one == way).map(|(_, state)| state);
        if !see(way, place, error) {
            return Some(way);
        }
    }
}

/// What is known of a word, of which a state with a number has been seen.
fn end_of<'a>(ends: &'a mut Vec<End>, word: &'static str, number: u64) -> &'a mut End {
    let place = ends.iter().position(|end| end.word == word).unwrap_or_else(|| {
        ends.push(End { word, states: 0, transitions: 0, first: number });
        ends.len() - 1
    });
    let end = &mut ends[place];
    end.first = end.first.min(number);
    end
}

/// Bytes that are the tables', so that they do not go to disk all the time.
fn for_tables(limits: &Limits<'_>) -> u64 {
    limits.memory.map_or(0, |most| most / 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::model::toy::Toy;

    #[test]
    fn what_is_told_is_the_same_with_several_threads() {
        let cases = [(0, Some(150_000)), (0, None), (1, None), (2, None), (3, None), (4, None)];
        for (toy, states) in cases {
            let toy = Toy(toy);
            let told = [1, 2, 3].map(|threads| {
                let (budget, stop) =
                    (Budget { threads, states, ..Budget::default() }, false.into());
                let mut search = Breadth::new(&toy, threads, None);
                let limits = Limits::new(&budget, &stop);
                let verdict = search.run(&limits, &mut |_| {}, &mut |_| {}).unwrap();
                let schedules = search.ends.iter().map(|end| search.schedule(end.first).unwrap());
                let schedules: Vec<_> = schedules.collect();
                (verdict, search.counts, search.undefined, search.ends, schedules)
            });
            assert_eq!(told[0].3.len(), 3);
            assert!(told.iter().all(|one| *one == told[0]), "{states:?}");
        }
    }
}
