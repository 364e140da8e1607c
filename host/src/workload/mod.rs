//! Generated workloads: many pages, for benchmarks and for looking at a policy at scale.
//!
//! A workload drives the machine directly: no scenario, no trace, no recording. It is
//! the same on every machine; time and memory use are for others to measure. The
//! audit of every stage and the oracle are on, as everywhere.

mod direct_read;
mod driver;
mod fault_in;
mod hot_remove;
mod offline;
mod populate;
mod progress;
mod reclaim;
mod report;
mod state;
mod tally;

pub use hot_remove::{HotRemove, MAX_PAGES, MAX_SHARERS};
pub use progress::{Phase, Progress};
pub use report::report;
pub use state::StateBytes;
pub use tally::{PhaseTally, Tally};
