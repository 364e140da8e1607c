//! An order of `do_swap_page` that unlocks the page before it decides.

use cowpath_abi::*;

export_policy! {
    id: "unlocks-early",
    title: "a wrong order of do_swap_page",
    kernels: "none",
    source: "a test",
    date: "2005-02-07",
    rules: {
        do_swap_page: [SwapFree, FreeSwap, Rss, UnlockPage, Decide, SetPte, AddRmap, WpPage],
        unuse_process: ACTIVATE_AFTER_PTE,
        exclusive_without_tree_lock: 0,
    },
    hooks: [try_to_unmap_one],
    reasons: {},
}

fn try_to_unmap_one(_: &PageView) -> Answer {
    UNMAP.into()
}
