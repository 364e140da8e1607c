//! A hook that panics once the page is locked.

use cowpath_abi::*;

export_policy! {
    id: "panics",
    title: "a hook that panics",
    kernels: "none",
    source: "a test",
    date: "2005-02-07",
    rules: {
        do_swap_page: [SwapFree, FreeSwap, Rss, Decide, UnlockPage, SetPte, AddRmap, WpPage],
        unuse_process: ACTIVATE_AFTER_PTE,
        exclusive_without_tree_lock: 0,
    },
    hooks: [do_wp_page],
    reasons: {},
}

fn do_wp_page(view: &PageView) -> Answer {
    assert!(view.at != WP_LOCKED, "on purpose");
    WP_TRYLOCK.into()
}
