//! A hook that remembers how often it was asked.

use cowpath_abi::*;

export_policy! {
    id: "impure",
    title: "a hook that counts",
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

use std::sync::atomic::{AtomicU32, Ordering};

fn try_to_unmap_one(_: &PageView) -> Answer {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    match ASKED.fetch_add(1, Ordering::Relaxed) {
        count if count % 1000 == 999 => UNMAP_FAIL.into(),
        _ => UNMAP.into(),
    }
}
