//! A block: what is expanded before it is seen to what was found.
//!
//! Threads take it up piece by piece. When all chunks of a piece were expanded, each thread
//! adds what was found to its own part of the visited set, in the order of the block, and
//! whoever is the last to do so gathers what was new. Nobody waits for the others meanwhile:
//! whoever has nothing to add expands chunks of the pieces that follow, a few of which have
//! room. So what one thread hands to another is still in the cache.

use super::chunk::{Added, CHUNK, Expander, New, Seen, Sorted, Way};
use super::model::Model;
use super::spill::Part;
use super::system::State;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::Duration;

/// Chunks in a piece, for each thread.
const PIECE: usize = 4;

/// Pieces that are under way at most.
const TURNS: usize = 3;

/// How often a thread looks for something to do before it lets go of the processor.
const LOOKS: u32 = 1 << 10;

/// And before it sleeps between two looks.
const MANY_LOOKS: u32 = 1 << 14;

/// How long it sleeps then: whom it waits for has more to do than to expand a few states.
const SLEEP: Duration = Duration::from_micros(50);

/// What threads work with.
pub(super) struct Block<S, const W: usize> {
    threads: Vec<Thread<S, W>>,
    pieces: [Piece<W>; TURNS],
    /// How each state was reached that was new in the last block.
    ways: Vec<Way>,
}

/// What one thread works with.
struct Thread<S, const W: usize> {
    scratch: S,
    expander: Expander<W>,
}

/// What threads hand to each other.
struct Piece<const W: usize> {
    /// What each chunk led to.
    sorted: Vec<RwLock<Sorted<W>>>,
    /// What was new to each part.
    added: Vec<Mutex<Added<W>>>,
}

/// Parts of the visited set that are one thread's, by their numbers.
type Share<'a, const W: usize> = Vec<(usize, &'a mut Part<W>)>;

impl<const W: usize> Piece<W> {
    fn new(chunks: usize, parts: usize) -> Self {
        Self {
            sorted: (0..chunks).map(|_| RwLock::new(Sorted::new(parts))).collect(),
            added: (0..parts).map(|_| Mutex::new(Added::new())).collect(),
        }
    }
}

impl<S: Send, const W: usize> Block<S, W> {
    /// Blocks for so many parts, and threads that have something to work with.
    pub fn new(parts: usize, scratch: impl IntoIterator<Item = S>) -> Self {
        let thread = |scratch| Thread { scratch, expander: Expander::new() };
        let threads: Vec<_> = scratch.into_iter().map(thread).collect();
        let chunks = PIECE * threads.len();
        let pieces = std::array::from_fn(|_| Piece::new(chunks, parts));
        Self { threads, pieces, ways: Vec::new() }
    }

    /// Expands states, adds what was found to the visited set, and what was new to `into`, in
    /// the order in which it was found; how each of these was reached.
    pub fn expand<M>(
        &mut self,
        model: &M,
        states: &[State<W>],
        set: &mut [Part<W>],
        into: &mut Vec<State<W>>,
    ) -> (Seen<W>, &[Way])
    where
        M: Model<W, Scratch = S>,
    {
        let Self { threads, pieces, ways } = self;
        ways.clear();
        let mut new = New { states: into, ways };
        let seen = match (&mut threads[..], &mut *set) {
            ([Thread { scratch, expander }], [set]) => {
                let sorted = pieces[0].sorted[0].get_mut().expect("nobody panicked");
                let mut seen = Seen::new();
                for (first, states) in (0..).step_by(CHUNK).zip(states.chunks(CHUNK)) {
                    expander.expand((model, scratch), (first, states), &mut seen, sorted);
                    new.add(sorted.of_part(0), &mut set.table);
                }
                seen
            }
            (threads, set) => Together::new((model, states), pieces, new).expand(threads, set),
        };
        (seen, ways)
    }

    /// Expands states, with one thread; sees each chunk's. Nothing is added, and what was
    /// found before may not be in the visited set any more.
    pub fn expand_alone<M: Model<W, Scratch = S>>(
        &mut self,
        model: &M,
        states: &[State<W>],
        mut see: impl FnMut(&Expander<W>, Seen<W>),
    ) {
        let Thread { scratch, expander } = &mut self.threads[0];
        let sorted = self.pieces[0].sorted[0].get_mut().expect("nobody panicked");
        for (first, states) in (0..).step_by(CHUNK).zip(states.chunks(CHUNK)) {
            let mut seen = Seen::new();
            expander.expand((model, scratch), (first, states), &mut seen, sorted);
            see(expander, seen);
        }
        self.threads.iter_mut().for_each(|thread| thread.expander.forget());
    }
}

/// A block that several threads take up.
struct Together<'a, M, const W: usize> {
    model: &'a M,
    states: &'a [State<W>],
    pieces: &'a [Piece<W>; TURNS],
    new: Mutex<New<'a, W>>,
    progress: Progress,
}

/// How far threads are with a block.
#[derive(Debug)]
struct Progress {
    threads: usize,
    /// Chunks of the block, and of a piece.
    chunks: usize,
    piece: usize,
    /// Chunks that somebody took.
    taken: AtomicUsize,
    /// Chunks that were expanded, of the pieces that have the same turn.
    expanded: [AtomicUsize; TURNS],
    /// How often a thread was through with adding one of these pieces.
    added: [AtomicUsize; TURNS],
    /// Pieces of which everything was gathered.
    gathered: AtomicUsize,
    /// A thread panicked.
    lost: AtomicBool,
}

/// What a thread can do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Expand,
    Add,
    Wait,
}

impl Progress {
    fn new(threads: usize, chunks: usize, piece: usize) -> Self {
        Self {
            threads,
            chunks,
            piece,
            taken: AtomicUsize::new(0),
            expanded: Default::default(),
            added: Default::default(),
            gathered: AtomicUsize::new(0),
            lost: AtomicBool::new(false),
        }
    }

    /// The next chunk that nobody took; none of the block's: all were taken.
    fn take(&self) -> usize {
        self.taken.fetch_add(1, Relaxed)
    }

    const fn pieces(&self) -> usize {
        self.chunks.div_ceil(self.piece)
    }

    /// The chunks of a piece.
    fn chunks_of(&self, piece: usize) -> std::ops::Range<usize> {
        let first = piece * self.piece;
        first..self.chunks.min(first + self.piece)
    }

    /// What a thread can do next that took a chunk and has yet to add a piece.
    fn next(&self, chunk: usize, piece: usize) -> Next {
        let (turn, before) = (piece % TURNS, piece / TURNS * self.piece);
        let all = before + self.chunks_of(piece).len();
        let with_room = self.gathered.load(Acquire) + TURNS;
        if self.expanded[turn].load(Acquire) == all {
            Next::Add
        } else if chunk < self.chunks && chunk / self.piece < with_room {
            Next::Expand
        } else {
            Next::Wait
        }
    }

    /// A chunk was expanded.
    fn expanded(&self, chunk: usize) {
        self.expanded[chunk / self.piece % TURNS].fetch_add(1, Release);
    }

    /// A thread has added a piece; whether it was the last one to do so: the others cannot be
    /// through with the next piece before it is.
    fn added(&self, piece: usize) -> bool {
        let times = self.added[piece % TURNS].fetch_add(1, AcqRel) + 1;
        times == (piece / TURNS + 1) * self.threads
    }

    /// All that was new in a piece was gathered.
    fn gathered(&self, piece: usize) {
        self.gathered.store(piece + 1, Release);
    }

    /// Waits a little, after so many looks.
    ///
    /// # Panics
    /// Another thread panicked.
    fn wait(&self, looks: &mut u32) {
        assert!(!self.lost.load(Relaxed), "another thread panicked");
        *looks = (*looks + 1).min(MANY_LOOKS);
        match *looks {
            0..LOOKS => std::hint::spin_loop(),
            LOOKS..MANY_LOOKS => thread::yield_now(),
            _ => thread::sleep(SLEEP),
        }
    }
}

/// Tells others if this thread panics.
struct Tells<'a>(&'a Progress);

impl Drop for Tells<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lost.store(true, Relaxed);
        }
    }
}

impl<'a, M: Model<W>, const W: usize> Together<'a, M, W> {
    fn new(
        (model, states): (&'a M, &'a [State<W>]),
        pieces: &'a [Piece<W>; TURNS],
        new: New<'a, W>,
    ) -> Self {
        let chunks = states.len().div_ceil(CHUNK);
        let piece = pieces[0].sorted.len();
        let threads = (piece / PIECE).min(chunks).max(1);
        let progress = Progress::new(threads, chunks, piece);
        Self { model, states, pieces, new: Mutex::new(new), progress }
    }

    /// Expands it, each thread with a share of the visited set.
    fn expand(&self, all: &mut [Thread<M::Scratch, W>], set: &mut [Part<W>]) -> Seen<W> {
        let threads = self.progress.threads;
        let mut shares: Vec<Share<'_, W>> = (0..threads).map(|_| Vec::new()).collect();
        for (part, set) in set.iter_mut().enumerate() {
            shares[part % threads].push((part, set));
        }
        let mut seen = thread::scope(|scope| {
            let mut both = all[..threads].iter_mut().zip(shares);
            let (first, share) = both.next().expect("there is a thread");
            let others: Vec<_> =
                both.map(|(thread, share)| scope.spawn(move || self.work(thread, share))).collect();
            let mut seen = self.work(first, share);
            for other in others {
                seen.add(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            seen
        });
        seen.sort();
        seen
    }

    /// What one thread does.
    fn work(&self, thread: &mut Thread<M::Scratch, W>, mut share: Share<'_, W>) -> Seen<W> {
        let progress = &self.progress;
        let _tells = Tells(progress);
        let mut seen = Seen::new();
        let (mut chunk, mut piece, mut looks) = (progress.take(), 0, 0);
        while piece < progress.pieces() {
            match progress.next(chunk, piece) {
                Next::Add => {
                    self.add(piece, &mut share);
                    piece += 1;
                }
                Next::Expand => {
                    self.expand_chunk(chunk, thread, &mut seen);
                    chunk = progress.take();
                }
                Next::Wait => {
                    progress.wait(&mut looks);
                    continue;
                }
            }
            looks = 0;
        }
        seen
    }

    fn piece(&self, piece: usize) -> &Piece<W> {
        &self.pieces[piece % TURNS]
    }

    fn expand_chunk(&self, chunk: usize, thread: &mut Thread<M::Scratch, W>, seen: &mut Seen<W>) {
        let Thread { scratch, expander } = thread;
        let first = chunk * CHUNK;
        let states = &self.states[first..self.states.len().min(first + CHUNK)];
        let (piece, place) = (chunk / self.progress.piece, chunk % self.progress.piece);
        let mut sorted = self.piece(piece).sorted[place].write().expect("nobody panicked");
        expander.expand((self.model, scratch), (first as u32, states), seen, &mut sorted);
        drop(sorted);
        self.progress.expanded(chunk);
    }

    /// Adds a piece to a thread's share, and gathers what was new if all others did.
    fn add(&self, piece: usize, share: &mut Share<'_, W>) {
        let Piece { sorted, added } = self.piece(piece);
        for (part, set) in share {
            let mut added = added[*part].lock().expect("nobody panicked");
            added.clear();
            let mut new = added.new_mut();
            for sorted in &sorted[..self.progress.chunks_of(piece).len()] {
                let sorted = sorted.read().expect("nobody panicked");
                new.add(sorted.of_part(*part), &mut set.table);
            }
        }
        if self.progress.added(piece) {
            let mut new = self.new.lock().expect("nobody panicked");
            let added: Vec<_> =
                added.iter().map(|added| added.lock().expect("nobody panicked")).collect();
            new.gather(added.iter().map(|added| &**added));
            self.progress.gathered(piece);
        }
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
                let before = next.len();
                let (seen, ways) = block.expand(&Toy(0), states, &mut set, &mut next);
                told.push((seen, ways.to_vec(), next[before..].to_vec()));
            }
            level = next;
        }
        told
    }

    #[test]
    fn it_is_the_same_with_several_threads() {
        const SIZE: usize = 2 * TURNS * 4 * PIECE * CHUNK + 100;
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
        let progress = Progress::new(2, 1, 1);
        let waits = thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let mut looks = 0;
                while progress.next(1, 0) == Next::Wait {
                    progress.wait(&mut looks);
                }
            });
            let panics = scope.spawn(|| {
                let _tells = Tells(&progress);
                panic!("on purpose");
            });
            assert!(panics.join().is_err());
            waits.join()
        });
        assert!(waits.is_err());
    }
}
