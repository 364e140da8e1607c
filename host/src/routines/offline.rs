//! Memory hot-remove: empties a section.
//!
//! Simplified: pages of a file's page cache are reclaimed, not migrated; a section
//! is a run of frames of any length; there are at most ten passes; to take a section offline
//! that is offline is no error, as 6.1 and later were seen to have it.

use super::{Cx, Flow, Migrate, Order, ShrinkPage, Stages, stages};
use crate::lock::{Until, Wants};
use crate::mm::{Memory, PG_FREE, PG_OFFLINE, PG_PAGECACHE, Pfn, Which};
use crate::rename::renames;
use crate::task::{Ret, Task};

stages! { Stage {
    Isolate = "offline_pages.stop_allocation",
    Next = "offline_pages.next_page",
    Pause = "offline_pages.pause",
}}

/// Most passes over a section.
pub const MAX_PASSES: u8 = 10;

/// Takes a section out of use. Returns `Done`, also if it was out of use; `Again` if a
/// page stayed; `Invalid` if somebody is at it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Offline {
    stage: Stage,
    order: Order,
    first: u32,
    end: u32,
    next: u32,
    pass: u8,
    signalled: bool,
}

renames!(Offline { ; stage, order, first, end, next, pass, signalled });

impl Offline {
    /// Of a section, with an order of migration.
    #[must_use]
    pub fn new(mem: &Memory, section: u32, order: Order) -> Self {
        let (first, end) = mem.section_frames(section);
        Self { stage: Stage::Isolate, order, first, end, next: first, pass: 0, signalled: false }
    }

    /// A signal is pending: the routine ends at its next pause.
    pub const fn signal(&mut self) {
        self.signalled = true;
    }

    fn next(&mut self, cx: &mut Cx<'_>) -> Flow {
        let in_use = |pfn: &u32| !cx.mem.page(Pfn(*pfn)).has(PG_FREE);
        if let Some(pfn) = (self.next..self.end).find(in_use) {
            self.next = pfn + 1;
            let page = Pfn(pfn);
            if cx.mem.page(page).has(PG_PAGECACHE) {
                return Flow::Call(ShrinkPage::new(page).into());
            }
            return Flow::Call(Migrate::new(page, self.order).into());
        }
        if !(self.first..self.end).any(|pfn| in_use(&pfn)) {
            return Flow::Return(Ret::Done);
        }
        self.pass += 1;
        self.next = self.first;
        if self.pass < MAX_PASSES {
            self.stage = Stage::Pause;
            return Flow::Next;
        }
        cx.mem.online(self.first, self.end);
        Flow::Return(Ret::Again)
    }
}

impl Stages for Offline {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::Pause => Wants::until(Until::Tick),
            Stage::Isolate | Stage::Next => Wants::NOTHING,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Isolate => {
                let frames = || (self.first..self.end).map(Pfn);
                if frames().all(|pfn| cx.mem.page(pfn).has(PG_OFFLINE | PG_FREE)) {
                    return Flow::Return(Ret::Done);
                }
                if frames().any(|pfn| cx.mem.page(pfn).has(PG_OFFLINE)) {
                    return Flow::Return(Ret::Invalid);
                }
                cx.mem.lru_add_drain();
                for pfn in (self.first..self.end).map(Pfn) {
                    if cx.mem.page(pfn).has(PG_FREE) {
                        cx.mem.list_del(Which::Free, pfn);
                    }
                    cx.mem.page_mut(pfn).flags |= PG_OFFLINE;
                }
                self.stage = Stage::Next;
                Flow::Next
            }
            Stage::Next => self.next(cx),
            Stage::Pause if self.signalled => {
                cx.mem.online(self.first, self.end);
                Flow::Return(Ret::Again)
            }
            Stage::Pause => {
                self.stage = Stage::Next;
                Flow::Next
            }
        }
    }
}

impl Memory {
    /// Frames `first..end` of a section.
    #[must_use]
    pub fn section_frames(&self, section: u32) -> (u32, u32) {
        let first = 1 + section * self.section;
        (first, (first + self.section).min(self.pages.len() as u32))
    }

    /// Number of sections.
    #[must_use]
    pub fn sections(&self) -> u32 {
        (self.pages.len() as u32 - 1).div_ceil(self.section)
    }

    /// Whether every frame of a section is free and out of use.
    #[must_use]
    pub fn section_offline(&self, section: u32) -> bool {
        let (first, end) = self.section_frames(section);
        (first..end).all(|pfn| self.page(Pfn(pfn)).has(PG_FREE | PG_OFFLINE))
    }

    /// Gives frames back to the allocator.
    pub fn online(&mut self, first: u32, end: u32) {
        for pfn in (first..end).map(Pfn) {
            if !self.page(pfn).has(PG_OFFLINE) {
                continue;
            }
            self.page_mut(pfn).flags &= !PG_OFFLINE;
            if self.page(pfn).has(PG_FREE) {
                self.list_add(Which::Free, pfn);
            }
        }
    }
}
