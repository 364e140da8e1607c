//! Address spaces: mm, vma, anon_vma, and where their ptes are.
//!
//! An address is a page number; two processes related by fork use the same ones.
//! Knows no page: what a pte maps is the business of `super::rmap`.
//!
//! Simplified: a vma is mapped, protected, locked and unmapped as a whole (no
//! vma is split or merged), so every vma that needs one has an anon_vma of its own.

use super::Memory;
use super::ids::{AnonVmaId, FileId, MmId, TaskId, VmaId};
use super::pte::Pte;

pub use cowpath_abi::{VM_LOCKED, VM_MAYWRITE, VM_READ, VM_RESERVED, VM_SHARED, VM_WRITE};

/// `struct mm_struct`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mm {
    /// `mm->rss`: present ptes that are not reserved pages.
    pub rss: u32,
    /// `mm->anon_rss`.
    pub anon_rss: u32,
    /// `mm->mmap`: its vmas, by address.
    pub mmap: VmaId,
    /// `mmap_sem`: readers.
    pub readers: u16,
    /// `mmap_sem`: the writer.
    pub writer: TaskId,
    /// `page_table_lock`.
    pub ptl: TaskId,
    /// Number of stores and transfers before this mm was made: what it may have inherited.
    pub born: u32,
    /// `mm_users`: tasks of the mm that are in the kernel, and others that hold it.
    pub users: u16,
    /// `mm->has_pinned`: somebody took a `FOLL_PIN` reference here once.
    pub has_pinned: bool,
    /// The last user is gone: the mappings are being torn down.
    pub exiting: bool,
    /// False once the process has exited and its mappings are gone.
    pub alive: bool,
}

/// `struct vm_area_struct`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vma {
    /// `vm_mm`.
    pub mm: MmId,
    /// `vm_next`.
    pub next: VmaId,
    /// `anon_vma`; none until the first anonymous page.
    pub anon_vma: AnonVmaId,
    /// `anon_vma_node`.
    pub anon_next: VmaId,
    /// `vm_start`, in pages.
    pub start: u32,
    /// Length in pages.
    pub len: u32,
    /// `vm_pgoff`.
    pub pgoff: u32,
    /// `vm_flags`.
    pub flags: u32,
    /// `vm_file`.
    pub file: FileId,
    /// Where its ptes are in `Memory::ptes`.
    pub ptes: u32,
}

/// `struct anon_vma`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnonVma {
    /// `head`: the vma linked last comes first, or last in kernels with migration entries.
    pub head: VmaId,
    /// `lock`.
    pub lock: TaskId,
}

impl Vma {
    /// Index into `Memory::ptes` of an address inside the vma.
    #[must_use]
    #[inline]
    pub fn pte_index(&self, address: u32) -> usize {
        debug_assert!(self.contains(address));
        (self.ptes + (address - self.start)) as usize
    }

    /// Whether the address is inside.
    #[must_use]
    #[inline]
    pub const fn contains(&self, address: u32) -> bool {
        address >= self.start && address - self.start < self.len
    }

    /// `vma_address` (mm/rmap.c): where the page with this index is expected.
    #[must_use]
    #[inline]
    pub const fn address_of_index(&self, index: u32) -> Option<u32> {
        if index >= self.pgoff && index - self.pgoff < self.len {
            Some(self.start + (index - self.pgoff))
        } else {
            None
        }
    }

    /// Whether the mapping is writable by its owner.
    #[must_use]
    #[inline]
    pub const fn vm_write(&self) -> bool {
        self.flags & VM_WRITE != 0
    }
}

impl Memory {
    /// `find_vma`, exact: the vma that contains an address.
    #[must_use]
    #[inline]
    pub fn find_vma(&self, mm: MmId, address: u32) -> Option<VmaId> {
        let mut id = self.mms[mm.index()].mmap;
        while id.is_some() {
            let vma = &self.vmas[id.index()];
            if vma.contains(address) {
                return Some(id);
            }
            id = vma.next;
        }
        None
    }

    /// The pte of an address inside a vma.
    #[must_use]
    #[inline]
    pub fn pte(&self, vma: VmaId, address: u32) -> Pte {
        self.ptes[self.vmas[vma.index()].pte_index(address)]
    }

    /// `set_pte`. Keeps the ledger of what refers to swap entries.
    #[inline]
    pub fn set_pte(&mut self, vma: VmaId, address: u32, pte: Pte) {
        let index = self.vmas[vma.index()].pte_index(address);
        let old = std::mem::replace(&mut self.ptes[index], pte);
        if let Some(log) = &mut self.changes {
            log.pte(vma, address, old, pte);
        }
    }

    /// Adds a mm without mappings.
    pub fn add_mm(&mut self) -> MmId {
        let id = MmId(u16::try_from(self.mms.len()).expect("fewer than 65535 mms"));
        assert!(id.0 < 254, "at most 254 processes: a token's author is one byte");
        self.mms.push(Mm {
            rss: 0,
            anon_rss: 0,
            mmap: VmaId::NONE,
            readers: 0,
            writer: TaskId::NONE,
            ptl: TaskId::NONE,
            born: self.seq,
            users: 0,
            has_pinned: false,
            exiting: false,
            alive: true,
        });
        id
    }

    /// Adds a vma to a mm, after its others; all its ptes are none.
    pub fn add_vma(&mut self, vma: Vma) -> VmaId {
        let id = match self.vmas.iter().position(|v| v.len == 0) {
            Some(i) => VmaId(i as u16),
            None => {
                self.vmas.push(vma);
                VmaId(u16::try_from(self.vmas.len() - 1).expect("fewer than 65535 vmas"))
            }
        };
        let ptes = self.alloc_ptes(vma.len);
        self.vmas[id.index()] = Vma { ptes, next: VmaId::NONE, ..vma };
        let mm = &mut self.mms[vma.mm.index()];
        if !mm.mmap.is_some() {
            mm.mmap = id;
            return id;
        }
        let mut last = mm.mmap;
        while self.vmas[last.index()].next.is_some() {
            last = self.vmas[last.index()].next;
        }
        self.vmas[last.index()].next = id;
        id
    }

    /// `remove_vm_struct`: takes an empty vma out of its mm. All its ptes are none.
    pub fn remove_vma(&mut self, id: VmaId) {
        let vma = self.vmas[id.index()];
        let range = vma.ptes as usize..(vma.ptes + vma.len) as usize;
        assert!(self.ptes[range].iter().all(|pte| pte.none()), "vma removed with ptes in it");
        assert!(!vma.anon_vma.is_some(), "vma removed while on an anon_vma");
        let mm = vma.mm.index();
        if self.mms[mm].mmap == id {
            self.mms[mm].mmap = vma.next;
        } else {
            let mut prev = self.mms[mm].mmap;
            while self.vmas[prev.index()].next != id {
                prev = self.vmas[prev.index()].next;
            }
            self.vmas[prev.index()].next = vma.next;
        }
        self.vmas[id.index()].len = 0;
        if (vma.ptes + vma.len) as usize == self.ptes.len() {
            self.ptes.truncate(vma.ptes as usize);
        } else {
            self.free_ptes.push((vma.ptes, vma.len));
        }
    }

    fn alloc_ptes(&mut self, len: u32) -> u32 {
        if let Some(i) = self.free_ptes.iter().position(|r| r.1 == len) {
            return self.free_ptes.swap_remove(i).0;
        }
        let base = self.ptes.len();
        self.ptes.resize(base + len as usize, Pte::NONE);
        u32::try_from(base).expect("fewer than 2^32 ptes")
    }

    /// Forgets in which order ranges of ptes were given up.
    pub(crate) fn forget_free_ptes(&mut self) {
        self.free_ptes.sort_unstable();
        while let Some(&(first, len)) = self.free_ptes.last() {
            if (first + len) as usize != self.ptes.len() {
                break;
            }
            self.ptes.truncate(first as usize);
            self.free_ptes.pop();
        }
    }

    /// `__anon_vma_link`: adds a vma at the head of an anon_vma's list.
    pub fn anon_vma_link(&mut self, vma: VmaId, anon_vma: AnonVmaId) {
        let head = std::mem::replace(&mut self.anon_vmas[anon_vma.index()].head, vma);
        let vma = &mut self.vmas[vma.index()];
        vma.anon_vma = anon_vma;
        vma.anon_next = head;
    }

    /// The same at the tail of the list, where kernels with migration entries add the vmas
    /// of children (2.6.18 on; the interval tree keeps that order).
    pub fn anon_vma_link_tail(&mut self, vma: VmaId, anon_vma: AnonVmaId) {
        let mut last = self.anon_vmas[anon_vma.index()].head;
        if !last.is_some() {
            return self.anon_vma_link(vma, anon_vma);
        }
        while self.vmas[last.index()].anon_next.is_some() {
            last = self.vmas[last.index()].anon_next;
        }
        self.vmas[last.index()].anon_next = vma;
        let vma = &mut self.vmas[vma.index()];
        vma.anon_vma = anon_vma;
        vma.anon_next = VmaId::NONE;
    }

    /// `anon_vma_unlink`: takes a vma off its anon_vma.
    pub fn anon_vma_unlink(&mut self, vma: VmaId) {
        let Vma { anon_vma, anon_next, .. } = self.vmas[vma.index()];
        let head = self.anon_vmas[anon_vma.index()].head;
        if head == vma {
            self.anon_vmas[anon_vma.index()].head = anon_next;
        } else {
            let mut prev = head;
            while self.vmas[prev.index()].anon_next != vma {
                prev = self.vmas[prev.index()].anon_next;
            }
            self.vmas[prev.index()].anon_next = anon_next;
        }
        let vma = &mut self.vmas[vma.index()];
        vma.anon_vma = AnonVmaId::NONE;
        vma.anon_next = VmaId::NONE;
    }

    /// `anon_vma_prepare`: gives a vma an anon_vma if it has none.
    ///
    /// Simplified: allocation cannot fail, and needs no lock of its own here.
    pub fn anon_vma_prepare(&mut self, vma: VmaId) {
        if self.vmas[vma.index()].anon_vma.is_some() {
            return;
        }
        let empty = AnonVma { head: VmaId::NONE, lock: TaskId::NONE };
        // An anon_vma without vmas is gone, except that a page may still point to
        // it (SLAB_DESTROY_BY_RCU): its id is not used again.
        if let Some(id) = self.free_anon_vmas.pop() {
            self.anon_vma_link(vma, id);
            return;
        }
        self.anon_vmas.push(empty);
        let id = u16::try_from(self.anon_vmas.len() - 1).expect("fewer than 65535 anon_vmas");
        self.anon_vma_link(vma, AnonVmaId(id));
    }
}
