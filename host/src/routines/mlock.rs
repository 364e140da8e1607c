//! `mm/mlock.c:mlock_fixup` and `mm/memory.c:make_pages_present`, 2.6.11.

use super::{Cx, Fault, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, VM_LOCKED, VmaId};
use crate::task::{Ret, Task};

stages! { Stage {
    DownWrite = "mlock_fixup.down_write",
    Present = "make_pages_present.follow_page",
    Faulted = "make_pages_present.faulted",
    UpWrite = "mlock_fixup.up_write",
}}

/// mlock or munlock of a whole vma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mlock {
    stage: Stage,
    vma: VmaId,
    lock: bool,
    address: u32,
}

impl Mlock {
    /// mlock (`lock`) or munlock.
    #[must_use]
    pub const fn new(vma: VmaId, lock: bool) -> Self {
        Self { stage: Stage::DownWrite, vma, lock, address: 0 }
    }

    /// get_user_pages without `pages`: faults each page in, takes no reference.
    fn present(&mut self, cx: &mut Cx<'_>) -> Flow {
        let vma = cx.mem.vmas[self.vma.index()];
        let pte = cx.mem.pte(self.vma, self.address);
        if pte.present() && (!vma.vm_write() || pte.write()) {
            cx.unlock(Lock::Ptl(vma.mm));
            return self.next_page(cx);
        }
        cx.unlock(Lock::Ptl(vma.mm));
        self.stage = Stage::Faulted;
        Flow::Call(Fault::new(self.vma, self.address, vma.vm_write()).into())
    }

    fn next_page(&mut self, cx: &Cx<'_>) -> Flow {
        let vma = cx.mem.vmas[self.vma.index()];
        self.address += 1;
        let more = self.address < vma.start + vma.len;
        self.stage = if more { Stage::Present } else { Stage::UpWrite };
        Flow::Next
    }
}

impl Stages for Mlock {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, task: &Task) -> Wants {
        match self.stage {
            Stage::DownWrite => Wants::take(Lock::MmapWrite(task.mm)),
            Stage::Present => Wants::take(Lock::Ptl(task.mm)),
            Stage::Faulted | Stage::UpWrite => Wants::NOTHING,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::DownWrite => {
                let vma = &mut cx.mem.vmas[self.vma.index()];
                vma.flags = vma.flags & !VM_LOCKED | u32::from(self.lock) * VM_LOCKED;
                self.address = vma.start;
                self.stage = if self.lock { Stage::Present } else { Stage::UpWrite };
                Flow::Next
            }
            Stage::Present => self.present(cx),
            Stage::Faulted => {
                if cx.ret() == Ret::VmFaultOom {
                    self.stage = Stage::UpWrite;
                    return Flow::Next;
                }
                self.stage = Stage::Present;
                Flow::Next
            }
            Stage::UpWrite => {
                cx.unlock(Lock::MmapWrite(cx.task.mm));
                Flow::Return(Ret::Done)
            }
        }
    }
}
