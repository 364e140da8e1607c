//! The step function as a model of Stateright.

use peers_machine::{Peer, State};
use stateright::{Checker, Model, Property};
use std::sync::{Mutex, PoisonError};

/// An action is the state it leads to, so that a state is expanded once, when Stateright
/// asks for its actions. One thread checks, so nobody ever waits for the lock.
struct Stepped(Mutex<Peer>);

impl Stepped {
    fn with<T>(&self, act: impl FnOnce(&mut Peer) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Model for Stepped {
    type State = State;
    type Action = State;

    fn init_states(&self) -> Vec<State> {
        vec![self.with(|peer| peer.initial())]
    }

    fn actions(&self, state: &State, actions: &mut Vec<State>) {
        self.with(|peer| actions.extend(peer.successors(state)));
    }

    fn next_state(&self, _: &State, next: State) -> Option<State> {
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("true", |_, _| true)]
    }
}

pub(crate) fn run(universe: &str) {
    let model = Stepped(Mutex::new(Peer::open(universe)));
    let checker = model.checker().threads(1).spawn_bfs().join();
    println!("states={} transitions={}", checker.unique_state_count(), checker.state_count() - 1);
}
