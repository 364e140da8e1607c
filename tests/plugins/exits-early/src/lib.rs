//! Ends the process when it is loaded, before anybody asks it anything.

use cowpath_abi::*;

export_policy! {
    id: "exits-early",
    title: "an initialiser that calls exit",
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
    UNMAP.into()
}

extern "C" fn early() {
    eprintln!("exits-early goes home");
    std::process::exit(0)
}

#[used]
// SAFETY: the section holds addresses of functions that are called without arguments
// of interest, and this one takes none.
#[unsafe(link_section = ".init_array")]
static EARLY: extern "C" fn() = early;
