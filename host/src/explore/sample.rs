//! Random walks, for bounds out of reach: what is found is real, what is not found says
//! little.
//!
//! Each walk begins at the initial state and takes one of the possible transitions, all
//! equally likely, until nothing follows or it is long enough. The same seed walks the same
//! ways, for successors come in a fixed order.

use super::breadth::Limits;
use super::model::Model;
use super::system::{Choice, flag};
use super::{Counts, Ending, Verdict};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Transitions of a walk that nothing ends, if no depth is given.
const LONG: u32 = 2000;

/// How walks ended: word, how many, and the shortest that did.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub word: &'static str,
    pub walks: u64,
    pub shortest: Vec<Choice>,
}

impl End {
    /// What is told of it.
    pub const fn ending(&self) -> Ending {
        Ending { word: self.word, states: self.walks }
    }
}

/// What walks came to.
#[derive(Clone, Debug)]
pub(super) struct Sampled {
    pub verdict: Verdict,
    pub counts: Counts,
    pub ends: Vec<End>,
    pub undefined: u64,
}

/// Takes so many walks.
pub(super) fn sample<M: Model<W>, const W: usize>(
    model: &M,
    (walks, seed): (u64, u64),
    limits: &Limits<'_>,
) -> Sampled {
    let since = Instant::now();
    let mut scratch = model.scratch();
    let mut sampled = Sampled {
        verdict: Verdict::Sampled { walks, seed },
        counts: Counts { states: 0, transitions: 0, depth: 0, ends: 0 },
        ends: Vec::new(),
        undefined: 0,
    };
    let (mut found, mut schedule) = (Vec::new(), Vec::new());
    let mut random = seed;
    for walk in 0..walks {
        let out = limits.time.is_some_and(|most| since.elapsed() >= most);
        if out || limits.stop.load(Relaxed) {
            sampled.verdict = Verdict::Sampled { walks: walk, seed };
            break;
        }
        model.remember_more(u64::MAX);
        let mut state = model.initial();
        schedule.clear();
        let most = limits.depth.unwrap_or(LONG);
        let word = loop {
            if let Some(word) = model.verdict(&mut scratch, &state) {
                break Some(word);
            }
            if schedule.len() >= most as usize {
                break None;
            }
            found.clear();
            model.successors(&mut scratch, &state, &mut found);
            if found.is_empty() {
                break Some(model.end(&mut scratch, &state));
            }
            let taken = found[(next(&mut random) % found.len() as u64) as usize];
            sampled.undefined += u64::from(taken.flags & flag::UNDEFINED != 0);
            schedule.push(taken.by);
            state = taken.state;
        };
        sampled.counts.transitions += schedule.len() as u64;
        sampled.counts.depth = sampled.counts.depth.max(schedule.len() as u32);
        if let Some(word) = word {
            sampled.note(word, &schedule);
        }
    }
    sampled
}

impl Sampled {
    fn note(&mut self, word: &'static str, schedule: &[Choice]) {
        self.counts.ends += 1;
        match self.ends.iter_mut().find(|end| end.word == word) {
            None => {
                self.ends.push(End { word, walks: 1, shortest: schedule.to_vec() });
            }
            Some(end) => {
                end.walks += 1;
                if schedule.len() < end.shortest.len() {
                    end.shortest = schedule.to_vec();
                }
            }
        }
    }
}

/// The next number of the sequence `SplitMix64`.
const fn next(random: &mut u64) -> u64 {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *random;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
