//! The state of the modelled memory, and what the kernel does to it atomically.
//!
//! Flat vectors of small integers, one type from two pages to millions. Nothing
//! here asks a policy, knows a task's place in its routine, or records a trace;
//! each function is one thing that 2.6.11 does under one hold of a lock.

pub mod audit;
mod change;
pub(crate) mod codec;
mod copy;
mod counts;
mod exclusive;
mod file;
mod holder;
mod ids;
mod lru;
mod page;
mod pte;
mod recount;
mod rename;
mod rmap;
mod swap;
mod vma;

pub use change::{Change, Changes};
pub use counts::{Counters, Overflow, PageCounts};
pub use file::PageCache;
pub use holder::{Direction, Holder, Io, IoId, IoKind, IoState, Path};
pub use ids::{AnonVmaId, FileId, HolderId, MmId, Pfn, SwpEntry, TaskId, Token, VmaId, ZERO_PAGE};
pub use lru::{EMPTY_PAGEVEC, List, PAGEVEC_SIZE, Pagevec, Which};
pub use page::*;
pub use pte::Pte;
pub use recount::Held;
pub use swap::{SWAP_MAP_BAD, SWAP_MAP_MAX, SwapArea, SwapIo};
pub use vma::{
    AnonVma, Mm, VM_LOCKED, VM_MAYWRITE, VM_READ, VM_RESERVED, VM_SHARED, VM_WRITE, Vma,
};

use audit::Violation;
use cowpath_abi::GUP_PIN_COUNTING_BIAS;

/// Failures that the next allocations meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inject {
    /// Page allocations that will fail.
    pub no_memory: u32,
    /// `get_swap_page` calls that will find no slot.
    pub no_swap: u32,
}

/// What a run cost: counted, never judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Costs {
    /// Pages copied by `do_wp_page`.
    pub copies: u64,
    /// Copies made although no other process could see the page.
    pub needless_copies: u64,
    /// Faults.
    pub faults: u64,
    /// Pages scanned by `shrink_list`.
    pub scans: u64,
    /// Pages written to swap.
    pub swap_writes: u64,
    /// Pages read from swap.
    pub swap_reads: u64,
    /// Migration attempts on a page.
    pub migrations: u64,
    /// Entries that swapoff has looked at.
    pub unuse: u64,
}

/// The memory of one modelled machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Memory {
    /// `mem_map`, by pfn; 0 is ZERO_PAGE.
    pub pages: Vec<Page>,
    /// Address spaces.
    pub mms: Vec<Mm>,
    /// Vmas; length 0: unused.
    pub vmas: Vec<Vma>,
    /// anon_vmas.
    pub anon_vmas: Vec<AnonVma>,
    /// Page tables: see [`Vma::ptes`].
    pub ptes: Vec<Pte>,
    /// `init_mm.mmlist`: mms that may have swap ptes.
    pub mmlist: Vec<MmId>,
    /// Swap areas.
    pub areas: Vec<SwapArea>,
    /// `swap_list`: active areas, highest priority first.
    pub swap_list: Vec<u8>,
    /// `swap_list.next`: the area that is used next.
    pub swap_next: u8,
    /// `nr_swap_pages`: free slots. Below 0 while swapoff empties an area.
    pub nr_swap_pages: i32,
    /// `total_swap_pages`.
    pub total_swap_pages: i32,
    /// Swap reads and writes under way.
    pub swap_io: Vec<SwapIo>,
    /// `swapper_space.tree_lock`.
    pub tree_lock: TaskId,
    /// Page caches.
    pub files: Vec<PageCache>,
    /// Direct IO requests and long-lived references.
    pub ios: Vec<Io>,
    /// One entry for each page that one of [`Memory::ios`] holds.
    pub holders: Vec<Holder>,
    /// Free frames.
    pub free: List,
    /// `zone->active_list`.
    pub active: List,
    /// `zone->inactive_list`.
    pub inactive: List,
    /// `lru_add_pvecs`: pages for the inactive list.
    pub lru_add: Pagevec,
    /// `lru_add_active_pvecs`: pages for the active list.
    pub lru_add_active: Pagevec,
    /// Frames in a memory section.
    pub section: u32,
    /// Frames, from the first, that are `ZONE_MOVABLE`.
    pub movable: u32,
    /// `page_cluster`.
    pub page_cluster: u32,
    /// Pages that a pagevec takes, at most [`PAGEVEC_SIZE`]; 1: they are on the LRU at once.
    pub pagevec_size: u8,
    /// Stores and device transfers so far.
    pub seq: u32,
    /// How counts are kept.
    pub counters: Counters,
    /// Failures to come.
    pub inject: Inject,
    /// What the run cost.
    pub costs: Costs,
    /// The first thing found wrong: a kernel BUG_ON, or a count that does not add up.
    pub violation: Option<Violation>,
    /// What changed in this stage, where a trace wants to know.
    pub changes: Option<Box<Changes>>,
    free_ptes: Vec<(u32, u32)>,
    /// Ids of anon_vmas that nothing refers to, lowest last: only an explorer looks for them.
    pub(crate) free_anon_vmas: Vec<AnonVmaId>,
    touched: Vec<Pfn>,
    touched_slots: Vec<SwpEntry>,
}

/// Sizes of a new memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Frames, ZERO_PAGE not counted.
    pub pages: u32,
    /// Frames in a section; 0: all in one.
    pub section: u32,
    /// Frames, from the first, that are `ZONE_MOVABLE`.
    pub movable: u32,
    /// `page_cluster`.
    pub page_cluster: u32,
    /// How counts are kept.
    pub counters: Counters,
}

impl Memory {
    /// A memory whose frames are all free, without swap, files or processes.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        let mut zero = Page::FREE;
        zero.flags = PG_RESERVED | PG_UPTODATE;
        let mut memory = Self {
            pages: vec![Page::FREE; layout.pages as usize + 1],
            mms: Vec::new(),
            vmas: Vec::new(),
            anon_vmas: Vec::new(),
            ptes: Vec::new(),
            mmlist: Vec::new(),
            areas: Vec::new(),
            swap_list: Vec::new(),
            swap_next: 0,
            nr_swap_pages: 0,
            total_swap_pages: 0,
            swap_io: Vec::new(),
            tree_lock: TaskId::NONE,
            files: Vec::new(),
            ios: Vec::new(),
            holders: Vec::new(),
            free: List::EMPTY,
            active: List::EMPTY,
            inactive: List::EMPTY,
            lru_add: EMPTY_PAGEVEC,
            lru_add_active: EMPTY_PAGEVEC,
            section: if layout.section == 0 { layout.pages } else { layout.section },
            movable: layout.movable,
            page_cluster: layout.page_cluster,
            pagevec_size: PAGEVEC_SIZE as u8,
            seq: 0,
            counters: layout.counters,
            inject: Inject::default(),
            costs: Costs::default(),
            violation: None,
            changes: None,
            free_ptes: Vec::new(),
            free_anon_vmas: Vec::new(),
            touched: Vec::new(),
            touched_slots: Vec::new(),
        };
        memory.pages[0] = zero;
        for pfn in (1..=layout.pages).rev() {
            memory.list_add(Which::Free, Pfn(pfn));
        }
        memory
    }

    /// Adds a swap area of `slots` usable slots (bad ones included) and makes it active.
    pub fn swapon(&mut self, slots: u32, priority: i16, bad: &[u32]) -> u8 {
        let id = u8::try_from(self.areas.len()).expect("few swap areas");
        let size = slots as usize + 1;
        let mut swap_map = vec![0; size];
        swap_map[0] = SWAP_MAP_BAD;
        for &offset in bad {
            swap_map[offset as usize] = SWAP_MAP_BAD;
        }
        let pages = swap_map.iter().filter(|&&count| count == 0).count() as u32;
        self.areas.push(SwapArea {
            priority,
            writeok: true,
            used: true,
            lock: TaskId::NONE,
            swap_map,
            cache: vec![Pfn::NONE; size],
            data: vec![[Token::ZERO; SECTORS]; size],
            refs: vec![0; size],
            pages,
            lowest_bit: 1,
            hold: false,
        });
        let place =
            self.swap_list.iter().position(|&a| self.areas[a as usize].priority <= priority);
        self.swap_list.insert(place.unwrap_or(self.swap_list.len()), id);
        if self.swap_list[0] == id {
            self.swap_next = id;
        }
        self.nr_swap_pages += pages as i32;
        self.total_swap_pages += pages as i32;
        id
    }

    /// The page of a pfn.
    #[must_use]
    #[inline]
    pub fn page(&self, pfn: Pfn) -> &Page {
        &self.pages[pfn.index()]
    }

    /// The page of a pfn, to be changed; the audit will look at it after this stage.
    #[inline]
    pub fn page_mut(&mut self, pfn: Pfn) -> &mut Page {
        if self.touched.last() != Some(&pfn) {
            self.touched.push(pfn);
            if let Some(changes) = &mut self.changes {
                changes.page(pfn, &self.pages[pfn.index()]);
            }
        }
        &mut self.pages[pfn.index()]
    }

    #[inline]
    pub(crate) fn touch_slot(&mut self, entry: SwpEntry) {
        self.touched_slots.push(entry);
    }

    /// `page_count`.
    #[must_use]
    #[inline]
    pub fn page_count(&self, pfn: Pfn) -> u32 {
        self.counters.count(self.pages[pfn.index()].counts)
    }

    /// `page_mapcount`.
    #[must_use]
    #[inline]
    pub fn page_mapcount(&self, pfn: Pfn) -> u32 {
        self.counters.mapcount(self.pages[pfn.index()].counts)
    }

    #[inline]
    fn raw_get(&mut self, pfn: Pfn) {
        let counters = self.counters;
        if counters.get(&mut self.page_mut(pfn).counts).is_err() {
            self.violate(Violation::CounterOverflow { pfn });
        }
    }

    #[inline]
    fn raw_put(&mut self, pfn: Pfn) {
        let counters = self.counters;
        if counters.put(&mut self.page_mut(pfn).counts) {
            self.free_page(pfn);
        }
    }

    /// `get_page` by a task in the middle of a routine. Nothing for a reserved page.
    #[inline]
    pub fn get_page(&mut self, pfn: Pfn) {
        if self.page(pfn).has(PG_RESERVED) {
            return;
        }
        if self.page(pfn).has(PG_FREE) {
            self.violate(Violation::UseAfterFree { pfn });
            return;
        }
        self.raw_get(pfn);
        self.page_mut(pfn).tasks += 1;
    }

    /// `put_page` of a reference that a task holds. Nothing for a reserved page.
    #[inline]
    pub fn put_page(&mut self, pfn: Pfn) {
        let page = self.page_mut(pfn);
        if page.has(PG_RESERVED) {
            return;
        }
        assert!(page.tasks > 0, "{pfn} put by a task that does not hold it");
        page.tasks -= 1;
        self.raw_put(pfn);
    }

    pub(crate) fn get_isolated(&mut self, pfn: Pfn) {
        self.raw_get(pfn);
        self.page_mut(pfn).flags |= PG_ISOLATED;
    }

    /// The swap cache's reference, where migration moves it from page to page.
    pub(crate) fn get_cache(&mut self, pfn: Pfn) {
        self.raw_get(pfn);
    }

    pub(crate) fn put_cache(&mut self, pfn: Pfn) {
        self.raw_put(pfn);
    }

    pub(crate) fn isolation_put(&mut self, pfn: Pfn) {
        self.raw_put(pfn);
    }

    /// A task's reference becomes get_user_pages', of the flavour asked for: `FOLL_PIN`
    /// adds 1024 where `FOLL_GET` adds 1. Nothing for a reserved page.
    pub fn task_ref_to_gup(&mut self, pfn: Pfn, pinned: bool) {
        let counters = self.counters;
        let page = self.page_mut(pfn);
        if page.has(PG_RESERVED) {
            return;
        }
        page.tasks -= 1;
        *page.gup.of(pinned) += 1;
        if pinned && counters.add(&mut page.counts, GUP_PIN_COUNTING_BIAS - 1).is_err() {
            *page.gup.of(pinned) -= 1;
            *page.gup.of(false) += 1;
            self.violate(Violation::CounterOverflow { pfn });
        }
    }

    /// `page_cache_release` of a get_user_pages reference, `unpin_user_page` of a pinned one.
    pub fn put_gup(&mut self, pfn: Pfn, pinned: bool) {
        let counters = self.counters;
        let page = self.page_mut(pfn);
        if page.has(PG_RESERVED) {
            return;
        }
        let held = page.gup.of(pinned);
        assert!(*held > 0, "{pfn} put by a holder that does not hold it");
        *held -= 1;
        if pinned {
            counters.sub(&mut page.counts, GUP_PIN_COUNTING_BIAS - 1);
        }
        self.raw_put(pfn);
    }

    /// `alloc_page`: a frame with one reference, the task's; none if memory is short.
    /// Its contents are what was there; the caller fills it.
    pub fn alloc_page(&mut self) -> Option<Pfn> {
        if self.inject.no_memory > 0 {
            self.inject.no_memory -= 1;
            return None;
        }
        let pfn = self.free.head;
        if !pfn.is_some() {
            return None;
        }
        Some(self.take_free(pfn))
    }

    /// `alloc_page` without `__GFP_MOVABLE`: a frame that is not in `ZONE_MOVABLE`.
    pub fn alloc_unmovable_page(&mut self) -> Option<Pfn> {
        if self.inject.no_memory > 0 {
            return self.alloc_page();
        }
        let mut pfn = self.free.head;
        while pfn.is_some() && self.movable(pfn) {
            pfn = Pfn(self.page(pfn).next);
        }
        pfn.is_some().then(|| self.take_free(pfn))
    }

    /// Whether a frame is in `ZONE_MOVABLE`.
    #[must_use]
    pub fn movable(&self, pfn: Pfn) -> bool {
        pfn != ZERO_PAGE && pfn.0 <= self.movable
    }

    fn take_free(&mut self, pfn: Pfn) -> Pfn {
        self.list_del(Which::Free, pfn);
        *self.page_mut(pfn) = Page { flags: 0, data: self.page(pfn).data, ..Page::FREE };
        self.raw_get(pfn);
        self.page_mut(pfn).tasks = 1;
        pfn
    }

    /// `alloc_zeroed_user_highpage`.
    pub fn alloc_zeroed_page(&mut self) -> Option<Pfn> {
        let pfn = self.alloc_page()?;
        self.page_mut(pfn).data = [Token::ZERO; SECTORS];
        Some(pfn)
    }

    /// Notes the first violation; later ones are its consequences.
    pub fn violate(&mut self, violation: Violation) {
        if self.violation.is_none() {
            self.violation = Some(violation);
        }
    }

    /// `BUG_ON`: notes a violation if `wrong`.
    #[inline]
    pub fn bug_on(&mut self, wrong: bool, function: &'static str, what: &'static str, pfn: Pfn) {
        if wrong {
            self.violate(Violation::Bug { function, what, pfn });
        }
    }

    /// The next number of a store or transfer.
    pub fn next_seq(&mut self) -> u32 {
        self.seq += 1;
        self.seq
    }

    /// The frame that a virtual address leads to: present, else through the swap cache.
    #[must_use]
    pub fn frame_of(&self, vma: VmaId, address: u32) -> Option<Pfn> {
        let pte = self.pte(vma, address);
        pte.pfn().or_else(|| pte.migrating()).or_else(|| self.swap_cache(pte.entry()?))
    }

    /// Bytes of state for each page frame: the page, and a swap slot if there are as
    /// many as frames. Ptes and the reference memory go by virtual page instead.
    #[must_use]
    pub const fn bytes_per_frame() -> usize {
        let slot = size_of::<u16>() * 2 + size_of::<Pfn>() + size_of::<[Token; SECTORS]>();
        size_of::<Page>() + slot
    }
}
