//! The memory under other names.
//!
//! Things move to where their new name says; lists keep their order, since their order is
//! state and not a name.

use super::audit::Violation;
use super::{
    AnonVma, Change, Changes, Holder, Io, List, Memory, Mm, PG_ANON, Page, PageCache, Pagevec, Pfn,
    SwapArea, SwapIo, Token, Vma,
};
use crate::mm::MmId;
use crate::rename::{Rename, Renaming, permute, renames};

renames!(Mm {
    mmap, writer, ptl;
    rss, anon_rss, readers, born, users, has_pinned, exiting, alive
});
renames!(AnonVma { head, lock; });
renames!(List { head, tail; len });
renames!(SwapIo { pfn, entry; write });

impl Rename for Token {
    #[inline]
    fn rename(&mut self, by: &Renaming) {
        let author = self.author();
        if !matches!(author, 0 | Self::SETTLED | Self::DEVICE) {
            let mut mm = MmId(u16::from(author) - 1);
            mm.rename(by);
            *self = Self::new(mm.0 as u8 + 1, self.seq());
        }
    }
}

impl Rename for Page {
    #[inline]
    fn rename(&mut self, by: &Renaming) {
        let Self {
            private,
            mapping,
            next,
            prev,
            data,
            locker,
            counts: _,
            flags,
            index: _,
            gup: _,
            tasks: _,
            pagevec: _,
        } = self;
        private.rename(by);
        if *flags & PG_ANON != 0
            && let Some(anon_vma) = by.anon_vmas.get(*mapping as usize)
        {
            *mapping = anon_vma.0.into();
        }
        for link in [next, prev] {
            let mut pfn = Pfn(*link);
            pfn.rename(by);
            *link = pfn.0;
        }
        data.rename(by);
        locker.rename(by);
    }
}

impl Rename for Vma {
    fn rename(&mut self, by: &Renaming) {
        let Self {
            mm,
            next,
            anon_vma,
            anon_next,
            ptes,
            start: _,
            len: _,
            pgoff: _,
            flags: _,
            file: _,
        } = self;
        mm.rename(by);
        next.rename(by);
        anon_vma.rename(by);
        anon_next.rename(by);
        *ptes = by.pte_index(*ptes);
    }
}

impl Rename for Pagevec {
    fn rename(&mut self, by: &Renaming) {
        self.pages[..usize::from(self.nr)].rename(by);
    }
}

impl Rename for PageCache {
    fn rename(&mut self, by: &Renaming) {
        let Self { pages } = self;
        pages.rename(by);
    }
}

impl Rename for Io {
    fn rename(&mut self, by: &Renaming) {
        let Self {
            mm,
            kind: _,
            path: _,
            pinned: _,
            state: _,
            address: _,
            pages: _,
            sectors: _,
            // Said anew when the holders have moved.
            first: _,
            forked: _,
            submitted: _,
            completed: _,
        } = self;
        mm.rename(by);
    }
}

impl Rename for Holder {
    fn rename(&mut self, by: &Renaming) {
        let Self { pfn, token, start, held: _, shared: _, discarded: _ } = self;
        pfn.rename(by);
        token.rename(by);
        start.rename(by);
    }
}

impl SwapArea {
    fn rename(&mut self, by: &Renaming, slots: &[u32]) {
        let Self {
            lock,
            swap_map,
            cache,
            data,
            refs,
            lowest_bit: _,
            priority: _,
            writeok: _,
            used: _,
            pages: _,
            hold: _,
        } = self;
        lock.rename(by);
        cache.rename(by);
        data.iter_mut().for_each(|data| data.rename(by));
        permute(swap_map, slots);
        permute(cache, slots);
        permute(data, slots);
        permute(refs, slots);
        self.raise_lowest_bit();
    }
}

impl Rename for Violation {
    fn rename(&mut self, by: &Renaming) {
        match self {
            Self::Bug { pfn, function: _, what: _ }
            | Self::Count { pfn, count: _, holders: _ }
            | Self::Mapcount { pfn, mapcount: _, ptes: _ }
            | Self::Ledger { pfn, ledger: _, says: _, is: _ }
            | Self::PageLock { pfn }
            | Self::FreeInUse { pfn, what: _ }
            | Self::UseAfterFree { pfn }
            | Self::CounterOverflow { pfn }
            | Self::Lru { pfn }
            | Self::NoIo { pfn }
            | Self::Exclusive { pfn, what: _ }
            | Self::NotExclusive { pfn, what: _ }
            | Self::Mapped { pfn }
            | Self::Migration { pfn, what: _ } => pfn.rename(by),
            Self::SwapMap { entry, swap_map: _, references: _ } | Self::Mark { entry } => {
                entry.rename(by);
            }
            Self::SwapCache { pfn, entry } => {
                pfn.rename(by);
                entry.rename(by);
            }
            Self::Rss { mm, rss: _, ptes: _ } | Self::NotOnMmlist { mm } => mm.rename(by),
            Self::Leaked { what: _, number: _ } => {}
        }
    }
}

impl Rename for Changes {
    fn rename(&mut self, by: &Renaming) {
        for change in &mut self.0 {
            match change {
                Change::Pte { vma, address: _, old, new } => {
                    vma.rename(by);
                    old.rename(by);
                    new.rename(by);
                }
                Change::Page { pfn, old } => {
                    pfn.rename(by);
                    old.rename(by);
                }
            }
        }
    }
}

impl Rename for Memory {
    /// Beside the names, `lowest_bit` of each area becomes the lowest that it may be, and
    /// holders that are nobody's go.
    fn rename(&mut self, by: &Renaming) {
        let Self {
            pages,
            mms,
            vmas,
            anon_vmas,
            ptes,
            mmlist,
            areas,
            swap_io,
            tree_lock,
            files,
            ios,
            holders,
            free,
            active,
            inactive,
            lru_add,
            lru_add_active,
            violation,
            changes,
            free_ptes,
            free_anon_vmas,
            touched,
            touched_slots,
            swap_list: _,
            swap_next: _,
            nr_swap_pages: _,
            total_swap_pages: _,
            section: _,
            movable: _,
            page_cluster: _,
            pagevec_size: _,
            seq: _,
            counters: _,
            inject: _,
            costs: _,
        } = self;
        pages.rename(by);
        permute(pages, &by.frames);
        mms.rename(by);
        permute(mms, &by.mms);
        vmas.rename(by);
        permute(vmas, &by.vmas);
        anon_vmas.rename(by);
        permute(anon_vmas, &by.anon_vmas);
        ptes.rename(by);
        permute(ptes, &by.ptes);
        for (base, _) in free_ptes {
            *base = by.pte_index(*base);
        }
        free_anon_vmas.rename(by);
        free_anon_vmas.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
        mmlist.rename(by);
        for (area, slots) in areas.iter_mut().zip(&by.slots) {
            area.rename(by, slots);
        }
        swap_io.rename(by);
        tree_lock.rename(by);
        files.rename(by);
        ios.rename(by);
        holders.rename(by);
        permute(ios, &by.ios);
        move_holders(ios, holders);
        free.rename(by);
        active.rename(by);
        inactive.rename(by);
        lru_add.rename(by);
        lru_add_active.rename(by);
        if let Some(violation) = violation {
            violation.rename(by);
        }
        if let Some(changes) = changes {
            changes.rename(by);
        }
        touched.rename(by);
        touched_slots.rename(by);
    }
}

/// Puts the holders in the order of their requests, as `add_io` does. What is behind a
/// request that got fewer pages than it asked for is nobody's, and goes.
fn move_holders(ios: &mut [Io], holders: &mut Vec<Holder>) {
    let mut base = 0;
    for place in 0..ios.len() {
        let Io { first, pages, .. } = ios[place];
        if first > base {
            holders[base as usize..(first + pages) as usize].rotate_right(pages as usize);
            for io in &mut ios[place + 1..] {
                if (base..first).contains(&io.first) {
                    io.first += pages;
                }
            }
        }
        ios[place].first = base;
        base += pages;
    }
    holders.truncate(base as usize);
}

impl Memory {
    /// Ranges of [`Memory::ptes`] that no vma has, by first index and length.
    #[must_use]
    pub fn free_ptes(&self) -> &[(u32, u32)] {
        &self.free_ptes
    }

    /// Forgets the ptes from an index on, none of which is a vma's.
    pub(crate) fn forget_ptes(&mut self, from: u32) {
        self.free_ptes.retain(|range| range.0 < from);
        self.ptes.truncate(from as usize);
    }

    /// Makes equal what nobody looks at: what a free frame was, and a vma's last use.
    pub(crate) fn forget_unused(&mut self) {
        for page in &mut self.pages {
            if page.has(super::PG_FREE) {
                let Page { flags, next, prev, .. } = *page;
                *page = Page { flags, next, prev, ..Page::FREE };
            }
        }
        // A walk through the mappings of a file may still have a vma that is gone.
        if self.files.is_empty() {
            for vma in self.vmas.iter_mut().filter(|vma| vma.len == 0) {
                *vma = Vma::UNUSED;
            }
            let used = self.vmas.iter().rposition(|vma| vma.len > 0).map_or(0, |last| last + 1);
            self.vmas.truncate(used);
        }
        for area in &mut self.areas {
            for (data, &count) in area.data.iter_mut().zip(&area.swap_map) {
                if count == 0 {
                    *data = [Token::ZERO; super::SECTORS];
                }
            }
        }
    }
}
