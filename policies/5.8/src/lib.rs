//! Linux 5.8 of 2 August 2020: `get_user_pages` breaks copy-on-write.
//!
//! Whoever takes a reference to a page of a copy-on-write mapping, for reading too, gets a
//! page that is no longer shared. Otherwise the rules of 2.6.37 to 5.7.
//!
//! Source: `mm/gup.c:should_force_cow_break`, `mm/memory.c:do_wp_page`, `do_swap_page`;
//! `mm/swapfile.c:reuse_swap_page`, `try_to_unuse`; `mm/rmap.c:try_to_unmap_one`; all of 5.8.

use cowpath_abi::*;

export_policy! {
    id: "5.8",
    title: "get_user_pages breaks copy-on-write, for reading too",
    kernels: "5.8",
    source: "mm/gup.c, mm/memory.c, mm/swapfile.c, mm/rmap.c of Linux 5.8",
    date: "2020-08-02",
    commit: "17839856fd588f4ab6b789f482ed3ffd7c403e1f",
    url: "https://git.kernel.org/linus/17839856fd588f4ab6b789f482ed3ffd7c403e1f",
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
        get_user_pages,
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
        COW_MAPPING = "copy-on-write mapping",
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

/// On a copy-on-write mapping every reference is taken as if for writing.
fn get_user_pages(view: &PageView) -> Answer {
    let cow = view.vm_flags & (VM_SHARED | VM_MAYWRITE) == VM_MAYWRITE;
    match view.at {
        GUP_BEGIN if cow => Answer::because(GUP_AS_WRITE, COW_MAPPING),
        GUP_BEGIN => GUP_AS_ASKED.into(),
        _ => GUP_TAKE.into(),
    }
}
