//! Stages that are said to come to the same before what others do and after: they do.
//!
//! Wherever a random schedule has come to and the next stage of a task moves left, it is run
//! before one move of each other task and of swap IO, and after it; and before and after
//! some moves of everybody else, in which operations begin. Both times everything must be
//! the same: the memory, the tasks, the reference memory, what was found.

use crate::alphabet::{Alphabet, DIRECT, EVERY_HOLD, EVERYTHING};
use crate::world::World;
use cowpath::machine::Machine;
use cowpath::mm::{Counters, TaskId};
use cowpath::policy::{Policy, bundled, resolve};

/// Moves of one schedule.
const MOVES: usize = 1500;
/// Looking at every state costs more than it finds.
const LOOK_EVERY: usize = 7;
/// Moves that others make at most between the two places of the stage.
const OTHERS: usize = 30;

/// A stage that moves left, and where it was met.
struct Mover<'a> {
    policy: &'a Policy,
    task: TaskId,
    place: String,
}

impl Mover<'_> {
    /// Runs the stage, which neither waits nor finds anything.
    fn run(&self, machine: &mut Machine) {
        let found = |machine: &Machine| (machine.oracle.findings.len(), machine.halted());
        let before = found(machine);
        assert!(machine.try_step(self.task, self.policy, None), "{}: waits", self.place);
        assert_eq!(before, found(machine), "{}: found something", self.place);
    }

    /// Before a move and after it.
    fn passes(&self, start: &Machine, name: &str, other: impl Fn(&mut Machine) -> bool) {
        let (mut first, mut last) = (start.clone(), start.clone());
        self.run(&mut first);
        assert!(other(&mut last));
        assert!(other(&mut first), "{}: {name} waits after it", self.place);
        self.run(&mut last);
        self.same(&first, &last, name);
    }

    fn same(&self, first: &Machine, last: &Machine, name: &str) {
        if first == last {
            return;
        }
        let (a, b) = (format!("{first:#?}"), format!("{last:#?}"));
        let differ = a.lines().zip(b.lines()).filter(|(a, b)| a != b).take(10);
        let lines: Vec<_> = differ.map(|(a, b)| format!("{} | {}", a.trim(), b.trim())).collect();
        panic!("{}: not the same before {name} and after: {lines:#?}", self.place);
    }

    /// Each move that another task or swap IO can make; how many there were.
    fn passes_each(&self, start: &Machine) -> u64 {
        let mut moves = 0;
        let others = (0..start.tasks.len() as u16).map(TaskId).filter(|&other| other != self.task);
        for other in others.filter(|&other| start.enabled(other)) {
            let name = start.tasks[other.index()].top().stage();
            self.passes(start, name, |machine| machine.try_step(other, self.policy, None));
            moves += 1;
        }
        for position in 0..start.mem.swap_io.len() {
            for ok in [true, false] {
                self.passes(start, "swap IO", |machine| {
                    machine.complete_swap_io(position, ok);
                    true
                });
                moves += 1;
            }
        }
        moves
    }

    /// Some moves of others in a row.
    fn passes_some(&self, start: &World) {
        let mut first = start.clone();
        first.rest(self.task);
        let mut last = first.clone();
        self.run(&mut first.machine);
        let moves = 1 + last.rng.below(OTHERS);
        first.rng = last.rng.clone();
        for _ in 0..moves {
            if last.machine.halted() {
                break;
            }
            let ran = last.move_others(None, self.policy);
            first.move_others(Some(ran), self.policy);
        }
        self.run(&mut last.machine);
        self.same(&first.machine, &last.machine, "what others did");
    }
}

/// Looks at the left movers of one schedule; how many pairs of moves there were.
fn left_movers(policy: &Policy, alphabet: Alphabet, seed: u64) -> u64 {
    let counters = if seed.is_multiple_of(2) { Counters::Two } else { Counters::Packed };
    let mut world = World::new(seed, alphabet, counters).knowing(crate::ANY);
    let mut pairs = 0;
    for number in 0..MOVES {
        let schedule = format!("{}, {alphabet:?}, seed {seed}, move {number}", policy.name());
        assert_eq!(world.move_on(number, policy), None, "{schedule}");
        if !number.is_multiple_of(LOOK_EVERY) {
            continue;
        }
        let tasks = (0..world.machine.tasks.len() as u16).map(TaskId);
        for task in tasks.filter(|&task| world.machine.moves_left(task)) {
            let stage = world.machine.tasks[task.index()].top().stage();
            let mover = Mover { policy, task, place: format!("{schedule}, {stage}") };
            pairs += mover.passes_each(&world.machine);
            mover.passes_some(&world);
        }
    }
    pairs
}

#[test]
fn a_left_mover_comes_to_the_same_before_what_others_do_and_after() {
    let few = Alphabet { threads: true, swapoff: true, ..Alphabet::default() };
    let held = Alphabet { holds: EVERY_HOLD, mlock: true, mprotect: true, unmap: true, ..few };
    let alphabets = [
        EVERYTHING,
        Alphabet { exit: false, ..EVERYTHING },
        Alphabet { exit: true, migrate: true, ..few },
        Alphabet { page_cluster: 1, ..few },
        Alphabet { migrate: true, pageout: true, two_areas: true, ..held },
        Alphabet { exit: true, holds: DIRECT, move_pages: true, pageout: true, unmap: true, ..few },
    ];
    let mut pairs = 0;
    for policy in bundled() {
        let policy = resolve(policy.id).expect("a bundled policy");
        for (seed, alphabet) in (1..).zip(alphabets) {
            pairs += left_movers(&policy, alphabet, seed);
        }
    }
    assert!(pairs > 10_000, "{pairs} pairs are no test");
}
