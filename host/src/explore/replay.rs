//! Schedules on a fresh machine, from the start: under the policy that they were found
//! under, and under others.

use super::{Budget, Subject};
use crate::policy::Policy;
use crate::run::{End, Move, Moved, Options, Walk};

/// What a schedule comes to when it is replayed.
#[derive(Clone, Debug)]
pub(super) struct Replayed {
    pub moves: Vec<Moved>,
    pub end: End,
}

/// Why a schedule cannot be followed: the turn, from 1, and what is in its way.
pub(super) struct Refused {
    pub turn: usize,
    pub why: String,
}

/// Replays a schedule to the end of the walk, and whatever can follow it.
pub(super) fn replay(
    subject: &Subject<'_>,
    policy: &Policy,
    schedule: &[Move],
) -> Result<Replayed, Refused> {
    let Subject { scenario, script, counters } = subject;
    let options = Options { counters: *counters, ..Options::default() };
    let mut walk = Walk::new(scenario, script, policy, options, true);
    let mut moves = Vec::new();
    for (turn, &by) in schedule.iter().enumerate() {
        if walk.over() {
            break;
        }
        let before = walk.clone();
        let Some(moved) = walk.take(by) else {
            return Err(Refused { turn: turn + 1, why: before.refusal(by) });
        };
        walk.audit();
        moves.push(moved);
    }
    finish(&mut walk, &mut moves);
    Ok(Replayed { moves, end: walk.end() })
}

/// Replays a schedule without the moves that cannot be made, to the end of the walk.
pub(super) fn replay_what_can_be(
    subject: &Subject<'_>,
    policy: &Policy,
    schedule: &[Move],
) -> Replayed {
    let Subject { scenario, script, counters } = subject;
    let options = Options { counters: *counters, ..Options::default() };
    let mut walk = Walk::new(scenario, script, policy, options, true);
    let mut moves = Vec::new();
    for &by in schedule {
        if walk.over() {
            break;
        }
        let mut next = walk.clone();
        if let Some(moved) = next.take(by) {
            next.audit();
            walk = next;
            moves.push(moved);
        }
    }
    finish(&mut walk, &mut moves);
    Replayed { moves, end: walk.end() }
}

/// Whoever can go on does, the first actor first.
fn finish(walk: &mut Walk<'_>, moves: &mut Vec<Moved>) {
    for _ in 0..Budget::MOST_AFTER {
        let tried = walk.candidates().into_iter().find_map(|by| {
            let mut next = walk.clone();
            next.take(by).map(|moved| (next, moved))
        });
        let Some((next, moved)) = tried else { return };
        *walk = next;
        walk.audit();
        moves.push(moved);
    }
}
