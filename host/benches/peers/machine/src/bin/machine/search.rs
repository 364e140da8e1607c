//! cowpath's own search.

use cowpath::explore::{Budget, Question, Reductions, Verdict, explore_universe};
use cowpath::policy;
use peers_machine::universe::named;
use std::slice;
use std::sync::atomic::AtomicBool;

pub(crate) fn run(universe: &str, threads: usize, reductions: Reductions) {
    let universe = named(universe).unwrap_or_else(|| panic!("no universe is called {universe}"));
    let policy = policy::resolve("vanilla").expect("it is bundled");
    let budget = Budget { threads, ..Budget::default() };
    let (policies, never) = (slice::from_ref(&policy), AtomicBool::new(false));
    let asked = (Question::Each, &budget);
    let found = explore_universe(&universe, policies, reductions, asked, &never, &mut |_, _| {});
    let found = &found.explorations[0];
    assert_eq!(found.verdict, Verdict::Exhaustive);
    println!("states={} transitions={}", found.counts.states, found.counts.transitions);
    for ending in &found.endings {
        println!("{}: {}", ending.word, ending.states);
    }
}
