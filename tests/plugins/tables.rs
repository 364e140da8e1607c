//! What each bundled policy answers, view by view.
//!
//! The expected answers are those of the kernel sources and patches that the
//! policies name; a row gives vanilla, iwamoto, hugh and hugh-mail in this order.

use cowpath::policy::SwapInStep::{
    self, AddRmap, Decide, FreeSwap, Rss, SetPte, SwapFree, UnlockPage, WpPage,
};
use cowpath::policy::{Hook, Policy, resolve};
use cowpath_abi::*;

const IDS: [&str; 4] = ["vanilla", "iwamoto", "hugh", "hugh-mail"];

fn policies() -> [Policy; 4] {
    IDS.map(|id| resolve(id).unwrap())
}

/// A page with so many references and ptes.
fn page(count: u32, mapcount: u32) -> PageView {
    PageView { count, mapcount, flags: PG_ANON, ..PageView::default() }
}

/// The same in the swap cache.
fn cached(count: u32, mapcount: u32, swap_map: u32) -> PageView {
    with(PageView { swap_map, ..page(count, mapcount) }, PG_SWAPCACHE)
}

fn with(view: PageView, flags: u32) -> PageView {
    PageView { flags: view.flags | flags, ..view }
}

fn file(count: u32, mapcount: u32) -> PageView {
    PageView { flags: 0, ..page(count, mapcount) }
}

fn env(view: PageView, env: u32) -> PageView {
    PageView { env, ..view }
}

/// Asks all four and compares with the row.
fn check(hook: Hook, at: u32, rows: &[(PageView, [u8; 4])]) {
    let policies = policies();
    for (view, expected) in rows {
        let view = PageView { at, ..*view };
        for (policy, expected) in policies.iter().zip(expected) {
            let answer = policy.ask(hook, &view).unwrap();
            let name = policy.name();
            assert_eq!(answer.code, *expected, "{name}: {} of {view:?}", hook.name());
        }
    }
}

/// As `check`, for the three policies that define `exclusive_swap_page`.
fn check_exclusive(at: u32, rows: &[(PageView, [u8; 3])]) {
    let policies = ["vanilla", "iwamoto", "hugh-mail"].map(|id| resolve(id).unwrap());
    for (view, expected) in rows {
        let view = PageView { at, ..*view };
        let answers = policies
            .each_ref()
            .map(|policy| policy.ask(Hook::exclusive_swap_page, &view).unwrap().code);
        assert_eq!(answers, *expected, "{view:?}");
    }
}

#[test]
fn do_wp_page_tries_the_lock_but_hugh_only_for_anonymous_pages() {
    let zero_page = with(file(7, 0), PG_RESERVED);
    let all = |code| [code; 4];
    let but_hugh = [WP_TRYLOCK, WP_TRYLOCK, WP_COPY, WP_TRYLOCK];
    check(
        Hook::do_wp_page,
        WP_ENTRY,
        &[
            (page(1, 1), all(WP_TRYLOCK)),
            (cached(2, 1, 1), all(WP_TRYLOCK)),
            (file(2, 1), but_hugh),
            (zero_page, but_hugh),
        ],
    );
    check(
        Hook::do_wp_page,
        WP_LOCKED,
        &[(page(1, 1), all(WP_CAN_SHARE)), (page(9, 4), all(WP_CAN_SHARE))],
    );
}

#[test]
fn can_share_swap_page_outside_the_swap_cache() {
    check(
        Hook::can_share_swap_page,
        0,
        &[
            // Mapped once, nobody else.
            (page(1, 1), [YES, YES, YES, YES]),
            // Mapped once, and held by get_user_pages.
            (page(2, 1), [NO, YES, YES, YES]),
            (page(4, 1), [NO, YES, YES, YES]),
            // Mapped twice.
            (page(2, 2), [NO, NO, NO, NO]),
            // A file page, in the page cache: hugh is never asked.
            (file(2, 1), [NO, NO, YES, NO]),
            // Reserved pages are not counted by their ptes.
            (with(file(1, 0), PG_RESERVED), [NO, NO, NO, NO]),
            (with(page(1, 1), PG_RESERVED), [NO, NO, YES, NO]),
        ],
    );
}

#[test]
fn can_share_swap_page_in_the_swap_cache() {
    const IF: u8 = SHARE_IF_EXCLUSIVE;
    check(
        Hook::can_share_swap_page,
        0,
        &[
            // One pte, the cache.
            (cached(2, 1, 1), [IF, IF, YES, IF]),
            // And held by get_user_pages.
            (cached(3, 1, 1), [NO, IF, YES, IF]),
            // One pte here, one swap pte elsewhere.
            (cached(2, 1, 2), [IF, IF, NO, IF]),
            // Swap-in before the page is mapped: the faulter and the cache; its swap
            // pte still counted, already given back, or one of two.
            (cached(2, 0, 2), [IF, IF, YES, IF]),
            (cached(2, 0, 1), [IF, IF, NO, IF]),
            (cached(2, 0, 3), [IF, IF, NO, IF]),
            // Two ptes.
            (cached(3, 2, 1), [NO, NO, NO, NO]),
            // With buffers vanilla looks further, in vain.
            (with(cached(3, 1, 1), PG_PRIVATE), [IF, IF, YES, IF]),
            // Only the cache.
            (cached(1, 0, 1), [YES, IF, NO, IF]),
        ],
    );
}

#[test]
fn exclusive_swap_page_reads_swap_map_and_then_count_or_mapcount() {
    check_exclusive(
        AT_SWAP_MAP,
        &[
            (cached(2, 1, 1), [YES, YES, YES]),
            (cached(2, 1, 2), [NO, NO, NO]),
            (cached(9, 9, 1), [YES, YES, YES]),
        ],
    );
    check_exclusive(
        AT_RECHECK,
        &[
            (cached(2, 1, 1), [YES, YES, YES]),
            (cached(3, 1, 1), [NO, YES, YES]),
            // Swap-in: not mapped yet.
            (cached(2, 0, 1), [YES, NO, NO]),
            (cached(4, 2, 1), [NO, NO, NO]),
        ],
    );
    let hugh = resolve("hugh").unwrap();
    assert!(!hugh.defines(Hook::exclusive_swap_page));
}

#[test]
fn remove_exclusive_swap_page_is_the_same_in_all() {
    let all = |code| [code; 4];
    let hook = Hook::remove_exclusive_swap_page;
    check(
        hook,
        AT_ENTRY,
        &[
            (cached(2, 0, 1), all(YES)),
            (cached(2, 0, 9), all(YES)),
            (cached(3, 1, 1), all(NO)),
            (cached(1, 0, 1), all(NO)),
            (with(cached(2, 0, 1), PG_WRITEBACK), all(NO)),
            (page(2, 1), all(NO)),
        ],
    );
    check(hook, AT_SWAP_MAP, &[(cached(2, 0, 1), all(YES)), (cached(2, 0, 2), all(NO))]);
    check(
        hook,
        AT_RECHECK,
        &[
            (cached(2, 0, 1), all(YES)),
            (cached(3, 0, 1), all(NO)),
            (with(cached(2, 0, 1), PG_WRITEBACK), all(NO)),
        ],
    );
}

#[test]
fn free_swap_and_cache_is_the_same_in_all() {
    let all = |code| [code; 4];
    check(
        Hook::free_swap_and_cache,
        0,
        &[
            // The cache, and the caller.
            (cached(2, 0, 1), all(YES)),
            (cached(3, 1, 1), all(NO)),
            (env(cached(3, 1, 1), VM_SWAP_FULL), all(YES)),
            (with(cached(2, 0, 1), PG_WRITEBACK), all(NO)),
            (env(with(cached(2, 0, 1), PG_WRITEBACK), VM_SWAP_FULL), all(NO)),
        ],
    );
}

#[test]
fn try_to_unmap_one_vetoes_what_the_patches_dispute() {
    const FAIL: u8 = UNMAP_FAIL;
    check(
        Hook::try_to_unmap_one,
        0,
        &[
            // Ptes, the cache, reclaim.
            (cached(3, 1, 1), [UNMAP; 4]),
            (cached(4, 2, 1), [UNMAP; 4]),
            // Held by get_user_pages, mapped once.
            (cached(4, 1, 1), [FAIL, UNMAP, UNMAP, UNMAP]),
            (cached(12, 1, 1), [FAIL, UNMAP, UNMAP, UNMAP]),
            // Held and mapped twice.
            (cached(5, 2, 1), [FAIL, FAIL, UNMAP, UNMAP]),
            // Fewer references than expected is a veto too.
            (cached(2, 1, 1), [FAIL, UNMAP, UNMAP, UNMAP]),
            // Outside the swap cache nobody asks.
            (page(9, 1), [UNMAP; 4]),
            (file(9, 2), [UNMAP; 4]),
        ],
    );
}

#[test]
fn do_swap_page_asks_can_share_for_writes_and_frees_swap_when_full() {
    let all = |code| [code; 4];
    check(
        Hook::do_swap_page,
        SWAPIN_DECIDE,
        &[
            (cached(2, 0, 2), all(MAP_READ_ONLY)),
            (env(cached(2, 0, 2), WRITE_FAULT), all(MAP_IF_SHARED)),
        ],
    );
    check(
        Hook::do_swap_page,
        SWAPIN_FREE_SWAP,
        &[
            (cached(2, 0, 1), all(NO)),
            (env(cached(2, 0, 1), VM_SWAP_FULL), all(YES)),
            (env(cached(2, 0, 1), WRITE_FAULT), all(NO)),
        ],
    );
}

#[test]
fn do_swap_page_has_the_order_of_its_source() {
    const DECIDE_FIRST: [SwapInStep; 8] =
        [Rss, Decide, SwapFree, FreeSwap, UnlockPage, SetPte, AddRmap, WpPage];
    let orders = policies().map(|policy| *policy.swap_in_order());
    assert_eq!(
        orders,
        [
            [SwapFree, FreeSwap, Rss, Decide, UnlockPage, SetPte, AddRmap, WpPage],
            DECIDE_FIRST,
            [Rss, Decide, SetPte, AddRmap, SwapFree, FreeSwap, UnlockPage, WpPage],
            DECIDE_FIRST,
        ]
    );
}

#[test]
fn rules_are_those_of_the_source() {
    let rules = policies().map(|policy| {
        let rules = policy.rules();
        (rules.unuse_process, rules.exclusive_without_tree_lock)
    });
    assert_eq!(
        rules,
        [
            (ACTIVATE_AFTER_PTE, 0),
            (ACTIVATE_AFTER_PTE, 0),
            (ACTIVATE_AFTER_PTE | ACTIVATE_BEFORE_UNLOCK, 0),
            (ACTIVATE_AT_START, 1),
        ]
    );
}

#[test]
fn reasons_say_what_was_counted() {
    let cases = [
        ("vanilla", Hook::try_to_unmap_one, cached(4, 1, 1), "count != mapcount + 2"),
        ("iwamoto", Hook::try_to_unmap_one, cached(5, 2, 1), "count != mapcount + 2, mapcount > 1"),
        (
            "iwamoto",
            Hook::try_to_unmap_one,
            cached(4, 1, 1),
            "count != mapcount + 2, mapcount <= 1",
        ),
        ("hugh", Hook::try_to_unmap_one, cached(4, 1, 1), ""),
        ("vanilla", Hook::can_share_swap_page, page(2, 1), "count == 2, not in swap cache"),
        ("vanilla", Hook::can_share_swap_page, cached(3, 1, 1), "count > 2"),
        ("iwamoto", Hook::can_share_swap_page, page(2, 1), "anonymous, mapcount == 1"),
        ("hugh", Hook::can_share_swap_page, cached(2, 1, 2), "mapcount + swapcount != 1"),
        ("hugh", Hook::do_wp_page, file(2, 1), "not anonymous"),
    ];
    for (id, hook, view, reason) in cases {
        let policy = resolve(id).unwrap();
        let answer = policy.ask(hook, &view).unwrap();
        assert_eq!(policy.reason(hook, answer), reason, "{id}: {} of {view:?}", hook.name());
    }
}
