//! Universes: no script, only bounds. Exact numbers of states, reductions that change no
//! verdict, findings nobody wrote down, two policies side by side, random walks.

use std::slice;
use std::sync::atomic::AtomicBool;

use cowpath::explore::{
    Budget, Explored, Failures, Finding, Grain, Question, Reductions, Times, Universe, Verb,
    Verdict, Written, explore_universe,
};
use cowpath::policy::{Policy, bundled, resolve};
use cowpath::report::{ExploreDocument, differences, explored};
use cowpath::routines::stage_names;
use cowpath::run::{Options, run};
use cowpath::scenario::parse_with_stages;

fn universe(name: &str) -> Universe {
    Universe::builtin().into_iter().find(|universe| universe.name == name).unwrap()
}

fn policies(names: &[&str]) -> Vec<Policy> {
    names.iter().map(|name| resolve(name).unwrap()).collect()
}

fn asked(
    universe: &Universe,
    names: &[&str],
    reductions: Reductions,
    question: Question,
    budget: &Budget,
) -> Explored {
    let stop = AtomicBool::new(false);
    let asked = (question, budget);
    explore_universe(universe, &policies(names), reductions, asked, &stop, &mut |_, _| {})
}

fn each(universe: &Universe, names: &[&str], reductions: Reductions) -> Explored {
    asked(universe, names, reductions, Question::Each, &Budget::default())
}

fn words(explored: &Explored) -> Vec<Vec<&'static str>> {
    let of = |findings: &Vec<Finding>| {
        let mut words: Vec<_> = findings.iter().map(|finding| finding.word).collect();
        words.sort_unstable();
        words
    };
    explored.explorations.iter().map(|one| of(&one.findings)).collect()
}

/// States, transitions, depth.
fn counted(name: &str, policy: &str, reductions: Reductions) -> (u64, u64, u32) {
    let found = each(&universe(name), &[policy], reductions).explorations.remove(0);
    assert_eq!(found.verdict, Verdict::Exhaustive, "{name} {policy}");
    (found.counts.states, found.counts.transitions, found.counts.depth)
}

#[test]
fn numbers_of_states_are_exact() {
    for (name, policy, all, reduced) in COUNTS {
        assert_eq!(counted(name, policy, Reductions::NONE), all, "{name} {policy}, all");
        assert_eq!(counted(name, policy, Reductions::ALL), reduced, "{name} {policy}, reduced");
    }
}

/// With a second scan, so that pages are unmapped: 2,167,432 states and 45,208 under vanilla.
#[test]
fn three_processes_have_ten_times_fewer_states_when_reduced() {
    let three = Universe { reclaim: Times::Most(1), ..universe("three") };
    let [all, reduced] = [Reductions::NONE, Reductions::ALL].map(|reductions| {
        let found = each(&three, &["vanilla"], reductions);
        assert_eq!(found.explorations[0].verdict, Verdict::Vacuous);
        assert!(found.explorations[0].findings.is_empty());
        found.explorations[0].counts.states
    });
    assert_eq!((all, reduced), (65812, 2671));
    assert!(all >= 10 * reduced);
}

/// Nothing bounds how often anybody does anything. Deleting the veto of 2.6.11 loses direct
/// IO, an operation at a time, as it did up to 2.6.6; it is not missed where do_wp_page goes
/// by mapcount.
#[test]
fn what_goes_on_for_ever_is_exhausted() {
    let universe = universe("endless");
    let policies = ["vanilla", "iwamoto", "hugh", "pre-2.6.7", "vanilla+hugh:try_to_unmap_one"];
    let found = each(&universe, &policies, Reductions::ALL);
    let states = found.explorations.iter().map(|one| one.counts.states);
    assert_eq!(states.collect::<Vec<_>>(), [492, 459, 459, 11237, 11237]);
    assert!(found.explorations.iter().all(|one| one.verdict == Verdict::Exhaustive));
    let lost = vec!["LOST IO"];
    assert_eq!(words(&found), [vec![], vec![], vec![], lost.clone(), lost]);
    let Written::Reproduces(text) = &found.explorations[3].findings[0].written else {
        panic!("{:?}", found.explorations[3].findings[0].written);
    };
    assert!(text.contains("shrink A.P ignore_references"), "{text}");
    let written = parse_with_stages("written", text, &stage_names()).unwrap();
    let trace = run(&written, &resolve("pre-2.6.7").unwrap(), Options::default());
    assert_eq!(trace.outcome.word, "LOST IO", "{text}");
}

/// Without the references of pagevecs there is less to tell apart, and what is written says
/// so.
#[test]
fn pagevecs_may_hold_nothing() {
    let universe = Universe { pagevec: 1, ..universe("endless") };
    let found = each(&universe, &["vanilla", "hugh", "pre-2.6.7"], Reductions::ALL);
    let states = found.explorations.iter().map(|one| one.counts.states);
    assert_eq!(states.collect::<Vec<_>>(), [150, 215, 3499]);
    assert_eq!(words(&found), [vec![], vec![], vec!["LOST IO"]]);
    let Written::Reproduces(text) = &found.explorations[2].findings[0].written else {
        panic!("{:?}", found.explorations[2].findings[0].written);
    };
    assert!(text.contains("memory = { pages = 3, pagevec = 1, swap"), "{text}");
}

/// What parts two policies is told once for each hook: here a page is reused at once, or
/// after it was unmapped, or if nobody but this process maps it.
#[test]
fn all_differences_are_told_by_hook() {
    let pipe = universe("pipe");
    let universe = Universe { grain: Grain::Operation, ignore_references: true, ..pipe };
    let (names, budget) = (["iwamoto", "vanilla"], Budget::default());
    let found = asked(&universe, &names, Reductions::ALL, Question::AllPairs, &budget);
    let wrong = found.differences.iter().filter(|one| one.finding.is_some());
    let parted: Vec<_> = wrong.map(|one| one.parted_by.as_deref().unwrap()).collect();
    assert_eq!(
        parted,
        [
            "can_share_swap_page: yes, no",
            "try_to_unmap_one: unmap, SWAP_FAIL",
            "can_share_swap_page: if exclusive, no"
        ]
    );
}

#[test]
fn reductions_change_no_verdict() {
    let policies = ["vanilla", "iwamoto", "hugh", "pre-2.6.7", "5.18", "6.1"];
    let three = ["fork_io", "pipe", "pin"].map(universe);
    let at_once = three.clone().map(|universe| Universe { pagevec: 1, ..universe });
    for universe in three.into_iter().chain(at_once) {
        let all = each(&universe, &policies, Reductions::NONE);
        let movers = Reductions { movers: true, ..Reductions::NONE };
        let symmetry = Reductions { symmetry: true, ..Reductions::NONE };
        for reductions in [movers, symmetry, Reductions::ALL] {
            let reduced = each(&universe, &policies, reductions);
            let Universe { name, pagevec, .. } = &universe;
            let what = format!("{name}, pagevecs of {pagevec}, {reductions:?}");
            assert_eq!(words(&all), words(&reduced), "{what}");
        }
    }
}

/// Where contents are equal only if they must be, no policy's mistake is lost; and where there
/// is none, many states are one.
#[test]
fn general_contents_hide_nothing() {
    let names = ["vanilla", "hugh", "pre-2.6.7", "5.8", "5.18", "6.12"];
    let told_apart = Reductions { contents: false, ..Reductions::ALL };
    let endless = Universe { pagevec: 1, ..universe("endless") };
    let two_pages = Universe { pages: 2, requests: 0, swapoff: false, ..endless.clone() };
    let [operations, once] = [Times::Most(2), Times::Most(1)];
    let few = Universe { operations, child_operations: once, reclaim: once, ..endless.clone() };
    let fails = Failures { no_memory: 1, no_swap: 1, io: 1 };
    let fails = Universe { failures: fails, swapoff: false, ..few.clone() };
    let discards = [Verb::Store, Verb::Fork, Verb::MadviseDontneed, Verb::DirectRead].to_vec();
    let discards = Universe { verbs: discards, ..few };
    let fewer = [endless, two_pages, fails, discards].map(|universe| {
        let [apart, general] = [told_apart, Reductions::ALL].map(|by| each(&universe, &names, by));
        assert_eq!(words(&apart), words(&general), "{universe:?}");
        let pairs = apart.explorations.iter().zip(&general.explorations);
        for (apart, general) in pairs.clone() {
            assert_eq!(apart.verdict, general.verdict, "{} {universe:?}", apart.policy);
        }
        pairs.filter(|(apart, general)| apart.counts.states > general.counts.states).count()
    });
    assert_eq!(fewer, [4, 6, 4, 4]);
}

#[test]
fn threads_change_nothing() {
    let all = Budget::default();
    let states = Budget { states: Some(5_432), ..Budget::default() };
    let depth = Budget { depth: Some(21), ..Budget::default() };
    for reductions in [Reductions::ALL, Reductions::NONE] {
        for (budget, bounded) in [(&all, false), (&states, true), (&depth, true)] {
            let texts = [1, 2, 3].map(|threads| {
                let budget = Budget { threads, ..budget.clone() };
                let names = ["iwamoto", "5.11"];
                let found = asked(&universe("pipe"), &names, reductions, Question::Each, &budget);
                let mut verdicts = found.explorations.iter().map(|one| one.verdict);
                assert_eq!(verdicts.any(|verdict| verdict == Verdict::Exhaustive), !bounded);
                let document = ExploreDocument::new(slice::from_ref(&found));
                explored(&found) + &serde_json::to_string(&document).unwrap()
            });
            assert!(texts.iter().all(|text| *text == texts[0]), "{reductions:?} {budget:?}");
        }
    }
}

/// A process leaks to the child that has its page in a pipe, as CVE-2020-29374 does; nobody
/// said how.
#[test]
fn what_is_found_is_reproduced() {
    let found = each(&universe("pipe"), &["iwamoto", "vanilla"], Reductions::ALL);
    assert_eq!(words(&found), [vec!["MISSED COW"], vec![]]);
    let finding = &found.explorations[0].findings[0];
    let Written::Reproduces(text) = &finding.written else { panic!("{:?}", finding.written) };
    let written = parse_with_stages("written", text, &stage_names()).unwrap();
    for (policy, word) in [("iwamoto", "MISSED COW"), ("vanilla", "ok")] {
        let outcome = run(&written, &resolve(policy).unwrap(), Options::default()).outcome;
        assert_eq!(outcome.word, word, "{policy}\n{text}");
    }
}

#[test]
fn policies_part_where_one_goes_wrong_alone() {
    let names = ["vanilla", "iwamoto", "pre-2.6.7"];
    let budget = Budget { states: Some(100_000), ..Budget::default() };
    let found = asked(&universe("pipe"), &names, Reductions::ALL, Question::Pairs, &budget);
    let told: Vec<_> = (found.differences.iter())
        .map(|one| {
            let finding = one.finding.as_ref().map(|finding| finding.word);
            (one.wrong.as_str(), one.right.as_str(), finding, one.verdict)
        })
        .collect();
    let none = |wrong, right| (wrong, right, None, Verdict::Exhaustive);
    let some = |wrong, right| (wrong, right, Some("MISSED COW"), Verdict::Exhaustive);
    assert_eq!(
        told,
        [
            none("vanilla", "iwamoto"),
            none("vanilla", "pre-2.6.7"),
            some("iwamoto", "vanilla"),
            some("iwamoto", "pre-2.6.7"),
            none("pre-2.6.7", "vanilla"),
            none("pre-2.6.7", "iwamoto"),
        ]
    );
    let parted = found.differences[2].parted_by.as_deref();
    assert_eq!(parted, Some("can_share_swap_page: yes, no"));
}

/// Both go wrong: only a search of both at once tells that neither does so alone.
#[test]
fn policies_that_both_go_wrong_are_explored_together() {
    let universe = Universe { grain: Grain::Operation, ..universe("direct_io") };
    let names = ["pre-2.6.7", "5.18"];
    let budget = Budget::default();
    let found = asked(&universe, &names, Reductions::ALL, Question::Pairs, &budget);
    assert_eq!(words(&found), [["LOST IO"], ["LOST IO"]]);
    for difference in &found.differences {
        assert_eq!(difference.verdict, Verdict::Exhaustive);
        assert_eq!(difference.states, 512);
        assert!(difference.finding.is_none(), "{difference:?}");
    }
}

/// For every ordered pair of policies: what goes wrong under the first and not under the
/// second, an operation at a time.
#[test]
fn every_pair_of_policies() {
    let names: Vec<_> = bundled().iter().map(|policy| policy.id).collect();
    let explored: Vec<_> = ["tiny", "small", "direct_io", "pipe", "fork_io", "pin"]
        .into_iter()
        .map(|name| {
            let universe = Universe { grain: Grain::Operation, ..universe(name) };
            asked(&universe, &names, Reductions::ALL, Question::Pairs, &Budget::default())
        })
        .collect();
    let exhaustive = |one: &Explored| {
        one.differences.iter().all(|difference| difference.verdict == Verdict::Exhaustive)
    };
    assert!(explored.iter().all(exhaustive));
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("explore__pairs", differences(&explored));
    });
}

/// A step is worked out once and remembered: that is sound if a policy answers the same
/// question the same way each time.
#[test]
fn policies_that_are_explored_are_pure() {
    for policy in bundled() {
        resolve(policy.id).unwrap().audit_purity().unwrap();
    }
}

#[test]
fn nothing_asked_is_vacuous() {
    let universe = Universe {
        verbs: vec![Verb::Load],
        child_verbs: vec![Verb::Load],
        setup: Vec::new(),
        ..universe("tiny")
    };
    let found = each(&universe, &["vanilla"], Reductions::ALL).explorations.remove(0);
    assert_eq!(found.verdict, Verdict::Vacuous);
    assert!(found.coverage.is_empty(), "{:?}", found.coverage);
}

#[test]
fn walks_of_one_seed_are_the_same() {
    let universe = Universe { grain: Grain::Operation, ..universe("pipe") };
    let walks = |seed| {
        let budget = Budget { sample: Some((300, seed)), ..Budget::default() };
        let found = asked(&universe, &["iwamoto"], Reductions::ALL, Question::Each, &budget);
        assert_eq!(found.explorations[0].verdict, Verdict::Sampled { walks: 300, seed });
        assert_eq!(words(&found), [["MISSED COW"]]);
        explored(&found)
    };
    assert_eq!(walks(7), walks(7));
    assert_ne!(walks(7), walks(8));
}

#[test]
fn budgets_bound() {
    let bounded = |budget: Budget| {
        let asked =
            asked(&universe("pipe"), &["vanilla"], Reductions::ALL, Question::Each, &budget);
        (asked.explorations[0].verdict, asked.explorations[0].counts.states)
    };
    let states = Budget { states: Some(1000), ..Budget::default() };
    assert_eq!(bounded(states), (Verdict::BoundedStates, 1000));
    let depth = Budget { depth: Some(10), ..Budget::default() };
    assert_eq!(bounded(depth).0, Verdict::BoundedDepth);
    let memory = Budget { memory: Some(1 << 19), ..Budget::default() };
    assert_eq!(bounded(memory).0, Verdict::BoundedMemory);
}

type Count = (u64, u64, u32);

/// Universe, policy, everything, reduced.
const COUNTS: [(&str, &str, Count, Count); 5] = [
    ("fork_io", "vanilla", (5000, 10020, 53), (2410, 4831, 33)),
    ("pipe", "vanilla", (35306, 115177, 49), (13648, 44372, 36)),
    ("pipe", "iwamoto", (36248, 118776, 49), (14055, 45783, 36)),
    ("pin", "pre-2.6.7", (17232, 43574, 90), (9399, 24459, 72)),
    ("pin", "6.1", (15321, 39284, 87), (8376, 22572, 70)),
];
