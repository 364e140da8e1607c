//! The audit: what must be true between stages.
//!
//! `touched` looks at what the last stage touched and runs in every build; `whole`
//! recounts everything from ptes, caches, tasks and requests. Neither knows
//! policies: a violation under a policy is that policy's finding, or our bug.

use super::Memory;
use super::ids::{Pfn, SwpEntry, ZERO_PAGE};
use super::page::{
    NO_MAPPING, PG_ACTIVE, PG_ANON, PG_FREE, PG_ISOLATED, PG_LOCKED, PG_LRU, PG_PAGECACHE,
    PG_PRIVATE, PG_RECLAIM, PG_REPLACED, PG_RESERVED, PG_SWAPCACHE, PG_WRITEBACK, Page,
};
use super::swap::{SWAP_MAP_BAD, SWAP_MAP_MAX};
use std::fmt;

/// Something that must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Violation {
    /// A BUG_ON of the kernel.
    Bug {
        /// The function that has it.
        function: &'static str,
        /// Its condition.
        what: &'static str,
        /// The page.
        pfn: Pfn,
    },
    /// `page_count` is not the number of holders.
    Count {
        /// The page.
        pfn: Pfn,
        /// page_count.
        count: u32,
        /// Holders there are.
        holders: u32,
    },
    /// `page_mapcount` is not the number of present ptes.
    Mapcount {
        /// The page.
        pfn: Pfn,
        /// page_mapcount.
        mapcount: u32,
        /// Present ptes there are.
        ptes: u32,
    },
    /// The ledger says that get_user_pages, tasks or the pagevec hold what they do not.
    Ledger {
        /// The page.
        pfn: Pfn,
        /// Which ledger: `gup`, `tasks`, `pagevec`.
        ledger: &'static str,
        /// What it says.
        says: u32,
        /// What there is.
        is: u32,
    },
    /// `swap_map` of an entry is not its swap ptes and other references.
    SwapMap {
        /// The entry.
        entry: SwpEntry,
        /// swap_map.
        swap_map: u16,
        /// References there are.
        references: u32,
    },
    /// PageSwapCache and the radix tree disagree.
    SwapCache {
        /// The page.
        pfn: Pfn,
        /// The entry.
        entry: SwpEntry,
    },
    /// The page lock bit and its holder disagree.
    PageLock {
        /// The page.
        pfn: Pfn,
    },
    /// A free frame is mapped, cached, held or on the LRU.
    FreeInUse {
        /// The page.
        pfn: Pfn,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A free frame was taken hold of.
    UseAfterFree {
        /// The page.
        pfn: Pfn,
    },
    /// A page count has no room.
    CounterOverflow {
        /// The page.
        pfn: Pfn,
    },
    /// Something is still in use although nobody is left to use it.
    Leaked {
        /// What.
        what: &'static str,
        /// How many.
        number: u32,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Bug { function, what, pfn } => write!(f, "{function}: BUG_ON({what}), {pfn}"),
            Self::Count { pfn, count, holders } => {
                write!(f, "{pfn}: page_count {count}, {holders} holders")
            }
            Self::Mapcount { pfn, mapcount, ptes } => {
                write!(f, "{pfn}: page_mapcount {mapcount}, {ptes} present ptes")
            }
            Self::Ledger { pfn, ledger, says, is } => {
                write!(f, "{pfn}: {says} references noted for {ledger}, {is} there are")
            }
            Self::SwapMap { entry, swap_map, references } => {
                write!(f, "{entry}: swap_map {swap_map}, {references} references")
            }
            Self::SwapCache { pfn, entry } => {
                write!(f, "{pfn}: PageSwapCache and the swap cache disagree on {entry}")
            }
            Self::PageLock { pfn } => write!(f, "{pfn}: PG_locked and its holder disagree"),
            Self::FreeInUse { pfn, what } => write!(f, "{pfn}: free, but {what}"),
            Self::UseAfterFree { pfn } => write!(f, "{pfn}: used after it was freed"),
            Self::CounterOverflow { pfn } => write!(f, "{pfn}: a count has no room left"),
            Self::Leaked { what, number } => write!(f, "{number} {what} left over"),
        }
    }
}

/// What tasks hold, for [`Memory::audit_whole`].
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Pages, once for each reference.
    pub pages: Vec<Pfn>,
    /// Swap entries, once for each reference.
    pub entries: Vec<SwpEntry>,
}

impl Memory {
    /// Looks at what the stage that has just run touched, and forgets it.
    #[inline]
    pub fn audit_touched(&mut self) {
        while let Some(pfn) = self.touched.pop() {
            if let Some(violation) = self.check_page(pfn) {
                self.violate(violation);
            }
        }
        while let Some(entry) = self.touched_slots.pop() {
            if let Some(violation) = self.check_slot(entry) {
                self.violate(violation);
            }
        }
    }

    /// References that the page's ledger and flags call for.
    #[inline]
    fn expected_count(&self, page: &Page) -> u32 {
        let flag = |bit: u32| u32::from(page.flags & bit != 0);
        self.counters.mapcount(page.counts)
            + flag(PG_SWAPCACHE)
            + flag(PG_PAGECACHE)
            + flag(PG_PRIVATE)
            + flag(PG_ISOLATED)
            + page.gup
            + u32::from(page.tasks)
            + u32::from(page.pagevec)
    }

    #[inline]
    fn check_page(&self, pfn: Pfn) -> Option<Violation> {
        let page = self.page(pfn);
        if pfn == ZERO_PAGE {
            return (self.page_count(pfn) != 0)
                .then_some(Violation::FreeInUse { pfn, what: "ZERO_PAGE is counted" });
        }
        let count = self.page_count(pfn);
        let holders = self.expected_count(page);
        if count != holders {
            return Some(Violation::Count { pfn, count, holders });
        }
        if page.has(PG_FREE) != (count == 0) {
            return Some(Violation::FreeInUse { pfn, what: "its count says otherwise" });
        }
        if page.has(PG_LOCKED) != page.locker.is_some() {
            return Some(Violation::PageLock { pfn });
        }
        let cached = page.has(PG_SWAPCACHE);
        let replaced = page.has(PG_REPLACED);
        if cached && !replaced && self.swap_cache(page.private) != Some(pfn) {
            return Some(Violation::SwapCache { pfn, entry: page.private });
        }
        None
    }

    #[inline]
    fn check_slot(&self, entry: SwpEntry) -> Option<Violation> {
        let area = &self.areas[entry.area() as usize];
        let swap_map = area.swap_map[entry.offset()];
        let cached = area.cache[entry.offset()];
        let references = u32::from(area.refs[entry.offset()]) + u32::from(cached.is_some());
        let saturated = swap_map == SWAP_MAP_MAX || swap_map == SWAP_MAP_BAD;
        if u32::from(swap_map) != references && !saturated {
            return Some(Violation::SwapMap { entry, swap_map, references });
        }
        if cached.is_some() {
            let page = self.page(cached);
            if !page.has(PG_SWAPCACHE) || page.private != entry {
                return Some(Violation::SwapCache { pfn: cached, entry });
            }
        }
        None
    }

    /// `free_pages_check`: what a page must not be when its last reference goes.
    pub(super) fn free_pages_check(&mut self, pfn: Pfn) {
        const NEVER: [(u32, &str); 9] = [
            (PG_LRU, "PageLRU"),
            (PG_PRIVATE, "PagePrivate"),
            (PG_LOCKED, "PageLocked"),
            (PG_RECLAIM, "PageReclaim"),
            (PG_SWAPCACHE, "PageSwapCache"),
            (PG_WRITEBACK, "PageWriteback"),
            (PG_RESERVED, "PageReserved"),
            (PG_PAGECACHE, "in the page cache"),
            (PG_ISOLATED, "isolated"),
        ];
        let page = *self.page(pfn);
        if page.flags & (PG_LOCKED | PG_RECLAIM | PG_SWAPCACHE | PG_WRITEBACK | PG_PRIVATE | PG_LRU | PG_RESERVED | PG_PAGECACHE | PG_ISOLATED) != 0 {
            let what = NEVER.iter().find(|(bit, _)| page.has(*bit)).map_or("", |n| n.1);
            self.violate(Violation::Bug { function: "free_pages_check", what, pfn });
        }
        if self.page_mapcount(pfn) != 0 {
            self.violate(Violation::Bug { function: "free_pages_check", what: "page_mapped", pfn });
        }
        // An anonymous page keeps its mapping until here (page_remove_rmap), and PG_active.
        let page = self.page_mut(pfn);
        page.flags &= !(PG_ACTIVE | PG_ANON);
        page.mapping = NO_MAPPING;
    }

    /// Recounts everything. `held` is what tasks hold.
    #[must_use]
    pub fn audit_whole(&self, held: &Held) -> Option<Violation> {
        let frames = self.pages.len();
        let mut ptes = vec![0_u32; frames];
        let mut slots: Vec<Vec<u32>> = self.areas.iter().map(|a| vec![0; a.swap_map.len()]).collect();
        for vma in self.vmas.iter().filter(|vma| vma.len > 0) {
            for pte in &self.ptes[vma.ptes as usize..(vma.ptes + vma.len) as usize] {
                if let Some(pfn) = pte.pfn() {
                    ptes[pfn.index()] += 1;
                } else if let Some(entry) = pte.entry() {
                    slots[entry.area() as usize][entry.offset()] += 1;
                }
            }
        }
        let mut gup = vec![0_u32; frames];
        for holder in self.holders.iter().filter(|holder| holder.pfn.is_some()) {
            gup[holder.pfn.index()] += 1;
        }
        let mut tasks = vec![0_u32; frames];
        for pfn in &held.pages {
            tasks[pfn.index()] += 1;
        }
        for entry in &held.entries {
            slots[entry.area() as usize][entry.offset()] += 1;
        }
        let mut pagevec = vec![0_u32; frames];
        for pfn in &self.lru_add.pages[..self.lru_add.nr as usize] {
            pagevec[pfn.index()] += 1;
        }
        for pfn in (1..frames as u32).map(Pfn) {
            let page = self.page(pfn);
            let i = pfn.index();
            let mapcount = self.page_mapcount(pfn);
            if mapcount != ptes[i] {
                return Some(Violation::Mapcount { pfn, mapcount, ptes: ptes[i] });
            }
            let ledgers = [
                ("gup", page.gup, gup[i]),
                ("tasks", page.tasks.into(), tasks[i]),
                ("pagevec", page.pagevec.into(), pagevec[i]),
            ];
            if let Some(&(ledger, says, is)) = ledgers.iter().find(|l| l.1 != l.2) {
                return Some(Violation::Ledger { pfn, ledger, says, is });
            }
            if let Some(violation) = self.check_page(pfn) {
                return Some(violation);
            }
        }
        for (number, area) in self.areas.iter().enumerate() {
            for offset in 1..area.swap_map.len() {
                let entry = SwpEntry::new(number as u8, offset as u32);
                let references = slots[number][offset] + u32::from(area.cache[offset].is_some());
                let swap_map = area.swap_map[offset];
                let saturated = swap_map >= SWAP_MAP_MAX;
                if u32::from(swap_map) != references && !saturated {
                    return Some(Violation::SwapMap { entry, swap_map, references });
                }
                if let Some(violation) = self.check_slot(entry) {
                    return Some(violation);
                }
            }
        }
        None
    }

    /// What must hold once every process has exited and all IO is done: no frame but
    /// the page cache's in use, every usable slot free.
    #[must_use]
    pub fn audit_end(&self) -> Option<Violation> {
        let unused = PG_FREE | PG_PAGECACHE | PG_RESERVED | PG_SWAPCACHE;
        let in_use = |page: &&Page| page.flags & unused == 0;
        let frames = self.pages.iter().filter(in_use).count() as u32;
        if frames > 0 {
            return Some(Violation::Leaked { what: "page frames", number: frames });
        }
        let only_cache = |slot: &(&u16, &Pfn)| *slot.0 == 1 && slot.1.is_some();
        let free = |count: u16| count == 0 || count == SWAP_MAP_BAD;
        let slots: usize = (self.areas.iter())
            .map(|a| {
                let slots = a.swap_map.iter().zip(&a.cache);
                slots.filter(|slot| !free(*slot.0) && !only_cache(slot)).count()
            })
            .sum();
        (slots > 0).then_some(Violation::Leaked { what: "swap slots", number: slots as u32 })
    }
}
