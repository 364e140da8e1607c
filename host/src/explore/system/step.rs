//! One transition on a machine: an operation begins or goes on, or swap IO completes.

use super::state::{Choice, flag};
use super::{MOST_STAGES, System};
use crate::explore::actor::{Actor, Begun, Op};
use crate::explore::universe::{Grain, Verb};
use crate::explore::world::Shared;
use crate::lock::Until;
use crate::machine::Machine;
use crate::mm::{MmId, SwpEntry, TaskId};
use crate::routines::Asked;
use crate::task::{Ret, Task};

/// What a transition came to, beside what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::explore) struct Stepped {
    /// The actor, afterwards.
    pub actor: Actor,
    /// What happened.
    pub flags: u8,
    /// Stages that ran.
    pub stages: u32,
    /// Swap IO that completed at once, after so many of them.
    pub swap_io: Vec<(u32, SwpEntry)>,
}

impl<const W: usize> System<'_, W> {
    /// Makes a choice on a machine; none if it is not possible.
    pub(in crate::explore) fn step_on(
        &self,
        machine: &mut Machine,
        shared: &mut Shared,
        actor: Option<Actor>,
        by: Choice,
        mut asked: Option<&mut Vec<Asked>>,
    ) -> Option<Stepped> {
        let Some(mut actor) = actor else {
            let position = usize::from(by.which);
            machine.mem.swap_io.get(position)?;
            machine.complete_swap_io(position, true);
            let actor = Actor { task: Task::new(MmId::NONE), role: 0, op: None, left: 0 };
            let flags = flag::POSSIBLE | flag::COMPLETED;
            return Some(Stepped { actor, flags, stages: 0, swap_io: Vec::new() });
        };
        let cast = &self.cast[usize::from(actor.role)];
        let id = cast.task;
        machine.tasks[id.index()] = actor.task;
        let begins = actor.op.is_none();
        if begins {
            if actor.left == 0 {
                return None;
            }
            let op = cast.ops[usize::from(by.which)];
            match cast.begin(actor.role, self.universe, machine, shared, op) {
                Begun::No => return None,
                Begun::AtOnce => {
                    actor.left -= u8::from(actor.left != u8::MAX);
                    let flags = self.seen(machine);
                    return Some(Stepped { actor, flags, stages: 0, swap_io: Vec::new() });
                }
                Begun::Routine => {}
            }
            actor.op = Some(by.which);
            actor.left -= u8::from(actor.left != u8::MAX);
        }
        if !machine.try_step(id, self.policy, asked.as_deref_mut()) {
            return None;
        }
        let (mut stages, mut swap_io) = (1, Vec::new());
        self.complete_at_once(machine, stages, &mut swap_io);
        while self.goes_on(machine, id) {
            if stages >= MOST_STAGES || !machine.try_step(id, self.policy, asked.as_deref_mut()) {
                break;
            }
            stages += 1;
            self.complete_at_once(machine, stages, &mut swap_io);
        }
        let mut flags = self.seen(machine);
        if machine.tasks[id.index()].idle() {
            let op = cast.ops[usize::from(actor.op.expect("it is at one"))];
            flags |= ended(op, machine.tasks[id.index()].ret);
            machine.tasks[id.index()].ret = Ret::Done;
            cast.finish(actor.role, machine, shared);
            actor.op = None;
            if matches!(op, Op::Verb(Verb::Exit, _)) {
                // Whoever gets this address space next begins anew.
                actor.left = cast.left;
            }
        }
        actor.task = machine.tasks[id.index()];
        Some(Stepped { actor, flags, stages, swap_io })
    }

    /// Swap IO that takes no time completes.
    fn complete_at_once(
        &self,
        machine: &mut Machine,
        stages: u32,
        done: &mut Vec<(u32, SwpEntry)>,
    ) {
        while self.universe.synchronous_swap && !machine.mem.swap_io.is_empty() {
            done.push((stages, machine.complete_swap_io(0, true).entry));
        }
    }

    /// Whether a task's next stage belongs to the same transition.
    fn goes_on(&self, machine: &Machine, id: TaskId) -> bool {
        let task = &machine.tasks[id.index()];
        if task.idle() || machine.halted() || !machine.oracle.findings.is_empty() {
            return false;
        }
        match self.universe.grain {
            Grain::Operation => machine.wants(id).until != Until::Tick,
            Grain::Stage => self.reductions.movers && task.top().moves_left(&machine.mem, task),
        }
    }

    fn seen(&self, machine: &Machine) -> u8 {
        let undefined = machine.oracle.findings.iter().any(|finding| !finding.kind.is_error());
        flag::POSSIBLE | if undefined { flag::UNDEFINED } else { 0 }
    }
}

/// The word of the error that a machine has come to.
pub(in crate::explore) fn error_on(machine: &Machine) -> Option<&'static str> {
    if machine.fault.is_some() {
        return Some("POLICY");
    }
    if machine.mem.violation.is_some() {
        return Some("BUG");
    }
    let error = machine.oracle.findings.iter().find(|finding| finding.kind.is_error());
    error.map(|finding| finding.kind.word())
}

/// What an operation that is over came to.
fn ended(op: Op, ret: Ret) -> u8 {
    match op {
        Op::Shrink(..) | Op::Migrate(..) | Op::Verb(Verb::MadvisePageout, _) => match ret {
            Ret::Freed | Ret::Done => flag::REMOVED,
            // There is no room for the page; nobody refused it.
            Ret::NoMemory => 0,
            _ => flag::REFUSED,
        },
        Op::Swapoff => flag::OFF,
        Op::Complete | Op::Fail | Op::Put => flag::COMPLETED,
        _ => 0,
    }
}
