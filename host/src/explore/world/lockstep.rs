//! Forgetting changes nothing that anybody can see: two machines make the same choices, one
//! of which forgets after each step and the other one never.

use super::{Shared, Unheeded, forget, rank};
use crate::explore::actor::Actor;
use crate::explore::system::{Choice, Reductions, Start, System};
use crate::explore::universe::{Failures, Grain, Times, Universe, Verb};
use crate::machine::Machine;
use crate::mm::Mm;
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
}

impl Walker<'_, '_> {
    /// Makes a choice, if it is possible.
    fn step(&mut self, by: Choice) -> Seen {
        let (mut machine, mut shared) = (self.machine.clone(), self.shared.clone());
        let actor = (by.by != Choice::SWAP).then(|| self.actors[usize::from(by.by)]);
        let stepped = self.system.step_on(&mut machine, &mut shared, actor, by, None)?;
        let word = self.system.word(&machine, &stepped);
        if actor.is_some() {
            self.actors[usize::from(by.by)] = stepped.actor;
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

/// Walks so often; how many steps were made, and how many walks ended in an error.
fn walk(universe: &Universe, policy: &Policy, walks: u64) -> (u64, u64) {
    let system = System::<6>::new(universe, policy, Reductions::NONE);
    let (mut start, cast) = Start::of(universe);
    start.set_up(universe, &cast, policy).expect("the setup is possible");
    let Start { machine, shared, actors } = start;
    let (mut steps, mut errors, mut random) = (0, 0, 1);
    for number in 0..walks {
        let walker = |forgets| Walker {
            system: &system,
            machine: machine.clone(),
            shared: shared.clone(),
            actors: actors.clone(),
            forgets,
        };
        let mut two = [walker(None), walker(Some(Unheeded::of(universe, policy)))];
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
                assert_eq!(both[0], both[1], "{}", what());
                seen = both[0];
                let [one, other] = &mut two;
                one.reuse(other);
                if seen.is_some_and(|(_, word)| word.is_none()) {
                    assert_eq!(two[0].swept(), two[1].swept(), "{}", what());
                }
                if seen.is_none() {
                    made.pop();
                }
            }
            steps += u64::from(seen.is_some());
            if seen.is_none_or(|(_, word)| word.is_some()) {
                errors += u64::from(seen.is_some());
                break;
            }
        }
    }
    (steps, errors)
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

#[test]
fn forgetting_changes_no_step() {
    let (mut steps, mut errors) = (0, 0);
    let policies =
        ["vanilla", "vanilla+hugh:try_to_unmap_one", "iwamoto", "hugh", "5.8", "6.1", "7.0"];
    for policy in policies.map(|name| resolve(name).unwrap()) {
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
                    let (made, wrong) = walk(&universe, &policy, 60);
                    steps += made;
                    errors += wrong;
                }
            }
        }
    }
    println!("{steps} steps, {errors} walks that ended in an error");
    assert!(steps > 200_000 && errors > 10, "{steps} steps, {errors} errors");
}
