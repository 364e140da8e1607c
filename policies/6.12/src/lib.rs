//! Linux 6.12 of 17 November 2024: direct IO pins, and read faults map exclusive pages
//! writable.
//!
//! As 6.1, and: a page that was pinned while it was unmapped is activated (6.4); direct IO to
//! block devices (6.5) and over FUSE (by 6.11) takes `FOLL_PIN` references; a read fault on a
//! swapped page that is exclusive maps it writable (6.11); mprotect does not ask whether the
//! pte is dirty (6.2). Releases from 6.4 to 6.10 have the first of these, one after the other.
//! NFS, vmsplice and the FUSE device still take `FOLL_GET`. 6.19 no longer drains the pagevecs
//! when mappings go away.
//!
//! Source: `mm/memory.c:do_wp_page`, `do_swap_page`, `copy_present_ptes`;
//! `mm/rmap.c:try_to_unmap_one`; `mm/gup.c:gup_must_unshare`;
//! `mm/mprotect.c:can_change_pte_writable`; `mm/vmscan.c:shrink_folio_list`;
//! `block/bio.c:__bio_iov_iter_get_pages`; all of 6.12.0.

use cowpath_abi::*;

export_policy! {
    id: "6.12",
    title: "as 6.1, direct IO pins, read faults map exclusive pages writable",
    kernels: "6.11 to 6.19",
    source: "mm/memory.c, mm/rmap.c, mm/vmscan.c, block/bio.c of Linux 6.12",
    date: "2024-11-17",
    commit: "c18160dba5ff633f7ccd779f23ee97603eda0094",
    url: "https://git.kernel.org/linus/c18160dba5ff633f7ccd779f23ee97603eda0094",
    rules: {
        do_swap_page: [SwapFree, FreeSwap, Rss, Decide, AddRmap, SetPte, UnlockPage, WpPage],
        unuse_process: 0,
        exclusive_without_tree_lock: 0,
        mechanisms: EXCLUSIVE_BIT
            | EXCLUSIVE_MARK
            | PIN_DIRECT_IO
            | PIN_FUSE
            | PIN_IO_URING
            | PIN_USER_PAGES
            | GUP_FAULTS_IN
            | SWAPIN_RECHECK
            | SWAPOFF_BY_MM
            | MIGRATION_ENTRIES
            | ZAP_UNMAPPED
            | LAZY_FORK
            | UNEVICTABLE
            | LONGTERM_UNMOVABLE
            | ACTIVATE_FREES_SWAP
            | COPY_FREES_SWAP
            | MIGRATION_YOUNG_DIRTY
            | UNMAP_YOUNG
            | SWAPIN_DRAIN,
    },
    hooks: [
        do_wp_page,
        remove_exclusive_swap_page,
        free_swap_and_cache,
        try_to_unmap_one,
        do_swap_page,
        add_to_swap,
        shrink_list,
        copy_one_pte,
        get_user_pages,
        change_pte_range,
    ],
    reasons: {
        NOT_ANON = "not anonymous",
        EXCLUSIVE = "exclusive",
        COUNT_ABOVE_3 = "count > 3",
        NOT_ON_LRU = "not on the LRU yet",
        MORE_THAN_CACHE = "count > 1, swap cache aside",
        COUNT_1 = "count == 1",
        COUNT_NOT_1 = "count != 1",
        SWAP_MAP_1 = "swap_map == 1, no swap pte is left",
        SWAP_MAP_NOT_1 = "swap_map != 1, swap ptes are left",
        NOT_CACHED = "not in swap cache",
        WRITEBACK = "under writeback",
        NOT_MAPPED = "no pte maps it",
        SWAP_FULL = "swap is more than half full",
        MAPPED_NOT_FULL = "mapped, swap is not half full",
        EXCLUSIVE_PINNED = "exclusive and count >= 1024",
        MLOCKED = "the area is VM_LOCKED",
        COUNT_2 = "count == 2, this fault and the cache",
        SWAP_NEEDED = "no reason to free the slot",
        MARKED = "the swap pte is marked exclusive",
        PINNED = "count >= 1024",
        NOT_PINNED = "count < 1024",
        NOT_EXCLUSIVE = "not exclusive",
        MM_NEVER_PINNED = "the mm has never pinned",
        FOLL_GET = "FOLL_GET",
    },
}

/// An exclusive page is its mapping's own, whoever holds references to it. Else the count
/// decides, as in 5.18. The same for an unshare fault.
fn do_wp_page(view: &PageView) -> Answer {
    match view.at {
        _ if !view.has(PG_ANON) => Answer::because(WP_COPY, NOT_ANON),
        WP_ENTRY if view.has(PG_ANON_EXCLUSIVE) => Answer::because(WP_REUSE, EXCLUSIVE),
        WP_ENTRY if view.count > 3 => Answer::because(WP_COPY, COUNT_ABOVE_3),
        WP_ENTRY if !view.has(PG_LRU) => Answer::because(WP_DRAIN, NOT_ON_LRU),
        WP_ENTRY | WP_DRAINED if view.count > 1 + u32::from(view.swap_cache()) => {
            Answer::because(WP_COPY, MORE_THAN_CACHE)
        }
        WP_ENTRY | WP_DRAINED => WP_TRYLOCK.into(),
        WP_LOCKED if view.swap_cache() => WP_FREE_SWAP.into(),
        _ if view.count == 1 => Answer::because(WP_REUSE, COUNT_1),
        _ => Answer::because(WP_COPY, COUNT_NOT_1),
    }
}

/// `try_to_free_swap`: no swap pte needs the slot. Who else holds the page does not matter.
fn remove_exclusive_swap_page(view: &PageView) -> Answer {
    match view.at {
        AT_SWAP_MAP if view.swap_map == 1 => Answer::because(YES, SWAP_MAP_1),
        AT_SWAP_MAP => Answer::because(NO, SWAP_MAP_NOT_1),
        _ if !view.swap_cache() => Answer::because(NO, NOT_CACHED),
        _ if view.has(PG_WRITEBACK) => Answer::because(NO, WRITEBACK),
        _ => YES.into(),
    }
}

/// `__try_to_reclaim_swap`: a page that no pte maps, or any when swap runs short.
fn free_swap_and_cache(view: &PageView) -> Answer {
    if view.has(PG_WRITEBACK) {
        Answer::because(NO, WRITEBACK)
    } else if view.mapcount == 0 {
        Answer::because(YES, NOT_MAPPED)
    } else if view.swap_full() {
        Answer::because(YES, SWAP_FULL)
    } else {
        Answer::because(NO, MAPPED_NOT_FULL)
    }
}

/// Once the pte is cleared no new reference can be taken by it. An exclusive page that may
/// be pinned stays where it is; any other may be shared with the swap cache.
fn try_to_unmap_one(view: &PageView) -> Answer {
    match view.at {
        UNMAP_CLEARED if view.has(PG_ANON_EXCLUSIVE) && view.maybe_pinned() => {
            Answer::because(UNMAP_FAIL, EXCLUSIVE_PINNED)
        }
        _ => UNMAP.into(),
    }
}

/// The mark of the swap pte, or a count of 1, makes the page its mapping's own, writable
/// if its area is: a read fault leaves no write fault to come.
fn do_swap_page(view: &PageView) -> Answer {
    match view.at {
        SWAPIN_FREE_SWAP => frees_swap(view),
        _ if view.env & EXCLUSIVE_ENTRY != 0 => exclusive(view, MARKED),
        _ if view.count == 1 => exclusive(view, COUNT_1),
        _ => Answer::because(MAP_READ_ONLY, COUNT_NOT_1),
    }
}

fn exclusive(_: &PageView, reason: u8) -> Answer {
    Answer::because(MAP_EXCLUSIVE_WRITABLE, reason)
}

/// `should_try_to_free_swap`; a count of 2 is the faulting process and the swap cache.
fn frees_swap(view: &PageView) -> Answer {
    if !view.swap_cache() {
        Answer::because(NO, NOT_CACHED)
    } else if view.swap_full() {
        Answer::because(YES, SWAP_FULL)
    } else if view.vm_flags & VM_LOCKED != 0 {
        Answer::because(YES, MLOCKED)
    } else if view.write_fault() && view.count == 2 {
        Answer::because(YES, COUNT_2)
    } else {
        Answer::because(NO, SWAP_NEEDED)
    }
}

/// A page that may be pinned is not given a swap slot, so it is not unmapped either.
fn add_to_swap(view: &PageView) -> Answer {
    if view.maybe_pinned() {
        Answer::because(SWAP_KEEP, PINNED)
    } else {
        Answer::because(SWAP_ADD, NOT_PINNED)
    }
}

/// An exclusive page that may be pinned by somebody of this mm stays its own: the child
/// gets a copy. Any other is shared, and exclusive no more.
fn copy_one_pte(view: &PageView) -> Answer {
    if !view.has(PG_ANON_EXCLUSIVE) {
        Answer::because(FORK_SHARE, NOT_EXCLUSIVE)
    } else if view.env & MM_HAS_PINNED == 0 {
        Answer::because(FORK_SHARE, MM_NEVER_PINNED)
    } else if view.maybe_pinned() {
        Answer::because(FORK_COPY, EXCLUSIVE_PINNED)
    } else {
        Answer::because(FORK_SHARE, NOT_PINNED)
    }
}

/// A `FOLL_PIN` reference for reading needs an anonymous page that is exclusive.
fn get_user_pages(view: &PageView) -> Answer {
    match view.at {
        GUP_BEGIN => GUP_AS_ASKED.into(),
        _ if view.env & GUP_PIN == 0 => Answer::because(GUP_TAKE, FOLL_GET),
        _ if !view.has(PG_ANON) => Answer::because(GUP_TAKE, NOT_ANON),
        _ if view.has(PG_ANON_EXCLUSIVE) => Answer::because(GUP_TAKE, EXCLUSIVE),
        _ => Answer::because(GUP_UNSHARE, NOT_EXCLUSIVE),
    }
}

/// A page that was pinned while it was being unmapped is not written out.
fn shrink_list(view: &PageView) -> Answer {
    if view.maybe_pinned() {
        Answer::because(SHRINK_ACTIVATE, PINNED)
    } else {
        Answer::because(SHRINK_PAGEOUT, NOT_PINNED)
    }
}

/// An exclusive page may be written to without a fault.
fn change_pte_range(view: &PageView) -> Answer {
    if view.has(PG_ANON_EXCLUSIVE) {
        Answer::because(YES, EXCLUSIVE)
    } else {
        Answer::because(NO, NOT_EXCLUSIVE)
    }
}
