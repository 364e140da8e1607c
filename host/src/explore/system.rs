//! A universe under one policy, as a transition system over packed states.
//!
//! A state is the number of its world and one number for each actor. What a transition
//! makes of a world and one actor does not depend on the other actors, so it is worked out
//! once and remembered. This rests on policies being pure.

mod coverage;
mod memo;
mod start;
mod state;
mod step;

use super::actor::{Actor, Cast, Op};
use super::intern::{Pool, Values};
use super::model::Model;
use super::naming::{Naming, Symmetries};
use super::universe::Universe;
use super::world::{
    PARTS, Shared, Unheeded, World, forget_since, pack, rank, same_numbers, same_parts,
};
use crate::lock::Until;
use crate::machine::Machine;
use crate::oracle::Kind;
use crate::policy::Policy;
use crate::rename::Renaming;
use crate::routines::Asked;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use step::Stepped;

pub(super) use coverage::{asked_and_answered, bit};
pub(super) use memo::{Memo, fetch};
pub(super) use start::Start;
pub use state::{Choice, State, Successor, flag};
pub(super) use state::{get, place_of, put};

/// Most bits of an actor's number.
const MOST_BITS: u32 = 24;

/// Bits of a world's number.
const WORLD_BITS: u32 = 32;

/// With the number of choices: the actor is at an operation.
const BUSY: u8 = 0x80;

/// A bit of a choice: in place of the step, which naming it leads to.
const WHICH_NAMING: u64 = 0x80;

/// In place of an actor's number: swap IO.
const SWAP_IO: u32 = (1 << MOST_BITS) - 1;

/// In place of an actor's number: everything is looked at.
const LOOK: u32 = (1 << MOST_BITS) - 2;

/// Stages that one operation may run without stopping, or it makes no progress.
const MOST_STAGES: u32 = 20_000;

/// Reductions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reductions {
    /// Stages that move left over whatever others do run at once (partial order).
    pub movers: bool,
    /// States that differ in names only are one (symmetry).
    pub symmetry: bool,
}

impl Reductions {
    /// All of them.
    pub const ALL: Self = Self { movers: true, symmetry: true };
    /// None.
    pub const NONE: Self = Self { movers: false, symmetry: false };
}

/// What ends a schedule, in the order of its words: numbers of the worlds that stand for it.
pub const WORDS: [&str; 11] = [
    "POLICY",
    "BUG",
    "FILE DAMAGE",
    "ZERO DAMAGE",
    "MISSED COW",
    "LOST IO",
    "LOST STORE",
    "PIN APART",
    "NO PROGRESS",
    "DEADLOCK",
    "STUCK",
];

/// The first world's number that stands for an error.
pub(super) const ERRORS: u32 = u32::MAX - WORDS.len() as u32;

/// A universe under one policy.
pub struct System<'a, const W: usize> {
    universe: &'a Universe,
    policy: &'a Policy,
    reductions: Reductions,
    cast: Vec<Cast>,
    symmetries: Symmetries,
    unheeded: Unheeded,
    namings: Values<Arc<Naming>>,
    renamed: Memo,
    bits: u32,
    start: Start,
    /// The start's world: whose layout unpacked worlds have.
    world: World,
    pools: [Pool; PARTS],
    worlds: Pool,
    actors: Values<Actor>,
    memo: Memo,
    coverage: AtomicU64,
    initial: State<W>,
    /// The place that each role has got in the initial state.
    initial_roles: Vec<u8>,
}

/// What one thread works with.
pub struct Scratch {
    machine: Machine,
    shared: Shared,
    base: World,
    base_is: u32,
    base_parts: [u32; PARTS],
    /// Which parts of the machine are the base's.
    same: [bool; PARTS],
    parts: [Vec<u8>; PARTS],
    row: Vec<u8>,
    asked: Vec<Asked>,
    renaming: Renaming,
    /// Choices of each actor's value.
    choices: Vec<u8>,
}

impl<'a, const W: usize> System<'a, W> {
    /// A universe under a policy.
    ///
    /// # Panics
    /// The setup is not possible: [`Universe::problem`] says so before.
    #[must_use]
    pub fn new(universe: &'a Universe, policy: &'a Policy, reductions: Reductions) -> Self {
        let (start, cast) = Start::of(universe);
        let Machine { mem, oracle, .. } = start.machine.clone();
        let world = World { mem, oracle, shared: start.shared.clone() };
        let symmetries = Symmetries::of(universe, &cast);
        let bits = ((W as u32 * 64 - WORLD_BITS) / cast.len() as u32).min(MOST_BITS);
        let mut system = Self {
            universe,
            policy,
            reductions,
            cast,
            symmetries,
            unheeded: Unheeded::of(universe),
            namings: Values::new(),
            renamed: Memo::new(),
            bits,
            start,
            world,
            pools: std::array::from_fn(|_| Pool::new()),
            worlds: Pool::new(),
            actors: Values::new(),
            memo: Memo::new(),
            coverage: AtomicU64::new(0),
            initial: [0; W],
            initial_roles: Vec::new(),
        };
        system.begin();
        system
    }

    /// The initial state: after the setup.
    fn begin(&mut self) {
        let mut start = self.start.clone();
        let done = start.set_up(self.universe, &self.cast, self.policy);
        done.unwrap_or_else(|why| panic!("the setup of {}: {why}", self.universe.name));
        let Start { machine, shared, actors } = start;
        let mut scratch = Scratch { machine, shared, ..self.scratch() };
        let (world, naming) = self.number(&mut scratch);
        let mut numbers = vec![0; actors.len()];
        for actor in actors {
            let actor = naming.as_ref().map_or(actor, |naming| naming.actor(&self.cast, &actor));
            numbers[usize::from(actor.role)] = self.actors.number(&actor);
        }
        self.initial = self.pack(world, &numbers);
        let same = || (0..self.cast.len() as u8).collect();
        self.initial_roles = naming.map_or_else(same, |naming| naming.roles.clone());
    }

    /// The machine before the setup, with everybody idle.
    pub(super) fn start(&self) -> Start {
        self.start.clone()
    }

    /// Which of an actor's operations this is.
    pub(super) fn which(&self, role: usize, op: Op) -> u8 {
        let place = self.cast[role].ops.iter().position(|&one| one == op);
        place.expect("it is in the cast's list") as u8
    }

    /// Who acts.
    pub(super) fn cast(&self) -> &[Cast] {
        &self.cast
    }

    /// What is explored.
    pub(super) const fn universe(&self) -> &Universe {
        self.universe
    }

    /// The place of each role in the initial state.
    pub(super) fn initial_roles(&self) -> &[u8] {
        &self.initial_roles
    }

    /// Where it begins.
    #[must_use]
    pub const fn initial(&self) -> State<W> {
        self.initial
    }

    /// What a thread needs.
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        Scratch {
            machine: self.start.machine.clone(),
            shared: self.start.shared.clone(),
            base: self.world.clone(),
            base_is: u32::MAX,
            base_parts: [0; PARTS],
            same: [false; PARTS],
            parts: Default::default(),
            row: Vec::new(),
            asked: Vec::new(),
            renaming: Renaming::default(),
            choices: Vec::new(),
        }
    }

    /// Bytes taken by parts of states: those that grow with the states, and the memory of
    /// steps, which could do without.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        let parts = self.pools.iter().chain([&self.worlds]).map(Pool::bytes).sum::<u64>();
        let actors = self.actors.len() * (size_of::<Actor>() + 8);
        (parts + actors as u64, self.memo.bytes() + self.renamed.bytes())
    }

    /// Makes room for more steps to be remembered, where it runs out, if that takes at most
    /// so many bytes more.
    pub fn remember_more(&self, bytes: u64) {
        self.memo.grow(bytes / 2);
        self.renamed.grow(bytes / 4);
    }

    /// Questions asked and answers given so far: five bits for each hook.
    #[must_use]
    pub fn coverage(&self) -> u64 {
        self.coverage.load(Relaxed)
    }

    /// What states are made of: parts of worlds, worlds, actors.
    pub(super) const fn interned(&self) -> (&[Pool; PARTS], &Pool, &Values<Actor>) {
        (&self.pools, &self.worlds, &self.actors)
    }

    /// Forgets which steps were worked out, and sets what was covered by them.
    pub(super) fn forget_steps(&self, coverage: u64) {
        self.memo.forget();
        self.coverage.store(coverage, Relaxed);
    }

    fn pack(&self, world: u32, actors: &[u32]) -> State<W> {
        let mut state = [0; W];
        put(&mut state, 0, WORLD_BITS, world.into());
        for (role, &actor) in actors.iter().enumerate() {
            assert!(actor >> self.bits == 0, "too many values of actors for {} bits", self.bits);
            put(&mut state, WORLD_BITS + role as u32 * self.bits, self.bits, actor.into());
        }
        state
    }

    #[inline]
    fn world_of(state: &State<W>) -> u32 {
        state[0] as u32
    }

    #[inline]
    pub(super) fn actor_of(&self, state: &State<W>, role: usize) -> u32 {
        get(state, WORLD_BITS + role as u32 * self.bits, self.bits) as u32
    }

    /// The word of an error that a state stands for.
    #[must_use]
    #[inline]
    pub fn error(&self, state: &State<W>) -> Option<&'static str> {
        let world = Self::world_of(state);
        (world >= ERRORS).then(|| WORDS[(world - ERRORS) as usize])
    }

    /// All that can follow a state, in a fixed order.
    pub fn successors(
        &self,
        scratch: &mut Scratch,
        state: &State<W>,
        found: &mut Vec<Successor<W>>,
    ) {
        found.clear();
        let world = Self::world_of(state);
        if world >= ERRORS {
            return;
        }
        for role in 0..self.cast.len() {
            let actor = self.actor_of(state, role);
            for which in 0..self.choices(scratch, actor) & !BUSY {
                let by = Choice { by: role as u8, which };
                self.follow(scratch, state, world, actor, by, found);
            }
        }
        for which in 0..u8::MAX {
            let by = Choice { by: Choice::SWAP, which };
            if !self.follow(scratch, state, world, 0, by, found) {
                break;
            }
        }
    }

    #[inline]
    fn choices(&self, scratch: &mut Scratch, actor: u32) -> u8 {
        if actor as usize >= scratch.choices.len() {
            let Scratch { choices, .. } = scratch;
            self.actors.each_from(choices.len(), |actor| {
                let ops = self.cast[usize::from(actor.role)].offered;
                choices.push(if actor.op.is_some() {
                    BUSY | 1
                } else if actor.left == 0 {
                    0
                } else {
                    ops
                });
            });
        }
        scratch.choices[actor as usize]
    }

    /// Asks for what is remembered of a state's steps to be brought near.
    #[inline]
    pub fn fetch(&self, scratch: &mut Scratch, state: &State<W>) {
        let world = u64::from(Self::world_of(state)) << 32;
        for role in 0..self.cast.len() {
            let actor = self.actor_of(state, role);
            let choices = self.choices(scratch, actor) & !BUSY;
            for which in 0..choices {
                self.memo.fetch(world | u64::from(actor) << 8 | u64::from(which));
            }
        }
        self.memo.fetch(world | u64::from(SWAP_IO) << 8);
    }

    /// Follows one choice; false if it is not possible.
    #[inline]
    fn follow(
        &self,
        scratch: &mut Scratch,
        state: &State<W>,
        world: u32,
        actor: u32,
        by: Choice,
        found: &mut Vec<Successor<W>>,
    ) -> bool {
        // Values of actors are of one role each, so the role need not be in the key.
        let (actor_key, which) = match by.by {
            Choice::SWAP => (SWAP_IO, by.which),
            _ => (actor, by.which),
        };
        let key = u64::from(world) << 32 | u64::from(actor_key) << 8 | u64::from(which);
        let mut naming = None;
        let remembered = self.memo.get(key).and_then(|value| {
            if value as u8 & flag::RENAMED != 0 {
                naming = Some(self.memo.get(key | WHICH_NAMING)? as u32);
            }
            Some(value)
        });
        let value = remembered.unwrap_or_else(|| {
            let (value, names) = self.work_out(scratch, world, actor, by);
            self.memo.put(key, value);
            if let Some(names) = names {
                self.memo.put(key | WHICH_NAMING, names.into());
            }
            naming = names;
            value
        });
        let flags = value as u8;
        if flags & flag::POSSIBLE == 0 {
            return false;
        }
        let next = (value >> 32) as u32;
        let mut to = *state;
        if next >= ERRORS {
            to = [0; W];
        } else if by.by != Choice::SWAP {
            let place = WORLD_BITS + u32::from(by.by) * self.bits;
            put(&mut to, place, self.bits, value >> 8 & ((1 << MOST_BITS) - 1));
        }
        put(&mut to, 0, WORLD_BITS, next.into());
        if let Some(naming) = naming {
            self.rename(&mut to, naming, by);
        }
        found.push(Successor { state: to, by, flags });
        true
    }

    /// Gives new names to all actors but the one that has them already.
    fn rename(&self, state: &mut State<W>, naming: u32, by: Choice) {
        let names = self.namings.get(naming);
        let before = *state;
        for role in 0..self.cast.len() {
            let actor = self.actor_of(&before, role);
            let named = if role == usize::from(by.by) {
                actor
            } else {
                let key = u64::from(naming) << 32 | u64::from(actor) << 8;
                self.renamed.get(key).unwrap_or_else(|| {
                    let named = names.actor(&self.cast, &self.actors.get(actor));
                    let number = self.actors.number(&named).into();
                    self.renamed.put(key, number);
                    number
                }) as u32
            };
            assert!(named >> self.bits == 0, "too many values of actors for {} bits", self.bits);
            let place = WORLD_BITS + u32::from(names.roles[role]) * self.bits;
            put(state, place, self.bits, named.into());
        }
    }

    /// Follows a choice by working it out: the state, and the new place of each role.
    pub(super) fn follow_slowly(
        &self,
        scratch: &mut Scratch,
        state: &State<W>,
        by: Choice,
    ) -> Option<(State<W>, Option<Vec<u8>>)> {
        let world = Self::world_of(state);
        let actor = if by.by == Choice::SWAP { 0 } else { self.actor_of(state, by.by.into()) };
        let (_, naming) = self.work_out(scratch, world, actor, by);
        let mut found = Vec::new();
        self.follow(scratch, state, world, actor, by, &mut found);
        let roles = naming.map(|naming| self.namings.get(naming).roles.clone());
        found.first().map(|successor| (successor.state, roles))
    }

    /// World and actor that a choice leads to, with flags, as one word, 0 if it is not
    /// possible; and the number of the naming, if names changed.
    #[cold]
    fn work_out(
        &self,
        scratch: &mut Scratch,
        world: u32,
        actor: u32,
        by: Choice,
    ) -> (u64, Option<u32>) {
        self.look_up(scratch, world);
        let before = match by.by {
            Choice::SWAP => None,
            _ => Some(self.actors.get(actor)),
        };
        let waits = match before {
            None => scratch.base.mem.swap_io.len() <= usize::from(by.which),
            Some(Actor { task, op: Some(_), .. }) => {
                !task.top().wants(&scratch.base.mem, &task).available(&scratch.base.mem)
            }
            Some(Actor { role, .. }) => {
                let cast = &self.cast[usize::from(role)];
                !cast.could_begin(&scratch.base, cast.ops[usize::from(by.which)])
            }
        };
        if waits {
            return (0, None);
        }
        self.load(scratch, world);
        let Some(stepped) = self.step(scratch, before, by) else {
            // It may have begun something all the same.
            return (0, None);
        };
        let word = self.word(&scratch.machine, &stepped);
        scratch.same = same_parts(&scratch.machine, &scratch.shared, &scratch.base);
        let (next, naming) = match word {
            Some(word) => {
                let place = WORDS.iter().position(|&one| one == word);
                (ERRORS + place.expect("a word of an error") as u32, None)
            }
            None => self.number(scratch),
        };
        if word.is_some() {
            scratch.same = [false; PARTS];
        }
        let mut flags = stepped.flags;
        let actor = match (before, &naming) {
            (None, _) => 0,
            (_, None) => self.actors.number(&stepped.actor),
            (_, Some(naming)) => self.actors.number(&naming.actor(&self.cast, &stepped.actor)),
        };
        assert!(actor >> self.bits == 0, "too many values of actors for {} bits", self.bits);
        let naming = naming.map(|naming| self.namings.number(&naming));
        flags |= if naming.is_some() { flag::RENAMED } else { 0 };
        (u64::from(next) << 32 | u64::from(actor) << 8 | u64::from(flags), naming)
    }

    /// Brings a world into the scratch machine.
    fn load(&self, scratch: &mut Scratch, world: u32) {
        self.look_up(scratch, world);
        let Scratch { machine, shared, base, same, .. } = scratch;
        machine.mem.copy_parts(&base.mem, *same);
        if !same[PARTS - 1] {
            machine.oracle.copy_from(&base.oracle);
            shared.copy_from(&base.shared);
        }
        machine.fault = None;
        *same = [false; PARTS];
    }

    /// Brings a world into the scratch's base.
    fn look_up(&self, scratch: &mut Scratch, world: u32) {
        if scratch.base_is == world {
            return;
        }
        let Scratch { base, base_parts, parts, row, .. } = scratch;
        self.worlds.row(world, row);
        for (part, pool) in self.pools.iter().enumerate() {
            let number = row[part * 4..part * 4 + 4].try_into().expect("four bytes");
            base_parts[part] = u32::from_le_bytes(number);
            pool.row(base_parts[part], &mut parts[part]);
        }
        base.unpack(parts);
        scratch.base_is = world;
        scratch.same = [false; PARTS];
    }

    /// The number of the world that the scratch machine has come to, and the names that it
    /// was given.
    fn number(&self, scratch: &mut Scratch) -> (u32, Option<Arc<Naming>>) {
        let based = scratch.base_is != u32::MAX;
        let Scratch { machine, shared, parts, row, renaming, base, base_parts, same, .. } = scratch;
        // Most stages change one part, or none.
        if *same == [true; PARTS] {
            return (scratch.base_is, None);
        }
        let from = based.then_some(&*base);
        let mut known = forget_since(machine, shared, self.unheeded, (from, *same));
        let symmetry = self.reductions.symmetry;
        let naming =
            if symmetry { self.symmetries.rename(machine, shared, renaming) } else { None };
        if symmetry {
            known = [false; PARTS];
        }
        if naming.is_some() || from.is_none_or(|from| !same_numbers(machine, from, known)) {
            rank(machine);
            known = [false; PARTS];
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
        let number = self.worlds.number(row);
        assert!(number < ERRORS, "too many worlds");
        (number, naming)
    }

    /// Makes a choice on the scratch machine; none if it is not possible.
    fn step(&self, scratch: &mut Scratch, actor: Option<Actor>, by: Choice) -> Option<Stepped> {
        let Scratch { machine, shared, asked, .. } = scratch;
        asked.clear();
        let stepped = self.step_on(machine, shared, actor, by, Some(asked));
        let bits =
            scratch.asked.iter().fold(0, |bits, asked| bits | bit(asked.hook, asked.answer.code));
        if bits & !self.coverage.load(Relaxed) != 0 {
            self.coverage.fetch_or(bits, Relaxed);
        }
        stepped
    }

    /// The word of the error that a state is: it stands for one, or one is found when
    /// nobody does anything and everything is looked at.
    #[inline]
    pub fn verdict(&self, scratch: &mut Scratch, state: &State<W>) -> Option<&'static str> {
        if let Some(word) = self.error(state) {
            return Some(word);
        }
        if !self.quiet(scratch, state) {
            return None;
        }
        let world = Self::world_of(state);
        let key = u64::from(world) << 32 | u64::from(LOOK) << 8;
        let value = self.memo.get(key).unwrap_or_else(|| {
            let word = self.look(scratch, world);
            let place = word.and_then(|word| WORDS.iter().position(|&one| one == word));
            let value = place.map_or(0, |place| place as u64 + 1);
            self.memo.put(key, value);
            value
        });
        value.checked_sub(1).map(|place| WORDS[place as usize])
    }

    /// Looks at everything in a world in which nobody does anything.
    fn look(&self, scratch: &mut Scratch, world: u32) -> Option<&'static str> {
        self.load(scratch, world);
        let machine = &mut scratch.machine;
        machine.oracle.sweep(&machine.mem);
        let findings = std::mem::take(&mut machine.oracle.findings);
        let error = findings.iter().find(|finding| finding.kind.is_error());
        if let Some(finding) = error {
            return Some(Kind::word(finding.kind));
        }
        let mem = &mut machine.mem;
        let held = mem.holders.iter().any(|holder| holder.pfn.is_some());
        let exited = mem.mms.iter().all(|mm| !mm.alive);
        if exited && !held && mem.swap_io.is_empty() {
            mem.lru_add_drain();
            mem.audit_touched();
            if mem.violation.is_some() || mem.audit_end().is_some() {
                return Some("BUG");
            }
        }
        None
    }

    /// Whether everybody is idle in a state.
    #[inline]
    fn quiet(&self, scratch: &mut Scratch, state: &State<W>) -> bool {
        (0..self.cast.len())
            .all(|role| self.choices(scratch, self.actor_of(state, role)) & BUSY == 0)
    }

    /// The word of the outcome, where nothing follows.
    pub(super) fn end(&self, scratch: &mut Scratch, state: &State<W>) -> &'static str {
        if self.quiet(scratch, state) { "ok" } else { "DEADLOCK" }
    }

    /// Who is in the middle of an operation, as bits.
    pub(super) fn busy(&self, scratch: &mut Scratch, state: &State<W>) -> u32 {
        if self.error(state).is_some() {
            return 0;
        }
        let busy = |role| self.choices(scratch, self.actor_of(state, role)) & BUSY != 0;
        let bits = (0..self.cast.len()).map(busy).enumerate();
        bits.fold(0, |bits, (role, busy)| bits | u32::from(busy) << role)
    }

    /// Whether somebody who is in the middle of an operation sleeps for a while.
    pub(super) fn sleeps(&self, scratch: &mut Scratch, state: &State<W>, role: usize) -> bool {
        self.load(scratch, Self::world_of(state));
        let task = self.actor(state, role).task;
        task.top().wants(&scratch.machine.mem, &task).until == Until::Tick
    }

    /// The new place of each role after a choice that changes names.
    pub(super) fn roles(
        &self,
        scratch: &mut Scratch,
        state: &State<W>,
        by: Choice,
    ) -> Option<Vec<u8>> {
        let actor = match by.by {
            Choice::SWAP => SWAP_IO,
            role => self.actor_of(state, role.into()),
        };
        let world = u64::from(Self::world_of(state));
        let key = world << 32 | u64::from(actor) << 8 | u64::from(by.which) | WHICH_NAMING;
        match self.memo.get(key) {
            Some(naming) => Some(self.namings.get(naming as u32).roles.clone()),
            None => self.follow_slowly(scratch, state, by)?.1,
        }
    }

    /// One actor of a state.
    pub(super) fn actor(&self, state: &State<W>, role: usize) -> Actor {
        self.actors.get(self.actor_of(state, role))
    }
}

impl<const W: usize> Model<W> for System<'_, W> {
    type Scratch = Scratch;

    fn scratch(&self) -> Scratch {
        self.scratch()
    }

    fn initial(&self) -> State<W> {
        self.initial()
    }

    #[inline]
    fn error(&self, state: &State<W>) -> Option<&'static str> {
        self.error(state)
    }

    #[inline]
    fn verdict(&self, scratch: &mut Scratch, state: &State<W>) -> Option<&'static str> {
        self.verdict(scratch, state)
    }

    fn end(&self, scratch: &mut Scratch, state: &State<W>) -> &'static str {
        self.end(scratch, state)
    }

    #[inline]
    fn successors(&self, scratch: &mut Scratch, state: &State<W>, found: &mut Vec<Successor<W>>) {
        self.successors(scratch, state, found);
    }

    #[inline]
    fn fetch(&self, scratch: &mut Scratch, state: &State<W>) {
        self.fetch(scratch, state);
    }

    fn bytes(&self) -> (u64, u64) {
        self.bytes()
    }

    fn remember_more(&self, bytes: u64) {
        self.remember_more(bytes);
    }

    fn coverage(&self) -> u64 {
        self.coverage()
    }

    fn forget_steps(&self, coverage: u64) {
        self.forget_steps(coverage);
    }
}
