//! All interleavings of small scenarios: exact numbers of states, findings that replay,
//! the same result at any number of threads, and budgets.

use std::process::Command;
use std::slice;
use std::sync::atomic::AtomicBool;

use cowpath::explore::{
    Budget, Explored, MOST_ACTORS, Question, Reductions, Verdict, Written, explore, explore_until,
};
use cowpath::mm::Counters;
use cowpath::policy::resolve;
use cowpath::report::explored;
use cowpath::routines::stage_names;
use cowpath::run::{Options, run};
use cowpath::scenario::{Scenario, load, parse_with_stages};

/// The race of `swap_in_race` without a kernel thread.
const SWAP_IN: &str = r#"# Claim: whoever swaps a page in first must not take it for its own.
title  = "two swap-ins of a page that reclaim has written out"
memory = { pages = 4, swap = [4] }

[process.A]
anon = ["P"]

[run]
steps = [
  "A: store P",
  "A: madvise_pageout P",
  "A: madvise_pageout P",
  "A: fork B",
  "A: load P",
  "B: store P.hi",
]
"#;

fn all(scenario: &Scenario, policies: &[&str], budget: &Budget) -> Explored {
    let policies: Vec<_> = policies.iter().map(|policy| resolve(policy).unwrap()).collect();
    explore(scenario, &policies, Counters::Two, budget, &mut |_, _| {})
}

fn swap_in() -> Scenario {
    parse_with_stages("swap_in", SWAP_IN, &stage_names()).unwrap()
}

#[test]
fn numbers_of_states_are_exact() {
    for (name, policy, verdict, everything, reduced) in [
        ("zero_page_read_store", "vanilla", Verdict::Exhaustive, (66, 94, 30), (48, 68, 22)),
        ("fork_store_child", "vanilla", Verdict::Exhaustive, (310, 548, 36), (253, 444, 32)),
        ("vmsplice_fork", "vanilla", Verdict::Exhaustive, (853, 1863, 41), (524, 1128, 33)),
    ] {
        for (reductions, expected) in [(Reductions::NONE, everything), (Reductions::ALL, reduced)] {
            let (scenario, policy) = (load(name).unwrap(), resolve(policy).unwrap());
            let (policies, budget) = (slice::from_ref(&policy), Budget::default());
            let (asked, never) = ((Question::Each, reductions, &budget), AtomicBool::new(false));
            let counters = Counters::Two;
            let found = explore_until(&scenario, policies, counters, asked, &never, &mut |_, _| {});
            let found = &found.explorations[0];
            let counts = found.counts;
            assert_eq!(found.verdict, verdict, "{name}");
            assert!(found.findings.is_empty(), "{name}: {:?}", found.findings);
            let counted = (counts.states, counts.transitions, counts.depth);
            assert_eq!(counted, expected, "{name}");
        }
    }
}

#[test]
fn the_race_of_two_swap_ins_is_found_without_stops() {
    let policies = ["iwamoto", "vanilla", "hugh"];
    let found = all(&swap_in(), &policies, &Budget::default()).explorations;
    assert!(found.iter().all(|one| one.verdict == Verdict::Exhaustive));
    let [iwamoto, vanilla, hugh] = &found[..] else { panic!("three policies") };
    let words: Vec<_> = iwamoto.findings.iter().map(|finding| finding.word).collect();
    assert_eq!(words, ["MISSED COW"]);
    assert!(vanilla.findings.is_empty() && hugh.findings.is_empty());
    let states = found.iter().map(|one| one.counts.states);
    assert_eq!(states.collect::<Vec<_>>(), [2547, 2325, 2047]);
    let elsewhere = &iwamoto.findings[0].elsewhere;
    assert!(elsewhere.iter().all(|other| other.word != Some("MISSED COW")), "{elsewhere:?}");
}

#[test]
fn the_built_in_race_is_explored_with_reclaim_in_it() {
    let found = all(&load("swap_in_race").unwrap(), &["iwamoto"], &Budget::default());
    let [iwamoto] = &found.explorations[..] else { panic!("one policy") };
    let counts = iwamoto.counts;
    assert_eq!(iwamoto.verdict, Verdict::Exhaustive);
    assert_eq!((counts.states, counts.transitions, counts.depth), (269_466, 678_591, 121));
    let words: Vec<_> = iwamoto.findings.iter().map(|finding| finding.word).collect();
    assert_eq!(words, ["MISSED COW"]);
}

/// Vanilla and hugh both copy a pinned page when reclaim has its lock. Vanilla does without
/// reclaim, too, for it asks for `page_count`. 2.6.29 waits for the lock.
#[test]
fn two_policies_come_apart_on_a_scenario() {
    let scenario = load("trylock_copy").unwrap();
    let policies = ["vanilla", "hugh", "2.6.29"].map(|policy| resolve(policy).unwrap());
    let (budget, never) = (Budget::default(), AtomicBool::new(false));
    let asked = (Question::Pairs, Reductions::ALL, &budget);
    let counters = Counters::Two;
    let found = explore_until(&scenario, &policies, counters, asked, &never, &mut |_, _| {});
    let pairs = found.differences.iter().map(|one| {
        assert_eq!(one.verdict, Verdict::Exhaustive);
        let finding = one.finding.as_ref().map(|finding| (finding.word, finding.transitions));
        (one.wrong.as_str(), one.right.as_str(), finding)
    });
    let pairs: Vec<_> = pairs.filter(|pair| pair.2.is_some()).collect();
    let expected = [
        ("vanilla", "hugh", Some(("PIN APART", 31))),
        ("vanilla", "2.6.29", Some(("PIN APART", 30))),
        ("hugh", "2.6.29", Some(("PIN APART", 30))),
    ];
    assert_eq!(pairs, expected);
    for one in found.differences.iter().filter(|one| one.wrong == "vanilla") {
        let finding = one.finding.as_ref().unwrap();
        let there = finding.elsewhere.iter().find(|there| there.policy == one.right).unwrap();
        assert_ne!(there.word, Some(finding.word), "under {}", one.right);
    }
}

#[test]
fn a_written_scenario_reproduces() {
    let found = all(&swap_in(), &["iwamoto"], &Budget::default()).explorations.remove(0);
    assert_eq!(found.findings.len(), 1);
    for finding in &found.findings {
        let Written::Reproduces(text) = &finding.written else {
            panic!("{}: {:?}", finding.word, finding.written);
        };
        let written = parse_with_stages("written", text, &stage_names()).unwrap();
        let trace = run(&written, &resolve("iwamoto").unwrap(), Options::default());
        assert_eq!(trace.outcome.word, finding.word, "{text}");
    }
}

#[test]
fn threads_change_nothing() {
    let scenario = swap_in();
    let [one, two] = [1, 2].map(|threads| {
        let budget = Budget { threads, ..Budget::default() };
        explored(&all(&scenario, &["iwamoto", "hugh"], &budget))
    });
    assert_eq!(one, two);
}

#[test]
fn budgets_bound() {
    let scenario = load("fork_store_child").unwrap();
    let bounded = |budget: Budget| {
        let found = all(&scenario, &["vanilla"], &budget).explorations.remove(0);
        (found.verdict, found.counts.states, found.counts.depth)
    };
    let states = |states| Budget { states: Some(states), ..Budget::default() };
    let depth = |depth| Budget { depth: Some(depth), ..Budget::default() };
    assert_eq!(bounded(states(100)).0, Verdict::BoundedStates);
    assert_eq!(bounded(states(100)).1, 100);
    assert_eq!(bounded(states(253)), (Verdict::Exhaustive, 253, 32));
    assert_eq!(bounded(depth(10)).0, Verdict::BoundedDepth);
    assert_eq!(bounded(depth(10)).2, 10);
    assert_eq!(bounded(depth(32)), (Verdict::Exhaustive, 253, 32));
    let time = Budget { time: Some(std::time::Duration::ZERO), ..Budget::default() };
    assert_eq!(bounded(time).0, Verdict::BoundedTime);
}

#[test]
fn the_command_writes_what_run_reproduces() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("explored.toml");
    let path = path.to_str().unwrap();
    let cowpath = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_cowpath")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = cowpath(&["explore", "trylock_copy", "-p", "vanilla", "--write", path]);
    assert!(text.contains("vanilla: EXHAUSTIVE, 3202 states"), "{text}");
    let text = cowpath(&["run", path, "-p", "vanilla"]);
    assert!(text.contains("PIN APART"), "{text}");
}

/// Bounds out of reach: random walks find the race, too, and the same ones for one seed.
#[test]
fn walks_of_a_scenario_are_the_same_for_one_seed() {
    let walks = |seed| {
        let budget = Budget { sample: Some((2000, seed)), ..Budget::default() };
        all(&swap_in(), &["iwamoto"], &budget)
    };
    let found = walks(3).explorations.remove(0);
    assert_eq!(found.verdict, Verdict::Sampled { walks: 2000, seed: 3 });
    let words: Vec<_> = found.findings.iter().map(|finding| finding.word).collect();
    assert_eq!(words, ["MISSED COW"]);
    assert_eq!(explored(&walks(3)), explored(&walks(3)));
    assert_ne!(explored(&walks(3)), explored(&walks(4)));
}

#[test]
fn very_many_actors_are_refused() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("crowd.toml");
    let explored = |threads: usize| {
        let names: Vec<_> = (0..threads).map(|number| format!("T{number}")).collect();
        let steps: Vec<_> = names.iter().map(|name| format!("\"{name}: load P\"")).collect();
        let head = "title = \"a crowd\"\nmemory = { pages = 4, swap = [4] }\n\n[process.A]";
        let text = format!(
            "# Claim: none.\n{head}\nanon = [\"P\"]\nthreads = {names:?}\n\n[run]\nsteps = [{}]\n",
            steps.join(", ")
        );
        std::fs::write(&path, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cowpath"));
        let path = path.to_str().unwrap();
        command.args(["explore", path, "-p", "vanilla", "--states", "500"]).output().unwrap()
    };
    let output = explored(MOST_ACTORS);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("BOUNDED(states), 500 states"));
    let output = explored(MOST_ACTORS + 1);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("has 31 actors, explore takes at most 30"), "{error}");
}
