//! Linux 5.11 of 14 February 2021: reclaim leaves pinned pages alone.
//!
//! As 5.9, and a page that may be pinned is not given a swap slot. One that has a slot already
//! is still unmapped. The young bit does not stop `try_to_unmap` any more (since 5.10).
//!
//! Source: `mm/vmscan.c:shrink_page_list`, `mm/memory.c:do_wp_page`, `do_swap_page`,
//! `copy_present_page`; `mm/swapfile.c:reuse_swap_page`, `try_to_unuse`;
//! `mm/rmap.c:try_to_unmap_one`; all of 5.11.4. The stable series 5.10 has the same rules from
//! about 5.10.134 on. do_wp_page is unchanged up to 5.17, but from 5.14 on the page that was
//! copied is tried for its swap slot; 5.17 counts the pte before it sets it.

use cowpath_abi::*;

export_policy! {
    id: "5.11",
    title: "as 5.9, and reclaim leaves pinned pages alone",
    kernels: "5.11 to 5.17",
    source: "mm/vmscan.c, mm/memory.c, mm/swapfile.c, mm/rmap.c of Linux 5.11.4",
    date: "2021-02-14",
    commit: "feb889fb40fafc6933339cf1cca8f770126819fb",
    url: "https://git.kernel.org/linus/feb889fb40fafc6933339cf1cca8f770126819fb",
    rules: {
        do_swap_page: [Rss, Decide, SetPte, AddRmap, SwapFree, FreeSwap, UnlockPage, WpPage],
        unuse_process: 0,
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
            | ACTIVATE_FREES_SWAP
            | UNMAP_YOUNG,
    },
    hooks: [
        do_wp_page,
        can_share_swap_page,
        remove_exclusive_swap_page,
        free_swap_and_cache,
        try_to_unmap_one,
        do_swap_page,
        add_to_swap,
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
        PINNED = "count >= 1024",
        NOT_PINNED = "count < 1024",
        MM_NEVER_PINNED = "the mm has never pinned",
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

/// A page that may be pinned is not given a swap slot, so it is not unmapped either.
fn add_to_swap(view: &PageView) -> Answer {
    if view.maybe_pinned() {
        Answer::because(SWAP_KEEP, PINNED)
    } else {
        Answer::because(SWAP_ADD, NOT_PINNED)
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
