//! Copies of a memory into allocations that exist, for whoever makes millions of them.

use super::{Memory, SwapArea};

impl Memory {
    /// Becomes what another memory of the same layout is, in the same allocations, but for
    /// the parts that are known to be the same: page frames, address spaces, the rest. What
    /// a stage leaves behind for the audit and for traces is not copied.
    pub(crate) fn copy_parts(&mut self, other: &Self, same: [bool; 3]) {
        let [pages, spaces, rest] = same;
        if !pages {
            self.pages.clone_from(&other.pages);
            self.free = other.free;
            self.active = other.active;
            self.inactive = other.inactive;
            self.lru_add = other.lru_add;
            self.lru_add_active = other.lru_add_active;
        }
        if !spaces {
            self.mms.clone_from(&other.mms);
            self.vmas.clone_from(&other.vmas);
            self.anon_vmas.clone_from(&other.anon_vmas);
            self.ptes.clone_from(&other.ptes);
            self.mmlist.clone_from(&other.mmlist);
            self.free_ptes.clone_from(&other.free_ptes);
            self.free_anon_vmas.clone_from(&other.free_anon_vmas);
        }
        if !rest {
            for (area, other) in self.areas.iter_mut().zip(&other.areas) {
                area.copy_from(other);
            }
            self.swap_list.clone_from(&other.swap_list);
            self.swap_next = other.swap_next;
            self.nr_swap_pages = other.nr_swap_pages;
            self.total_swap_pages = other.total_swap_pages;
            self.swap_io.clone_from(&other.swap_io);
            self.tree_lock = other.tree_lock;
            for (file, other) in self.files.iter_mut().zip(&other.files) {
                file.pages.clone_from(&other.pages);
            }
            self.ios.clone_from(&other.ios);
            self.holders.clone_from(&other.holders);
            self.seq = other.seq;
            self.inject = other.inject;
        }
        self.costs = other.costs;
        self.violation = other.violation;
        self.touched.clear();
        self.touched_slots.clear();
    }
}

impl Memory {
    /// Whether page frames and the lists that they are on are the same.
    pub(crate) fn same_pages(&self, other: &Self) -> bool {
        self.pages == other.pages
            && (self.free, self.active, self.inactive) == (other.free, other.active, other.inactive)
            && self.lru_add == other.lru_add
            && self.lru_add_active == other.lru_add_active
    }

    /// Whether address spaces are the same.
    pub(crate) fn same_spaces(&self, other: &Self) -> bool {
        self.mms == other.mms
            && self.ptes == other.ptes
            && self.vmas == other.vmas
            && self.anon_vmas == other.anon_vmas
            && self.mmlist == other.mmlist
            && self.free_anon_vmas == other.free_anon_vmas
            && self.free_ptes == other.free_ptes
    }

    /// Whether swap, files, requests and what is left are the same.
    pub(crate) fn same_rest(&self, other: &Self) -> bool {
        (self.tree_lock, self.seq, self.inject) == (other.tree_lock, other.seq, other.inject)
            && self.swap_io == other.swap_io
            && self.areas == other.areas
            && (self.swap_next, self.nr_swap_pages, self.total_swap_pages)
                == (other.swap_next, other.nr_swap_pages, other.total_swap_pages)
            && self.swap_list == other.swap_list
            && self.files == other.files
            && self.ios == other.ios
            && self.holders == other.holders
    }
}

impl SwapArea {
    fn copy_from(&mut self, other: &Self) {
        self.writeok = other.writeok;
        self.used = other.used;
        self.lock = other.lock;
        self.swap_map.clone_from(&other.swap_map);
        self.cache.clone_from(&other.cache);
        self.data.clone_from(&other.data);
        self.refs.clone_from(&other.refs);
        self.lowest_bit = other.lowest_bit;
        self.hold = other.hold;
    }
}
