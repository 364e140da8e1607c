//! A block: what is expanded before it is seen to what was found.
//!
//! Threads take it up piece by piece. Of each piece, a thread first takes chunks and expands
//! them; when all are done it adds what was found to its own part of the visited set, in the
//! order of the block; and goes on with the next piece while others may still add. So what
//! one thread hands to another is still in the cache.

use super::chunk::{Added, CHUNK, Found, Seen, Sorted, Way};
use super::model::Model;
use super::spill::Part;
use super::system::State;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::Duration;

/// Chunks in a piece, for each thread.
const PIECE: usize = 8;

/// How often a thread looks whether others are there before it lets go of the processor.
const LOOKS: u32 = 1 << 10;

/// And before it sleeps between two looks.
const MANY_LOOKS: u32 = 1 << 14;

/// How long it sleeps then: whom it waits for has more to do than to expand a few states.
const SLEEP: Duration = Duration::from_micros(50);

/// A block, and what threads work with.
pub(super) struct Block<S, const W: usize> {
    threads: Vec<Thread<S, W>>,
    /// What was found in a piece, and in the one before, by chunk.
    sorted: [Vec<RwLock<Sorted<W>>>; 2],
    /// What was new, for each part that it belongs to.
    new: Vec<Added<W>>,
    /// How each was reached that was new to any part, if there are several.
    ways: Vec<Way>,
}

/// What one thread works with.
struct Thread<S, const W: usize> {
    scratch: S,
    found: Found<W>,
}

/// Parts of the visited set that are one thread's, by their numbers, and what was new to them.
type Share<'a, const W: usize> = Vec<(usize, &'a mut Part<W>, &'a mut Added<W>)>;

/// Where threads wait for each other.
struct Meeting {
    threads: usize,
    /// How often one came.
    came: AtomicUsize,
    /// One panicked and will not come any more.
    lost: AtomicBool,
}

impl Meeting {
    const fn new(threads: usize) -> Self {
        Self { threads, came: AtomicUsize::new(0), lost: AtomicBool::new(false) }
    }

    /// Waits until all threads came as often.
    ///
    /// # Panics
    /// One that was waited for panicked.
    fn meet(&self, times: usize) {
        self.came.fetch_add(1, AcqRel);
        let mut looks = 0;
        while self.came.load(Acquire) < times * self.threads {
            assert!(!self.lost.load(Relaxed), "another thread panicked");
            looks = (looks + 1).min(MANY_LOOKS);
            match looks {
                0..LOOKS => std::hint::spin_loop(),
                LOOKS..MANY_LOOKS => thread::yield_now(),
                _ => thread::sleep(SLEEP),
            }
        }
    }
}

/// Tells others if this thread panics.
struct Tells<'a>(&'a Meeting);

impl Drop for Tells<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lost.store(true, Relaxed);
        }
    }
}

impl<S: Send, const W: usize> Block<S, W> {
    /// Blocks for so many parts, and threads that have something to work with.
    pub fn new(parts: usize, scratch: impl IntoIterator<Item = S>) -> Self {
        let thread = |scratch| Thread { scratch, found: Found::new() };
        Self {
            threads: scratch.into_iter().map(thread).collect(),
            sorted: Default::default(),
            new: (0..parts).map(|_| Added::new()).collect(),
            ways: Vec::new(),
        }
    }

    /// Expands states, adds what was found to the visited set, and keeps what was new.
    pub fn expand<M>(&mut self, model: &M, states: &[State<W>], set: &mut [Part<W>]) -> Seen<W>
    where
        M: Model<W, Scratch = S>,
    {
        let Self { threads, new, .. } = self;
        new.iter_mut().for_each(Added::clear);
        let one = (&mut threads[..], &mut *set, &mut new[..]);
        let ([Thread { scratch, found }], [set], [new]) = one else {
            return self.expand_together(model, states, set);
        };
        let mut seen = Seen::new();
        for (first, states) in (0..).step_by(CHUNK).zip(states.chunks(CHUNK)) {
            found.expand((model, scratch), (first, states), &mut seen);
            new.add_all(found, &mut set.table);
        }
        seen
    }

    /// The same with several threads.
    fn expand_together<M>(&mut self, model: &M, states: &[State<W>], set: &mut [Part<W>]) -> Seen<W>
    where
        M: Model<W, Scratch = S>,
    {
        let Self { threads, sorted, new, .. } = self;
        let (parts, chunks) = (new.len(), states.len().div_ceil(CHUNK));
        let many = threads.len().min(chunks).max(1);
        let size = PIECE * many;
        for sorted in &mut *sorted {
            let nothing = || RwLock::new(vec![Vec::new(); parts]);
            sorted.resize_with(sorted.len().max(size), nothing);
        }
        let mut shares: Vec<Share<'_, W>> = (0..many).map(|_| Vec::new()).collect();
        for (part, (set, new)) in set.iter_mut().zip(new).enumerate() {
            shares[part % many].push((part, set, new));
        }
        let meeting = Meeting::new(many);
        let taken = AtomicUsize::new(0);
        let work = |thread: &mut Thread<S, W>, mut share: Share<'_, W>| {
            let _tells = Tells(&meeting);
            let Thread { scratch, found } = thread;
            let mut seen = Seen::new();
            let mut next = taken.fetch_add(1, Relaxed);
            for (piece, begin) in (0..chunks).step_by(size).enumerate() {
                let (sorted, end) = (&sorted[piece % 2], chunks.min(begin + size));
                while next < end {
                    let first = next * CHUNK;
                    let states = &states[first..states.len().min(first + CHUNK)];
                    found.expand((model, scratch), (first as u32, states), &mut seen);
                    found.sort_out(&mut sorted[next - begin].write().expect("nobody panicked"));
                    next = taken.fetch_add(1, Relaxed);
                }
                meeting.meet(piece + 1);
                for sorted in &sorted[..end - begin] {
                    let sorted = sorted.read().expect("nobody panicked");
                    for (part, set, new) in &mut share {
                        new.add_sorted(&sorted[*part], &mut set.table);
                    }
                }
            }
            seen
        };
        let mut seen = thread::scope(|scope| {
            let mut both = threads[..many].iter_mut().zip(shares);
            let (first, share) = both.next().expect("there is a thread");
            let work = &work;
            let others: Vec<_> =
                both.map(|(thread, share)| scope.spawn(move || work(thread, share))).collect();
            let mut seen = work(first, share);
            for other in others {
                seen.add(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            seen
        });
        seen.sort();
        seen
    }

    /// Expands states, with one thread; sees each chunk's.
    pub fn expand_alone<M: Model<W, Scratch = S>>(
        &mut self,
        model: &M,
        states: &[State<W>],
        mut see: impl FnMut(&Found<W>, Seen<W>),
    ) {
        let Thread { scratch, found } = &mut self.threads[0];
        for (first, states) in (0..).step_by(CHUNK).zip(states.chunks(CHUNK)) {
            let mut seen = Seen::new();
            found.expand((model, scratch), (first, states), &mut seen);
            see(found, seen);
        }
    }

    /// How much was new.
    pub fn len_new(&self) -> usize {
        self.new.iter().map(|new| new.states.len()).sum()
    }

    /// All that was new to each part.
    pub fn new_of_parts(&self) -> impl Iterator<Item = &[State<W>]> {
        self.new.iter().map(|new| &new.states[..])
    }

    /// Puts together what was new, in the order in which it was found: so many states as
    /// there are. How each was reached.
    pub fn gather(&mut self, mut into: &mut [State<W>]) -> &[Way] {
        if self.new.len() == 1 {
            into.copy_from_slice(&self.new[0].states);
            return &self.new[0].ways;
        }
        let Self { threads, new, ways, .. } = self;
        ways.resize(into.len(), Way::default());
        let (mut left, mut tasks) = (&mut ways[..], Vec::new());
        for chunk in 0..new[0].upto.len() {
            let lists: Vec<_> = new.iter().map(|new| new.of_chunk(chunk)).collect();
            let many = lists.iter().map(|(states, _)| states.len()).sum();
            let states = into.split_off_mut(..many).expect("they are so many");
            let ways = left.split_off_mut(..many).expect("they are so many");
            tasks.push((lists, states, ways));
        }
        let many = threads.len().min(tasks.len());
        let tasks = Mutex::new(tasks.into_iter());
        let work = || {
            let mut all = Vec::new();
            let take = || tasks.lock().expect("nobody panics with it").next();
            while let Some((lists, states, ways)) = take() {
                put_together(&lists, &mut all, states, ways);
            }
        };
        thread::scope(|scope| {
            (1..many).for_each(|_| drop(scope.spawn(work)));
            work();
        });
        ways
    }
}

/// Puts together what was new to any part in a chunk.
fn put_together<const W: usize>(
    lists: &[(&[State<W>], &[Way])],
    all: &mut Vec<(Way, State<W>)>,
    states: &mut [State<W>],
    ways: &mut [Way],
) {
    all.clear();
    for (states, ways) in lists {
        all.extend(ways.iter().copied().zip(states.iter().copied()));
    }
    // It consists of runs, which this sort merges.
    all.sort_by_key(|(way, _)| way.order());
    for ((state, way), &(its, new)) in states.iter_mut().zip(ways).zip(&*all) {
        (*state, *way) = (new, its);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::model::toy::Toy;

    /// All that is told of all blocks, and the states of each.
    fn explored(threads: usize, size: usize) -> Vec<(Seen<2>, Vec<Way>, Vec<State<2>>)> {
        let parts = threads.next_power_of_two();
        let mut set: Vec<_> = (0..parts).map(|_| Part::new(parts)).collect();
        let mut block = Block::new(parts, vec![(); threads]);
        let mut level = vec![Toy(0).initial()];
        let mut told = Vec::new();
        while !level.is_empty() {
            let mut next = Vec::new();
            for states in level.chunks(size) {
                let seen = block.expand(&Toy(0), states, &mut set);
                let mut new = vec![[0; 2]; block.len_new()];
                let ways = block.gather(&mut new).to_vec();
                next.extend_from_slice(&new);
                told.push((seen, ways, new));
            }
            level = next;
        }
        told
    }

    #[test]
    fn it_is_the_same_with_several_threads() {
        const SIZE: usize = 3 * 4 * PIECE * CHUNK + 100;
        let one = explored(1, SIZE);
        let states: usize = one.iter().map(|(_, ways, _)| ways.len()).sum();
        let largest = one.iter().map(|(_, ways, _)| ways.len()).max();
        assert!(states > 100_000 && largest > Some(SIZE / 4), "{states} {largest:?}");
        assert!(one.iter().any(|(seen, ..)| !seen.errors.is_empty() && seen.undefined > 0));
        assert!(one.iter().any(|(seen, ..)| seen.ends.len() > 1));
        for threads in [2, 3, 4] {
            assert!(explored(threads, SIZE) == one, "{threads}");
        }
    }

    #[test]
    fn a_thread_that_panics_keeps_nobody_waiting() {
        let meeting = Meeting::new(2);
        let waits = thread::scope(|scope| {
            let waits = scope.spawn(|| meeting.meet(1));
            let panics = scope.spawn(|| {
                let _tells = Tells(&meeting);
                panic!("on purpose");
            });
            assert!(panics.join().is_err());
            waits.join()
        });
        assert!(waits.is_err());
    }
}
