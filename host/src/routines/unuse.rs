//! `mm/swapfile.c:unuse_process`, 2.6.11: swapoff restores one mm's pte to a page.
//!
//! Where the page is activated is the policy's rule (`Rules::unuse_process`).

use super::{Cx, Flow, Stages, stages};
use crate::lock::{Lock, Wants};
use crate::mm::{
    AnonVmaId, Memory, MmId, NO_MAPPING, PG_AGAIN, PG_ANON, PG_REPLACED, Pfn, Pte, SwpEntry, VmaId,
};
use crate::rename::renames;
use crate::task::{Ret, Task};
use cowpath_abi::{ACTIVATE_AFTER_PTE, ACTIVATE_AT_START, ACTIVATE_BEFORE_UNLOCK};

stages! { Stage {
    Trylock = "unuse_process.down_read_trylock",
    DownRead = "unuse_process.down_read",
    LockPage = "unuse_process.lock_page",
    Lock = "unuse_process.lock",
    Restore = "unuse_pte.restore",
    Activate = "unuse_pmd.activate_page",
    UpRead = "unuse_process.up_read",
}}

/// Restores at most one pte of a mm; the page is locked and held by the caller.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct UnuseProcess {
    stage: Stage,
    mm: MmId,
    entry: SwpEntry,
    page: Pfn,
    vma: VmaId,
    address: u32,
}

renames!(UnuseProcess { mm, entry, page, vma; stage, address });

impl UnuseProcess {
    /// For a mm, an entry, and the entry's page.
    #[must_use]
    pub const fn new(mm: MmId, entry: SwpEntry, page: Pfn) -> Self {
        Self { stage: Stage::Trylock, mm, entry, page, vma: VmaId::NONE, address: 0 }
    }

    fn activate_if(self, cx: &mut Cx<'_>, rule: u32) {
        if cx.policy.rules().unuse_process & rule != 0 {
            cx.mem.activate_page(self.page);
        }
    }

    fn down_read_trylock(&mut self, cx: &mut Cx<'_>) -> Flow {
        self.activate_if(cx, ACTIVATE_AT_START);
        if cx.trylock(Lock::MmapRead(self.mm)) {
            self.stage = Stage::Lock;
            return Flow::Next;
        }
        self.activate_if(cx, ACTIVATE_BEFORE_UNLOCK);
        cx.unlock(Lock::Page(self.page));
        self.stage = Stage::DownRead;
        Flow::Next
    }

    /// Where the swap pte is: at the page's own address if it has a mapping, else
    /// anywhere (`unuse_vma`).
    fn find(self, mem: &Memory) -> Option<(VmaId, u32)> {
        let page = mem.page(self.page);
        let anon = page.has(PG_ANON) && page.mapping != NO_MAPPING;
        let mut id = mem.mms[self.mm.index()].mmap;
        while id.is_some() {
            let vma = &mem.vmas[id.index()];
            let is_entry = |a: &u32| mem.ptes[vma.pte_index(*a)].entry() == Some(self.entry);
            let found = if !vma.anon_vma.is_some() {
                None
            } else if anon {
                let same = vma.anon_vma == AnonVmaId(page.mapping as u16);
                vma.address_of_index(page.index).filter(|_| same).filter(is_entry)
            } else {
                (vma.start..vma.start + vma.len).find(is_entry)
            };
            if let Some(address) = found {
                return Some((id, address));
            }
            id = vma.next;
        }
        None
    }

    fn lock(&mut self, cx: &mut Cx<'_>) -> Flow {
        let Some((vma, address)) = self.find(cx.mem) else {
            cx.unlock(Lock::Ptl(self.mm));
            self.stage = Stage::UpRead;
            return Flow::Next;
        };
        self.vma = vma;
        self.address = address;
        self.stage = Stage::Restore;
        Flow::Next
    }

    /// `unuse_pte`.
    fn restore(&mut self, cx: &mut Cx<'_>) -> Flow {
        let exclusive = cx.mem.pte(self.vma, self.address).marked_exclusive();
        cx.mem.mms[self.mm.index()].rss += 1;
        cx.get_page(self.page);
        cx.mem.set_pte(self.vma, self.address, Pte::mk(self.page).mkold());
        cx.page_add_anon_rmap(self.page, self.vma, self.address);
        if exclusive {
            cx.set_exclusive(self.page);
        }
        cx.mem.swap_free(self.entry);
        self.stage = Stage::Activate;
        Flow::Next
    }
}

impl Stages for UnuseProcess {
    const STAGES: &'static [&'static str] = Stage::ALL;

    fn stage(&self) -> &'static str {
        self.stage.name()
    }

    #[inline]
    fn wants(&self, _: &Memory, _: &Task) -> Wants {
        match self.stage {
            Stage::DownRead => Wants::take(Lock::MmapRead(self.mm)),
            Stage::LockPage => Wants::take(Lock::Page(self.page)),
            Stage::Lock => Wants::take(Lock::Ptl(self.mm)),
            Stage::Restore => Wants::free(Lock::SwapDevice(self.entry.area())),
            Stage::Trylock | Stage::Activate | Stage::UpRead => Wants::NOTHING,
        }
    }

    #[inline]
    fn moves_left(&self, _: &Memory, _: &Task) -> bool {
        self.stage == Stage::UpRead
    }

    fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
        match self.stage {
            Stage::Trylock => self.down_read_trylock(cx),
            Stage::DownRead => {
                self.stage = Stage::LockPage;
                Flow::Next
            }
            Stage::LockPage => {
                let taken = cx.mem.taken_by_migration(self.page);
                self.stage = if taken { Stage::UpRead } else { Stage::Lock };
                Flow::Next
            }
            Stage::Lock => self.lock(cx),
            Stage::Restore => self.restore(cx),
            Stage::Activate => {
                self.activate_if(cx, ACTIVATE_AFTER_PTE);
                cx.unlock(Lock::Ptl(self.mm));
                self.stage = Stage::UpRead;
                Flow::Next
            }
            Stage::UpRead => {
                cx.unlock(Lock::MmapRead(self.mm));
                Flow::Return(Ret::Done)
            }
        }
    }
}

impl Memory {
    /// Whether migration has put another page in this one's place in the swap cache,
    /// or has given it back: who had looked it up must look again.
    ///
    /// The memory-hotplug tree re-checks the page after each sleep for its lock.
    pub(super) fn taken_by_migration(&self, pfn: Pfn) -> bool {
        self.page(pfn).flags & (PG_AGAIN | PG_REPLACED) != 0
    }
}
