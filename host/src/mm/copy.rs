//! Copies of a memory into allocations that exist, for whoever makes millions of them.

use super::{Memory, SwapArea};

impl Memory {
    /// Becomes what another memory of the same layout is, in the same allocations. What a
    /// stage leaves behind for the audit and for traces is not copied.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.pages.clone_from(&other.pages);
        self.mms.clone_from(&other.mms);
        self.vmas.clone_from(&other.vmas);
        self.anon_vmas.clone_from(&other.anon_vmas);
        self.ptes.clone_from(&other.ptes);
        self.mmlist.clone_from(&other.mmlist);
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
        self.free = other.free;
        self.active = other.active;
        self.inactive = other.inactive;
        self.lru_add = other.lru_add;
        self.lru_add_active = other.lru_add_active;
        self.seq = other.seq;
        self.inject = other.inject;
        self.costs = other.costs;
        self.violation = other.violation;
        self.free_ptes.clone_from(&other.free_ptes);
        self.free_anon_vmas.clone_from(&other.free_anon_vmas);
        self.touched.clear();
        self.touched_slots.clear();
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
