//! What the policies of later kernels answer, view by view: what each generation changed.
//!
//! The expected answers are those of the kernel sources that the policies name; a row is one
//! view, its cells are policies in order of release.

use cowpath::policy::{Hook, resolve};
use cowpath_abi::*;

const IDS: [&str; 9] = ["2.6.29", "5.8", "5.9", "5.11", "5.18", "5.19", "6.1", "6.12", "7.0"];

/// A page with so many references and ptes, on the LRU.
fn page(count: u32, mapcount: u32) -> PageView {
    PageView { count, mapcount, flags: PG_ANON | PG_LRU, ..PageView::default() }
}

fn cached(count: u32, mapcount: u32, swap_map: u32) -> PageView {
    let page = page(count, mapcount);
    PageView { swap_map, flags: page.flags | PG_SWAPCACHE, ..page }
}

fn exclusive(view: PageView) -> PageView {
    PageView { flags: view.flags | PG_ANON_EXCLUSIVE, ..view }
}

fn env(view: PageView, env: u32) -> PageView {
    PageView { env, ..view }
}

/// The answers of all that define the hook; none for the others.
fn check(hook: Hook, at: u32, rows: &[(PageView, [Option<u8>; 9])]) {
    for (view, expected) in rows {
        let view = PageView { at, ..*view };
        let answers = IDS.map(|id| {
            let policy = resolve(id).unwrap();
            policy.defines(hook).then(|| policy.ask(hook, &view).unwrap().code)
        });
        assert_eq!(answers, *expected, "{} at {at} of {view:?}", hook.name());
    }
}

/// Three generations: those that lock, those that count, those that ask for the bit first.
fn three(lock: u8, one: u8, count: u8, bit: u8) -> [Option<u8>; 9] {
    [lock, lock, one, one, count, bit, bit, bit, bit].map(Some)
}

#[test]
fn do_wp_page_waits_counts_and_then_asks_for_the_bit() {
    let file = PageView { flags: PG_LRU, ..page(2, 1) };
    let fresh = PageView { flags: PG_ANON, ..page(2, 1) };
    check(
        Hook::do_wp_page,
        WP_ENTRY,
        &[
            (page(1, 1), three(WP_LOCK, WP_TRYLOCK, WP_TRYLOCK, WP_TRYLOCK)),
            // Held by somebody: exclusive or not.
            (page(2, 1), three(WP_LOCK, WP_COPY, WP_COPY, WP_COPY)),
            (exclusive(page(1025, 1)), three(WP_LOCK, WP_COPY, WP_COPY, WP_REUSE)),
            // On its way to the LRU: the second reference is the pagevec's.
            (fresh, three(WP_LOCK, WP_COPY, WP_DRAIN, WP_DRAIN)),
            // The second reference is the swap cache's.
            (cached(2, 1, 1), three(WP_LOCK, WP_COPY, WP_TRYLOCK, WP_TRYLOCK)),
            (cached(3, 1, 1), three(WP_LOCK, WP_COPY, WP_COPY, WP_COPY)),
            (file, three(WP_COPY, WP_COPY, WP_COPY, WP_COPY)),
        ],
    );
    check(
        Hook::do_wp_page,
        WP_LOCKED,
        &[
            (page(1, 1), three(WP_CAN_SHARE, WP_REUSE, WP_REUSE, WP_REUSE)),
            (page(2, 1), three(WP_CAN_SHARE, WP_COPY, WP_COPY, WP_COPY)),
            (cached(2, 1, 1), three(WP_CAN_SHARE, WP_COPY, WP_FREE_SWAP, WP_FREE_SWAP)),
        ],
    );
}

#[test]
fn do_swap_page_decides_by_can_share_then_by_count_then_by_the_mark() {
    let marked = |view| env(view, WRITE_FAULT | EXCLUSIVE_ENTRY);
    let write = |view| env(view, WRITE_FAULT);
    let (ro, rw, share) = (MAP_READ_ONLY, MAP_WRITABLE, MAP_IF_SHARED);
    let (ex, exw) = (MAP_EXCLUSIVE, MAP_EXCLUSIVE_WRITABLE);
    let row = |old: u8, count: u8, bit: u8, reads: u8| {
        [old, old, old, old, count, bit, bit, reads, reads].map(Some)
    };
    check(
        Hook::do_swap_page,
        SWAPIN_DECIDE,
        &[
            (write(page(1, 0)), row(share, rw, exw, exw)),
            (write(cached(3, 0, 1)), row(share, ro, ro, ro)),
            (marked(cached(3, 0, 1)), row(share, ro, exw, exw)),
            // A read fault.
            (page(1, 0), row(ro, ro, ex, exw)),
            (env(cached(3, 0, 1), EXCLUSIVE_ENTRY), row(ro, ro, ex, exw)),
        ],
    );
}

#[test]
fn what_may_be_pinned_is_not_swapped_and_not_shared() {
    let (keep, add) = (Some(SWAP_KEEP), Some(SWAP_ADD));
    let none = None;
    check(
        Hook::add_to_swap,
        0,
        &[
            (page(1023, 1), [none, none, none, add, add, add, add, add, add]),
            (page(1024, 1), [none, none, none, keep, keep, keep, keep, keep, keep]),
        ],
    );
    let pinned = env(page(1025, 1), MM_HAS_PINNED);
    let (share, copy) = (Some(FORK_SHARE), Some(FORK_COPY));
    check(
        Hook::copy_one_pte,
        0,
        &[
            // As many references, but the mm has never pinned.
            (
                exclusive(page(1025, 1)),
                [none, none, share, share, share, share, share, share, share],
            ),
            (pinned, [none, none, copy, copy, copy, share, share, share, share]),
            (exclusive(pinned), [none, none, copy, copy, copy, copy, copy, copy, copy]),
        ],
    );
    let (unmap, fail) = (Some(UNMAP), Some(UNMAP_FAIL));
    check(
        Hook::try_to_unmap_one,
        UNMAP_CLEARED,
        &[
            (page(1025, 1), [unmap; 9]),
            (exclusive(page(1025, 1)), [unmap, unmap, unmap, unmap, unmap, fail, fail, fail, fail]),
        ],
    );
}

#[test]
fn get_user_pages_breaks_cow_in_5_8_and_unshares_for_pins_from_5_19() {
    let none = None;
    let (asked, write) = (Some(GUP_AS_ASKED), Some(GUP_AS_WRITE));
    let cow = PageView { vm_flags: VM_READ | VM_WRITE | VM_MAYWRITE, ..PageView::default() };
    let shared = PageView { vm_flags: cow.vm_flags | VM_SHARED, ..PageView::default() };
    check(
        Hook::get_user_pages,
        GUP_BEGIN,
        &[
            (cow, [none, write, none, none, none, asked, asked, asked, asked]),
            (shared, [none, asked, none, none, none, asked, asked, asked, asked]),
        ],
    );
    let (take, unshare) = (Some(GUP_TAKE), Some(GUP_UNSHARE));
    let pin = |view| env(view, GUP_PIN);
    let row = |new| [none, take, none, none, none, new, new, new, new];
    check(
        Hook::get_user_pages,
        GUP_FOUND,
        &[
            (page(2, 2), row(take)),
            (pin(page(2, 2)), row(unshare)),
            (pin(exclusive(page(1, 1))), row(take)),
        ],
    );
}

#[test]
fn mprotect_gives_write_access_back_from_6_0() {
    let none = None;
    let (no, yes) = (Some(NO), Some(YES));
    check(
        Hook::change_pte_range,
        0,
        &[
            (page(1, 1), [none, none, none, none, none, none, no, no, no]),
            (exclusive(page(1, 1)), [none, none, none, none, none, none, no, yes, yes]),
            (
                env(exclusive(page(1, 1)), PTE_DIRTY),
                [none, none, none, none, none, none, yes, yes, yes],
            ),
        ],
    );
}

#[test]
fn user_mode_linux_differs_in_the_mark_alone() {
    let [um, x86] = ["uml-6.1", "6.1"].map(|id| *resolve(id).unwrap().rules());
    let differs = um.mechanisms ^ x86.mechanisms;
    assert_eq!(differs & !(EXCLUSIVE_MARK | MIGRATION_YOUNG_DIRTY), 0);
    assert_eq!(um.mechanisms & EXCLUSIVE_MARK, 0);
    assert_eq!(Rules { mechanisms: 0, ..um }, Rules { mechanisms: 0, ..x86 });
}
