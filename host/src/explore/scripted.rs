//! A scenario under one policy, as a transition system over packed states: the same idea as
//! [`super::system`], for walks.
//!
//! A state is the number of its world and one number for each actor. A world is memory and
//! reference memory, and what else the actors of a walk share. What a move makes of a world
//! and one actor does not depend on the other actors, so it is worked out once and
//! remembered.

use super::canonical::forget;
use super::intern::{Pool, Values};
use super::model::Model;
use super::system::{Choice, State, Successor, WORDS, bit, flag, get, put};
use super::system::{ERRORS, Memo};
use super::world::{PARTS, Shared, World, pack, rank, same_numbers, same_parts};
use crate::run::{Common, Move, Stand, Walk};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bits of a world's number.
const WORLD_BITS: u32 = 32;

/// Most bits of an actor's number.
const MOST_BITS: u32 = 24;

/// In place of an actor's number: swap IO.
const SWAP_IO: u32 = (1 << MOST_BITS) - 1;

/// A scenario under a policy.
pub(super) struct Scripted<'a, const W: usize> {
    start: Walk<'a>,
    actors: usize,
    /// Stages that move left run at once.
    movers: bool,
    bits: u32,
    pools: [Pool; PARTS],
    commons: Values<Arc<Common>>,
    worlds: Pool,
    stands: Values<Arc<Stand>>,
    memo: Memo,
    coverage: AtomicU64,
    initial: State<W>,
}

/// What one thread works with.
pub(super) struct Scratch<'a> {
    walk: Walk<'a>,
    base: World,
    base_is: u32,
    base_parts: [u32; PARTS],
    common: Arc<Common>,
    common_is: u32,
    /// Which parts of the walk's machine are the base's.
    same: [bool; PARTS],
    parts: [Vec<u8>; PARTS],
    row: Vec<u8>,
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
            bits: ((W as u32 * 64 - WORLD_BITS) / actors.max(1) as u32).min(MOST_BITS),
            pools: std::array::from_fn(|_| Pool::new()),
            commons: Values::new(),
            worlds: Pool::new(),
            stands: Values::new(),
            memo: Memo::new(),
            coverage: AtomicU64::new(0),
            initial: [0; W],
        };
        let mut scratch = scripted.scratch();
        let world = scripted.number(&mut scratch);
        let mut initial = [0; W];
        put(&mut initial, 0, WORLD_BITS, world.into());
        for actor in 0..actors {
            let stand = scripted.stands.number(&Arc::new(scripted.start.stand(actor)));
            scripted.put(&mut initial, actor, stand);
        }
        scripted.initial = initial;
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

    fn world_of(state: &State<W>) -> u32 {
        state[0] as u32
    }

    fn actor_of(&self, state: &State<W>, actor: usize) -> u32 {
        get(state, WORLD_BITS + actor as u32 * self.bits, self.bits) as u32
    }

    fn put(&self, state: &mut State<W>, actor: usize, stand: u32) {
        assert!(stand >> self.bits == 0, "too many values of actors for {} bits", self.bits);
        put(state, WORLD_BITS + actor as u32 * self.bits, self.bits, stand.into());
    }

    /// Follows one choice; false if it is not possible.
    fn follow(
        &self,
        scratch: &mut Scratch<'a>,
        state: &State<W>,
        by: Choice,
        found: &mut Vec<Successor<W>>,
    ) -> bool {
        let world = Self::world_of(state);
        let stand = match by.by {
            Choice::SWAP => SWAP_IO,
            actor => self.actor_of(state, actor.into()),
        };
        let key = key(world, stand, by.which);
        let value = self.memo.get(key).unwrap_or_else(|| {
            let value = self.work_out(scratch, world, stand, by);
            self.memo.put(key, value);
            value
        });
        if value as u8 & flag::POSSIBLE == 0 {
            return false;
        }
        let next = (value >> 32) as u32;
        let mut to = *state;
        if next >= ERRORS {
            to = [0; W];
        } else if by.by != Choice::SWAP {
            self.put(&mut to, by.by.into(), (value >> 8) as u32 & ((1 << MOST_BITS) - 1));
        }
        put(&mut to, 0, WORLD_BITS, next.into());
        found.push(Successor { state: to, by, flags: value as u8 });
        true
    }

    /// World and actor that a choice leads to, with flags, as one word; 0 if it is not
    /// possible.
    #[cold]
    fn work_out(&self, scratch: &mut Scratch<'a>, world: u32, stand: u32, by: Choice) -> u64 {
        self.look_up(scratch, world);
        let before = (by.by != Choice::SWAP).then(|| self.stands.get(stand));
        let mem = &scratch.base.mem;
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
            let place = WORDS.iter().position(|&one| one == word).expect("a word of an error");
            return u64::from(ERRORS + place as u32) << 32 | u64::from(flag::POSSIBLE);
        }
        let stand = match by.by {
            Choice::SWAP => 0,
            actor => self.stands.number(&Arc::new(walk.stand(actor.into()))),
        };
        let next = self.number(scratch);
        u64::from(next) << 32 | u64::from(stand) << 8 | u64::from(flag::POSSIBLE)
    }

    /// Brings a world into the scratch's walk, with every actor at its start.
    fn load(&self, scratch: &mut Scratch<'a>, world: u32) {
        self.look_up(scratch, world);
        let Scratch { walk, base, same, common, .. } = scratch;
        let machine = walk.machine_mut();
        machine.mem.copy_parts(&base.mem, *same);
        if !same[PARTS - 1] {
            machine.oracle.copy_from(&base.oracle);
        }
        *same = [false; PARTS];
        walk.resume(common);
    }

    /// Brings a world into the scratch's base.
    fn look_up(&self, scratch: &mut Scratch<'a>, world: u32) {
        if scratch.base_is == world {
            return;
        }
        let Scratch { base, base_parts, parts, row, common, common_is, .. } = scratch;
        self.worlds.row(world, row);
        let mut numbers = row
            .chunks_exact(4)
            .map(|number| u32::from_le_bytes(number.try_into().expect("four bytes")));
        for (part, pool) in self.pools.iter().enumerate() {
            base_parts[part] = numbers.next().expect("one for each part");
            pool.row(base_parts[part], &mut parts[part]);
        }
        let its = numbers.next().expect("the last is what is shared");
        if its != *common_is {
            (*common, *common_is) = (self.commons.get(its), its);
        }
        base.unpack(parts);
        scratch.base_is = world;
        scratch.same = [false; PARTS];
    }

    /// The number of the world that the scratch's walk has come to.
    fn number(&self, scratch: &mut Scratch<'a>) -> u32 {
        let based = scratch.base_is != u32::MAX;
        let Scratch { walk, base, base_parts, parts, row, same, shared, .. } = scratch;
        forget(walk.machine_mut());
        let machine = walk.machine_mut();
        let mut known = [false; PARTS];
        if based {
            known = same_parts(machine, shared, base);
            if known != [true; PARTS] && !same_numbers(machine, base, known) {
                rank(machine);
                known = [false; PARTS];
            }
        }
        *same = known;
        row.clear();
        for part in 0..PARTS {
            let number = if known[part] {
                base_parts[part]
            } else {
                pack(machine, shared, part, &mut parts[part]);
                self.pools[part].number(&parts[part])
            };
            row.extend_from_slice(&number.to_le_bytes());
        }
        let common = match based && walk.shares(&scratch.common) {
            true => scratch.common_is,
            false => self.commons.number(&Arc::new(walk.common())),
        };
        row.extend_from_slice(&common.to_le_bytes());
        let number = self.worlds.number(row);
        assert!(number < ERRORS, "too many worlds");
        number
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
        let common = Arc::new(walk.common());
        Scratch {
            walk,
            base,
            base_is: u32::MAX,
            base_parts: [0; PARTS],
            common,
            common_is: u32::MAX,
            same: [false; PARTS],
            parts: Default::default(),
            row: Vec::new(),
            shared: Shared::default(),
        }
    }

    fn initial(&self) -> State<W> {
        self.initial
    }

    fn error(&self, state: &State<W>) -> Option<&'static str> {
        let world = Self::world_of(state);
        (world >= ERRORS).then(|| WORDS[(world - ERRORS) as usize])
    }

    fn verdict(&self, _: &mut Scratch<'a>, state: &State<W>) -> Option<&'static str> {
        self.error(state)
    }

    fn end(&self, scratch: &mut Scratch<'a>, state: &State<W>) -> &'static str {
        self.load(scratch, Self::world_of(state));
        for actor in 0..self.actors {
            scratch.walk.put(&self.stands.get(self.actor_of(state, actor)));
        }
        scratch.walk.clone().end().word
    }

    fn successors(
        &self,
        scratch: &mut Scratch<'a>,
        state: &State<W>,
        found: &mut Vec<Successor<W>>,
    ) {
        found.clear();
        for actor in 0..self.actors {
            self.follow(scratch, state, Choice { by: actor as u8, which: 0 }, found);
        }
        for which in 0..u8::MAX {
            if !self.follow(scratch, state, Choice { by: Choice::SWAP, which }, found) {
                break;
            }
        }
    }

    fn fetch(&self, _: &mut Scratch<'a>, state: &State<W>) {
        let world = Self::world_of(state);
        let stands = (0..self.actors).map(|actor| self.actor_of(state, actor));
        stands.chain([SWAP_IO]).for_each(|stand| self.memo.fetch(key(world, stand, 0)));
    }

    fn bytes(&self) -> (u64, u64) {
        let parts = self.pools.iter().chain([&self.worlds]).map(Pool::bytes).sum::<u64>();
        let values = self.stands.len() * size_of::<Stand>() + self.commons.len() * 1024;
        (parts + values as u64, self.memo.bytes())
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

/// The key of a step. Values of actors are of one actor each, so that need not be in it.
fn key(world: u32, stand: u32, which: u8) -> u64 {
    u64::from(world) << 32 | u64::from(stand) << 8 | u64::from(which)
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

    /// The reference: whole walks, a stage at a time, compared as text.
    fn as_walks(scenario: &Scenario, policy: &Policy) -> Sum {
        let script = Script::of(scenario);
        let mut first = start(scenario, &script, policy);
        renumber(first.machine_mut());
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
                    renumber(to.machine_mut());
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

    fn text(walk: &mut Walk<'_>, script: &Script) -> String {
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
            let reference = as_walks(&scenario, &policy);
            for threads in [1, 2] {
                let found = packed(&scenario, &policy, false, threads);
                assert_eq!(found, reference, "{name} under {}", policy.name());
            }
            // Those that move left only leave states out.
            let reduced = packed(&scenario, &policy, true, 1);
            assert!(reduced.states < reference.states, "{name}");
            let words = |sum: &Sum| sum.ends.keys().copied().collect::<Vec<_>>();
            assert_eq!(words(&reduced), words(&reference), "{name} under {}", policy.name());
        }
    }
}
