//! Phase `DirectRead`: requests that stay in flight and hold 1 % of the pages.
//!
//! They cover the first sector of each page, so that a store to the second one races
//! with the device as in the mail.

use super::driver::{Driver, Halted};
use super::hot_remove::{HotRemove, Tasks};
use super::populate::START;
use super::progress::Phase;
use crate::mm::{IoId, IoKind, IoState, Memory, Path, Pfn, TaskId};
use crate::routines::{CompleteIo, HoldPages};
use crate::task::Ret;

/// Pages of a request.
const REQUEST: u32 = 4;

/// One request for so many pages.
const ONE_IN: u32 = REQUEST * 100;

/// The first sector of a page.
const FIRST: u8 = 1;

/// Who holds which frame. Held frames do not move, so this stays true until the
/// requests complete.
pub(super) struct Requests {
    /// Ordered by frame.
    held: Vec<(Pfn, IoId)>,
    requests: IoId,
}

impl Requests {
    fn new(mem: &Memory) -> Self {
        let requests = mem.ios.len() as IoId;
        let mut held: Vec<_> = (0..requests)
            .flat_map(|io| mem.holders_of(io).map(move |holder| (holder, io)))
            .map(|(holder, io)| (mem.holders[holder.index()].pfn, io))
            .collect();
        held.sort_unstable();
        Self { held, requests }
    }

    /// Pages held.
    pub const fn pages(&self) -> u32 {
        self.held.len() as u32
    }

    /// Every request.
    pub fn all(&self) -> impl Iterator<Item = IoId> + use<> {
        0..self.requests
    }

    /// The requests that hold frames `first..end`, once for each frame.
    pub fn holding(&self, first: u32, end: u32) -> impl Iterator<Item = IoId> {
        let place = |pfn| self.held.partition_point(|held| held.0.0 < pfn);
        self.held[place(first)..place(end)].iter().map(|held| held.1)
    }
}

impl Driver<'_> {
    /// Submits the direct reads, evenly spread.
    pub fn direct_reads(&mut self, sizes: &HotRemove, tasks: &Tasks) -> Result<Requests, Halted> {
        let shared = sizes.shared();
        self.begin(Phase::DirectRead, (sizes.pages / ONE_IN).into());
        for (number, page) in (0..shared / ONE_IN).map(|n| (n as usize, n * ONE_IN)) {
            self.direct_read(tasks.children[number % tasks.children.len()], START + page)?;
        }
        for page in (0..(sizes.pages - shared) / ONE_IN).map(|n| n * ONE_IN) {
            self.direct_read(tasks.alone, START + page)?;
        }
        self.end();
        Ok(Requests::new(&self.machine.mem))
    }

    fn direct_read(&mut self, task: TaskId, address: u32) -> Result<(), Halted> {
        let mm = self.machine.tasks[task.index()].mm;
        let io =
            self.machine.mem.add_io(IoKind::DirectRead, Path::Block, mm, address, REQUEST, FIRST);
        let ret = self.run(task, HoldPages::new(io, false))?;
        assert!(ret == Ret::Pages(REQUEST), "a direct read at {address:#x} got {ret:?}");
        self.advance(1);
        Ok(())
    }

    /// Completes a request that is in flight.
    pub fn complete(&mut self, tasks: &Tasks, io: IoId) -> Result<(), Halted> {
        if self.machine.mem.ios[io as usize].state == IoState::InFlight {
            self.run(tasks.completion, CompleteIo::complete(io))?;
        }
        Ok(())
    }
}
