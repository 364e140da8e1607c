//! `mm/mlock.c:mlock_fixup` and `mm/memory.c:make_pages_present`, 2.6.11.

use super::{Cx, Fault, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, VM_LOCKED, VmaId};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::GUP_FAULTS_IN;

stages! { Stage {
    DownWrite = "mlock_fixup.down_write",
    Present = "make_pages_present.follow_page",
    Faulted = "make_pages_present.faulted",
    UpWrite = "mlock_fixup.up_write",
}}

/// mlock or munlock of a whole vma. Returns `NoMemory` if there is none, and
/// `Again` if a page could not be made present; the vma is `VM_LOCKED` all the same.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Mlock {
    stage: Stage,
    vma: VmaId,
    lock: bool,
    address: u32,
    /// A page could not be made present.
    short: bool,
}

renames!(Mlock { vma; stage, lock, address, short });

impl Mlock {
    /// mlock (`lock`) or munlock of the vma at an address.
    #[must_use]
    pub const fn new(address: u32, lock: bool) -> Self {
        Self { stage: Stage::DownWrite, vma: VmaId::NONE, lock, address, short: false }
    }

    fn fixup(&mut self, cx: &mut Cx<'_>) -> Flow {
        let Some(vma) = cx.mem.find_vma(cx.task.mm, self.address) else {
            cx.unlock(Lock::MmapWrite(cx.task.mm));
            return Flow::Return(Ret::NoMemory);
        };
        self.vma = vma;
        let vma = &mut cx.mem.vmas[vma.index()];
        let flags = (vma.flags & !VM_LOCKED) | (u32::from(self.lock) * VM_LOCKED);
        let present = self.lock && flags != vma.flags;
        vma.flags = flags;
        self.address = vma.start;
        self.stage = if present { Stage::Present } else { Stage::UpWrite };
        Flow::Next
    }

    /// get_user_pages without `pages`: faults each page in, takes no reference.
    fn present(&mut self, cx: &mut Cx<'_>) -> Flow {
        let vma = cx.mem.vmas[self.vma.index()];
        let write = vma.vm_write();
        let found = cx.mem.follow_page(self.vma, self.address, write);
        let untouched = !write
            && !cx.has(GUP_FAULTS_IN)
            && cx.mem.untouched_anonymous_page(self.vma, self.address);
        cx.unlock(Lock::Ptl(vma.mm));
        if found.is_some() || untouched {
            self.address += 1;
            let more = self.address < vma.start + vma.len;
            self.stage = if more { Stage::Present } else { Stage::UpWrite };
            return Flow::Next;
        }
        self.stage = Stage::Faulted;
        Flow::Call(Fault::new(self.vma, self.address, write).into())
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

    #[inline]
    fn moves_left(&self, _: &Memory, _: &Task) -> bool {
        self.stage == Stage::Faulted
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::DownWrite => self.fixup(cx),
            Stage::Present => self.present(cx),
            Stage::Faulted => {
                if cx.ret() == Ret::VmFaultOom {
                    self.short = true;
                    self.stage = Stage::UpWrite;
                    return Flow::Next;
                }
                self.stage = Stage::Present;
                Flow::Next
            }
            Stage::UpWrite => {
                cx.unlock(Lock::MmapWrite(cx.task.mm));
                Flow::Return(if self.short { Ret::Again } else { Ret::Done })
            }
        }
    }
}
