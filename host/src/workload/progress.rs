//! How far a workload is.

use std::fmt;

/// A part of the hot-remove workload, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Every page is stored to once.
    Populate,
    /// The process with the shared pages forks.
    Fork,
    /// Direct reads are submitted and stay in flight.
    DirectRead,
    /// Everything is reclaimed that can be.
    Reclaim,
    /// A quarter of the pages is used again.
    FaultIn,
    /// Every section is taken offline, one after the other.
    Offline,
    /// Everything is recounted, and what every process would see is looked at.
    Check,
}

impl Phase {
    /// What a progress bar and a report call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Populate => "populate",
            Self::Fork => "fork",
            Self::DirectRead => "direct read",
            Self::Reclaim => "reclaim",
            Self::FaultIn => "fault in",
            Self::Offline => "offline",
            Self::Check => "check",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Told at the beginning and at the end of each phase, and now and then in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Units done: pages, processes, requests or sections. In `Reclaim`, pages freed.
    pub done: u64,
    /// Units in all. `Reclaim` ends before it gets there: held pages may stay.
    pub of: u64,
}
