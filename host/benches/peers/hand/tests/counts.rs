//! The model means something: 2.6.11 is sound in it, and without the veto is not. The
//! numbers are those that SPIN gives for the Promela.

use peers_hand::policy::{Policy, Vanilla, WithoutVeto};
use peers_hand::{A, CONFIGURATIONS};
use std::collections::HashSet;

/// All states of configuration A, and how many of them are wrong.
fn states<P: Policy>() -> (u64, u64) {
    let events: Vec<_> = A::events().collect();
    let mut states = vec![A::initial()];
    let mut seen = HashSet::from([A::initial()]);
    let mut wrong = 0;
    while let Some(state) = states.pop() {
        wrong += u64::from(!state.holds());
        let next = events.iter().filter_map(|&event| state.after::<P>(event));
        states.extend(next.filter(|&next| seen.insert(next)));
    }
    (seen.len() as u64, wrong)
}

#[test]
fn vanilla_is_sound() {
    assert_eq!(states::<Vanilla>(), (CONFIGURATIONS[0].states, 0));
}

#[test]
fn without_the_veto_two_million_states_are_wrong() {
    assert_eq!(states::<WithoutVeto>(), (3_758_859, 2_143_274));
}
