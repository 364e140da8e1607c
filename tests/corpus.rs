//! What must hold for every built-in scenario under every policy.

use cowpath::mm::Counters;
use cowpath::policy::{Policy, bundled, resolve};
use cowpath::routines::stage_names;
use cowpath::run::{Options, run};
use cowpath::scenario::{Scenario, builtin, load_with_stages};
use cowpath::trace::{Event, Trace};
use cowpath_abi::{HOOKS, Hook};
use std::collections::{BTreeMap, BTreeSet};

fn policies() -> Vec<Policy> {
    bundled().iter().map(|policy| resolve(policy.id).expect("a bundled policy")).collect()
}

fn scenarios() -> Vec<Scenario> {
    let stages = stage_names();
    let load = |name: &str| load_with_stages(name, &stages).unwrap_or_else(|e| panic!("{e}"));
    builtin().iter().map(|(name, _)| load(name)).collect()
}

fn traces(options: Options) -> Vec<Trace> {
    let policies = policies();
    let run_all = |s: &Scenario| policies.iter().map(|p| run(s, p, options)).collect::<Vec<_>>();
    scenarios().iter().flat_map(run_all).collect()
}

fn outcome(scenario: &str, policy: &str) -> String {
    let scenario = load_with_stages(scenario, &stage_names()).unwrap_or_else(|e| panic!("{e}"));
    let policy = resolve(policy).unwrap_or_else(|e| panic!("{e}"));
    run(&scenario, &policy, Options::default()).outcome.word
}

#[test]
fn no_run_breaks_the_kernel_or_the_audit() {
    for trace in traces(Options::default()) {
        let word = trace.outcome.word.as_str();
        let broken = ["BUG", "POLICY", "FACT FAILS", "DEADLOCK"].contains(&word)
            || trace.outcome.line.contains("stages in one step");
        let Trace { scenario, policy, outcome, .. } = &trace;
        assert!(!broken, "{scenario} under {policy}: {}", outcome.line);
    }
}

#[test]
fn facts_hold_under_every_policy() {
    for trace in traces(Options::default()) {
        for step in &trace.steps {
            assert_ne!(
                step.result, "FAILS",
                "{} under {}: {}",
                trace.scenario, trace.policy, step.text
            );
        }
    }
}

#[test]
fn the_same_run_gives_the_same_trace() {
    assert_eq!(traces(Options::default()), traces(Options::default()));
}

#[test]
fn packed_counters_give_the_same_traces() {
    // The hash of the memory differs with the representation and is left out.
    let shown = |counters| {
        let mut traces = traces(Options { counters, ..Options::default() });
        for step in traces.iter_mut().flat_map(|trace| &mut trace.steps) {
            step.state.clear();
        }
        traces
    };
    assert_eq!(shown(Counters::Two), shown(Counters::Packed));
}

/// Answers that a hook gave at a point, in all runs of one policy.
type Coverage = BTreeMap<(String, u32), BTreeSet<String>>;

fn coverage(traces: &[Trace], policy: &str) -> Coverage {
    let mut seen = Coverage::new();
    for trace in traces.iter().filter(|trace| trace.policy == policy) {
        for event in trace.steps.iter().flat_map(|step| &step.events) {
            if let Event::Asked(q) = event {
                seen.entry((q.hook.clone(), q.at)).or_default().insert(q.answer.clone());
            }
        }
    }
    seen
}

/// Whether every policy answers alike at a point: shrink_list activates a page that was
/// pinned while it was unmapped, and what may be pinned is not unmapped, or pinned only
/// once it is exclusive, which the page that is being unmapped is not.
fn is_one_way(hook: Hook, _: u32) -> bool {
    hook == Hook::shrink_list
}

#[test]
fn every_hook_is_answered_both_ways() {
    let traces = traces(Options::default());
    let mut all = Coverage::new();
    for policy in bundled() {
        let policy = policy.id;
        for (point, answers) in coverage(&traces, policy) {
            all.entry(point).or_default().extend(answers);
        }
    }
    for hook in HOOKS {
        for at in (0..4).filter(|at| !hook.answers(*at).is_empty()) {
            let given = all.get(&(hook.name().to_string(), at)).map_or(0, BTreeSet::len);
            assert!(given >= 2 || is_one_way(hook, at), "{} at {at}: {given} answers", hook.name());
        }
    }
}

#[test]
fn the_veto_and_the_count_rule_belong_together() {
    // Up to 2.6.6: no veto, and reuse decided by page_count. Data of the IO is lost.
    let before_the_veto = "vanilla+hugh:try_to_unmap_one";
    for scenario in ["direct_read_store", "direct_read_load_store"] {
        assert_eq!(outcome(scenario, before_the_veto), "LOST IO");
        assert_eq!(outcome(scenario, "vanilla"), "ok");
        assert_eq!(outcome(scenario, "hugh"), "ok");
    }
}

#[test]
fn the_page_lock_does_not_protect_mapcount_where_rmap_comes_after_it() {
    for policy in ["iwamoto", "hugh-mail"] {
        assert_eq!(outcome("swap_in_race_unlocked", policy), "MISSED COW");
    }
    // The order of the merged patch is what repairs it, and nothing else of it.
    assert_eq!(outcome("swap_in_race_unlocked", "hugh"), "ok");
    assert_eq!(outcome("swap_in_race_unlocked", "iwamoto+hugh:do_swap_page"), "ok");
}

/// A policy that is built with the tests.
fn fixture(name: &str) -> Policy {
    let tests = std::env::current_exe().expect("a test has a path");
    let file = format!("libcowpath_fixture_{}.so", name.replace('-', "_"));
    let path = tests.parent().expect("deps").join(file);
    resolve(&path.display().to_string()).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_policy_that_forgets_page_anon_damages_the_file() {
    let scenario = load_with_stages("private_file_mapping_store", &stage_names());
    let scenario = scenario.unwrap_or_else(|e| panic!("{e}"));
    let trace = run(&scenario, &fixture("mapcount-only"), Options::default());
    assert_eq!(trace.outcome.word, "FILE DAMAGE", "{}", trace.outcome.line);
}

#[test]
fn reuse_at_swap_in_never_succeeds_where_the_swap_pte_still_counts() {
    // The author of the patch says so of his order; do_wp_page makes up for it.
    let result = |policy: &str| {
        let scenario = load_with_stages("swapin_sole_owner_store", &stage_names());
        let scenario = scenario.unwrap_or_else(|e| panic!("{e}"));
        let policy = resolve(policy).expect("a bundled policy");
        let trace = run(&scenario, &policy, Options::default());
        let store = trace.steps.iter().rfind(|step| step.text.starts_with("store"));
        store.expect("the scenario stores").result.clone()
    };
    assert_eq!(result("vanilla"), "swapin rw");
    assert_eq!(result("iwamoto"), "swapin reuse");
    assert_eq!(result("hugh-mail"), "swapin reuse");
    // As merged, the swap pte is counted instead of the mapping that is yet to come.
    assert_eq!(result("hugh"), "swapin rw");
}

#[test]
fn the_veto_lets_swapoff_settle_an_entry_in_one_pass() {
    assert_eq!(outcome("swapoff_passes", "vanilla"), "ok");
    for policy in ["iwamoto", "hugh", "hugh-mail", "vanilla+hugh:try_to_unmap_one"] {
        assert_eq!(outcome("swapoff_passes", policy), "NO PROGRESS");
    }
}
