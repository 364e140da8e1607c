//! Anonymous pages, swap and direct IO of Linux 2.6.11 at operation grain, written by hand
//! for other checkers: in Rust for Stateright ([`state`], [`event`]), in Promela for SPIN
//! ([`promela`]).
//!
//! `N` processes with `V` virtual pages each share `F` page frames, `S` swap slots and `H`
//! holders of direct IO; what a page holds is a number below `C`. One page at a time is in
//! the hands of reclaim, which takes four events for it; every other event is one operation.
//!
//! Simplified: the lowest free frame, slot or process is taken; a process with direct IO in
//! flight neither forks nor exits; a store to a pte that is not writable waits for a free
//! frame, though it might reuse the page; swapoff is of one slot, and swap stays on; there
//! are no young bits, LRU lists or buffers.
//!
//! This part does not know cowpath: both models are read side by side, and compared by the
//! number of their states.

pub mod event;
pub mod invariant;
pub mod policy;
pub mod promela;
pub mod state;

use promela::Bounds;
use state::State;

/// Configuration A.
pub type A = State<2, 2, 3, 2, 1, 2>;
/// Configuration B.
pub type B = State<2, 2, 3, 2, 2, 3>;
/// Configuration C.
pub type C = State<2, 4, 3, 2, 1, 2>;

/// A configuration as a value.
#[derive(Clone, Copy, Debug)]
pub struct Configuration {
    /// `A`, `B` or `C`.
    pub name: &'static str,
    /// Its sizes.
    pub bounds: Bounds,
    /// Its states under [`policy::Vanilla`].
    pub states: u64,
}

/// All configurations.
pub const CONFIGURATIONS: [Configuration; 3] = [
    Configuration { name: "A", bounds: A::BOUNDS, states: 461_589 },
    Configuration { name: "B", bounds: B::BOUNDS, states: 5_000_163 },
    Configuration { name: "C", bounds: C::BOUNDS, states: 32_117_539 },
];
