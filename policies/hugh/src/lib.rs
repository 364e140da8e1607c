//! Hugh Dickins's simplification as merged for 2.6.13 in June 2005; the rules of
//! 2.6.13 to 2.6.28.
//!
//! One number decides: ptes plus swap ptes that refer to the page. `do_swap_page`
//! gives up its reference to the swap entry only after the pte is set, so that the
//! number is never too low; there is no veto in `try_to_unmap_one` and no
//! `exclusive_swap_page` any more. Only anonymous pages are asked about: a file
//! page that is mapped once would pass the test.
//!
//! Source: commit c475a8ab625d567eacf5e30ec35d6d8704558062.

use cowpath_abi::*;

export_policy! {
    id: "hugh",
    title: "the simplification of 2.6.13: mapcount + swapcount decides, no veto",
    kernels: "2.6.13 to 2.6.28",
    source: "Hugh Dickins, can_share_swap_page: use page_mapcount",
    date: "2005-06-21",
    commit: "c475a8ab625d567eacf5e30ec35d6d8704558062",
    url: "https://git.kernel.org/linus/c475a8ab625d567eacf5e30ec35d6d8704558062",
    rules: {
        do_swap_page: [Rss, Decide, SetPte, AddRmap, SwapFree, FreeSwap, UnlockPage, WpPage],
        unuse_process: ACTIVATE_AFTER_PTE | ACTIVATE_BEFORE_UNLOCK,
        exclusive_without_tree_lock: 0,
    },
    hooks: [
        do_wp_page,
        can_share_swap_page,
        remove_exclusive_swap_page,
        free_swap_and_cache,
        try_to_unmap_one,
        do_swap_page,
    ],
    reasons: {
        NOT_ANON = "not anonymous",
        ONE_REFERENCE = "mapcount + swapcount == 1",
        NOT_ONE_REFERENCE = "mapcount + swapcount != 1",
        MAPCOUNT_ABOVE_1 = "mapcount > 1",
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

/// A page that is not anonymous (the zero page is none) is copied, unasked and unlocked.
fn do_wp_page(view: &PageView) -> Answer {
    match view.at {
        WP_LOCKED => WP_CAN_SHARE.into(),
        _ if view.has(PG_ANON) => WP_TRYLOCK.into(),
        _ => Answer::because(WP_COPY, NOT_ANON),
    }
}

/// Outside the swap cache `swapcount` is 0.
fn can_share_swap_page(view: &PageView) -> Answer {
    if view.mapcount > 1 {
        Answer::because(NO, MAPCOUNT_ABOVE_1)
    } else if view.mapcount + view.swapcount() == 1 {
        Answer::because(YES, ONE_REFERENCE)
    } else {
        Answer::because(NO, NOT_ONE_REFERENCE)
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
