//! A system by name, and what one thread needs to step through it.

use crate::stub::{self, Scratch, State, Successor, System};

/// A system, and one thread's buffers.
#[derive(Debug)]
pub struct Peer {
    system: System,
    scratch: Scratch,
    successors: Vec<Successor>,
}

/// What a search counted.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Distinct states.
    pub states: u64,
    /// Transitions between them.
    pub transitions: u64,
}

impl Peer {
    /// Opens a universe by its name.
    ///
    /// # Panics
    /// There is none of that name.
    #[must_use]
    pub fn open(universe: &str) -> Self {
        let system = System::named(universe);
        let scratch = system.scratch();
        Self { system, scratch, successors: Vec::new() }
    }

    /// Where every schedule starts.
    #[must_use]
    pub fn initial(&self) -> State {
        self.system.initial()
    }

    /// The states that can follow, one for each transition.
    #[inline]
    pub fn successors(&mut self, state: &State) -> impl ExactSizeIterator<Item = State> {
        self.successors.clear();
        self.system.successors(&mut self.scratch, state, &mut self.successors);
        self.successors.iter().map(|successor| successor.state)
    }
}

/// cowpath's own search.
#[must_use]
pub fn search(universe: &str, threads: usize) -> Found {
    let found = stub::search(&System::named(universe), threads);
    Found { states: found.states, transitions: found.transitions }
}
