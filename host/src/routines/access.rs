//! A user access: the instruction, and `do_page_fault` where it faults.
//!
//! The hardware needs no lock: it reads the pte, sets young and dirty, and moves
//! data.
//!
//! Simplified: no TLB, a changed pte is seen at once by every CPU; a fault that runs
//! out of memory ends the access, and the process lives on instead of being killed.

use super::{Cx, Fault, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{Memory, PG_PAGECACHE, SECTORS, SectorMask, Token};
use crate::oracle::{Look, author_of};
use crate::rename::renames;
use crate::task::{Ret, Task};

stages! { Stage {
    Touch = "user.access",
    Fault = "do_page_fault.down_read",
    UpRead = "do_page_fault.up_read",
}}

/// A load or store by the task's process.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Access {
    stage: Stage,
    /// Address in pages.
    pub address: u32,
    /// Which sectors of the page.
    pub sectors: SectorMask,
    /// A store; else a load.
    pub store: bool,
}

renames!(Access { ; stage, address, sectors, store });

impl Access {
    /// A load of the given sectors.
    #[must_use]
    pub const fn load(address: u32, sectors: SectorMask) -> Self {
        Self { stage: Stage::Touch, address, sectors, store: false }
    }

    /// A store of something new to the given sectors.
    #[must_use]
    pub const fn store(address: u32, sectors: SectorMask) -> Self {
        Self { stage: Stage::Touch, address, sectors, store: true }
    }

    fn touch(&mut self, cx: &mut Cx<'_>) -> Flow {
        let mm = cx.task.mm;
        let Some(vma) = cx.mem.find_vma(mm, self.address) else {
            return Flow::Return(Ret::Segv);
        };
        let pte = cx.mem.pte(vma, self.address);
        let Some(pfn) = pte.pfn().filter(|_| !self.store || pte.write()) else {
            self.stage = Stage::Fault;
            return Flow::Next;
        };
        let index = cx.mem.vmas[vma.index()].pte_index(self.address);
        let Self { address, sectors, .. } = *self;
        let access = Look { mm, address, index, sectors };
        if !self.store {
            if !pte.young() {
                cx.mem.set_pte(vma, self.address, pte.mkyoung());
            }
            let seen = cx.mem.page(pfn).data;
            cx.oracle.load(cx.mem, &access, seen);
            return Flow::Return(Ret::Done);
        }
        let touched = pte.mkyoung().mkdirty();
        if touched != pte {
            cx.mem.set_pte(vma, self.address, touched);
        }
        let token = Token::new(author_of(mm), cx.mem.next_seq());
        let file = cx.mem.page(pfn).has(PG_PAGECACHE);
        for sector in (0..SECTORS).filter(|s| self.sectors & 1 << s != 0) {
            cx.mem.page_mut(pfn).data[sector] = token;
        }
        cx.oracle.store(&access, token, file);
        Flow::Return(Ret::Done)
    }
}

impl Stages for Access {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, task: &Task) -> Wants {
        match self.stage {
            Stage::Fault => Wants::take(Lock::MmapRead(task.mm)),
            Stage::Touch | Stage::UpRead => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, _: &Memory, _: &Task) -> bool {
        self.stage == Stage::UpRead
    }

    #[inline]
    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Touch => self.touch(cx),
            Stage::Fault => {
                self.stage = Stage::UpRead;
                let write = self.store;
                match cx.mem.find_vma(cx.task.mm, self.address) {
                    Some(vma) if !write || cx.mem.vmas[vma.index()].vm_write() => {
                        Flow::Call(Fault::new(vma, self.address, write).into())
                    }
                    _ => {
                        cx.unlock(Lock::MmapRead(cx.task.mm));
                        Flow::Return(Ret::Segv)
                    }
                }
            }
            Stage::UpRead => {
                let oom = cx.ret() == Ret::VmFaultOom;
                cx.unlock(Lock::MmapRead(cx.task.mm));
                if oom {
                    return Flow::Return(Ret::VmFaultOom);
                }
                self.stage = Stage::Touch;
                Flow::Next
            }
        }
    }
}
