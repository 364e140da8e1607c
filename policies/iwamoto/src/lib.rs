//! IWAMOTO Toshihiro's RFC of 3 February 2005, "Changing COW detection to be memory
//! hotplug friendly", against 2.6.11-rc1-mm1.
//!
//! Reuse is decided by `page_mapcount` and `swap_map`, so that a reference from
//! `get_user_pages` no longer forces a copy; the veto in `try_to_unmap_one` stays
//! only for pages that several ptes map. `do_swap_page` decides before it gives up
//! its reference to the swap entry. What the patch does not touch is as in 2.6.11.
//!
//! Source: the hunks of the mail.

use cowpath_abi::*;

export_policy! {
    id: "iwamoto",
    title: "Iwamoto's RFC: mapcount decides, only shared pages veto unmapping",
    kernels: "2.6.11-rc1-mm1",
    source: "IWAMOTO Toshihiro, [RFC] Changing COW detection to be memory hotplug friendly",
    date: "2005-02-03",
    rules: {
        do_swap_page: [Rss, Decide, SwapFree, FreeSwap, UnlockPage, SetPte, AddRmap, WpPage],
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
        MAPPED_ONCE = "anonymous, mapcount == 1",
        NOT_ANON = "not anonymous",
        RESERVED = "reserved page",
        MAPCOUNT_1 = "mapcount == 1",
        MAPCOUNT_NOT_1 = "mapcount != 1",
        MAPCOUNT_ABOVE_1 = "mapcount > 1",
        CACHED = "in swap cache, mapcount <= 1",
        NOT_CACHED = "not in swap cache",
        SWAP_MAP_1 = "swap_map == 1, no swap pte is left",
        SWAP_MAP_NOT_1 = "swap_map != 1, swap ptes are left",
        COUNT_2 = "count == 2",
        COUNT_NOT_2 = "count != 2",
        WRITEBACK = "under writeback",
        SWAP_FULL = "swap is more than half full",
        SWAP_NOT_FULL = "swap is not half full",
        NOT_ALONE_NOT_FULL = "count != 2, swap is not half full",
        HELD_AND_SHARED = "count != mapcount + 2, mapcount > 1",
        HELD_BY_GUP = "count != mapcount + 2, mapcount <= 1",
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

/// A page outside the swap cache is judged by its ptes alone.
fn can_share_swap_page(view: &PageView) -> Answer {
    if view.swap_cache() {
        return match view.mapcount {
            0 | 1 => Answer::because(SHARE_IF_EXCLUSIVE, CACHED),
            _ => Answer::because(NO, MAPCOUNT_ABOVE_1),
        };
    }
    if !view.has(PG_ANON) {
        Answer::because(NO, NOT_ANON)
    } else if view.mapcount != 1 {
        Answer::because(NO, MAPCOUNT_NOT_1)
    } else if view.has(PG_RESERVED) {
        Answer::because(NO, RESERVED)
    } else {
        Answer::because(YES, MAPPED_ONCE)
    }
}

/// Always no from `do_swap_page`: the page is not mapped yet, its swap pte still counted.
fn exclusive_swap_page(view: &PageView) -> Answer {
    match view.at {
        AT_SWAP_MAP => only_the_cache(view),
        _ if view.mapcount == 1 => Answer::because(YES, MAPCOUNT_1),
        _ => Answer::because(NO, MAPCOUNT_NOT_1),
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

/// With one pte, a surplus reference can only be a `get_user_pages` or the like;
/// with more, a copy-on-write may be under way.
fn try_to_unmap_one(view: &PageView) -> Answer {
    if !view.swap_cache() {
        Answer::because(UNMAP, NOT_CACHED)
    } else if view.count == view.mapcount + 2 {
        Answer::because(UNMAP, NOT_HELD)
    } else if view.mapcount > 1 {
        Answer::because(UNMAP_FAIL, HELD_AND_SHARED)
    } else {
        Answer::because(UNMAP, HELD_BY_GUP)
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
