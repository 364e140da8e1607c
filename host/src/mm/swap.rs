//! Swap areas: swap_map, the swap cache and what is on disk.
//!
//! Each function is what the kernel does under one hold of `swap_device_lock`
//! or `swapper_space.tree_lock`; who holds what across calls is the routines'
//! business.
//!
//! Simplified: `swap_list_lock` is not kept apart from `swap_device_lock`, since
//! every path that matters here takes both; slots are taken lowest first, without
//! the clustering of `scan_swap_map`, which serves seek times and lets a freed slot
//! rest longer before it is used again.

use super::Memory;
use super::ids::{Pfn, SwpEntry, TaskId, Token};
use super::page::{PG_PRIVATE, PG_SWAPCACHE, SECTORS};

/// `SWAP_MAP_MAX`: a count that has got here never falls again.
pub const SWAP_MAP_MAX: u16 = 0x7fff;
/// `SWAP_MAP_BAD`.
pub const SWAP_MAP_BAD: u16 = 0x8000;

/// `struct swap_info_struct`. Slot 0 of each vector is the header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwapArea {
    /// `prio`.
    pub priority: i16,
    /// `SWP_WRITEOK`: slots may be allocated.
    pub writeok: bool,
    /// False after swapoff.
    pub used: bool,
    /// `sdev_lock`.
    pub lock: TaskId,
    /// `swap_map`.
    pub swap_map: Vec<u16>,
    /// The part of `swapper_space.page_tree` that is this area's: pfn, or none.
    pub cache: Vec<Pfn>,
    /// What each slot holds on disk.
    pub data: Vec<[Token; SECTORS]>,
    /// Ledger: references to each slot that are not the swap cache's.
    pub refs: Vec<u16>,
    /// Usable slots (not header, not bad).
    pub pages: u32,
    /// `lowest_bit`: no slot below is free.
    pub lowest_bit: u32,
    /// The scenario completes this area's requests by hand.
    pub hold: bool,
}

/// A swap read or write under way, oldest first in `Memory::swap_io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwapIo {
    /// The frame.
    pub pfn: Pfn,
    /// The entry.
    pub entry: SwpEntry,
    /// A write to swap; else a read.
    pub write: bool,
}

impl SwapArea {
    /// Makes `lowest_bit` the lowest free slot, of all that it may be: `scan_swap_map` takes
    /// the same. Whether it was another one.
    pub(crate) fn raise_lowest_bit(&mut self) -> bool {
        let free = self.swap_map.iter().position(|&count| count == 0);
        let free = free.unwrap_or(self.swap_map.len()) as u32;
        std::mem::replace(&mut self.lowest_bit, free) != free
    }
}

impl Memory {
    /// `swap_map[offset]` of an entry; `SWAP_MAP_BAD` for a header.
    #[must_use]
    #[inline]
    pub fn swap_map(&self, entry: SwpEntry) -> u16 {
        self.areas.get(entry.area() as usize).map_or(0, |a| a.swap_map[entry.offset()])
    }

    /// `radix_tree_lookup(&swapper_space.page_tree, entry)`.
    #[must_use]
    #[inline]
    pub fn swap_cache(&self, entry: SwpEntry) -> Option<Pfn> {
        let pfn = self.areas[entry.area() as usize].cache[entry.offset()];
        pfn.is_some().then_some(pfn)
    }

    /// `vm_swap_full()`.
    #[must_use]
    #[inline]
    pub fn vm_swap_full(&self) -> bool {
        self.nr_swap_pages * 2 < self.total_swap_pages
    }

    /// `get_swap_page`: a free slot of the area whose turn it is, with swap_map 1;
    /// none if swap is full.
    pub fn get_swap_page(&mut self) -> Option<SwpEntry> {
        if self.inject.no_swap > 0 {
            self.inject.no_swap -= 1;
            return None;
        }
        if self.nr_swap_pages <= 0 || self.swap_list.is_empty() {
            return None;
        }
        let priority_at = |m: &Self, i: usize| m.areas[m.swap_list[i] as usize].priority;
        let start = self.swap_list.iter().position(|&area| area == self.swap_next).unwrap_or(0);
        let turn = priority_at(self, start);
        // Those left of the priority whose turn it is, then once more from the head.
        let mut position = start;
        let mut wrapped = false;
        loop {
            let end = position == self.swap_list.len();
            if end && wrapped {
                return None;
            }
            if end || !wrapped && priority_at(self, position) != turn {
                wrapped = true;
                position = 0;
            }
            let area = self.swap_list[position];
            let Some(offset) = self.scan_swap_map(area) else {
                position += 1;
                continue;
            };
            let priority = priority_at(self, position);
            self.swap_next = match self.swap_list.get(position + 1) {
                Some(&next) if self.areas[next as usize].priority == priority => next,
                _ => self.swap_list[0],
            };
            let entry = SwpEntry::new(area, offset);
            self.areas[area as usize].refs[offset as usize] += 1;
            self.touch_slot(entry);
            return Some(entry);
        }
    }

    /// `swap_info_get`: before an entry is looked at under `swap_device_lock`. An area
    /// of higher priority than the one whose turn it is comes next.
    pub fn swap_info_get(&mut self, entry: SwpEntry) {
        let priority = |m: &Self, area: u8| m.areas[area as usize].priority;
        let listed = self.swap_list.contains(&entry.area());
        if listed && priority(self, entry.area()) > priority(self, self.swap_next) {
            self.swap_next = entry.area();
        }
    }

    fn scan_swap_map(&mut self, area: u8) -> Option<u32> {
        let a = &mut self.areas[area as usize];
        if !a.writeok {
            return None;
        }
        let first = a.lowest_bit as usize;
        let offset = first + a.swap_map[first..].iter().position(|&count| count == 0)?;
        a.swap_map[offset] = 1;
        a.lowest_bit = offset as u32 + 1;
        self.nr_swap_pages -= 1;
        Some(offset as u32)
    }

    /// `swap_duplicate`: one more reference to an entry, by a pte or task; false if
    /// the entry is not in use.
    pub fn swap_duplicate(&mut self, entry: SwpEntry) -> bool {
        let area = &mut self.areas[entry.area() as usize];
        let Some(count) = area.swap_map.get_mut(entry.offset()) else {
            return false;
        };
        if *count == 0 || *count == SWAP_MAP_BAD {
            return false;
        }
        if *count < SWAP_MAP_MAX {
            *count += 1;
        }
        area.refs[entry.offset()] += 1;
        self.touch_slot(entry);
        true
    }

    /// `swap_entry_free`: a pte's or task's reference to an entry goes; what is left.
    pub fn swap_free(&mut self, entry: SwpEntry) -> u16 {
        self.swap_info_get(entry);
        let area = &mut self.areas[entry.area() as usize];
        let refs = &mut area.refs[entry.offset()];
        assert!(*refs > 0, "swap_free({entry}) without a reference");
        *refs -= 1;
        let count = &mut area.swap_map[entry.offset()];
        // Free already: swapoff reset a saturated count ("Unused swap offset entry").
        if *count > 0 && *count < SWAP_MAP_MAX {
            *count -= 1;
            if *count == 0 {
                area.lowest_bit = area.lowest_bit.min(entry.offset() as u32);
                self.nr_swap_pages += 1;
            }
        }
        let left = *count;
        self.touch_slot(entry);
        left
    }

    /// `__add_to_swap_cache`: inserts a page under `tree_lock`, locks it, takes a
    /// reference; the caller's reference to the entry becomes the swap cache's.
    /// False if the entry has a page already (`-EEXIST`).
    pub fn add_to_swap_cache(&mut self, pfn: Pfn, entry: SwpEntry) -> bool {
        let page = *self.page(pfn);
        let function = "__add_to_swap_cache";
        self.bug_on(page.has(PG_SWAPCACHE), function, "PageSwapCache", pfn);
        self.bug_on(page.has(PG_PRIVATE), function, "PagePrivate", pfn);
        let area = &mut self.areas[entry.area() as usize];
        if area.cache[entry.offset()].is_some() {
            return false;
        }
        area.cache[entry.offset()] = pfn;
        area.refs[entry.offset()] -= 1;
        self.raw_get(pfn);
        let page = self.page_mut(pfn);
        page.flags |= PG_SWAPCACHE;
        page.private = entry;
        self.touch_slot(entry);
        true
    }

    /// `__delete_from_swap_cache`: takes a page out under `tree_lock`. The caller
    /// owns the cache's two references from then on, to the page (a task's in the
    /// ledger) and to the entry: it has to `swap_free` and to put the page.
    pub fn delete_from_swap_cache(&mut self, pfn: Pfn) -> SwpEntry {
        let page = self.page_mut(pfn);
        let entry = std::mem::take(&mut page.private);
        page.flags &= !PG_SWAPCACHE;
        page.tasks += 1;
        let area = &mut self.areas[entry.area() as usize];
        area.cache[entry.offset()] = Pfn::NONE;
        area.refs[entry.offset()] += 1;
        self.touch_slot(entry);
        entry
    }
}
