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
    let (levels, followed) = reachable(Peer::open(universe), limit);
    let states: usize = levels.iter().map(Vec::len).sum();
    let mut peer = Peer::open(universe);
    let begin = processor_time();
    let (transitions, most) = generate(&mut peer, &levels);
    let cpu = processor_time() - begin;
    let all = states < limit;
    assert!(!all || transitions == followed, "{transitions} transitions, there were {followed}");
    println!("states={states} transitions={transitions} most={most} cpu={cpu:.3}");
}

/// States in the order in which a search meets them, level by level, and the transitions
/// that it followed.
fn reachable(mut peer: Peer, limit: usize) -> (Vec<Vec<State>>, usize) {
    let mut level = vec![peer.initial()];
    let mut seen = HashSet::from([peer.initial()]);
    let (mut levels, mut transitions) = (Vec::new(), 0);
    while !level.is_empty() {
        let mut next = Vec::new();
        for state in &level {
            if seen.len() >= limit {
                break;
            }
            let successors = peer.successors(state);
            transitions += successors.len();
            next.extend(successors.filter(|&next| seen.insert(next)));
        }
        levels.push(std::mem::replace(&mut level, next));
    }
    (levels, transitions)
}

/// Expands each state once. A function of its own, for callgrind.
#[inline(never)]
fn generate(peer: &mut Peer, levels: &[Vec<State>]) -> (usize, usize) {
    let mut transitions = 0;
    let mut most = 0;
    for level in levels {
        for (index, state) in level.iter().enumerate() {
            if let Some(ahead) = level.get(index + AHEAD) {
                peer.fetch(ahead);
            }
            let successors = black_box(peer.successors(state)).len();
            transitions += successors;
            most = most.max(successors);
        }
    }
    (transitions, most)
}

/// Processor time of this process, in seconds.
fn processor_time() -> f64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    tv_sec as f64 + tv_nsec as f64 / 1e9
}
