//! A universe under `vanilla` as a transition system, and what one thread needs for it.

use crate::universe::named;
use cowpath::explore::{Model as _, Reductions, Scratch, Successor, System};
use cowpath::policy;

/// Words of a packed state.
const WORDS: usize = 2;

/// A packed state.
pub type State = cowpath::explore::State<WORDS>;

/// States after which the memory of steps may grow, as in our search.
const BLOCK: u64 = 2048;

/// A system without reductions, and one thread's buffers. Each state is looked at for
/// errors before it is expanded, as our search does; one that is an error has no successors.
pub struct Peer {
    system: System<'static, WORDS>,
    scratch: Scratch,
    successors: Vec<Successor<WORDS>>,
    expanded: u64,
}

impl Peer {
    /// Opens a universe by its name, for good.
    ///
    /// # Panics
    /// There is none of that name, or no policy `vanilla`.
    #[must_use]
    pub fn open(universe: &str) -> Self {
        let found = named(universe).unwrap_or_else(|| panic!("no universe is called {universe}"));
        let policy = policy::resolve("vanilla").expect("it is bundled");
        let (universe, policy) = (Box::leak(Box::new(found)), Box::leak(Box::new(policy)));
        let system = System::new(universe, policy, Reductions::NONE);
        let scratch = system.scratch();
        Self { system, scratch, successors: Vec::new(), expanded: 0 }
    }

    /// Where every schedule starts.
    #[must_use]
    pub fn initial(&self) -> State {
        self.system.initial()
    }

    /// Asks for what is remembered of a state's steps, which is to be expanded soon.
    #[inline]
    pub fn fetch(&mut self, state: &State) {
        self.system.fetch(&mut self.scratch, state);
    }

    /// The states that can follow, one for each transition.
    #[inline]
    pub fn successors(&mut self, state: &State) -> impl ExactSizeIterator<Item = State> {
        self.successors.clear();
        self.expanded += 1;
        if self.expanded.is_multiple_of(BLOCK) {
            self.system.remember_more(u64::MAX);
        }
        self.system.expand(&mut self.scratch, state, &mut self.successors);
        self.successors.iter().map(|successor| successor.state)
    }
}
