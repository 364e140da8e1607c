//! What is asked: universes by name.

use cowpath::explore::{Grain, Times, Universe, Verb};
use cowpath::scenario::MigrateOrder;

/// A universe by its name.
///
/// - cowpath's own, built in
/// - `five-million`, `fifty-million`: stage by stage, about so many states
/// - `A`, `B`, `C`: the bounds of the hand-written models, an operation at a time
#[must_use]
pub fn named(name: &str) -> Option<Universe> {
    let found = match name {
        "five-million" => five_million(),
        "fifty-million" => fifty_million(),
        "A" => by_hand(1, 1),
        "B" => by_hand(1, 2),
        "C" => by_hand(2, 1),
        _ => return Universe::builtin().into_iter().find(|universe| universe.name == name),
    };
    Some(Universe { name: name.to_string(), ..found })
}

fn five_million() -> Universe {
    Universe { operations: Times::Most(5), child_operations: Times::Most(4), ..Universe::tiny() }
}

fn fifty_million() -> Universe {
    Universe { reclaim: Times::Most(3), ..five_million() }
}

/// A process and its child do the hand-written models' operations, for ever, as those do
/// them: no page is young, swap IO takes no time, and nobody forks or exits during direct IO.
fn by_hand(pages: u8, requests: u8) -> Universe {
    let verbs = vec![Verb::Store, Verb::Load, Verb::DirectRead, Verb::Fork, Verb::Exit];
    Universe {
        title: "the bounds of a hand-written model".to_string(),
        pages,
        requests,
        operations: Times::Always,
        child_operations: Times::Always,
        child_verbs: verbs.clone(),
        verbs,
        fork_during_io: false,
        reclaim: Times::Always,
        ignore_references: true,
        migrate: Times::Always,
        order: MigrateOrder::UnmapFirst,
        synchronous_swap: true,
        pagevec: 1,
        swapoff: true,
        setup: Vec::new(),
        grain: Grain::Operation,
        ..Universe::tiny()
    }
}
