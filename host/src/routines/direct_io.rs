//! Direct IO (`fs/direct-io.c`, `fs/bio.c`, 2.6.11) and long-lived references.
//!
//! `HoldPages` is the process's side: get_user_pages, dirty, submit. `CompleteIo`
//! is the device's and the completion's. Requests are asynchronous, as those of
//! the mail's test program: the process goes on once they are submitted.
//!
//! Simplified: a request is one bio, submitted when all its pages are held.

use super::{Cx, Flow, GetUserPages, Stages, UnmapAndMove, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{HolderId, IoId, IoKind, IoState, Memory, PG_DIRTY, Path, Pfn};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{LONGTERM_UNMOVABLE, PIN_DIRECT_IO, PIN_FUSE, PIN_IO_URING, PIN_USER_PAGES};

/// The mechanism of kernels in which a path takes `FOLL_PIN` references; 0: none has it.
const fn foll_pin(path: Path) -> u32 {
    match path {
        Path::Block => PIN_DIRECT_IO,
        Path::Fuse => PIN_FUSE,
        Path::IoUring => PIN_IO_URING,
        Path::PinUserPages => PIN_USER_PAGES,
        Path::Nfs | Path::GetUserPages | Path::Vmsplice => 0,
    }
}

/// `DIO_PAGES`: most pages that one get_user_pages call asks for.
const DIO_PAGES: u32 = 64;

stages! { HoldStage {
    DownRead = "dio_refill_pages.down_read",
    UpRead = "dio_refill_pages.up_read",
    Leave = "check_and_migrate_movable_pages.unpin",
    Left = "check_and_migrate_movable_pages.migrated",
    Dirty = "bio_set_pages_dirty.lock_page",
    DirtyUnlock = "bio_set_pages_dirty.unlock_page",
    Submit = "submit_bio.submit",
}}

/// Takes hold of a request's pages and submits it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct HoldPages {
    stage: HoldStage,
    io: IoId,
    done: u32,
    force: bool,
}

renames!(HoldPages { ; io; stage, done, force });

impl HoldPages {
    /// For a request of the task's own mm; `force` as get_user_pages takes it.
    #[must_use]
    pub const fn new(io: IoId, force: bool) -> Self {
        Self { stage: HoldStage::DownRead, io, done: 0, force }
    }

    fn holder(&self, mem: &Memory) -> HolderId {
        HolderId(mem.ios[self.io as usize].first + self.done)
    }

    fn up_read(&mut self, cx: &mut Cx<'_>) -> Flow {
        let Ret::Pages(got) = cx.ret() else {
            unreachable!("get_user_pages returns a number of pages");
        };
        cx.unlock(Lock::MmapRead(cx.task.mm));
        let io = cx.mem.ios[self.io as usize];
        let slice_end = (self.done + DIO_PAGES).min(io.pages);
        let short = got < slice_end;
        self.done = got;
        if short {
            cx.mem.ios[self.io as usize].pages = got;
        }
        if !short && got < io.pages {
            self.stage = HoldStage::DownRead;
            return Flow::Next;
        }
        if got == 0 {
            cx.mem.ios[self.io as usize].state = IoState::Done;
            return Flow::Return(Ret::Segv);
        }
        self.done = 0;
        if self.first_movable(cx).is_some() {
            self.stage = HoldStage::Leave;
            return Flow::Next;
        }
        // FUSE and NFS dirty the pages when they release them.
        let dirties = io.kind == IoKind::DirectRead && io.path == Path::Block;
        self.stage = if dirties { HoldStage::Dirty } else { HoldStage::Submit };
        Flow::Next
    }

    /// The first page of a long-term hold that lies in memory that is to stay movable.
    fn first_movable(&self, cx: &Cx<'_>) -> Option<Pfn> {
        let longterm = cx.mem.ios[self.io as usize].path == Path::IoUring;
        let mut pages = cx.mem.holders_of(self.io).map(|h| cx.mem.holders[h.index()].pfn);
        let leaves = longterm && cx.has(LONGTERM_UNMOVABLE);
        pages.find(|&pfn| leaves && pfn.is_some() && cx.mem.movable(pfn))
    }

    /// Gives all pages up, moves one of them, and takes them again.
    fn leave_movable(&mut self, cx: &mut Cx<'_>) -> Flow {
        let Some(page) = self.first_movable(cx) else {
            self.stage = HoldStage::DownRead;
            return Flow::Next;
        };
        for holder in cx.mem.holders_of(self.io) {
            cx.mem.release_holder(self.io, holder);
        }
        self.stage = HoldStage::Left;
        Flow::Call(UnmapAndMove::out_of_movable(page).into())
    }

    fn dirty(&mut self, cx: &mut Cx<'_>) -> Flow {
        let pfn = cx.mem.holders[self.holder(cx.mem).index()].pfn;
        cx.mem.page_mut(pfn).flags |= PG_DIRTY;
        self.stage = HoldStage::DirtyUnlock;
        Flow::Next
    }

    fn dirty_unlock(&mut self, cx: &mut Cx<'_>) -> Flow {
        cx.unlock(Lock::Page(cx.mem.holders[self.holder(cx.mem).index()].pfn));
        self.done += 1;
        let last = self.done == cx.mem.ios[self.io as usize].pages;
        self.stage = if last { HoldStage::Submit } else { HoldStage::Dirty };
        Flow::Next
    }
}

impl Stages for HoldPages {
    const STAGES: &'static [&'static str] = HoldStage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, task: &Task) -> Wants {
        match self.stage {
            HoldStage::DownRead => Wants::take(Lock::MmapRead(task.mm)),
            HoldStage::Dirty => Wants::take(Lock::Page(mem.holders[self.holder(mem).index()].pfn)),
            HoldStage::UpRead
            | HoldStage::Leave
            | HoldStage::Left
            | HoldStage::DirtyUnlock
            | HoldStage::Submit => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, task: &Task) -> bool {
        match self.stage {
            // How long the request is, others ask under mmap_sem for writing.
            HoldStage::UpRead => true,
            HoldStage::Left => task.ret == Ret::Done,
            // A direct read gets numbers then, and what is seen depends on it.
            HoldStage::Submit => mem.ios[self.io as usize].kind != IoKind::DirectRead,
            _ => false,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            HoldStage::DownRead => {
                let mechanism = foll_pin(cx.mem.ios[self.io as usize].path);
                cx.mem.ios[self.io as usize].pinned = cx.has(mechanism);
                self.stage = HoldStage::UpRead;
                let end = (self.done + DIO_PAGES).min(cx.mem.ios[self.io as usize].pages);
                let gup = GetUserPages::new(cx.mem, self.io, self.done, end, self.force);
                Flow::Call(gup.into())
            }
            HoldStage::UpRead => self.up_read(cx),
            HoldStage::Leave => self.leave_movable(cx),
            HoldStage::Left if cx.ret() == Ret::Done => {
                self.stage = HoldStage::DownRead;
                Flow::Next
            }
            HoldStage::Left => {
                cx.mem.ios[self.io as usize].state = IoState::Done;
                Flow::Return(Ret::NoMemory)
            }
            HoldStage::Dirty => self.dirty(cx),
            HoldStage::DirtyUnlock => self.dirty_unlock(cx),
            HoldStage::Submit => {
                cx.mem.ios[self.io as usize].state = IoState::InFlight;
                cx.oracle.submit(cx.mem, self.io);
                Flow::Return(Ret::Pages(cx.mem.ios[self.io as usize].pages))
            }
        }
    }
}

stages! { DoneStage {
    Transfer = "device.transfer",
    Complete = "dio_bio_complete.check_pages_dirty",
    WorkLock = "bio_dirty_fn.lock_page",
    WorkUnlock = "bio_dirty_fn.unlock_page",
    WorkRelease = "bio_dirty_fn.release_pages",
}}

/// The device's transfer and the completion of a request.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct CompleteIo {
    stage: DoneStage,
    io: IoId,
    /// Page of the request that the work item is at.
    next: u32,
    /// Stop after the transfer.
    transfer_only: bool,
    /// The device failed: nothing is moved any more.
    failed: bool,
}

renames!(CompleteIo { ; io; stage, next, transfer_only, failed });

impl CompleteIo {
    /// The device moves the data; the request stays in flight.
    #[must_use]
    pub const fn transfer(io: IoId) -> Self {
        Self { stage: DoneStage::Transfer, io, next: 0, transfer_only: true, failed: false }
    }

    /// Transfer, unless it has happened, then completion.
    #[must_use]
    pub const fn complete(io: IoId) -> Self {
        Self { stage: DoneStage::Transfer, io, next: 0, transfer_only: false, failed: false }
    }

    /// Completion with an error, without a transfer.
    #[must_use]
    pub const fn fail(io: IoId) -> Self {
        Self { stage: DoneStage::Complete, io, next: 0, transfer_only: false, failed: true }
    }

    /// A long-lived reference is put.
    #[must_use]
    pub const fn put(io: IoId) -> Self {
        Self { stage: DoneStage::Complete, io, next: 0, transfer_only: false, failed: true }
    }

    fn transfer_stage(&mut self, cx: &mut Cx<'_>) -> Flow {
        if cx.mem.ios[self.io as usize].state == IoState::InFlight {
            for holder in cx.mem.holders_of(self.io) {
                cx.mem.transfer(self.io, holder);
                cx.oracle.transferred(cx.mem, self.io, holder);
            }
            cx.mem.ios[self.io as usize].state = IoState::Transferred;
        }
        if self.transfer_only {
            return Flow::Return(Ret::Done);
        }
        self.stage = DoneStage::Complete;
        Flow::Next
    }

    /// `bio_check_pages_dirty`: puts the pages that are dirty; a work item will dirty
    /// the others first. A direct write and a pin put all.
    fn complete_stage(&mut self, cx: &mut Cx<'_>) -> Flow {
        let kind = cx.mem.ios[self.io as usize].kind;
        for holder in cx.mem.holders_of(self.io) {
            let pfn = cx.mem.holders[holder.index()].pfn;
            if kind != IoKind::DirectRead || cx.mem.page(pfn).has(PG_DIRTY) {
                cx.mem.release_holder(self.io, holder);
            }
        }
        cx.oracle.complete(cx.mem, self.io, !self.failed);
        cx.mem.ios[self.io as usize].state = IoState::Completing;
        let left = cx.mem.holders_of(self.io).any(|h| cx.mem.holders[h.index()].pfn.is_some());
        if left { self.work(cx.mem) } else { self.release(cx.mem) }
    }

    /// Goes on to the next page that the work item has to dirty; then it puts them all.
    fn work(&mut self, mem: &Memory) -> Flow {
        let io = mem.ios[self.io as usize];
        let held = |n: &u32| mem.holders[(io.first + n) as usize].pfn.is_some();
        match (self.next..io.pages).find(held) {
            Some(next) => {
                self.next = next;
                self.stage = DoneStage::WorkLock;
            }
            None => self.stage = DoneStage::WorkRelease,
        }
        Flow::Next
    }

    /// `bio_release_pages`.
    fn release(self, mem: &mut Memory) -> Flow {
        for holder in mem.holders_of(self.io) {
            mem.release_holder(self.io, holder);
        }
        mem.ios[self.io as usize].state = IoState::Done;
        Flow::Return(Ret::Done)
    }

    fn holder(&self, mem: &Memory) -> HolderId {
        HolderId(mem.ios[self.io as usize].first + self.next)
    }
}

impl Stages for CompleteIo {
    const STAGES: &'static [&'static str] = DoneStage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        match self.stage {
            DoneStage::WorkLock => {
                Wants::take(Lock::Page(mem.holders[self.holder(mem).index()].pfn))
            }
            _ => Wants::NOTHING,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            DoneStage::Transfer => self.transfer_stage(cx),
            DoneStage::Complete => self.complete_stage(cx),
            DoneStage::WorkLock => {
                let pfn = cx.mem.holders[self.holder(cx.mem).index()].pfn;
                cx.mem.page_mut(pfn).flags |= PG_DIRTY;
                self.stage = DoneStage::WorkUnlock;
                Flow::Next
            }
            DoneStage::WorkRelease => self.release(cx.mem),
            DoneStage::WorkUnlock => {
                let holder = self.holder(cx.mem);
                cx.unlock(Lock::Page(cx.mem.holders[holder.index()].pfn));
                self.next += 1;
                self.work(cx.mem)
            }
        }
    }
}

impl Memory {
    /// Whether direct IO of an address space is in flight (`exit_aio` waits for it).
    #[must_use]
    pub fn has_direct_io(&self, mm: crate::mm::MmId) -> bool {
        self.ios.iter().any(|io| {
            let direct = matches!(io.kind, IoKind::DirectRead | IoKind::DirectWrite);
            let flying = matches!(io.state, IoState::InFlight | IoState::Transferred);
            io.mm == mm && direct && flying
        })
    }
}
