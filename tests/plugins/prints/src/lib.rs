//! A hook that writes to stdout, in words that a report could have.

use cowpath_abi::*;

export_policy! {
    id: "prints",
    title: "a hook that writes to stdout",
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
    println!("{{\"Done\":{{\"impurity\":null}}}}");
    UNMAP.into()
}
