//! How much memory the state of a machine takes.

use crate::machine::Machine;

/// Bytes that a machine's vectors have room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateBytes {
    /// Frames, [`crate::mm::ZERO_PAGE`] not counted.
    pub frames: u64,
    /// `struct page`.
    pub pages: u64,
    /// Swap areas: swap_map, swap cache, ledger and what is on disk.
    pub swap: u64,
    /// Direct IO requests and what they hold.
    pub requests: u64,
    /// Processes, vmas, tasks and swap IO.
    pub processes: u64,
    /// Page tables, by virtual page.
    pub ptes: u64,
    /// The reference memory, by virtual page.
    pub reference: u64,
}

impl StateBytes {
    /// Of a machine.
    #[must_use]
    pub fn of(machine: &Machine) -> Self {
        let mem = &machine.mem;
        let area = |area: &crate::mm::SwapArea| {
            bytes(&area.swap_map) + bytes(&area.cache) + bytes(&area.data) + bytes(&area.refs)
        };
        Self {
            frames: mem.pages.len() as u64 - 1,
            pages: bytes(&mem.pages),
            swap: bytes(&mem.areas) + mem.areas.iter().map(area).sum::<u64>(),
            requests: bytes(&mem.ios) + bytes(&mem.holders),
            processes: bytes(&mem.mms)
                + bytes(&mem.vmas)
                + bytes(&mem.anon_vmas)
                + bytes(&mem.swap_io)
                + bytes(&machine.tasks),
            ptes: bytes(&mem.ptes),
            reference: machine.oracle.bytes(),
        }
    }

    /// All but page tables and reference memory, which go by virtual page.
    #[must_use]
    pub const fn engine(&self) -> u64 {
        self.pages + self.swap + self.requests + self.processes
    }

    /// [`Self::engine`] for each frame.
    #[must_use]
    pub fn engine_per_frame(&self) -> f64 {
        self.engine() as f64 / self.frames as f64
    }
}

fn bytes<T>(vec: &Vec<T>) -> u64 {
    (vec.capacity() * size_of::<T>()) as u64
}
