//! What can go on for ever: stuck pages and swapoff without progress, as fair cycles.

use std::sync::atomic::AtomicBool;

use cowpath::explore::{
    Budget, Exploration, Explored, Fair, Grain, Question, Reductions, Universe, Verdict, Written,
    explore_universe,
};
use cowpath::policy::resolve;
use cowpath::report::explored;
use cowpath::routines::stage_names;
use cowpath::run::{Options, run};
use cowpath::scenario::parse_with_stages;

fn built_in(name: &str) -> Universe {
    Universe::builtin().into_iter().find(|one| one.name == name).unwrap()
}

/// Two requests at a time, a transition being an operation.
fn hot_remove() -> Universe {
    Universe { grain: Grain::Operation, ..built_in("hot_remove") }
}

fn all(universe: &Universe, policies: &[&str], by: Reductions, threads: usize) -> Explored {
    let policies: Vec<_> = policies.iter().map(|policy| resolve(policy).unwrap()).collect();
    let budget = Budget { threads, ..Budget::default() };
    let stop = AtomicBool::new(false);
    let question = (Question::Each, &budget);
    explore_universe(universe, &policies, by, question, &stop, &mut |_, _| {})
}

fn one(universe: &Universe, policy: &str) -> Exploration {
    let found = all(universe, &[policy], Reductions::ALL, 1).explorations.remove(0);
    assert_eq!(found.verdict, Verdict::Exhaustive);
    found
}

/// Whether something goes on for ever.
fn goes_on(found: &Exploration, word: &str) -> bool {
    let [Fair { word: asked, states: Some(states) }] = found.fair[..] else {
        panic!("one question, answered: {:?}", found.fair)
    };
    assert_eq!(asked, word);
    assert_eq!(found.findings.iter().any(|finding| finding.word == word), states > 0);
    states > 0
}

/// The finding can be read, replays, and is written as a scenario that comes to the same.
#[track_caller]
fn reproduces(found: &Exploration, word: &str) {
    let finding = found.findings.iter().find(|finding| finding.word == word).unwrap();
    let repeats = finding.repeats.as_ref().unwrap();
    assert!(repeats.from as usize <= finding.schedule.len());
    let Written::Reproduces(text) = &finding.written else { panic!("{:?}", finding.written) };
    let scenario = parse_with_stages("written", text, &stage_names()).unwrap();
    let outcome = run(&scenario, &resolve(&found.policy).unwrap(), Options::default()).outcome;
    assert_eq!(outcome.word, word, "{}", outcome.line);
}

#[test]
fn overlapping_requests_keep_a_page_only_where_it_is_not_unmapped() {
    for (policy, stuck) in [
        ("pre-2.6.7", false),
        ("vanilla", true),
        ("iwamoto", false),
        ("hugh-mail", false),
        ("hugh", false),
        ("2.6.29", false),
        ("6.12", true),
    ] {
        let found = one(&hot_remove(), policy);
        assert_eq!(goes_on(&found, "STUCK"), stuck, "{policy}");
        if stuck {
            reproduces(&found, "STUCK");
        }
    }
}

#[test]
fn one_request_at_a_time_keeps_no_page() {
    let universe = Universe { requests: 1, ..hot_remove() };
    for policy in ["vanilla", "iwamoto", "hugh-mail", "hugh", "6.12"] {
        assert!(!goes_on(&one(&universe, policy), "STUCK"), "{policy}");
    }
}

/// Mainline's order looks at the count before it unmaps and does not wait: a page that is
/// always held is kept under every rule.
#[test]
fn without_a_wait_overlapping_requests_keep_the_page_under_every_rule() {
    let order = cowpath::scenario::MigrateOrder::UnmapFirst;
    let universe = Universe { order, ..hot_remove() };
    for policy in ["vanilla", "iwamoto", "hugh", "2.6.29", "6.12"] {
        assert!(goes_on(&one(&universe, policy), "STUCK"), "{policy}");
    }
}

#[test]
fn swapoff_goes_on_for_ever_where_reclaim_takes_back_what_it_has_restored() {
    for (policy, for_ever) in [("vanilla", false), ("iwamoto", true), ("hugh", true)] {
        let found = one(&built_in("swapoff_passes"), policy);
        assert_eq!(goes_on(&found, "NO PROGRESS"), for_ever, "{policy}");
        if for_ever {
            let repeats = found.findings[0].repeats.as_ref().unwrap();
            assert_eq!(repeats.begin, ["processes", "reclaim"]);
            reproduces(&found, "NO PROGRESS");
        }
    }
}

#[test]
fn two_processes_are_too_few_to_keep_swapoff_busy() {
    let mut universe = Universe { spaces: 2, ..built_in("swapoff_passes") };
    universe.setup.pop();
    for policy in ["vanilla", "iwamoto", "hugh"] {
        assert!(!goes_on(&one(&universe, policy), "NO PROGRESS"), "{policy}");
    }
}

#[test]
fn reductions_change_no_verdict() {
    for (universe, word) in [(hot_remove(), "STUCK"), (built_in("swapoff_passes"), "NO PROGRESS")] {
        for policy in ["vanilla", "iwamoto"] {
            let verdicts = [Reductions::ALL, Reductions::NONE].map(|reductions| {
                let found = all(&universe, &[policy], reductions, 1).explorations.remove(0);
                goes_on(&found, word)
            });
            assert_eq!(verdicts[0], verdicts[1], "{policy}, {word}");
        }
    }
}

#[test]
fn threads_change_nothing() {
    let text = |universe: &Universe, policies: &[&str], threads| {
        let found = all(universe, policies, Reductions::ALL, threads);
        explored(&found)
    };
    let universe = hot_remove();
    let policies = ["vanilla", "hugh"];
    assert_eq!(text(&universe, &policies, 1), text(&universe, &policies, 2));
    let universe = built_in("swapoff_passes");
    assert_eq!(text(&universe, &["iwamoto"], 1), text(&universe, &["iwamoto"], 2));
}

/// A process waits for its direct IO when it exits; nobody is deadlocked by that.
#[test]
fn exit_waits_for_direct_io_and_is_no_deadlock() {
    use cowpath::explore::{Times, Verb};
    let universe = Universe {
        spaces: 1,
        requests: 1,
        operations: Times::Most(2),
        verbs: vec![Verb::DirectRead, Verb::Exit],
        reclaim: Times::Most(1),
        ..Universe::tiny()
    };
    for policy in ["vanilla", "hugh"] {
        let found = one(&universe, policy);
        assert!(found.endings.iter().all(|ending| ending.word == "ok"), "{:?}", found.endings);
        assert!(found.fair.is_empty());
    }
}
