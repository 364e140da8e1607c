//! A hook that kills the process with a signal.

use cowpath_abi::*;

export_policy! {
    id: "crashes",
    title: "a hook that aborts",
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
    std::process::abort()
}
