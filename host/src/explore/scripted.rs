//! A scenario under one policy, as a transition system over packed states: the same idea as
//! [`super::system`], for walks.
//!
//! A state is the number of its world and one number for each actor. A world is memory and
//! reference memory, and what else the actors of a walk share. What a move makes of a world
//! and one actor does not depend on the other actors, so it is worked out once and
//! remembered.

use super::canonical::forget;
use super::intern::Values;
use super::model::Model;
use super::system::{
    Choice, ERRORS, Memo, Places, SWAP_IO, State, Successor, bit, error_of, flag, key, outcome,
    parts_of, set_world, world_of, world_of_error,
};
use super::world::{PARTS, Shared, World, rank, same_numbers, same_parts};
use super::worlds::{Base, Worlds, has_swap_io};
use crate::run::{Common, Move, Stand, Walk};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// About the bytes of what actors share: names, and a task for each.
const COMMON: usize = 4096;

/// A scenario under a policy.
pub(super) struct Scripted<'a, const W: usize> {
    start: Walk<'a>,
    actors: usize,
    /// Stages that move left run at once.
    movers: bool,
    places: Places,
    commons: Values<Arc<Common>>,
    worlds: Worlds,
    stands: Values<Arc<Stand>>,
    memo: Memo,
    coverage: AtomicU64,
    initial: State<W>,
}

/// What one thread works with.
pub(super) struct Scratch<'a> {
    walk: Walk<'a>,
    base: Base,
    /// What is shared in the base, and its number.
    common: (Option<u32>, Arc<Common>),
    /// Which parts of the walk's machine are the base's.
    same: [bool; PARTS],
    /// Nobody's: worlds of universes have more.
    shared: Shared,
}

impl<'a, const W: usize> Scripted<'a, W> {
    /// All that can follow a walk of so many actors.
    pub fn new(mut start: Walk<'a>, actors: usize, movers: bool) -> Self {
        super::canonical::renumber(start.machine_mut());
        let mut scripted = Self {
            start,
            actors,
            movers,
            places: Places::new(W, actors),
            commons: Values::new(),
            worlds: Worlds::new(),
            stands: Values::new(),
            memo: Memo::new(),
            coverage: AtomicU64::new(0),
            initial: [0; W],
        };
        let mut scratch = scripted.scratch();
        let world = scripted.number(&mut scratch);
        let stand = |actor| scripted.stands.number(&Arc::new(scripted.start.stand(actor)));
        let stands: Vec<_> = (0..actors).map(stand).collect();
        scripted.initial = scripted.places.state(world, &stands);
        scripted
    }

    /// The moves of a schedule, one for each stage.
    pub fn moves(&self, schedule: &[Choice]) -> Vec<Move> {
        let mut walk = self.start.clone();
        let mut moves = Vec::new();
        for choice in schedule {
            let by = of(&walk, *choice).expect("it was possible when it was found");
            self.go(&mut walk, by, &mut |_| moves.push(by));
        }
        moves
    }

    /// Makes a move, and those that belong to the same transition; false if it is not
    /// possible.
    fn go(&self, walk: &mut Walk<'a>, by: Move, each: &mut dyn FnMut(&Walk<'a>)) -> bool {
        if walk.take(by).is_none() {
            return false;
        }
        each(walk);
        while self.movers && walk.moves_left(by) && walk.take(by).is_some() {
            each(walk);
        }
        true
    }

    /// Follows one choice; false if it is not possible.
    fn follow(
        &self,
        scratch: &mut Scratch<'a>,
        state: &State<W>,
        by: Choice,
        found: &mut Vec<Successor<W>>,
    ) -> bool {
        let world = world_of(state);
        let stand = match by.by {
            Choice::SWAP => SWAP_IO,
            actor => self.places.get(state, actor.into()),
        };
        let key = key(world, stand, by.which);
        let value = self.memo.get(key).unwrap_or_else(|| {
            let value = self.work_out(scratch, world, stand, by);
            self.memo.put(key, value);
            value
        });
        let (next, stand, flags) = parts_of(value);
        if flags & flag::POSSIBLE == 0 {
            return false;
        }
        let mut to = *state;
        if next >= ERRORS {
            to = [0; W];
        } else if by.by != Choice::SWAP {
            self.places.set(&mut to, by.by.into(), stand);
        }
        set_world(&mut to, next);
        found.push(Successor { state: to, by, flags });
        true
    }

    /// World and actor that a choice leads to, with flags, as one word; 0 if it is not
    /// possible.
    #[cold]
    fn work_out(&self, scratch: &mut Scratch<'a>, world: u32, stand: u32, by: Choice) -> u64 {
        self.look_up(scratch, world);
        let before = (by.by != Choice::SWAP).then(|| self.stands.get(stand));
        let mem = &scratch.base.world.mem;
        let waits = match before.as_ref().map(|stand| stand.busy()) {
            None => mem.swap_io.len() <= usize::from(by.which),
            Some(Some(task)) => !task.idle() && !task.top().wants(mem, task).available(mem),
            Some(None) => false,
        };
        if waits {
            return 0;
        }
        self.load(scratch, world);
        let Scratch { walk, .. } = scratch;
        if let Some(stand) = &before {
            walk.put(stand);
        }
        let mut bits = 0;
        let mut each = |walk: &Walk<'_>| {
            bits |= walk.asked().iter().fold(0, |bits, one| bits | bit(one.hook, one.answer.code));
        };
        if !of(walk, by).is_some_and(|by| self.go(walk, by, &mut each)) {
            // It may have begun something all the same.
            return 0;
        }
        if bits & !self.coverage.load(Relaxed) != 0 {
            self.coverage.fetch_or(bits, Relaxed);
        }
        if let Some(word) = walk.word() {
            return outcome(world_of_error(word), 0, flag::POSSIBLE);
        }
        let stand = match by.by {
            Choice::SWAP => 0,
            actor => self.stands.number(&Arc::new(walk.stand(actor.into()))),
        };
        let next = self.number(scratch);
        outcome(next, stand, flag::POSSIBLE)
    }

    /// Brings a world into the scratch's walk, with every actor at its start.
    fn load(&self, scratch: &mut Scratch<'a>, world: u32) {
        self.look_up(scratch, world);
        let Scratch { walk, base, same, common, .. } = scratch;
        let machine = walk.machine_mut();
        machine.mem.copy_parts(&base.world.mem, *same);
        if !same[PARTS - 1] {
            machine.oracle.copy_from(&base.world.oracle);
        }
        *same = [false; PARTS];
        walk.resume(&common.1);
    }

    /// Brings a world into the scratch's base.
    fn look_up(&self, scratch: &mut Scratch<'a>, world: u32) {
        let Scratch { base, common, same, .. } = scratch;
        self.worlds.look_up(world, base, same);
        if base.also != common.0 {
            let its = base.also.expect("what is shared is in the row");
            *common = (Some(its), self.commons.get(its));
        }
    }

    /// The number of the world that the scratch's walk has come to.
    fn number(&self, scratch: &mut Scratch<'a>) -> u32 {
        let Scratch { walk, base, common, same, shared, .. } = scratch;
        forget(walk.machine_mut());
        let machine = walk.machine_mut();
        let mut known = [false; PARTS];
        if base.is.is_some() {
            known = same_parts(machine, shared, &base.world);
            if known != [true; PARTS] && !same_numbers(machine, &base.world, known) {
                rank(machine);
                known = [false; PARTS];
            }
        }
        *same = known;
        let its = common.0.filter(|_| walk.shares(&common.1));
        let its = its.unwrap_or_else(|| self.commons.number(&Arc::new(walk.common())));
        self.worlds.number(walk.machine_mut(), shared, (base, known), Some(its))
    }
}

impl<'a, const W: usize> Model<W> for Scripted<'a, W> {
    type Scratch = Scratch<'a>;

    fn scratch(&self) -> Scratch<'a> {
        let mut walk = self.start.clone();
        let machine = walk.machine_mut();
        let base = World {
            mem: machine.mem.clone(),
            oracle: machine.oracle.clone(),
            shared: Shared::default(),
        };
        let common = (None, Arc::new(walk.common()));
        let (same, shared) = ([false; PARTS], Shared::default());
        Scratch { walk, base: Base::new(base), common, same, shared }
    }

    fn initial(&self) -> State<W> {
        self.initial
    }

    fn error(&self, state: &State<W>) -> Option<&'static str> {
        error_of(state)
    }

    fn verdict(&self, _: &mut Scratch<'a>, state: &State<W>) -> Option<&'static str> {
        self.error(state)
    }

    fn end(&self, scratch: &mut Scratch<'a>, state: &State<W>) -> &'static str {
        self.load(scratch, world_of(state));
        for actor in 0..self.actors {
            scratch.walk.put(&self.stands.get(self.places.get(state, actor)));
        }
        scratch.walk.clone().end().word
    }

    fn successors(
        &self,
        scratch: &mut Scratch<'a>,
        state: &State<W>,
        found: &mut Vec<Successor<W>>,
    ) {
        for actor in 0..self.actors {
            self.follow(scratch, state, Choice { by: actor as u8, which: 0 }, found);
        }
        for which in (0..u8::MAX).take_while(|_| has_swap_io(world_of(state))) {
            if !self.follow(scratch, state, Choice { by: Choice::SWAP, which }, found) {
                break;
            }
        }
    }

    fn fetch(&self, _: &mut Scratch<'a>, state: &State<W>) {
        let world = world_of(state);
        let stands = (0..self.actors).map(|actor| self.places.get(state, actor));
        let swap_io = has_swap_io(world).then_some(SWAP_IO);
        stands.chain(swap_io).for_each(|stand| self.memo.fetch(key(world, stand, 0), false));
    }

    fn bytes(&self) -> (u64, u64) {
        let values = self.stands.len() * size_of::<Stand>() + self.commons.len() * COMMON;
        (self.worlds.bytes() + values as u64, self.memo.bytes())
    }

    fn remember_more(&self, bytes: u64) {
        self.memo.grow(bytes);
    }

    fn coverage(&self) -> u64 {
        self.coverage.load(Relaxed)
    }

    fn forget_steps(&self, coverage: u64) {
        self.memo.forget();
        self.coverage.store(coverage, Relaxed);
    }
}

/// The move that a choice is.
fn of(walk: &Walk<'_>, choice: Choice) -> Option<Move> {
    match choice.by {
        Choice::SWAP => walk.swap_io().nth(choice.which.into()),
        actor => Some(Move::Actor(actor.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Budget;
    use crate::explore::breadth::{Breadth, Limits};
    use crate::explore::canonical::renumber;
    use crate::explore::world::pack;
    use crate::mm::Counters;
    use crate::policy::{Policy, resolve};
    use crate::routines::stage_names;
    use crate::run::{Options, Script};
    use crate::scenario::{Scenario, load_with_stages};
    use std::collections::{BTreeMap, HashSet};
    use std::sync::atomic::AtomicBool;

    /// What an exploration comes to: states that are no error's, transitions, and how
    /// schedules end: how many states do so (of errors: transitions), and how soon.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Sum {
        states: u64,
        transitions: u64,
        ends: BTreeMap<&'static str, (u64, u32)>,
    }

    fn start<'a>(scenario: &'a Scenario, script: &'a Script, policy: &'a Policy) -> Walk<'a> {
        let options = Options { counters: Counters::Two, ..Options::default() };
        Walk::new(scenario, script, policy, options, false)
    }

    /// The reference: whole walks, a stage at a time; `text` tells one from another.
    fn as_walks(
        scenario: &Scenario,
        policy: &Policy,
        text: impl Fn(&mut Walk<'_>, &Script) -> String,
    ) -> Sum {
        let script = Script::of(scenario);
        let mut first = start(scenario, &script, policy);
        let mut seen = HashSet::from([text(&mut first, &script)]);
        let (mut level, mut depth) = (vec![first], 0);
        let mut sum = Sum { states: 1, ..Sum::default() };
        let mut note = |word: &'static str, depth: u32| {
            sum.ends.entry(word).or_insert((0, depth)).0 += 1;
        };
        while !level.is_empty() {
            let mut next = Vec::new();
            for walk in level {
                let mut moves = 0;
                for by in walk.candidates() {
                    let mut to = walk.clone();
                    if to.take(by).is_none() {
                        continue;
                    }
                    moves += 1;
                    sum.transitions += 1;
                    if let Some(word) = to.word() {
                        note(word, depth + 1);
                        continue;
                    }
                    to.audit();
                    assert_eq!(to.word(), None, "the counts do not add up");
                    if seen.insert(text(&mut to, &script)) {
                        sum.states += 1;
                        next.push(to);
                    }
                }
                if moves == 0 {
                    note(walk.end().word, depth);
                }
            }
            level = next;
            depth += 1;
        }
        sum
    }

    /// What a packed state keeps: as many states are asked for.
    fn kept(walk: &mut Walk<'_>, script: &Script) -> String {
        renumber(walk.machine_mut());
        let stands: Vec<_> = (0..script.actors.len()).map(|actor| walk.stand(actor)).collect();
        let common = walk.common();
        let machine = walk.machine_mut();
        let mut bytes = Vec::new();
        let mut all = Vec::new();
        for part in 0..PARTS {
            pack(machine, &mut Shared::default(), part, &mut bytes);
            all.push(bytes.clone());
        }
        format!("{all:?} {common:?} {stands:?}")
    }

    fn packed(scenario: &Scenario, policy: &Policy, movers: bool, threads: usize) -> Sum {
        let script = Script::of(scenario);
        let actors = script.actors.len();
        let walk = start(scenario, &script, policy);
        let scripted = Scripted::<6>::new(walk, actors, movers);
        let mut search = Breadth::new(&scripted, threads, None);
        let never = AtomicBool::new(false);
        let budget = Budget { threads, ..Budget::default() };
        search.run(&Limits::new(&budget, &never), &mut |_| {}, &mut |_| {}).unwrap();
        let errors = search.ends.iter().filter(|end| end.transitions > 0).count() as u64;
        let ends = search.ends.iter().map(|end| {
            let schedule = search.schedule(end.first).unwrap();
            // All transitions to an error lead to one state.
            let count = end.states + end.transitions - u64::from(end.transitions > 0);
            (end.word, (count, scripted.moves(&schedule).len() as u32))
        });
        let counts = search.counts;
        Sum {
            states: counts.states - errors,
            transitions: counts.transitions,
            ends: ends.collect(),
        }
    }

    #[test]
    fn packed_states_are_those_of_walks() {
        for (name, policy) in [
            ("fork_store_child", "vanilla"),
            ("vmsplice_fork", "2.6.29"),
            ("trylock_copy", "vanilla"),
            ("trylock_copy", "hugh"),
            ("fixed_buffer_fork_store", "6.1"),
            ("pin_between_add_to_swap_and_unmap", "hugh"),
            ("direct_read_fails", "vanilla+hugh:try_to_unmap_one"),
            ("munmap_during_writeback", "iwamoto"),
            ("fork_during_direct_read_unaligned", "vanilla"),
            ("read_gup_of_untouched_memory", "5.18"),
        ] {
            let scenario = load_with_stages(name, &stage_names()).unwrap();
            let policy = resolve(policy).unwrap();
            let reference = as_walks(&scenario, &policy, kept);
            for threads in [1, 2] {
                let found = packed(&scenario, &policy, false, threads);
                assert_eq!(found, reference, "{name} under {}", policy.name());
            }
            // Those that move left only leave states out.
            let reduced = packed(&scenario, &policy, true, 1);
            assert!(reduced.states < reference.states, "{name}");
            let words = |sum: &Sum| sum.ends.keys().copied().collect::<Vec<_>>();
            assert_eq!(words(&reduced), words(&reference), "{name} under {}", policy.name());
            // Nothing that decides how a schedule ends is left out of what is kept.
            let whole = as_walks(&scenario, &policy, |walk, _| walk.whole());
            assert!(whole.states >= reference.states, "{name}");
            let soonest = |sum: &Sum| -> Vec<_> {
                sum.ends.iter().map(|(&word, &(_, depth))| (word, depth)).collect()
            };
            assert_eq!(soonest(&whole), soonest(&reference), "{name} under {}", policy.name());
        }
    }
}
