//! Negative control: `do_wp_page` counts ptes and nothing else.
//!
//! It forgets swap ptes, so that a page that is also swapped out elsewhere is
//! written to; and it forgets to ask whether the page is anonymous, so that a
//! store into a private file mapping reaches the page cache. Whatever compares
//! policies must find both.

use cowpath_abi::*;

export_policy! {
    id: "mapcount-only",
    title: "only ptes count, anonymous or not",
    kernels: "none",
    source: "a test",
    date: "2005-02-07",
    rules: {
        do_swap_page: [Rss, Decide, SetPte, AddRmap, SwapFree, FreeSwap, UnlockPage, WpPage],
        unuse_process: ACTIVATE_AFTER_PTE,
        exclusive_without_tree_lock: 0,
    },
    hooks: [do_wp_page, can_share_swap_page, remove_exclusive_swap_page, free_swap_and_cache, try_to_unmap_one, do_swap_page],
    reasons: {
        MAPCOUNT_1 = "mapcount == 1",
        MAPCOUNT_NOT_1 = "mapcount != 1",
    },
}

fn do_wp_page(view: &PageView) -> Answer {
    match view.at {
        WP_LOCKED => WP_CAN_SHARE.into(),
        _ => WP_TRYLOCK.into(),
    }
}

fn can_share_swap_page(view: &PageView) -> Answer {
    match view.mapcount {
        1 => Answer::because(YES, MAPCOUNT_1),
        _ => Answer::because(NO, MAPCOUNT_NOT_1),
    }
}

fn remove_exclusive_swap_page(view: &PageView) -> Answer {
    let yes = match view.at {
        AT_SWAP_MAP => view.swap_map == 1,
        _ => view.swap_cache() && !view.has(PG_WRITEBACK) && view.count == 2,
    };
    u8::from(yes).into()
}

fn free_swap_and_cache(view: &PageView) -> Answer {
    u8::from(!view.has(PG_WRITEBACK) && (view.count == 2 || view.swap_full())).into()
}

fn try_to_unmap_one(_: &PageView) -> Answer {
    UNMAP.into()
}

fn do_swap_page(view: &PageView) -> Answer {
    match view.at {
        SWAPIN_FREE_SWAP => u8::from(view.swap_full()).into(),
        _ if view.write_fault() => MAP_IF_SHARED.into(),
        _ => MAP_READ_ONLY.into(),
    }
}
