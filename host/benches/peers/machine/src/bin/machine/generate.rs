//! Successors and nothing else: the limit for any search with this step function.
//!
//! The states are found first, with a visited set; then each is expanded once more by
//! another system, which remembers nothing yet, and only that is measured. It numbers what
//! states consist of in the same order, so that packed states mean the same to both.
//! `most` is the largest number of successors.

use peers_machine::{Peer, State};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::collections::HashSet;
use std::hint::black_box;

/// So many states ahead memory is asked for, as in our search.
const AHEAD: usize = 6;

pub(crate) fn run(universe: &str, limit: usize) {
    let (states, followed) = reachable(Peer::open(universe), limit);
    let mut peer = Peer::open(universe);
    let begin = processor_time();
    let (transitions, most) = generate(&mut peer, &states);
    let cpu = processor_time() - begin;
    let all = states.len() < limit;
    assert!(!all || transitions == followed, "{transitions} transitions, there were {followed}");
    println!("states={} transitions={transitions} most={most} cpu={cpu:.3}", states.len());
}

/// States in the order in which a search meets them, and the transitions that it followed.
fn reachable(mut peer: Peer, limit: usize) -> (Vec<State>, usize) {
    let mut states = vec![peer.initial()];
    let mut seen = HashSet::from([peer.initial()]);
    let (mut at, mut transitions) = (0, 0);
    while at < states.len() && states.len() < limit {
        let state = states[at];
        let successors = peer.successors(&state);
        transitions += successors.len();
        states.extend(successors.filter(|&next| seen.insert(next)));
        at += 1;
    }
    (states, transitions)
}

/// Expands each state once. A function of its own, for callgrind.
#[inline(never)]
fn generate(peer: &mut Peer, states: &[State]) -> (usize, usize) {
    let mut transitions = 0;
    let mut most = 0;
    for (index, state) in states.iter().enumerate() {
        if let Some(ahead) = states.get(index + AHEAD) {
            peer.fetch(ahead);
        }
        let successors = black_box(peer.successors(state)).len();
        transitions += successors;
        most = most.max(successors);
    }
    (transitions, most)
}

/// Processor time of this process, in seconds.
fn processor_time() -> f64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    tv_sec as f64 + tv_nsec as f64 / 1e9
}
