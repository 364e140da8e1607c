//! The LRU lists, the LRU-add pagevec and the free list.
//!
//! One doubly linked list through `page.next`/`page.prev` serves each of them: a
//! frame is on one at most. Knows nothing of why a page ages.
//!
//! Simplified: one zone, and one CPU's pagevecs shared by all tasks.

use super::Memory;
use super::ids::Pfn;
use super::page::{PG_ACTIVE, PG_DIRTY, PG_FREE, PG_LOCKED, PG_LRU, PG_OFFLINE, PG_REFERENCED};

/// `PAGEVEC_SIZE` (2.6.11).
pub const PAGEVEC_SIZE: usize = 14;

/// Head of a list of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List {
    /// First frame.
    pub head: Pfn,
    /// Last frame.
    pub tail: Pfn,
    /// Number of frames.
    pub len: u32,
}

impl List {
    /// No frames.
    pub const EMPTY: Self = Self { head: Pfn::NONE, tail: Pfn::NONE, len: 0 };
}

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Free frames that may be allocated.
    Free,
    /// `zone->active_list`.
    Active,
    /// `zone->inactive_list`.
    Inactive,
}

/// `lru_add_pvecs`, `lru_add_active_pvecs`: pages that were added and are not yet on the LRU; each +1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pagevec {
    /// The pages, oldest first.
    pub pages: [Pfn; PAGEVEC_SIZE],
    /// How many.
    pub nr: u8,
}

impl Pagevec {
    /// `pagevec_add`; true if the pagevec, of that size, is full now.
    const fn push(&mut self, pfn: Pfn, size: u8) -> bool {
        self.pages[self.nr as usize] = pfn;
        self.nr += 1;
        self.nr >= size
    }
}

impl Memory {
    fn list(&mut self, which: Which) -> &mut List {
        match which {
            Which::Free => &mut self.free,
            Which::Active => &mut self.active,
            Which::Inactive => &mut self.inactive,
        }
    }

    /// `list_add`: at the head.
    pub fn list_add(&mut self, which: Which, pfn: Pfn) {
        let head = self.list(which).head;
        let page = &mut self.pages[pfn.index()];
        page.next = head.0;
        page.prev = u32::MAX;
        if head.is_some() {
            self.pages[head.index()].prev = pfn.0;
        }
        let list = self.list(which);
        list.head = pfn;
        if !head.is_some() {
            list.tail = pfn;
        }
        list.len += 1;
    }

    /// `list_del`.
    pub fn list_del(&mut self, which: Which, pfn: Pfn) {
        let page = &mut self.pages[pfn.index()];
        let (next, prev) = (Pfn(page.next), Pfn(page.prev));
        page.next = u32::MAX;
        page.prev = u32::MAX;
        if next.is_some() {
            self.pages[next.index()].prev = prev.0;
        } else {
            self.list(which).tail = prev;
        }
        if prev.is_some() {
            self.pages[prev.index()].next = next.0;
        } else {
            self.list(which).head = next;
        }
        self.list(which).len -= 1;
    }

    fn lru_of(&self, pfn: Pfn) -> Which {
        if self.page(pfn).has(PG_ACTIVE) { Which::Active } else { Which::Inactive }
    }

    /// `lru_cache_add_active`: into the pagevec with a reference; drains a full one.
    pub fn lru_cache_add_active(&mut self, pfn: Pfn) {
        self.raw_get(pfn);
        self.page_mut(pfn).pagevec += 1;
        if self.lru_add_active.push(pfn, self.pagevec_size) {
            self.pagevec_lru_add_active();
        }
    }

    /// `lru_cache_add`: the same for the inactive list.
    pub fn lru_cache_add(&mut self, pfn: Pfn) {
        self.raw_get(pfn);
        self.page_mut(pfn).pagevec += 1;
        if self.lru_add.push(pfn, self.pagevec_size) {
            self.pagevec_lru_add();
        }
    }

    /// `lru_add_drain`: moves the pagevecs' pages to the LRU and puts them.
    pub fn lru_add_drain(&mut self) {
        self.pagevec_lru_add();
        self.pagevec_lru_add_active();
    }

    /// `__pagevec_lru_add`.
    fn pagevec_lru_add(&mut self) {
        let pvec = std::mem::replace(&mut self.lru_add, EMPTY_PAGEVEC);
        for &pfn in &pvec.pages[..pvec.nr as usize] {
            let lru = self.page(pfn).has(PG_LRU);
            self.bug_on(lru, "__pagevec_lru_add", "PageLRU", pfn);
            self.add_page_to_lru(pfn);
        }
        self.put_pagevec(&pvec);
    }

    /// `__pagevec_lru_add_active`.
    fn pagevec_lru_add_active(&mut self) {
        let pvec = std::mem::replace(&mut self.lru_add_active, EMPTY_PAGEVEC);
        for &pfn in &pvec.pages[..pvec.nr as usize] {
            let page = *self.page(pfn);
            self.bug_on(page.has(PG_LRU), "__pagevec_lru_add_active", "PageLRU", pfn);
            self.bug_on(page.has(PG_ACTIVE), "__pagevec_lru_add_active", "PageActive", pfn);
            self.page_mut(pfn).flags |= PG_ACTIVE;
            self.add_page_to_lru(pfn);
        }
        self.put_pagevec(&pvec);
    }

    fn put_pagevec(&mut self, pvec: &Pagevec) {
        for &pfn in &pvec.pages[..pvec.nr as usize] {
            self.page_mut(pfn).pagevec -= 1;
            self.raw_put(pfn);
        }
    }

    /// Takes a page off the LRU (`TestClearPageLRU`, `list_del`), keeping `PG_active`.
    /// False if it is not on it.
    pub fn del_page_from_lru(&mut self, pfn: Pfn) -> bool {
        if !self.page(pfn).has(PG_LRU) {
            return false;
        }
        let which = self.lru_of(pfn);
        self.list_del(which, pfn);
        self.page_mut(pfn).flags &= !PG_LRU;
        true
    }

    /// Puts a page on the list that `PG_active` names.
    pub fn add_page_to_lru(&mut self, pfn: Pfn) {
        let which = self.lru_of(pfn);
        self.page_mut(pfn).flags |= PG_LRU;
        self.list_add(which, pfn);
    }

    /// `rotate_reclaimable_page`: to the tail of the inactive list.
    pub fn rotate_reclaimable_page(&mut self, pfn: Pfn) {
        let page = self.page(pfn);
        if !page.has(PG_LRU) || page.flags & (PG_ACTIVE | PG_LOCKED | PG_DIRTY) != 0 {
            return;
        }
        self.list_del(Which::Inactive, pfn);
        self.list_add_tail(Which::Inactive, pfn);
    }

    fn list_add_tail(&mut self, which: Which, pfn: Pfn) {
        let tail = self.list(which).tail;
        if !tail.is_some() {
            self.list_add(which, pfn);
            return;
        }
        self.pages[tail.index()].next = pfn.0;
        let page = &mut self.pages[pfn.index()];
        page.prev = tail.0;
        page.next = u32::MAX;
        let list = self.list(which);
        list.tail = pfn;
        list.len += 1;
    }

    /// `activate_page`: from the inactive to the active list.
    pub fn activate_page(&mut self, pfn: Pfn) {
        let page = self.page(pfn);
        if page.has(PG_LRU) && !page.has(PG_ACTIVE) {
            self.list_del(Which::Inactive, pfn);
            self.page_mut(pfn).flags |= PG_ACTIVE;
            self.list_add(Which::Active, pfn);
        }
    }

    /// `mark_page_accessed`: not referenced, referenced, active.
    pub fn mark_page_accessed(&mut self, pfn: Pfn) {
        let page = self.page(pfn);
        if !page.has(PG_ACTIVE) && page.has(PG_REFERENCED | PG_LRU) {
            self.activate_page(pfn);
            self.page_mut(pfn).flags &= !PG_REFERENCED;
        } else if !page.has(PG_REFERENCED) {
            self.page_mut(pfn).flags |= PG_REFERENCED;
        }
    }

    /// A frame whose count has just become 0 leaves the LRU and is free
    /// (`__page_cache_release`, `free_hot_page`).
    pub(super) fn free_page(&mut self, pfn: Pfn) {
        self.del_page_from_lru(pfn);
        self.free_pages_check(pfn);
        let page = self.page_mut(pfn);
        page.flags = page.flags & PG_OFFLINE | PG_FREE;
        page.mapping = super::page::NO_MAPPING;
        if page.flags & PG_OFFLINE == 0 {
            self.list_add(Which::Free, pfn);
        }
    }
}

/// An empty pagevec.
pub const EMPTY_PAGEVEC: Pagevec = Pagevec { pages: [Pfn::NONE; PAGEVEC_SIZE], nr: 0 };
