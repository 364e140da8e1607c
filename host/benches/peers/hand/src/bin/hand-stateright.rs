//! `hand-stateright A|B|C`: all states of a configuration, breadth first, by Stateright.

use peers_hand::event::Event;
use peers_hand::policy::{Policy, Vanilla};
use peers_hand::state::State;
use stateright::{Checker, Model, Property};
use std::env;
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;
use std::process::ExitCode;

/// The model under a policy.
struct Hand<S, P>(PhantomData<(S, P)>);

impl<
    P: Policy,
    const N: usize,
    const NV: usize,
    const F: usize,
    const S: usize,
    const H: usize,
    const C: usize,
> Model for Hand<State<N, NV, F, S, H, C>, P>
{
    type State = State<N, NV, F, S, H, C>;
    type Action = Event;

    fn init_states(&self) -> Vec<Self::State> {
        vec![State::initial()]
    }

    fn actions(&self, _: &Self::State, actions: &mut Vec<Event>) {
        actions.extend(Self::State::events());
    }

    fn next_state(&self, last: &Self::State, event: Event) -> Option<Self::State> {
        last.after::<P>(event)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("holds", |_, state: &Self::State| state.holds())]
    }
}

fn check<S>() -> bool
where
    Hand<S, Vanilla>: Model<State = S, Action = Event> + Send + Sync + 'static,
    S: Hash + Clone + PartialEq + Debug + Send + Sync + 'static,
{
    let checker = Hand::<S, Vanilla>(PhantomData).checker().threads(1).spawn_bfs().join();
    println!("states={} transitions={}", checker.unique_state_count(), checker.state_count() - 1);
    checker.discovery("holds").is_none()
}

fn main() -> ExitCode {
    let holds = match env::args().nth(1).as_deref() {
        Some("A") => check::<peers_hand::A>(),
        Some("B") => check::<peers_hand::B>(),
        Some("C") => check::<peers_hand::C>(),
        _ => {
            eprintln!("usage: hand-stateright A|B|C");
            return ExitCode::from(2);
        }
    };
    println!("holds={holds}");
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
