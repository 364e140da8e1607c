//! cowpath's packed states and its step function, given to other checkers.
//!
//! What a contestant is not charged twice for: each asks for the successors of a state
//! once, when it expands it.

mod c;
mod peer;
pub mod universe;

pub use peer::{Peer, State};
