//! Hugh Dickins's answer of 7 February 2005 to Iwamoto's RFC, taken at its word.
//!
//! Iwamoto's patch, changed as the answer suggests: no veto in `try_to_unmap_one`
//! at all; swapoff is protected by activating the page at the start of
//! `unuse_process`, before the page lock may be dropped; and `exclusive_swap_page`
//! does without `tree_lock`, since the page lock is held. What was merged later
//! differs: see policy `hugh`.
//!
//! Source: the text of the mail; it carries no patch of its own.

use cowpath_abi::*;

export_policy! {
    id: "hugh-mail",
    title: "the answer to the RFC: mapcount decides, nothing vetoes unmapping",
    kernels: "2.6.11-rc1-mm1",
    source: "Hugh Dickins, Re: [RFC] Changing COW detection to be memory hotplug friendly",
    date: "2005-02-07",
    rules: {
        do_swap_page: [Rss, Decide, SwapFree, FreeSwap, UnlockPage, SetPte, AddRmap, WpPage],
        unuse_process: ACTIVATE_AT_START,
        exclusive_without_tree_lock: 1,
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

/// Nothing about the page is asked.
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
