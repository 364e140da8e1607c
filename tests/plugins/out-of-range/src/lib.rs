//! Answers that the contract does not have.

use cowpath_abi::*;

export_policy! {
    id: "out-of-range",
    title: "answers that do not exist",
    kernels: "none",
    source: "a test",
    date: "2005-02-07",
    rules: {
        do_swap_page: [SwapFree, FreeSwap, Rss, Decide, UnlockPage, SetPte, AddRmap, WpPage],
        unuse_process: ACTIVATE_AFTER_PTE,
        exclusive_without_tree_lock: 0,
    },
    hooks: [do_wp_page, try_to_unmap_one, can_share_swap_page],
    reasons: {
        KNOWN = "the only reason",
    },
}

/// A code of another point of the same hook.
fn do_wp_page(_: &PageView) -> Answer {
    WP_TRYLOCK.into()
}

/// A code that no hook has.
fn try_to_unmap_one(_: &PageView) -> Answer {
    Answer::because(200, KNOWN)
}

/// A reason that is not in the list.
fn can_share_swap_page(_: &PageView) -> Answer {
    Answer::because(NO, KNOWN + 1)
}
