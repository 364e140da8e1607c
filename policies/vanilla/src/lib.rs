//! Linux 2.6.11 as released on 2 March 2005; the rules of 2.6.7 to 2.6.12.
//!
//! Every decision is about `page_count`: a page may be reused if nobody but the
//! faulting process (and the swap cache) refers to it. A reference from
//! `get_user_pages` would therefore turn the next write after a swap-out into a
//! copy, and so such a page must not be unmapped: the veto in `try_to_unmap_one`.
//!
//! Source: `mm/memory.c`, `mm/swapfile.c` and `mm/rmap.c` of the release.

use cowpath_abi::*;

export_policy! {
    id: "vanilla",
    title: "Linux 2.6.11 as released: count decides, extra references veto unmapping",
    kernels: "2.6.7 to 2.6.12",
    source: "mm/memory.c, mm/swapfile.c, mm/rmap.c of Linux 2.6.11",
    date: "2005-03-02",
    rules: {
        do_swap_page: [SwapFree, FreeSwap, Rss, Decide, UnlockPage, SetPte, AddRmap, WpPage],
        unuse_process: ACTIVATE_AFTER_PTE,
        exclusive_without_tree_lock: 0,
    },
    hooks: [
        do_wp_page,
        can_share_swap_page,
        exclusive_swap_page,
        remove_exclusive_swap_page,
        free_swap_and_cache,
        try_to_unmap_one,
        do_swap_page,
    ],
    reasons: {
        COUNT_1 = "count == 1",
        COUNT_2 = "count == 2",
        COUNT_NOT_2 = "count != 2",
        COUNT_ABOVE_2 = "count > 2",
        RESERVED = "reserved page",
        NOT_COUNTED = "ZERO_PAGE has no count",
        CACHED = "count == 2, one is the swap cache's",
        CACHED_WITH_BUFFERS = "count == 3, swap cache and buffers",
        COUNT_2_NOT_CACHED = "count == 2, not in swap cache",
        NOT_CACHED = "not in swap cache",
        SWAP_MAP_1 = "swap_map == 1, no swap pte is left",
        SWAP_MAP_NOT_1 = "swap_map != 1, swap ptes are left",
        WRITEBACK = "under writeback",
        SWAP_FULL = "swap is more than half full",
        SWAP_NOT_FULL = "swap is not half full",
        NOT_ALONE_NOT_FULL = "count != 2, swap is not half full",
        HELD = "count != mapcount + 2",
        NOT_HELD = "count == mapcount + 2",
    },
}

/// Whatever the page is, decide under its lock; if that is busy, copy.
fn do_wp_page(view: &PageView) -> Answer {
    match view.at {
        WP_LOCKED => WP_CAN_SHARE.into(),
        _ => WP_TRYLOCK.into(),
    }
}

fn can_share_swap_page(view: &PageView) -> Answer {
    match view.count {
        0 => Answer::because(NO, NOT_COUNTED),
        1 if view.has(PG_RESERVED) => Answer::because(NO, RESERVED),
        1 => Answer::because(YES, COUNT_1),
        2 if view.swap_cache() => Answer::because(SHARE_IF_EXCLUSIVE, CACHED),
        2 => Answer::because(NO, COUNT_2_NOT_CACHED),
        // Never a yes in the end: exclusive_swap_page insists on a count of 2.
        3 if view.has(PG_PRIVATE | PG_SWAPCACHE) => {
            Answer::because(SHARE_IF_EXCLUSIVE, CACHED_WITH_BUFFERS)
        }
        _ => Answer::because(NO, COUNT_ABOVE_2),
    }
}

fn exclusive_swap_page(view: &PageView) -> Answer {
    match view.at {
        AT_SWAP_MAP => only_the_cache(view),
        _ if view.count == 2 => Answer::because(YES, COUNT_2),
        _ => Answer::because(NO, COUNT_NOT_2),
    }
}

fn remove_exclusive_swap_page(view: &PageView) -> Answer {
    match view.at {
        AT_SWAP_MAP => only_the_cache(view),
        _ if !view.swap_cache() => Answer::because(NO, NOT_CACHED),
        _ if view.has(PG_WRITEBACK) => Answer::because(NO, WRITEBACK),
        _ if view.count == 2 => Answer::because(YES, COUNT_2),
        _ => Answer::because(NO, COUNT_NOT_2),
    }
}

/// `swap_map` counts the swap cache's own reference.
fn only_the_cache(view: &PageView) -> Answer {
    if view.swap_map == 1 {
        Answer::because(YES, SWAP_MAP_1)
    } else {
        Answer::because(NO, SWAP_MAP_NOT_1)
    }
}

/// The count includes the reference that the caller has just taken.
fn free_swap_and_cache(view: &PageView) -> Answer {
    if view.has(PG_WRITEBACK) {
        Answer::because(NO, WRITEBACK)
    } else if view.count == 2 {
        Answer::because(YES, COUNT_2)
    } else if view.swap_full() {
        Answer::because(YES, SWAP_FULL)
    } else {
        Answer::because(NO, NOT_ALONE_NOT_FULL)
    }
}

/// Two references besides the ptes' are expected: the swap cache's and reclaim's.
fn try_to_unmap_one(view: &PageView) -> Answer {
    if !view.swap_cache() {
        Answer::because(UNMAP, NOT_CACHED)
    } else if view.count == view.mapcount + 2 {
        Answer::because(UNMAP, NOT_HELD)
    } else {
        Answer::because(UNMAP_FAIL, HELD)
    }
}

fn do_swap_page(view: &PageView) -> Answer {
    match view.at {
        SWAPIN_FREE_SWAP if view.swap_full() => Answer::because(YES, SWAP_FULL),
        SWAPIN_FREE_SWAP => Answer::because(NO, SWAP_NOT_FULL),
        _ if view.write_fault() => MAP_IF_SHARED.into(),
        _ => MAP_READ_ONLY.into(),
    }
}
