//! Linux 5.9 of 11 October 2020: one reference, or a copy.
//!
//! do_wp_page reuses a page only if nobody else has any reference to it, and copies if the
//! page lock is busy. get_user_pages takes pages as they are again. fork copies a page at once
//! that may be pinned. do_swap_page still decides by ptes and swap ptes. 5.10 has these rules,
//! but unmaps young ptes and does not activate the page that swapoff restores a pte to.
//!
//! Source: `mm/memory.c:do_wp_page`, `do_swap_page`, `copy_present_page`;
//! `mm/swapfile.c:reuse_swap_page`, `try_to_unuse`; `mm/rmap.c:try_to_unmap_one`; all of 5.9.1.

use cowpath_abi::*;

export_policy! {
    id: "5.9",
    title: "page_count == 1 or a copy; fork copies pinned pages",
    kernels: "5.9 to 5.10",
    source: "mm/memory.c, mm/swapfile.c, mm/rmap.c of Linux 5.9.1",
    date: "2020-10-11",
    commit: "09854ba94c6aad7886996bfbee2530b3d8a7f4f4",
    url: "https://git.kernel.org/linus/09854ba94c6aad7886996bfbee2530b3d8a7f4f4",
    rules: {
        do_swap_page: [Rss, Decide, SetPte, AddRmap, SwapFree, FreeSwap, UnlockPage, WpPage],
        unuse_process: ACTIVATE_AFTER_PTE,
        exclusive_without_tree_lock: 0,
        mechanisms: PIN_IO_URING
            | PIN_USER_PAGES
            | GUP_FAULTS_IN
            | SWAPIN_RECHECK
            | SWAPOFF_BY_MM
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
        copy_one_pte,
    ],
    reasons: {
        NOT_ANON = "not anonymous",
        COUNT_1 = "count == 1",
        COUNT_NOT_1 = "count != 1",
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
        MM_NEVER_PINNED = "the mm has never pinned",
        PINNED = "count >= 1024",
        NOT_PINNED = "count < 1024",
    },
}

/// Anything but one reference is a reason to copy: looked at without the lock, then
/// again with it.
fn do_wp_page(view: &PageView) -> Answer {
    let alone = view.mapcount == 1 && view.count == 1;
    match view.at {
        WP_LOCKED if alone => Answer::because(WP_REUSE, COUNT_1),
        WP_LOCKED => Answer::because(WP_COPY, COUNT_NOT_1),
        _ if !view.has(PG_ANON) => Answer::because(WP_COPY, NOT_ANON),
        _ if view.count != 1 => Answer::because(WP_COPY, COUNT_NOT_1),
        _ => WP_TRYLOCK.into(),
    }
}

/// `reuse_swap_page`: ptes and swap ptes. A page that is alone leaves the swap cache,
/// unless it is being written out.
fn can_share_swap_page(view: &PageView) -> Answer {
    let alone = view.mapcount + view.swapcount() <= 1;
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

/// `__try_to_reclaim_swap`: a page that no pte maps, or any when swap runs short.
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

/// A page that may be pinned by somebody of this mm is copied for the child at once; any
/// page of the mapping, a file's too.
fn copy_one_pte(view: &PageView) -> Answer {
    if view.env & MM_HAS_PINNED == 0 {
        Answer::because(FORK_SHARE, MM_NEVER_PINNED)
    } else if view.maybe_pinned() {
        Answer::because(FORK_COPY, PINNED)
    } else {
        Answer::because(FORK_SHARE, NOT_PINNED)
    }
}
