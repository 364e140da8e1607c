//! Mappings that go away: exit (`mmput`, `exit_mmap`), munmap and MADV_DONTNEED, 2.6.11.

use super::{Cx, Flow, Stages, Zap, stages};
use crate::lock::{Lock, Until, Wants};
use crate::mm::{Memory, MmId, VmaId};
use crate::task::{Ret, Task};

stages! { ExitStage {
    Aio = "exit_aio.wait",
    Lock = "exit_mmap.lock",
    Zap = "exit_mmap.unmap_vmas",
    Unlock = "exit_mmap.unlock",
    Unlink = "exit_mmap.anon_vma_unlink",
    Remove = "exit_mmap.remove_vm_struct",
}}

/// The last thread of the task's process exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exit {
    stage: ExitStage,
    mm: MmId,
    vma: VmaId,
}

impl Exit {
    /// Of an address space.
    #[must_use]
    pub const fn new(mm: MmId) -> Self {
        Self { stage: ExitStage::Aio, mm, vma: VmaId::NONE }
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
    fn next_vma(&mut self, cx: &mut Cx<'_>) -> Flow {
        self.vma = cx.mem.mms[self.mm.index()].mmap;
        if !self.vma.is_some() {
            cx.mem.mms[self.mm.index()].alive = false;
            return Flow::Return(Ret::Done);
        }
        let linked = cx.mem.vmas[self.vma.index()].anon_vma.is_some();
        self.stage = if linked { ExitStage::Unlink } else { ExitStage::Remove };
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
            ExitStage::Aio => Wants::until(Until::NoDirectIo(self.mm)),
            ExitStage::Lock => Wants::take(Lock::Ptl(self.mm)),
            ExitStage::Unlink => {
                Wants::free(Lock::AnonVma(mem.vmas[self.vma.index()].anon_vma))
            }
            ExitStage::Zap | ExitStage::Unlock | ExitStage::Remove => Wants::NOTHING,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            ExitStage::Aio => {
                let mm = self.mm;
                cx.mem.mmlist.retain(|&m| m != mm);
                self.stage = ExitStage::Lock;
                Flow::Next
            }
            ExitStage::Lock => {
                self.vma = cx.mem.mms[self.mm.index()].mmap;
                self.zap_this(cx)
            }
            ExitStage::Zap => {
                self.vma = cx.mem.vmas[self.vma.index()].next;
                self.zap_this(cx)
            }
            ExitStage::Unlock => {
                cx.unlock(Lock::Ptl(self.mm));
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

/// munmap of a whole vma, or MADV_DONTNEED of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unmap {
    stage: UnmapStage,
    vma: VmaId,
    first: u32,
    end: u32,
    /// The vma goes too.
    remove: bool,
}

impl Unmap {
    /// `do_munmap` of a whole vma.
    #[must_use]
    pub fn munmap(mem: &Memory, vma: VmaId) -> Self {
        let v = &mem.vmas[vma.index()];
        Self { stage: UnmapStage::DownWrite, vma, first: v.start, end: v.start + v.len, remove: true }
    }

    /// `madvise_dontneed` of some addresses of a vma.
    #[must_use]
    pub const fn dontneed(vma: VmaId, first: u32, end: u32) -> Self {
        Self { stage: UnmapStage::DownWrite, vma, first, end, remove: false }
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

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        let mm = cx.task.mm;
        match self.stage {
            UnmapStage::DownWrite => {
                self.stage = UnmapStage::Lock;
                Flow::Next
            }
            UnmapStage::Lock => {
                self.stage = UnmapStage::Zapped;
                let vma = cx.mem.vmas[self.vma.index()];
                cx.oracle.discard(cx.mem, &vma, self.first, self.end);
                Flow::Call(Zap::new(self.vma, self.first, self.end).into())
            }
            UnmapStage::Zapped => {
                cx.unlock(Lock::Ptl(mm));
                self.stage = if self.remove { UnmapStage::Unlink } else { UnmapStage::UpWrite };
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
