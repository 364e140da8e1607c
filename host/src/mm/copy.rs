//! Copies of a memory into allocations that exist, for whoever makes millions of them.

use super::{Memory, SwapArea};

impl Memory {
    /// Becomes what another memory of the same layout is, in the same allocations, but for
    /// the parts that are known to be the same: page frames, address spaces, the rest. What
    /// a stage leaves behind for the audit and for traces is not copied.
    pub(crate) fn copy_parts(&mut self, other: &Self, same: [bool; 3]) {
        // Whoever adds a field has to say which part it is in: here, where parts are
        // compared, and in `super::codec`.
        let Self {
            pages,
            free,
            active,
            inactive,
            lru_add,
            lru_add_active,
            mms,
            vmas,
            anon_vmas,
            ptes,
            mmlist,
            free_ptes,
            free_anon_vmas,
            areas,
            swap_list,
            swap_next,
            nr_swap_pages,
            total_swap_pages,
            swap_io,
            tree_lock,
            files,
            ios,
            holders,
            seq,
            inject,
            costs,
            violation,
            changes: _,
            touched: _,
            touched_slots: _,
            section: _,
            movable: _,
            page_cluster: _,
            pagevec_size: _,
            counters: _,
        } = other;
        let [same_pages, same_spaces, same_rest] = same;
        if !same_pages {
            self.pages.clone_from(pages);
            self.free = *free;
            self.active = *active;
            self.inactive = *inactive;
            self.lru_add = *lru_add;
            self.lru_add_active = *lru_add_active;
        }
        if !same_spaces {
            self.mms.clone_from(mms);
            self.vmas.clone_from(vmas);
            self.anon_vmas.clone_from(anon_vmas);
            self.ptes.clone_from(ptes);
            self.mmlist.clone_from(mmlist);
            self.free_ptes.clone_from(free_ptes);
            self.free_anon_vmas.clone_from(free_anon_vmas);
        }
        if !same_rest {
            for (area, other) in self.areas.iter_mut().zip(areas) {
                area.copy_from(other);
            }
            self.swap_list.clone_from(swap_list);
            self.swap_next = *swap_next;
            self.nr_swap_pages = *nr_swap_pages;
            self.total_swap_pages = *total_swap_pages;
            self.swap_io.clone_from(swap_io);
            self.tree_lock = *tree_lock;
            for (file, other) in self.files.iter_mut().zip(files) {
                file.pages.clone_from(&other.pages);
            }
            self.ios.clone_from(ios);
            self.holders.clone_from(holders);
            self.seq = *seq;
            self.inject = *inject;
        }
        self.costs = *costs;
        self.violation = *violation;
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
