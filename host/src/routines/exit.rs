//! Mappings that go away: exit (`mmput`, `exit_mmap`), munmap and MADV_DONTNEED, 2.6.11.
//!
//! Simplified: whoever else uses the mm (its other threads, swapoff or migration
//! that hold `mm_users`) is waited for, where the kernel lets the last user tear the
//! mappings down.

use super::{Cx, Flow, Stages, Zap, stages};
use crate::lock::{Lock, Until, Wants};
use crate::mm::{Memory, MmId, VM_LOCKED, VmaId};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::ZAP_NO_DRAIN;

stages! { ExitStage {
    LastUser = "mmput.last_user",
    Aio = "exit_aio.wait",
    Lock = "exit_mmap.lock",
    Zap = "exit_mmap.unmap_vmas",
    Unlock = "exit_mmap.unlock",
    Unlink = "exit_mmap.anon_vma_unlink",
    Remove = "exit_mmap.remove_vm_struct",
    MmList = "mmput.mmlist",
}}

/// The last thread of the task's process exits.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Exit {
    stage: ExitStage,
    mm: MmId,
    vma: VmaId,
}

renames!(Exit { mm, vma; stage });

impl Exit {
    /// Of an address space.
    #[must_use]
    pub const fn new(mm: MmId) -> Self {
        Self { stage: ExitStage::LastUser, mm, vma: VmaId::NONE }
    }

    fn zap_this(&mut self, cx: &Cx<'_>) -> Flow {
        if !self.vma.is_some() {
            self.stage = ExitStage::Unlock;
            return Flow::Next;
        }
        self.stage = ExitStage::Zap;
        let vma = cx.mem.vmas[self.vma.index()];
        Flow::Call(Zap::new(self.vma, vma.start, vma.start + vma.len).into())
    }

    /// The vmas go, first to last.
    fn next_vma(&mut self, cx: &Cx<'_>) -> Flow {
        self.vma = cx.mem.mms[self.mm.index()].mmap;
        self.stage = if !self.vma.is_some() {
            ExitStage::MmList
        } else if cx.mem.vmas[self.vma.index()].anon_vma.is_some() {
            ExitStage::Unlink
        } else {
            ExitStage::Remove
        };
        Flow::Next
    }
}

impl Stages for Exit {
    const STAGES: &'static [&'static str] = ExitStage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, _: &Task) -> Wants {
        match self.stage {
            ExitStage::LastUser => Wants::until(Until::LastUser(self.mm)),
            ExitStage::Aio => Wants::until(Until::NoDirectIo(self.mm)),
            ExitStage::Lock => Wants::take(Lock::Ptl(self.mm)),
            ExitStage::Unlink => Wants::free(Lock::AnonVma(mem.vmas[self.vma.index()].anon_vma)),
            ExitStage::Zap | ExitStage::Unlock | ExitStage::Remove | ExitStage::MmList => {
                Wants::NOTHING
            }
        }
    }

    #[inline]
    fn moves_left(&self, mem: &Memory, _: &Task) -> bool {
        // Nobody else is at work in the mm, or will be; the mmlist is gone through without it.
        match self.stage {
            ExitStage::Aio => !mem.has_direct_io(self.mm),
            ExitStage::Zap | ExitStage::Unlock | ExitStage::MmList => true,
            ExitStage::LastUser | ExitStage::Lock | ExitStage::Unlink | ExitStage::Remove => false,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        let mm = self.mm;
        match self.stage {
            ExitStage::LastUser => {
                cx.mem.mms[mm.index()].exiting = true;
                self.stage = ExitStage::Aio;
                Flow::Next
            }
            ExitStage::Aio => {
                self.stage = ExitStage::Lock;
                Flow::Next
            }
            ExitStage::Lock => {
                if !cx.has(ZAP_NO_DRAIN) {
                    cx.mem.lru_add_drain();
                }
                self.vma = cx.mem.mms[mm.index()].mmap;
                self.zap_this(cx)
            }
            ExitStage::Zap => {
                self.vma = cx.mem.vmas[self.vma.index()].next;
                self.zap_this(cx)
            }
            ExitStage::Unlock => {
                cx.unlock(Lock::Ptl(mm));
                self.next_vma(cx)
            }
            ExitStage::Unlink => {
                cx.mem.anon_vma_unlink(self.vma);
                self.stage = ExitStage::Remove;
                Flow::Next
            }
            ExitStage::Remove => {
                cx.mem.remove_vma(self.vma);
                self.next_vma(cx)
            }
            ExitStage::MmList => {
                cx.mem.mmlist.retain(|&m| m != mm);
                cx.mem.mms[mm.index()].alive = false;
                Flow::Return(Ret::Done)
            }
        }
    }
}

stages! { UnmapStage {
    DownWrite = "do_munmap.down_write",
    Lock = "unmap_vmas.lock",
    Zapped = "unmap_vmas.unlock",
    Unlink = "do_munmap.anon_vma_unlink",
    UpWrite = "do_munmap.up_write",
}}

/// munmap of a whole vma, or MADV_DONTNEED of a part. Returns `Invalid` for
/// MADV_DONTNEED of a `VM_LOCKED` vma or of nothing.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Unmap {
    stage: UnmapStage,
    vma: VmaId,
    first: u32,
    /// Pages given up; 0: the whole vma, which goes too.
    pages: u32,
}

renames!(Unmap { vma; stage, first, pages });

impl Unmap {
    /// `do_munmap` of the vma at an address.
    #[must_use]
    pub const fn munmap(address: u32) -> Self {
        Self { stage: UnmapStage::DownWrite, vma: VmaId::NONE, first: address, pages: 0 }
    }

    /// `madvise_dontneed` of some pages, one at least, of one vma.
    #[must_use]
    pub const fn dontneed(first: u32, pages: u32) -> Self {
        assert!(pages > 0, "MADV_DONTNEED of no pages");
        Self { stage: UnmapStage::DownWrite, vma: VmaId::NONE, first, pages }
    }

    /// mmap_sem is held: find the vma.
    fn find(&mut self, cx: &mut Cx<'_>) -> Flow {
        let mm = cx.task.mm;
        let found = cx.mem.find_vma(mm, self.first);
        let flags = found.map_or(0, |vma| cx.mem.vmas[vma.index()].flags);
        let refused = self.pages > 0 && (found.is_none() || flags & VM_LOCKED != 0);
        let Some(vma) = found.filter(|_| !refused) else {
            cx.unlock(Lock::MmapWrite(mm));
            return Flow::Return(if refused { Ret::Invalid } else { Ret::Done });
        };
        self.vma = vma;
        self.stage = UnmapStage::Lock;
        Flow::Next
    }
}

impl Stages for Unmap {
    const STAGES: &'static [&'static str] = UnmapStage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, mem: &Memory, task: &Task) -> Wants {
        match self.stage {
            UnmapStage::DownWrite => Wants::take(Lock::MmapWrite(task.mm)),
            UnmapStage::Lock => Wants::take(Lock::Ptl(task.mm)),
            UnmapStage::Unlink => match mem.vmas[self.vma.index()].anon_vma {
                anon_vma if anon_vma.is_some() => Wants::free(Lock::AnonVma(anon_vma)),
                _ => Wants::NOTHING,
            },
            UnmapStage::Zapped | UnmapStage::UpWrite => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, _: &Memory, _: &Task) -> bool {
        // mmap_sem for writing is tried by swapoff and migration.
        self.stage == UnmapStage::Zapped
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        let mm = cx.task.mm;
        match self.stage {
            UnmapStage::DownWrite => self.find(cx),
            UnmapStage::Lock => {
                if !cx.has(ZAP_NO_DRAIN) {
                    cx.mem.lru_add_drain();
                }
                self.stage = UnmapStage::Zapped;
                let vma = cx.mem.vmas[self.vma.index()];
                let end = vma.start + vma.len;
                let (first, end) = match self.pages {
                    0 => (vma.start, end),
                    pages => (self.first, end.min(self.first + pages)),
                };
                Flow::Call(Zap::new(self.vma, first, end).into())
            }
            UnmapStage::Zapped => {
                cx.unlock(Lock::Ptl(mm));
                let remove = self.pages == 0;
                self.stage = if remove { UnmapStage::Unlink } else { UnmapStage::UpWrite };
                Flow::Next
            }
            UnmapStage::Unlink => {
                if cx.mem.vmas[self.vma.index()].anon_vma.is_some() {
                    cx.mem.anon_vma_unlink(self.vma);
                }
                cx.mem.remove_vma(self.vma);
                self.stage = UnmapStage::UpWrite;
                Flow::Next
            }
            UnmapStage::UpWrite => {
                cx.unlock(Lock::MmapWrite(mm));
                Flow::Return(Ret::Done)
            }
        }
    }
}
