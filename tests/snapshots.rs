//! What reviewers read: every scenario under the policies of the discussion, side by side.
//!
//! `cargo insta test --review` shows what a change of the model changes here.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use cowpath::compare::compare;
use cowpath::policy::{Policy, discussed, resolve};
use cowpath::report::{plain, side_by_side};
use cowpath::routines::stage_names;
use cowpath::run::Options;
use cowpath::scenario::{builtin, load_with_stages};

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots");

macro_rules! snapshots {
    ($($name:ident,)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )*
    };
}

snapshots! {
    direct_read_alone,
    direct_read_store,
    direct_read_load_store,
    pin_between_add_to_swap_and_unmap,
    direct_reads_complete_out_of_order,
    direct_write_and_reclaim,
    dontneed_during_direct_read,
    exit_during_direct_read,
    direct_read_fails,
    overlapping_direct_reads,
    overlapping_direct_reads_migrate,
    overlapping_direct_reads_offline,
    overlapping_direct_reads_shared_by_fork,
    overlapping_direct_writes_shared_by_fork,
    suspend_the_holder,
    migrate_while_pinned_replace_first,
    migrate_while_pinned_unmap_first,
    exit_during_migration,
    fork_during_migration,
    offline_section_during_direct_io_replace_first,
    offline_section_during_direct_io_unmap_first,
    long_read_pin_through_swap,
    long_write_pin_through_swap,
    write_pin_mprotect_store,
    direct_read_mprotect_store,
    trylock_copy,
    sole_owner_store_page_locked,
    vmsplice_fork,
    vmsplice_fork_swapped,
    vmsplice_fork_mirror,
    vmsplice_fork_direct_read,
    async_direct_write_inherited,
    zero_page_read_store,
    read_gup_of_untouched_memory,
    fork_store_parent,
    fork_store_child,
    fork_child_exits_parent_stores,
    fork_during_direct_read,
    fork_during_direct_read_unaligned,
    no_memory_during_cow_copy,
    private_file_mapping_store,
    packed_counters_many_mappings,
    packed_counters_many_references,
    swapin_sole_owner_store,
    swap_cache_reuse_after_writeback,
    store_during_writeback,
    swapped_shared_store_both,
    swap_in_race,
    swap_in_race_unlocked,
    swap_full_frees_the_slot,
    swap_exhausted,
    no_swap_slot_once,
    swap_priorities,
    bad_slot,
    readahead,
    read_error_on_swap_in,
    munmap_of_a_swapped_page,
    munmap_during_writeback,
    mlock_keeps_the_page,
    reserved_vma_keeps_the_page,
    swapoff_progress,
    swapoff_passes,
    swapoff_during_direct_read,
    swapoff_finds_the_page_first,
    swapoff_against_munmap,
    lru_reclaim_during_direct_read,
    swapped_direct_read_fork_load_store,
    fixed_buffer_pageout_store,
    fixed_buffer_fork_store,
    fixed_buffer_fork_no_memory,
    read_pin_of_a_shared_page,
    store_after_the_child_copied,
    store_after_the_child_copied_on_lru,
    load_then_store_after_swap,
    mark_survives_swapoff,
    mprotect_store_twice,
    move_pages_of_a_held_page,
    fault_during_move_pages,
    fork_during_move_pages,
    exit_during_move_pages,
    mprotect_during_move_pages,
    reclaim_of_a_shared_fixed_buffer,
}

fn policies() -> Vec<Policy> {
    discussed().iter().map(|id| resolve(id).unwrap()).collect()
}

fn check(name: &str) {
    let scenario = load_with_stages(name, &stage_names()).unwrap();
    let comparison = compare(&scenario, &policies(), Options::default());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        let text = plain(&side_by_side(&comparison));
        insta::assert_snapshot!(format!("compare__{name}"), text);
    });
}

#[test]
fn there_is_a_test_for_every_scenario() {
    let all: Vec<&str> = builtin().iter().map(|(name, _)| *name).collect();
    assert_eq!(NAMES, all);
}

#[test]
fn there_is_a_snapshot_for_every_scenario_and_no_other() {
    let files = fs::read_dir(SNAPSHOTS).unwrap();
    let found: BTreeSet<String> = files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| {
            let name = file.strip_prefix("compare__")?.strip_suffix(".snap")?;
            Some(name.to_string())
        })
        .collect();
    let expected = NAMES.iter().map(|name| (*name).to_string()).collect();
    assert_eq!(found, expected);
}

/// `git diff --no-index` between two policies shows behaviour only.
#[test]
fn the_text_of_a_run_does_not_name_its_policy() {
    let run = |name: &str, policy: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cowpath"));
        let output = command.args(["run", name, "-p", policy]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for name in NAMES {
        let scenario = load_with_stages(name, &stage_names()).unwrap();
        let comparison = compare(&scenario, &policies(), Options::default());
        let [vanilla, hugh] = ["vanilla", "hugh"].map(|policy| run(name, policy));
        let index = discussed().iter().position(|id| *id == "hugh").unwrap();
        if comparison.partings[index - 1].is_none() {
            assert_eq!(behaviour(&vanilla), behaviour(&hugh), "{name}");
        }
        // Later policies have numbers for names, which a claim may have, too.
        for policy in discussed() {
            let words = |text: &str| text.split_whitespace().any(|word| word == *policy);
            assert!(!words(&vanilla) && !words(&hugh), "{name} names {policy}");
        }
    }
}

/// Steps, results and changes: without the questions, whose order and reasons are the
/// policy's own.
fn behaviour(run: &str) -> Vec<&str> {
    let change = |line: &str| line.starts_with("    pte") || line.starts_with("    page");
    let step =
        |line: &str| line.split_once("  ").is_some_and(|(n, _)| n.trim().parse::<u32>().is_ok());
    run.lines().filter(|line| change(line) || step(line)).collect()
}
