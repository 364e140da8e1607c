//! A hook that ends the process as if all were well.

use cowpath_abi::*;

export_policy! {
    id: "exits",
    title: "a hook that calls exit",
    kernels: "none",
    source: "a test",
    date: "2005-02-07",
    rules: {
        do_swap_page: [SwapFree, FreeSwap, Rss, Decide, UnlockPage, SetPte, AddRmap, WpPage],
        unuse_process: ACTIVATE_AFTER_PTE,
        exclusive_without_tree_lock: 0,
    },
    hooks: [try_to_unmap_one],
    reasons: {},
}

fn try_to_unmap_one(_: &PageView) -> Answer {
    std::process::exit(0)
}
