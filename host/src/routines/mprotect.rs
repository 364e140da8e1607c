//! `mm/mprotect.c:change_protection`, 2.6.11.
//!
//! Every present pte gets the protection of a private mapping, which never has the
//! write bit and on i386 always has the accessed bit: a write after mprotect back to
//! read-write faults, and reclaim finds the page young. Kernels from 6.0 on may make a
//! pte writable at once.

use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, PG_ANON, Pte, VM_WRITE, VmaId};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{Hook, PTE_DIRTY, YES};

stages! { Stage {
    DownWrite = "mprotect_fixup.down_write",
    Change = "change_protection.ptes",
    UpWrite = "mprotect_fixup.up_write",
}}

/// mprotect of a whole vma. Returns `NoMemory` if there is none.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Mprotect {
    stage: Stage,
    address: u32,
    vma: VmaId,
    write: bool,
}

renames!(Mprotect { vma; stage, address, write });

impl Mprotect {
    /// Of the vma at an address, to read-write or to read only.
    #[must_use]
    pub const fn new(address: u32, write: bool) -> Self {
        Self { stage: Stage::DownWrite, address, vma: VmaId::NONE, write }
    }
}

/// `can_change_pte_writable`.
fn may_write(cx: &mut Cx<'_>, pte: Pte, vm_flags: u32) -> bool {
    let page = pte.pfn().expect("present");
    let env = u32::from(pte.dirty()) * PTE_DIRTY;
    cx.policy.defines(Hook::change_pte_range)
        && cx.mem.page(page).has(PG_ANON)
        && cx.ask(Hook::change_pte_range, 0, page, vm_flags, env) == YES
}

impl Stages for Mprotect {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, task: &Task) -> Wants {
        match self.stage {
            Stage::DownWrite => Wants::take(Lock::MmapWrite(task.mm)),
            Stage::Change => Wants::free(Lock::Ptl(task.mm)),
            Stage::UpWrite => Wants::NOTHING,
        }
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::DownWrite => {
                let Some(vma) = cx.mem.find_vma(cx.task.mm, self.address) else {
                    cx.unlock(Lock::MmapWrite(cx.task.mm));
                    return Flow::Return(Ret::NoMemory);
                };
                self.vma = vma;
                let vma = &mut cx.mem.vmas[vma.index()];
                // mprotect_fixup: nothing to do if the flags stay.
                let same = vma.vm_write() == self.write;
                vma.flags = (vma.flags & !VM_WRITE) | (u32::from(self.write) * VM_WRITE);
                self.stage = if same { Stage::UpWrite } else { Stage::Change };
                Flow::Next
            }
            Stage::Change => {
                let vma = cx.mem.vmas[self.vma.index()];
                for address in vma.start..vma.start + vma.len {
                    let pte = cx.mem.pte(self.vma, address);
                    if pte.present() {
                        let writable = self.write && may_write(cx, pte, vma.flags);
                        let new = pte.wrprotect().mkyoung().maybe_mkwrite(writable);
                        cx.mem.set_pte(self.vma, address, new);
                    } else if pte.migrating().is_some() {
                        cx.mem.set_pte(self.vma, address, pte.wrprotect());
                    }
                }
                self.stage = Stage::UpWrite;
                Flow::Next
            }
            Stage::UpWrite => {
                cx.unlock(Lock::MmapWrite(cx.task.mm));
                Flow::Return(Ret::Done)
            }
        }
    }
}
