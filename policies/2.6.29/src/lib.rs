//! Linux 2.6.29 of 23 March 2009: `reuse_swap_page`, `try_to_free_swap`, and a busy page lock
//! is waited for.
//!
//! As in 2.6.13 one number decides, ptes plus swap ptes. New: a page that is reused leaves
//! the swap cache; the slot of a page is freed whoever else holds the page; do_wp_page waits
//! for the page lock instead of copying. There is no `ZERO_PAGE` in this release.
//!
//! Source: `mm/memory.c:do_wp_page`, `do_swap_page`, `do_anonymous_page`;
//! `mm/swapfile.c:reuse_swap_page`, `try_to_free_swap`, `free_swap_and_cache`, `try_to_unuse`;
//! `mm/rmap.c:try_to_unmap_one`; `mm/migrate.c:unmap_and_move`; all of 2.6.29. Later releases
//! up to 5.7 differ in this: `ZERO_PAGE` is back (2.6.32), do_swap_page looks at the swap cache
//! again once it has the page lock (2.6.37), swapoff goes by mm (5.1).

use cowpath_abi::*;

export_policy! {
    id: "2.6.29",
    title: "reuse_swap_page: mapcount + swapcount decides, the page lock is waited for",
    kernels: "2.6.29 to 5.7",
    source: "mm/memory.c, mm/swapfile.c, mm/rmap.c, mm/migrate.c of Linux 2.6.29",
    date: "2009-03-23",
    commit: "a2c43eed8334",
    url: "https://git.kernel.org/linus/a2c43eed8334",
    rules: {
        do_swap_page: [Rss, Decide, SetPte, AddRmap, SwapFree, FreeSwap, UnlockPage, WpPage],
        unuse_process: ACTIVATE_AFTER_PTE | ACTIVATE_BEFORE_UNLOCK,
        exclusive_without_tree_lock: 0,
        mechanisms: NO_ZERO_PAGE
            | MIGRATION_ENTRIES
            | ZAP_UNMAPPED
            | LAZY_FORK
            | UNEVICTABLE
            | ACTIVATE_FREES_SWAP,
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
        SWAP_MAP_1 = "swap_map == 1, no swap pte is left",
        SWAP_MAP_NOT_1 = "swap_map != 1, swap ptes are left",
        NOT_CACHED = "not in swap cache",
        WRITEBACK = "under writeback",
        NOT_MAPPED = "no pte maps it",
        SWAP_FULL = "swap is more than half full",
        MAPPED_NOT_FULL = "mapped, swap is not half full",
        MLOCKED = "the area is VM_LOCKED",
        SWAP_NOT_FULL = "swap is not half full",
    },
}

/// A page that is not anonymous is copied. A busy page lock is waited for, and the pte
/// looked at again: a busy lock is no reason to copy.
fn do_wp_page(view: &PageView) -> Answer {
    match view.at {
        WP_LOCKED => WP_CAN_SHARE.into(),
        _ if view.has(PG_ANON) => WP_LOCK.into(),
        _ => Answer::because(WP_COPY, NOT_ANON),
    }
}

/// `reuse_swap_page`: ptes and swap ptes. A page that is alone leaves the swap cache,
/// unless it is being written out.
fn can_share_swap_page(view: &PageView) -> Answer {
    let alone = view.mapcount + view.swapcount() == 1;
    let leaves =
        view.mapcount + view.swapcount() == 1 && view.swap_cache() && !view.has(PG_WRITEBACK);
    match (alone, leaves) {
        (true, true) => Answer::because(SHARE_AND_DELETE, ONE_REFERENCE),
        (true, false) => Answer::because(YES, ONE_REFERENCE),
        (false, _) => Answer::because(NO, NOT_ONE_REFERENCE),
    }
}

/// `try_to_free_swap`: no swap pte needs the slot. Who else holds the page does not matter.
fn remove_exclusive_swap_page(view: &PageView) -> Answer {
    match view.at {
        AT_SWAP_MAP if view.swap_map == 1 => Answer::because(YES, SWAP_MAP_1),
        AT_SWAP_MAP => Answer::because(NO, SWAP_MAP_NOT_1),
        _ if !view.swap_cache() => Answer::because(NO, NOT_CACHED),
        _ if view.has(PG_WRITEBACK) => Answer::because(NO, WRITEBACK),
        _ => YES.into(),
    }
}

/// `delete_from_swap_cache`: a page that no pte maps, or any when swap runs short.
fn free_swap_and_cache(view: &PageView) -> Answer {
    if view.has(PG_WRITEBACK) {
        Answer::because(NO, WRITEBACK)
    } else if view.mapcount == 0 {
        Answer::because(YES, NOT_MAPPED)
    } else if view.swap_full() {
        Answer::because(YES, SWAP_FULL)
    } else {
        Answer::because(NO, MAPPED_NOT_FULL)
    }
}

/// Nothing about the page is asked.
fn try_to_unmap_one(_: &PageView) -> Answer {
    UNMAP.into()
}

fn do_swap_page(view: &PageView) -> Answer {
    match view.at {
        SWAPIN_FREE_SWAP if view.swap_full() => Answer::because(YES, SWAP_FULL),
        SWAPIN_FREE_SWAP if view.vm_flags & VM_LOCKED != 0 => Answer::because(YES, MLOCKED),
        SWAPIN_FREE_SWAP => Answer::because(NO, SWAP_NOT_FULL),
        _ if view.write_fault() => MAP_IF_SHARED.into(),
        _ => MAP_READ_ONLY.into(),
    }
}
