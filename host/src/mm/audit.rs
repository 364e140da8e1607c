//! The audit: what must be true between stages.
//!
//! Here is what is looked at after each stage, in every build, and at the end; the
//! recount of everything is in `super::recount` and `super::exclusive`. None of them knows
//! policies: a violation under a policy is that policy's finding, or our bug.

use super::Memory;
use super::ids::{MmId, Pfn, SwpEntry, ZERO_PAGE};
use super::page::{
    Gup, NO_MAPPING, PG_ACTIVE, PG_ANON, PG_ANON_EXCLUSIVE, PG_FREE, PG_ISOLATED, PG_LOCKED,
    PG_LRU, PG_PAGECACHE, PG_PRIVATE, PG_RECLAIM, PG_REPLACED, PG_RESERVED, PG_SWAPCACHE,
    PG_WRITEBACK, Page,
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
    /// `rss` or `anon_rss` is not the number of ptes that count for it.
    Rss {
        /// Whose.
        mm: MmId,
        /// rss and anon_rss.
        rss: (u32, u32),
        /// Ptes there are.
        ptes: (u32, u32),
    },
    /// An address space has swap ptes and swapoff would not search it.
    NotOnMmlist {
        /// Which.
        mm: MmId,
    },
    /// `PG_lru` or `PG_active` of a page and the lists disagree.
    Lru {
        /// The page.
        pfn: Pfn,
    },
    /// `PG_writeback`, or a lock held by a read, without a request under way.
    NoIo {
        /// The page.
        pfn: Pfn,
    },
    /// `PG_anon_exclusive` of a page that is not its only mapping's own.
    Exclusive {
        /// The page.
        pfn: Pfn,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An anonymous page without `PG_anon_exclusive` that must have it.
    NotExclusive {
        /// The page.
        pfn: Pfn,
        /// Why it must.
        what: &'static str,
    },
    /// A swap pte carries the exclusive mark, and its entry has other mappings.
    Mark {
        /// The entry.
        entry: SwpEntry,
    },
    /// A page is mapped that is neither anonymous nor a file's.
    Mapped {
        /// The page.
        pfn: Pfn,
    },
    /// A migration entry, and its page is not in the state in which one may be.
    Migration {
        /// The page.
        pfn: Pfn,
        /// What is wrong with it.
        what: &'static str,
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
            Self::Rss { mm, rss, ptes } => write!(
                f,
                "mm {}: rss {} and anon_rss {}, {} and {} ptes",
                mm.0, rss.0, rss.1, ptes.0, ptes.1
            ),
            Self::NotOnMmlist { mm } => write!(f, "mm {}: swap ptes, but not on the mmlist", mm.0),
            Self::Lru { pfn } => write!(f, "{pfn}: its flags and the LRU disagree"),
            Self::NoIo { pfn } => write!(f, "{pfn}: waits for IO that nobody does"),
            Self::Exclusive { pfn, what } => write!(f, "{pfn}: PG_anon_exclusive, but {what}"),
            Self::NotExclusive { pfn, what } => {
                write!(f, "{pfn}: {what}, but not PG_anon_exclusive")
            }
            Self::Mark { entry } => {
                write!(f, "{entry}: a swap pte is marked exclusive, but there are other mappings")
            }
            Self::Mapped { pfn } => write!(f, "{pfn}: mapped, but neither anonymous nor a file's"),
            Self::Migration { pfn, what } => write!(f, "{pfn}: under migration, but {what}"),
            Self::Leaked { what, number } => write!(f, "{number} {what} left over"),
        }
    }
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
            + page.gup.count()
            + u32::from(page.tasks)
            + u32::from(page.pagevec)
    }

    #[inline]
    pub(super) fn check_page(&self, pfn: Pfn) -> Option<Violation> {
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
        if cached && !self.in_its_place(pfn) {
            return Some(Violation::SwapCache { pfn, entry: page.private });
        }
        if page.has(PG_ANON_EXCLUSIVE) {
            return self.check_exclusive(pfn);
        }
        None
    }

    /// What counts tell of an exclusive page; the rest is in `super::exclusive`.
    fn check_exclusive(&self, pfn: Pfn) -> Option<Violation> {
        if !self.page(pfn).has(PG_ANON) {
            return Some(Violation::Exclusive { pfn, what: "it is not anonymous" });
        }
        let shared = self.page_mapcount(pfn) > 1;
        shared.then_some(Violation::Exclusive { pfn, what: "it has other mappings" })
    }

    /// Whether the swap cache has a page where the page says; or, while migration keeps
    /// it aside, the page that stands in for it.
    #[inline]
    fn in_its_place(&self, pfn: Pfn) -> bool {
        let entry = self.page(pfn).private;
        match self.swap_cache(entry) {
            Some(found) if self.page(pfn).has(PG_REPLACED) => {
                let stand_in = self.page(found);
                found != pfn && stand_in.private == entry && stand_in.has(PG_SWAPCACHE | PG_LOCKED)
            }
            found => found == Some(pfn),
        }
    }

    #[inline]
    pub(super) fn check_slot(&self, entry: SwpEntry) -> Option<Violation> {
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

    /// `free_pages_check`: what a page must not be when its last reference goes. It is
    /// off the LRU and has no mapping left then, whoever dropped the reference.
    pub(super) fn free_pages_check(&mut self, pfn: Pfn) {
        const NEVER: [(u32, &str); 7] = [
            (PG_PRIVATE, "PagePrivate"),
            (PG_LOCKED, "PageLocked"),
            (PG_RECLAIM, "PageReclaim"),
            (PG_SWAPCACHE, "PageSwapCache"),
            (PG_WRITEBACK, "PageWriteback"),
            (PG_PAGECACHE, "in the page cache"),
            (PG_ISOLATED, "isolated"),
        ];
        const ANY: u32 = PG_PRIVATE
            | PG_LOCKED
            | PG_RECLAIM
            | PG_SWAPCACHE
            | PG_WRITEBACK
            | PG_PAGECACHE
            | PG_ISOLATED;
        let page = *self.page(pfn);
        if page.flags & ANY != 0 {
            let what = NEVER.iter().find(|(bit, _)| page.has(*bit)).map_or("", |n| n.1);
            self.violate(Violation::Bug { function: "free_pages_check", what, pfn });
        }
        // An anonymous page keeps its mapping until here (page_remove_rmap), and PG_active.
        let page = self.page_mut(pfn);
        page.flags &= !(PG_ACTIVE | PG_ANON | PG_ANON_EXCLUSIVE);
        page.mapping = NO_MAPPING;
    }

    /// What must hold once every process has exited and all IO is done: no frame in use
    /// and no swap slot, but for pages that wait for reclaim in the page cache or in
    /// the swap cache, because somebody had them locked when they were given up.
    #[must_use]
    pub fn audit_end(&self) -> Option<Violation> {
        let frames = self.pages.iter().filter(|page| !self.is_left_to_reclaim(page)).count();
        if frames > 0 {
            return Some(Violation::Leaked { what: "page frames", number: frames as u32 });
        }
        let only_cache = |slot: &(&u16, &Pfn)| *slot.0 == 1 && slot.1.is_some();
        let done = |count: u16| count == 0 || count >= SWAP_MAP_MAX;
        let slots: usize = (self.areas.iter())
            .map(|a| {
                let slots = a.swap_map.iter().zip(&a.cache);
                slots.filter(|slot| !done(*slot.0) && !only_cache(slot)).count()
            })
            .sum();
        (slots > 0).then_some(Violation::Leaked { what: "swap slots", number: slots as u32 })
    }

    /// Free, reserved, or in a cache and on the LRU, held by nobody else.
    fn is_left_to_reclaim(&self, page: &Page) -> bool {
        let cached = page.flags & (PG_PAGECACHE | PG_SWAPCACHE) != 0;
        let busy = page.flags & (PG_LOCKED | PG_WRITEBACK | PG_ISOLATED) != 0;
        let held =
            page.gup != Gup::NONE || page.tasks > 0 || self.counters.mapcount(page.counts) > 0;
        let reclaimable = page.has(PG_LRU) || page.pagevec > 0;
        page.flags & (PG_FREE | PG_RESERVED) != 0 || cached && !busy && !held && reclaimable
    }
}
