//! Policies with single hunks from another.

use cowpath::policy::{Hook, resolve};
use cowpath_abi::{
    ACTIVATE_AFTER_PTE, ACTIVATE_AT_START, PG_SWAPCACHE, PageView, SHARE_IF_EXCLUSIVE, UNMAP,
    UNMAP_FAIL,
};

const PINNED: PageView = PageView {
    count: 4,
    mapcount: 1,
    swap_map: 1,
    flags: PG_SWAPCACHE,
    vm_flags: 0,
    env: 0,
    at: 0,
    pins: 0,
};

#[test]
fn a_graft_takes_the_hunk_and_leaves_the_rest() {
    let policy = resolve("vanilla+iwamoto:try_to_unmap_one").unwrap();
    assert_eq!(policy.name(), "vanilla+iwamoto:try_to_unmap_one");

    let answer = policy.ask(Hook::try_to_unmap_one, &PINNED).unwrap();
    assert_eq!(answer.code, UNMAP);
    assert_eq!(
        policy.reason(Hook::try_to_unmap_one, answer),
        "count != mapcount + 2, mapcount <= 1"
    );
    assert_eq!(policy.plugin_of(Hook::try_to_unmap_one).manifest.id, "iwamoto");

    let view = PageView { count: 2, ..PINNED };
    let answer = policy.ask(Hook::can_share_swap_page, &view).unwrap();
    assert_eq!(answer.code, SHARE_IF_EXCLUSIVE);
    assert_eq!(
        policy.reason(Hook::can_share_swap_page, answer),
        "count == 2, one is the swap cache's"
    );
    assert_eq!(policy.rules(), resolve("vanilla").unwrap().rules());
}

#[test]
fn several_hunks_and_several_donors_can_be_named() {
    let spec = "iwamoto+vanilla:can_share_swap_page,exclusive_swap_page+hugh:try_to_unmap_one";
    let policy = resolve(spec).unwrap();
    assert_eq!(policy.name(), spec);
    let from = |hook| policy.plugin_of(hook).manifest.id.as_str();
    assert_eq!(from(Hook::can_share_swap_page), "vanilla");
    assert_eq!(from(Hook::exclusive_swap_page), "vanilla");
    assert_eq!(from(Hook::try_to_unmap_one), "hugh");
    assert_eq!(from(Hook::do_wp_page), "iwamoto");
}

#[test]
fn do_swap_page_brings_its_order() {
    let policy = resolve("vanilla+hugh:do_swap_page").unwrap();
    let hugh = resolve("hugh").unwrap();
    assert_eq!(policy.swap_in_order(), hugh.swap_in_order());
    assert_eq!(policy.rules().do_swap_page, hugh.rules().do_swap_page);
    assert_eq!(policy.rules().unuse_process, ACTIVATE_AFTER_PTE);
}

#[test]
fn the_rules_are_hunks_too() {
    let policy = resolve("vanilla+hugh-mail:unuse_process").unwrap();
    assert_eq!(policy.rules().unuse_process, ACTIVATE_AT_START);
    assert_eq!(policy.rules().exclusive_without_tree_lock, 0);
    let policy = resolve("iwamoto+hugh-mail:exclusive_swap_page_lock").unwrap();
    assert_eq!(policy.rules().unuse_process, ACTIVATE_AFTER_PTE);
    assert_eq!(policy.rules().exclusive_without_tree_lock, 1);
    let policy = resolve("iwamoto+hugh-mail:exclusive_swap_page").unwrap();
    assert_eq!(policy.rules().exclusive_without_tree_lock, 0, "the hook brings no lock rule");
}

#[test]
fn a_graft_of_every_hunk_behaves_like_the_donor() {
    let hunks = "do_wp_page,can_share_swap_page,exclusive_swap_page,remove_exclusive_swap_page,\
        free_swap_and_cache,try_to_unmap_one,do_swap_page,unuse_process,exclusive_swap_page_lock";
    let policy = resolve(&format!("vanilla+hugh-mail:{hunks}")).unwrap();
    let donor = resolve("hugh-mail").unwrap();
    assert_eq!(policy.rules(), donor.rules());
    assert_eq!(
        policy.ask(Hook::try_to_unmap_one, &PINNED),
        donor.ask(Hook::try_to_unmap_one, &PINNED)
    );
    assert_eq!(
        resolve("vanilla").unwrap().ask(Hook::try_to_unmap_one, &PINNED).unwrap().code,
        UNMAP_FAIL
    );
}

#[test]
fn wrong_grafts_are_refused() {
    let remedy = "write POLICY or POLICY+OTHER:HUNK,HUNK";
    let cases = [
        ("", format!("policy \"\": it names no policy to start from; {remedy}")),
        (
            "+hugh:do_wp_page",
            format!("policy \"+hugh:do_wp_page\": it names no policy to start from; {remedy}"),
        ),
        ("vanilla+hugh", format!("policy \"vanilla+hugh\": a graft names no hunk; {remedy}")),
        ("vanilla+hugh:", format!("policy \"vanilla+hugh:\": a graft names no hunk; {remedy}")),
        (
            "vanilla+:do_wp_page",
            format!(
                "policy \"vanilla+:do_wp_page\": a graft names no policy to take from; {remedy}"
            ),
        ),
        (
            "vanilla+hugh:exclusive_swap_page",
            "policy hugh does not define exclusive_swap_page, so it cannot be grafted from there"
                .to_owned(),
        ),
    ];
    for (spec, message) in cases {
        assert_eq!(resolve(spec).unwrap_err().to_string(), message);
    }
    assert_eq!(
        resolve("vanilla+hugh:try_to_unmap").unwrap_err().to_string(),
        "unknown hunk \"try_to_unmap\", did you mean \"try_to_unmap_one\"; hunks are do_wp_page, \
         can_share_swap_page, exclusive_swap_page, remove_exclusive_swap_page, free_swap_and_cache, \
         try_to_unmap_one, do_swap_page, add_to_swap, shrink_list, copy_one_pte, get_user_pages, \
         change_pte_range, unuse_process, exclusive_swap_page_lock, exclusive_bit, exclusive_mark, \
         pin_direct_io, pin_fuse, pin_io_uring, pin_user_pages, no_zero_page, gup_faults_in, \
         unmap_young, swapin_recheck, swapin_drain, swapoff_by_mm, migration_entries, zap_unmapped, \
         lazy_fork, unevictable, longterm_unmovable, \
         activate_frees_swap, copy_frees_swap, migration_young_dirty, zap_no_drain, \
         backout_frees_swap"
    );
    let message = resolve("vanilla+huhg:do_wp_page").unwrap_err().to_string();
    assert!(message.contains("did you mean \"hugh\""), "{message}");
}
