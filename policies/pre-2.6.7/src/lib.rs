//! Linux up to 2.6.6 (10 May 2004), before `try_to_unmap_one` had its veto.
//!
//! The rules of 2.6.11 without the count test that 2.6.7 put into `try_to_unmap_one`: a
//! page held by `get_user_pages` is unmapped, and the next write to it copies it.
//!
//! Source: 2.6.8 and 2.6.11 were read, and that 2.6.7 brought the test is in the public
//! history of `mm/rmap.c`. 2.6.6 itself was not read; its reverse mapping had pte chains
//! instead of anon_vma, which are not modelled.

use cowpath_abi::*;

export_policy! {
    id: "pre-2.6.7",
    title: "count decides, nothing vetoes unmapping",
    kernels: "2.6.0 to 2.6.6",
    source: "Linux 2.6.11 without the test that 2.6.7 added",
    date: "2004-05-10",
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

/// No veto.
fn try_to_unmap_one(_: &PageView) -> Answer {
    UNMAP.into()
}

fn do_swap_page(view: &PageView) -> Answer {
    match view.at {
        SWAPIN_FREE_SWAP if view.swap_full() => Answer::because(YES, SWAP_FULL),
        SWAPIN_FREE_SWAP => Answer::because(NO, SWAP_NOT_FULL),
        _ if view.write_fault() => MAP_IF_SHARED.into(),
        _ => MAP_READ_ONLY.into(),
    }
}
