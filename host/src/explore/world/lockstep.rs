//! Forgetting changes nothing that anybody can see: two machines make the same choices, one
//! of which forgets after each step and the other one never. Nor do general contents, as long
//! as they can be had.

use super::{Shared, Unheeded, can_be_general, forget, generalise, rank};
use crate::explore::actor::Actor;
use crate::explore::system::{Choice, Reductions, Start, System, error_on, flag};
use crate::explore::universe::{Failures, Grain, Times, Universe, Verb};
use crate::machine::Machine;
use crate::mm::{Mm, Token};
use crate::oracle::Oracle;
use crate::policy::{Policy, resolve};
use crate::scenario::MigrateOrder;

/// What can be seen of a step: not possible, or its flags and error. Not its stages: whoever
/// waits with a pte that was not young may look again.
type Seen = Option<(u8, Option<&'static str>)>;

struct Walker<'a, 'b> {
    system: &'a System<'b, 6>,
    machine: Machine,
    shared: Shared,
    actors: Vec<Actor>,
    forgets: Option<Unheeded>,
    /// Its contents are general; if so, whether they could be made so after the last step.
    general: Option<bool>,
}

impl Walker<'_, '_> {
    /// Makes a choice, if it is possible.
    fn step(&mut self, by: Choice) -> Seen {
        let (mut machine, mut shared) = (self.machine.clone(), self.shared.clone());
        let actor = (by.by != Choice::SWAP).then(|| self.actors[usize::from(by.by)]);
        let stepped = self.system.step_on(&mut machine, &mut shared, actor, by, None)?;
        let word = error_on(&machine);
        if actor.is_some() {
            self.actors[usize::from(by.by)] = stepped.actor;
        }
        if let (Some(proved), Some(unheeded)) = (&mut self.general, self.forgets) {
            *proved = generalise(&mut machine, &mut shared, unheeded);
        }
        machine.oracle.findings.clear();
        (self.machine, self.shared) = (machine, shared);
        self.forget();
        Some((stepped.flags, word))
    }

    fn forget(&mut self) {
        if let Some(unheeded) = self.forgets {
            forget(&mut self.machine, &mut self.shared, unheeded);
            rank(&mut self.machine);
        }
    }

    /// Uses address spaces again that the other one does, so that children get the same
    /// names.
    fn reuse(&mut self, other: &Self) {
        for (index, mm) in self.machine.mem.mms.iter_mut().enumerate() {
            if other.machine.mem.mms.get(index).is_none_or(|mm| *mm == Mm::BLANK) {
                *mm = Mm::BLANK;
                self.shared.born &= !(1 << index);
            }
        }
    }

    /// What every process is entitled to see, by address space, page and sector.
    fn expected(&self) -> Vec<Token> {
        let mem = &self.machine.mem;
        let vmas = mem.vmas.iter().filter(|vma| vma.len > 0);
        let ptes = vmas.flat_map(|vma| vma.ptes..vma.ptes + vma.len);
        ptes.flat_map(|index| self.machine.oracle.expected(index as usize)).collect()
    }

    /// Whether what is equal here is equal in another one.
    fn has_instance(&self, other: &Self) -> bool {
        let (general, all) = (self.expected(), other.expected());
        let zero = |place: usize| general[place] != Token::ZERO || all[place] == Token::ZERO;
        let equal = |a: usize, b: usize| general[a] != general[b] || all[a] == all[b];
        let places = 0..general.len();
        places.clone().all(|a| zero(a) && places.clone().all(|b| equal(a, b)))
    }

    /// Words of what every process would see now, if nobody is at an operation.
    fn swept(&self) -> Vec<&'static str> {
        if self.actors.iter().any(|actor| actor.op.is_some()) {
            return Vec::new();
        }
        let mut oracle: Oracle = self.machine.oracle.clone();
        oracle.sweep(&self.machine.mem);
        oracle.findings.iter().map(|finding| finding.kind.word()).collect()
    }
}

/// The next number of `SplitMix64`.
fn next(random: &mut u64) -> u64 {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*random ^ *random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// What walks came to.
#[derive(Clone, Copy, Debug, Default)]
struct Walked {
    /// Steps that were made.
    steps: u64,
    /// Walks that ended in an error.
    errors: u64,
    /// Walks that ended where contents could not be made general, though nothing was wrong.
    unproved: u64,
}

/// Walks so often, beside a machine that forgets, or one that has general contents, too.
fn walk(universe: &Universe, policy: &Policy, walks: u64, general: bool) -> Walked {
    let system = System::<6>::new(universe, policy, Reductions::NONE);
    let (mut start, cast) = Start::of(universe);
    start.set_up(universe, &cast, policy).expect("the setup is possible");
    let Start { machine, shared, actors } = start;
    let (mut walked, mut random) = (Walked::default(), 1);
    for number in 0..walks {
        let walker = |forgets, general| Walker {
            system: &system,
            machine: machine.clone(),
            shared: shared.clone(),
            actors: actors.clone(),
            forgets,
            general,
        };
        let unheeded = Unheeded::of(universe, policy);
        let mut two = [walker(None, None), walker(Some(unheeded), general.then_some(true))];
        if general {
            let Walker { machine, shared, .. } = &mut two[1];
            assert!(generalise(machine, shared, unheeded));
        }
        two[1].forget();
        let mut made = Vec::new();
        for _ in 0..120 {
            let mut choices = Vec::new();
            for (role, actor) in two[0].actors.iter().enumerate() {
                let many = if actor.op.is_some() { 1 } else { cast[role].offered };
                choices.extend((0..many).map(|which| Choice { by: role as u8, which }));
            }
            let swap = 0..two[0].machine.mem.swap_io.len() as u8;
            choices.extend(swap.map(|which| Choice { by: Choice::SWAP, which }));
            let mut seen = None;
            while seen.is_none() && !choices.is_empty() {
                let by = choices.swap_remove(next(&mut random) as usize % choices.len());
                let both = two.each_mut().map(|one| one.step(by));
                made.push(by);
                let what = || format!("{}: {} {number}: {made:?}", universe.name, policy.name());
                seen = both[0];
                if two[1].general == Some(false) {
                    break;
                }
                assert_eq!(both[0], both[1], "{}", what());
                let [one, other] = &mut two;
                one.reuse(other);
                if seen.is_some_and(|(_, word)| word.is_none()) {
                    assert_eq!(two[0].swept(), two[1].swept(), "{}", what());
                }
                if seen.is_none() {
                    made.pop();
                } else if general {
                    let wrong = |(flags, word): (u8, Option<_>)| {
                        word.is_some() || flags & flag::UNDEFINED != 0
                    };
                    assert!(!seen.is_some_and(wrong), "{}", what());
                    assert!(two[1].has_instance(&two[0]), "{}", what());
                }
            }
            walked.steps += u64::from(seen.is_some());
            let error = seen.is_some_and(|(_, word)| word.is_some());
            walked.errors += u64::from(error);
            walked.unproved += u64::from(two[1].general == Some(false) && !error);
            if seen.is_none() || error || two[1].general == Some(false) {
                break;
            }
        }
    }
    walked
}

fn wild(grain: Grain, order: MigrateOrder) -> Universe {
    let verbs: Vec<_> = Verb::ALL.iter().map(|one| one.0).collect();
    Universe {
        name: format!("{grain:?} {order:?}"),
        spaces: 3,
        pages: 2,
        frames: 6,
        slots: 3,
        requests: 2,
        operations: Times::Always,
        child_operations: Times::Always,
        child_verbs: verbs.clone(),
        verbs,
        reclaim: Times::Always,
        ignore_references: grain == Grain::Operation,
        migrate: Times::Always,
        order,
        failures: Failures { io: 2, ..Failures::default() },
        grain,
        ..Universe::tiny()
    }
}

const POLICIES: [&str; 7] =
    ["vanilla", "vanilla+hugh:try_to_unmap_one", "iwamoto", "hugh", "5.8", "6.1", "7.0"];

#[test]
fn forgetting_changes_no_step() {
    let (mut steps, mut errors) = (0, 0);
    for policy in POLICIES.map(|name| resolve(name).unwrap()) {
        for grain in [Grain::Operation, Grain::Stage] {
            for order in [MigrateOrder::ReplaceFirst, MigrateOrder::UnmapFirst] {
                let all = wild(grain, order);
                let few = Universe {
                    pages: 1,
                    verbs: vec![Verb::Store, Verb::Load, Verb::Fork, Verb::Exit, Verb::DirectRead],
                    child_verbs: vec![Verb::Store, Verb::Load, Verb::Exit, Verb::DirectWrite],
                    migrate: Times::NEVER,
                    ..wild(grain, order)
                };
                let off = Universe { swapoff: true, ..few.clone() };
                // There is not always memory for what swapoff reads.
                let tight = Universe { frames: 3, synchronous_swap: true, ..off.clone() };
                let at_once = Universe { pagevec: 1, ..off.clone() };
                for universe in [all, few, off, tight, at_once] {
                    let walked = walk(&universe, &policy, 60, false);
                    steps += walked.steps;
                    errors += walked.errors;
                }
            }
        }
    }
    println!("{steps} steps, {errors} walks that ended in an error");
    assert!(steps > 200_000 && errors > 10, "{steps} steps, {errors} errors");
}

/// Whoever goes wrong is told apart, and nobody else is, but where a process forks during
/// direct IO, which is undefined.
#[test]
fn general_contents_change_no_step() {
    let verbs = [Verb::Store, Verb::Load, Verb::Fork, Verb::Exit, Verb::DirectRead].to_vec();
    let more = [Verb::MadviseDontneed, Verb::MadvisePageout, Verb::MprotectRead];
    let more = [&verbs[..], &more, &[Verb::MprotectWrite, Verb::Munmap]].concat();
    let mut made = 0;
    for name in POLICIES {
        let policy = resolve(name).unwrap();
        let mut told_apart = 0;
        for order in [MigrateOrder::ReplaceFirst, MigrateOrder::UnmapFirst] {
            let few = Universe {
                verbs: verbs.clone(),
                child_verbs: verbs.clone(),
                fork_during_io: false,
                requests: 1,
                swapoff: true,
                failures: Failures::default(),
                ..wild(Grain::Operation, order)
            };
            let tight = Universe { frames: 3, slots: 2, synchronous_swap: true, ..few.clone() };
            let more = Universe { verbs: more.clone(), fork_during_io: true, ..few.clone() };
            for universe in [&few, &tight, &more, &Universe { requests: 2, ..few.clone() }] {
                assert!(can_be_general(universe));
                let Walked { steps, unproved, .. } = walk(universe, &policy, 60, true);
                told_apart += if universe.fork_during_io { 0 } else { unproved };
                made += steps;
            }
        }
        assert_eq!(told_apart > 0, name == "vanilla+hugh:try_to_unmap_one", "{name}");
    }
    assert!(made > 100_000, "{made} steps");
}
