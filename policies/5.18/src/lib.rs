//! Linux 5.18 of 22 May 2022: the count again, cleaned before it is looked at.
//!
//! do_wp_page drains the pagevec and frees the swap slot before it judges by the count;
//! do_swap_page gives the swap reference back first and judges by the count too.
//! `reuse_swap_page` is gone.
//!
//! Source: `mm/memory.c:do_wp_page`, `do_swap_page`, `copy_present_page`;
//! `mm/swapfile.c:try_to_free_swap`, `try_to_unuse`; `mm/vmscan.c:shrink_page_list`;
//! `mm/rmap.c:try_to_unmap_one`; all of 5.18.12.

use cowpath_abi::*;

export_policy! {
    id: "5.18",
    title: "the count decides, after pagevec and swap slot are freed",
    kernels: "5.18",
    source: "mm/memory.c, mm/swapfile.c, mm/vmscan.c, mm/rmap.c of Linux 5.18.12",
    date: "2022-05-22",
    commit: "53a05ad9f21d858d24f76d12b3e990405f2036d1",
    url: "https://git.kernel.org/linus/53a05ad9f21d858d24f76d12b3e990405f2036d1",
    rules: {
        do_swap_page: [SwapFree, FreeSwap, Rss, Decide, AddRmap, SetPte, UnlockPage, WpPage],
        unuse_process: 0,
        exclusive_without_tree_lock: 0,
        mechanisms: PIN_IO_URING
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
        copy_one_pte,
    ],
    reasons: {
        NOT_ANON = "not anonymous",
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
        MLOCKED = "the area is VM_LOCKED",
        COUNT_2 = "count == 2, this fault and the cache",
        SWAP_NEEDED = "no reason to free the slot",
        PINNED = "count >= 1024",
        NOT_PINNED = "count < 1024",
        MM_NEVER_PINNED = "the mm has never pinned",
    },
}

/// The count decides, once what is not somebody's was taken out of it: the pagevec's
/// reference and the swap cache's.
fn do_wp_page(view: &PageView) -> Answer {
    match view.at {
        _ if !view.has(PG_ANON) => Answer::because(WP_COPY, NOT_ANON),
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

/// Nothing about the page is asked.
fn try_to_unmap_one(_: &PageView) -> Answer {
    UNMAP.into()
}

fn do_swap_page(view: &PageView) -> Answer {
    match view.at {
        SWAPIN_FREE_SWAP => frees_swap(view),
        _ if !view.write_fault() => MAP_READ_ONLY.into(),
        _ if view.count == 1 => Answer::because(MAP_WRITABLE, COUNT_1),
        _ => Answer::because(MAP_READ_ONLY, COUNT_NOT_1),
    }
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

/// A page that may be pinned by somebody of this mm is copied for the child at once; any
/// page of the mapping, a file's too.
fn copy_one_pte(view: &PageView) -> Answer {
    if view.env & MM_HAS_PINNED == 0 {
        Answer::because(FORK_SHARE, MM_NEVER_PINNED)
    } else if view.maybe_pinned() {
        Answer::because(FORK_COPY, PINNED)
    } else {
        Answer::because(FORK_SHARE, NOT_PINNED)
    }
}
