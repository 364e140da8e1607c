//! Random schedules at stage grain: no panic, no violation, no unexplained finding.
//!
//! Scenarios show what somebody thought of; here a fixed pseudo-random sequence picks
//! operations and interleavings. Everything is recounted whenever no page_table_lock
//! is held; at the end everybody must come to rest, exit, and leave nothing. Seeds are
//! fixed, so a failure names one that fails again.

#[path = "schedules/alphabet.rs"]
mod alphabet;
#[path = "schedules/world.rs"]
mod world;

use alphabet::{Alphabet, DIRECT, EVERYTHING, foll_pin};
use cowpath::mm::Counters;
use cowpath::oracle::Kind;
use cowpath::policy::{bundled, resolve};
use std::collections::BTreeMap;
use world::World;

const SEEDS: u64 = 60;

/// What the schedules find under a policy, with the first seed of each; `known` is what the
/// policy allows.
fn find(policy: &str, alphabet: Alphabet, known: &'static [Kind], seeds: u64) -> BTreeMap<String, u64> {
    let policy = resolve(policy).expect("a bundled policy");
    let mut found = BTreeMap::new();
    for seed in 1..=seeds {
        let counters = if seed % 2 == 0 { Counters::Two } else { Counters::Packed };
        let mut world = World::new(seed, alphabet, counters).knowing(known);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run(&policy)));
        if let Some(what) = result.unwrap_or_else(|_| Some("panic".to_string())) {
            found.entry(what).or_insert(seed);
        }
    }
    found
}

fn nothing_wrong(policy: &str, alphabet: Alphabet) {
    only(policy, alphabet, &[]);
}

/// Nothing is wrong but errors that a policy is known to allow.
fn only(policy: &str, alphabet: Alphabet, known: &'static [Kind]) {
    let found = find(policy, alphabet, known, SEEDS);
    assert!(found.is_empty(), "{policy}, {alphabet:?}: {found:?}");
}

#[test]
fn reclaim_and_fork() {
    nothing_wrong("vanilla", Alphabet::default());
    nothing_wrong("hugh", Alphabet::default());
}

#[test]
fn exit_and_swapoff() {
    let alphabet = Alphabet { exit: true, swapoff: true, unmap: true, ..Alphabet::default() };
    nothing_wrong("vanilla", alphabet);
    nothing_wrong("hugh", alphabet);
}

#[test]
fn migration_in_both_orders() {
    let alphabet = Alphabet { exit: true, migrate: true, swapoff: true, ..Alphabet::default() };
    nothing_wrong("vanilla", alphabet);
    nothing_wrong("hugh", alphabet);
}

#[test]
fn direct_io() {
    let alphabet =
        Alphabet { exit: true, holds: DIRECT, unmap: true, swapoff: true, ..Alphabet::default() };
    nothing_wrong("vanilla", alphabet);
    // A child's direct write from a page that its parent stores to meanwhile.
    only("hugh", alphabet, &[Kind::MissedCow]);
}

#[test]
fn direct_io_and_mprotect_loses_data_by_count_and_not_by_mapcount() {
    let alphabet = Alphabet { holds: DIRECT, mprotect: true, ..Alphabet::default() };
    only("vanilla", alphabet, &[Kind::LostIo]);
    only("hugh", alphabet, &[Kind::MissedCow, Kind::LostIo]);
}

#[test]
fn two_areas_readahead_and_mlock() {
    let alphabet = Alphabet {
        exit: true,
        mlock: true,
        munmap: true,
        swapoff: true,
        two_areas: true,
        page_cluster: 2,
        ..Alphabet::default()
    };
    nothing_wrong("vanilla", alphabet);
    nothing_wrong("hugh", alphabet);
}

#[test]
fn private_file_mappings() {
    let alphabet = Alphabet {
        exit: true,
        file: true,
        munmap: true,
        swapoff: true,
        unmap: true,
        ..Alphabet::default()
    };
    nothing_wrong("vanilla", alphabet);
    nothing_wrong("hugh", alphabet);
}

#[test]
fn threads_with_direct_io_that_may_fail() {
    let alphabet = Alphabet {
        exit: true,
        fail_io: true,
        holds: DIRECT,
        threads: true,
        unmap: true,
        ..Alphabet::default()
    };
    nothing_wrong("vanilla", alphabet);
    only("hugh", alphabet, &[Kind::MissedCow]);
}

#[test]
fn failing_allocations_and_sections_going_offline() {
    let alphabet = Alphabet {
        exit: true,
        inject: true,
        holds: DIRECT,
        migrate: true,
        offline: true,
        swapoff: true,
        ..Alphabet::default()
    };
    nothing_wrong("vanilla", alphabet);
    only("hugh", alphabet, &[Kind::MissedCow]);
}

#[test]
fn everything_at_once_never_breaks_the_kernel() {
    let alphabet = Alphabet {
        exit: true,
        holds: DIRECT,
        swapoff: true,
        migrate: true,
        unmap: true,
        mprotect: true,
        mlock: true,
        munmap: true,
        file: true,
        two_areas: true,
        threads: true,
        inject: true,
        fail_io: true,
        offline: true,
        page_cluster: 2,
    };
    let known = [Kind::MissedCow, Kind::LostIo, Kind::LostStore];
    for policy in ["vanilla", "iwamoto", "hugh", "hugh-mail"] {
        only(policy, alphabet, &known);
    }
}

#[test]
fn rmap_after_the_page_lock_leaks_without_any_reference_held() {
    // Iwamoto's order of do_swap_page, where nobody but reclaim, migration and fork is
    // about: a seed found by chance, beside the scenario.
    const SEED: u64 = 1983;
    let alphabet = Alphabet { exit: true, migrate: true, ..Alphabet::default() };
    let run = |policy: &str| {
        let policy = resolve(policy).expect("a bundled policy");
        World::new(SEED, alphabet, Counters::Two).run(&policy)
    };
    assert_eq!(run("iwamoto").as_deref(), Some(Kind::MissedCow.word()));
    assert_eq!(run("hugh"), None);
}
