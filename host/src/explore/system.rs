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
use super::intern::{Known, Values};
use super::model::Model;
use super::naming::{Naming, Symmetries};
use super::universe::Universe;
use super::world::{
    PARTS, Shared, Unheeded, World, can_be_general, forget_since, generalise, rank, same_numbers,
    same_parts,
};
use super::worlds::{Base, Worlds, has_swap_io};
use crate::lock::Until;
use crate::machine::Machine;
use crate::oracle::Kind;
use crate::policy::Policy;
use crate::rename::Renaming;
use crate::routines::Asked;
use state::{LOOK, UNPROVED};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use step::Stepped;
pub(super) use step::error_on;

pub(super) use coverage::{asked_and_answered, bit};
pub(super) use memo::Memo;
pub(super) use start::Start;
pub use state::{Choice, State, Successor, WORDS, flag};
pub(super) use state::{
    ERRORS, Places, SWAP_IO, error_of, key, mixed, outcome, parts_of, place_of, set_world,
    world_of, world_of_error,
};

/// With the number of choices: the actor is at an operation.
const BUSY: u8 = 0x80;

/// A bit of a choice: in place of the step, which naming it leads to.
const WHICH_NAMING: u64 = 0x80;

/// Stages after which an operation that does not stop by itself lets others go on: it goes
/// round until they do.
const MOST_STAGES: u32 = 4_000;

/// Reductions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reductions {
    /// Stages that move left over whatever others do run at once (partial order).
    pub movers: bool,
    /// States that differ in names only are one (symmetry).
    pub symmetry: bool,
    /// States that differ in contents only are one, as long as everybody sees what he is
    /// entitled to see (data independence): with transitions that are operations.
    pub contents: bool,
}

impl Reductions {
    /// All of them.
    pub const ALL: Self = Self { movers: true, symmetry: true, contents: true };
    /// None.
    pub const NONE: Self = Self { movers: false, symmetry: false, contents: false };
}

/// A universe under one policy.
pub struct System<'a, const W: usize> {
    universe: &'a Universe,
    policy: &'a Policy,
    reductions: Reductions,
    cast: Vec<Cast>,
    symmetries: Symmetries,
    unheeded: Unheeded,
    /// Contents are as general as what must be equal allows.
    general: bool,
    namings: Values<Arc<Naming>>,
    renamed: Memo,
    places: Places,
    start: Start,
    /// The start's world: whose layout unpacked worlds have.
    world: World,
    worlds: Worlds,
    actors: Values<Actor>,
    memo: Memo,
    coverage: AtomicU64,
    initial: State<W>,
    /// The place that each role has got in the initial state.
    initial_roles: Vec<u8>,
}

/// What is remembered of one actor in one world.
struct Steps<'a> {
    world: u32,
    actor: u32,
    near: memo::Near<'a>,
}

/// What one thread works with.
pub struct Scratch {
    machine: Machine,
    shared: Shared,
    base: Base,
    /// Which parts of the machine are the base's.
    same: [bool; PARTS],
    asked: Vec<Asked>,
    renaming: Renaming,
    /// Values of actors.
    known: Known<Actor>,
    /// Choices of each actor's value.
    choices: Vec<u8>,
    /// The actors of a state, and the choices of each.
    acting: Vec<(u32, u8)>,
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
        let places = Places::new(W, cast.len());
        let mut system = Self {
            universe,
            policy,
            reductions,
            cast,
            symmetries,
            unheeded: Unheeded::of(universe, policy),
            general: reductions.contents && can_be_general(universe),
            namings: Values::new(),
            renamed: Memo::new(),
            places,
            start,
            world,
            worlds: Worlds::new(),
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
        let Scratch { machine, shared, .. } = &mut scratch;
        self.general = self.general && generalise(machine, shared, self.unheeded);
        let (world, naming) = self.number(&mut scratch);
        let mut numbers = vec![0; actors.len()];
        for actor in actors {
            let actor = naming.as_ref().map_or(actor, |naming| naming.actor(&self.cast, &actor));
            numbers[usize::from(actor.role)] = self.actors.number(&actor);
        }
        self.initial = self.places.state(world, &numbers);
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

    /// What nobody goes by.
    pub(super) const fn unheeded(&self) -> Unheeded {
        self.unheeded
    }

    /// Whether its states stand for all that differ from them in contents: those in which
    /// it goes wrong may be none then.
    pub(super) const fn is_general(&self) -> bool {
        self.general
    }

    /// The place of each role in the initial state.
    pub(super) fn initial_roles(&self) -> &[u8] {
        &self.initial_roles
    }

    /// What states are made of: worlds, actors.
    pub(super) const fn interned(&self) -> (&Worlds, &Values<Actor>) {
        (&self.worlds, &self.actors)
    }

    #[inline(always)]
    pub(super) fn actor_of(&self, state: &State<W>, role: usize) -> u32 {
        self.places.get(state, role)
    }

    /// What an actor can choose, of what is known of each actor's value.
    #[inline(always)]
    fn choices(&self, known: &mut Vec<u8>, actor: u32) -> u8 {
        match known.get(actor as usize) {
            Some(&choices) => choices,
            None => self.choices_of_new(known, actor),
        }
    }

    /// The same for actors that have come to be since.
    #[cold]
    fn choices_of_new(&self, known: &mut Vec<u8>, actor: u32) -> u8 {
        self.actors.each_from(known.len(), |actor| {
            let ops = self.cast[usize::from(actor.role)].offered;
            known.push(if actor.op.is_some() {
                BUSY | 1
            } else if actor.left == 0 {
                0
            } else {
                ops
            });
        });
        known[actor as usize]
    }

    /// What is remembered of an actor, or of swap IO, in a world.
    #[inline(always)]
    fn steps(&self, world: u32, actor: u32) -> Steps<'_> {
        Steps { world, actor, near: self.memo.near(key(world, actor, 0)) }
    }

    /// Sees who is there and what each can choose; all of that together is given back.
    #[inline(always)]
    fn look_round(&self, scratch: &mut Scratch, state: &State<W>) -> u8 {
        let Scratch { acting, choices: known, .. } = scratch;
        let mut all = 0;
        for (role, (actor, choices)) in acting.iter_mut().enumerate() {
            *actor = self.actor_of(state, role);
            *choices = self.choices(known, *actor);
            all |= *choices;
        }
        all
    }

    /// Follows all choices of those that were seen.
    #[inline(always)]
    fn follow_all(&self, scratch: &mut Scratch, state: &State<W>, found: &mut Vec<Successor<W>>) {
        let world = world_of(state);
        for role in 0..scratch.acting.len() {
            let (actor, choices) = scratch.acting[role];
            if choices & !BUSY == 0 {
                continue;
            }
            let steps = self.steps(world, actor);
            for which in 0..choices & !BUSY {
                let by = Choice { by: role as u8, which };
                self.follow(scratch, state, &steps, by, found);
            }
        }
        if has_swap_io(world) {
            let steps = self.steps(world, SWAP_IO);
            for which in 0..u8::MAX {
                let by = Choice { by: Choice::SWAP, which };
                if !self.follow(scratch, state, &steps, by, found) {
                    break;
                }
            }
        }
    }

    /// Follows one choice; false if it is not possible.
    #[inline(always)]
    fn follow(
        &self,
        scratch: &mut Scratch,
        state: &State<W>,
        steps: &Steps<'_>,
        by: Choice,
        found: &mut Vec<Successor<W>>,
    ) -> bool {
        let key = key(steps.world, steps.actor, by.which);
        let remembered = self.memo.get_near(&steps.near, key);
        let value = match remembered {
            Some(value) => value,
            None => self.work_out_and_remember(scratch, steps, by),
        };
        let (next, named, flags) = parts_of(value);
        if flags & flag::POSSIBLE == 0 {
            return false;
        }
        let mut to = *state;
        if next >= ERRORS {
            to = [0; W];
        } else if by.by != Choice::SWAP {
            self.places.set(&mut to, by.by.into(), named);
        }
        set_world(&mut to, next);
        if flags & flag::RENAMED != 0 {
            self.rename(&mut to, steps, by, scratch);
        }
        found.push(Successor { state: to, by, flags });
        true
    }

    #[cold]
    fn work_out_and_remember(&self, scratch: &mut Scratch, of: &Steps<'_>, by: Choice) -> u64 {
        let (value, naming) = self.work_out(scratch, of.world, of.actor, by);
        let key = key(of.world, of.actor, by.which);
        self.memo.put(key, value);
        if let Some(naming) = naming {
            self.memo.put(key | WHICH_NAMING, naming.into());
        }
        value
    }

    /// The naming that a choice leads to, which changes names.
    fn naming(&self, scratch: &mut Scratch, of: &Steps<'_>, by: Choice) -> u32 {
        let key = key(of.world, of.actor, by.which) | WHICH_NAMING;
        if let Some(naming) = self.memo.get_near(&of.near, key) {
            return naming as u32;
        }
        let (_, naming) = self.work_out(scratch, of.world, of.actor, by);
        let naming = naming.expect("it changes names, whoever works it out");
        self.memo.put(key, naming.into());
        naming
    }

    /// Gives new names to all actors but the one that has them already.
    #[inline(never)]
    fn rename(&self, state: &mut State<W>, of: &Steps<'_>, by: Choice, scratch: &mut Scratch) {
        let naming = self.naming(scratch, of, by);
        let names = self.namings.get(naming);
        let before = *state;
        for role in 0..self.cast.len() {
            let actor = self.actor_of(&before, role);
            let named = if role == usize::from(by.by) {
                actor
            } else {
                let key = key(naming, actor, 0);
                self.renamed.get(key).unwrap_or_else(|| {
                    let actor = self.actors.get_known(&mut scratch.known, actor);
                    let named = names.actor(&self.cast, &actor);
                    let number = self.actors.number_known(&mut scratch.known, &named).into();
                    self.renamed.put(key, number);
                    number
                }) as u32
            };
            self.places.set(state, names.roles[role].into(), named);
        }
    }

    /// Follows a choice by working it out: the state, and the new place of each role.
    pub(super) fn follow_slowly(
        &self,
        scratch: &mut Scratch,
        state: &State<W>,
        by: Choice,
    ) -> Option<(State<W>, Option<Vec<u8>>)> {
        let world = world_of(state);
        let swap_io = by.by == Choice::SWAP;
        let actor = if swap_io { SWAP_IO } else { self.actor_of(state, by.by.into()) };
        let (_, naming) = self.work_out(scratch, world, actor, by);
        let mut found = Vec::new();
        self.follow(scratch, state, &self.steps(world, actor), by, &mut found);
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
            _ => Some(self.actors.get_known(&mut scratch.known, actor)),
        };
        let waits = match before {
            None => scratch.base.world.mem.swap_io.len() <= usize::from(by.which),
            Some(Actor { task, op: Some(_), .. }) => {
                !task.top().wants(&scratch.base.world.mem, &task).available(&scratch.base.world.mem)
            }
            Some(Actor { role, .. }) => {
                let cast = &self.cast[usize::from(role)];
                !cast.could_begin(&scratch.base.world, cast.ops[usize::from(by.which)])
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
        let word = error_on(&scratch.machine);
        scratch.same = same_parts(&scratch.machine, &scratch.shared, &scratch.base.world);
        let word = word.or_else(|| self.unproved(scratch, stepped.flags));
        let (next, naming) = match word {
            Some(word) => (world_of_error(word), None),
            None => self.number(scratch),
        };
        if word.is_some() {
            scratch.same = [false; PARTS];
        }
        let mut flags = stepped.flags;
        let actor = match (before, &naming) {
            (None, _) => 0,
            (_, None) => self.actors.number_known(&mut scratch.known, &stepped.actor),
            (_, Some(naming)) => {
                let actor = naming.actor(&self.cast, &stepped.actor);
                self.actors.number_known(&mut scratch.known, &actor)
            }
        };
        let naming = naming.map(|naming| self.namings.number(&naming));
        flags |= if naming.is_some() { flag::RENAMED } else { 0 };
        (outcome(next, actor, flags), naming)
    }

    /// Makes contents general; the word for it if they cannot be.
    fn unproved(&self, scratch: &mut Scratch, flags: u8) -> Option<&'static str> {
        // Of what was seen and is undefined it is not certain that it is not an error.
        let undefined = flags & flag::UNDEFINED != 0;
        if !self.general || !undefined && scratch.same == [true; PARTS] {
            return None;
        }
        scratch.same = [false; PARTS];
        let Scratch { machine, shared, .. } = scratch;
        let proved = !undefined && generalise(machine, shared, self.unheeded);
        (!proved).then_some(UNPROVED)
    }

    /// Brings a world into the scratch machine.
    fn load(&self, scratch: &mut Scratch, world: u32) {
        self.look_up(scratch, world);
        let Scratch { machine, shared, base, same, .. } = scratch;
        let World { mem, oracle, shared: its } = &base.world;
        machine.mem.copy_parts(mem, *same);
        if !same[PARTS - 1] {
            machine.oracle.copy_from(oracle);
            shared.copy_from(its);
        }
        machine.fault = None;
        *same = [false; PARTS];
    }

    /// Brings a world into the scratch's base.
    fn look_up(&self, scratch: &mut Scratch, world: u32) {
        self.worlds.look_up(world, &mut scratch.base, &mut scratch.same);
    }

    /// The number of the world that the scratch machine has come to, and the names that it
    /// was given.
    fn number(&self, scratch: &mut Scratch) -> (u32, Option<Arc<Naming>>) {
        let Scratch { machine, shared, renaming, base, same, .. } = scratch;
        // Most stages change one part, or none.
        if let (Some(world), true) = (base.is, *same == [true; PARTS]) {
            return (world, None);
        }
        let from = base.is.map(|_| &base.world);
        let mut known = forget_since(machine, shared, self.unheeded, (from, *same));
        let symmetry = self.reductions.symmetry;
        let naming =
            if symmetry { self.symmetries.rename(machine, shared, renaming) } else { None };
        if naming.is_some() {
            known = [false; PARTS];
        }
        if naming.is_some() || from.is_none_or(|from| !same_numbers(machine, from, known)) {
            rank(machine);
            known = [false; PARTS];
        }
        *same = known;
        (self.worlds.number(machine, shared, (base, known), None), naming)
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

    /// The word of the error that is found when everything is looked at in a world in which
    /// nobody does anything.
    fn looked_at(&self, scratch: &mut Scratch, world: u32) -> Option<&'static str> {
        let key = key(world, LOOK, 0);
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
            .all(|role| self.choices(&mut scratch.choices, self.actor_of(state, role)) & BUSY == 0)
    }

    /// Who is in the middle of an operation, as bits.
    pub(super) fn busy(&self, scratch: &mut Scratch, state: &State<W>) -> u32 {
        if self.error(state).is_some() {
            return 0;
        }
        let busy =
            |role| self.choices(&mut scratch.choices, self.actor_of(state, role)) & BUSY != 0;
        let bits = (0..self.cast.len()).map(busy).enumerate();
        bits.fold(0, |bits, (role, busy)| bits | u32::from(busy) << role)
    }

    /// Whether somebody who is in the middle of an operation sleeps for a while.
    pub(super) fn sleeps(&self, scratch: &mut Scratch, state: &State<W>, role: usize) -> bool {
        self.load(scratch, world_of(state));
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
        let key = key(world_of(state), actor, by.which) | WHICH_NAMING;
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
        Scratch {
            machine: self.start.machine.clone(),
            shared: self.start.shared.clone(),
            base: Base::new(self.world.clone()),
            same: [false; PARTS],
            asked: Vec::new(),
            renaming: Renaming::default(),
            known: Known::new(),
            choices: Vec::new(),
            acting: vec![(0, 0); self.cast.len()],
        }
    }

    fn initial(&self) -> State<W> {
        self.initial
    }

    #[inline]
    fn error(&self, state: &State<W>) -> Option<&'static str> {
        error_of(state)
    }

    fn verdict(&self, scratch: &mut Scratch, state: &State<W>) -> Option<&'static str> {
        match self.error(state) {
            None if self.quiet(scratch, state) => self.looked_at(scratch, world_of(state)),
            error => error,
        }
    }

    fn end(&self, scratch: &mut Scratch, state: &State<W>) -> &'static str {
        if self.quiet(scratch, state) { "ok" } else { "DEADLOCK" }
    }

    fn successors(&self, scratch: &mut Scratch, state: &State<W>, found: &mut Vec<Successor<W>>) {
        if self.error(state).is_none() {
            self.look_round(scratch, state);
            self.follow_all(scratch, state, found);
        }
    }

    fn expand(
        &self,
        scratch: &mut Scratch,
        state: &State<W>,
        found: &mut Vec<Successor<W>>,
    ) -> Option<&'static str> {
        let mut word = self.error(state);
        if word.is_none() && self.look_round(scratch, state) & BUSY == 0 {
            word = self.looked_at(scratch, world_of(state));
        }
        if word.is_none() {
            self.follow_all(scratch, state, found);
        }
        word
    }

    #[inline]
    fn fetch(&self, scratch: &mut Scratch, state: &State<W>) {
        let world = world_of(state);
        for role in 0..self.cast.len() {
            let actor = self.actor_of(state, role);
            let choices = self.choices(&mut scratch.choices, actor) & !BUSY;
            if choices > 0 {
                self.memo.fetch(key(world, actor, 0), choices > 1);
            }
        }
        if has_swap_io(world) {
            self.memo.fetch(key(world, SWAP_IO, 0), false);
        }
    }

    fn bytes(&self) -> (u64, u64) {
        let actors = self.actors.len() * (size_of::<Actor>() + 8);
        (self.worlds.bytes() + actors as u64, self.memo.bytes() + self.renamed.bytes())
    }

    fn remember_more(&self, bytes: u64) {
        self.memo.grow(bytes / 2);
        self.renamed.grow(bytes / 4);
    }

    fn coverage(&self) -> u64 {
        self.coverage.load(Relaxed)
    }

    fn forget_steps(&self, coverage: u64) {
        self.memo.forget();
        self.coverage.store(coverage, Relaxed);
    }
}
