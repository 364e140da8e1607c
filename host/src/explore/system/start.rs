//! What a universe begins with: everybody idle, and then what process A has done before.

use crate::explore::actor::{Actor, Begun, Cast, Op, cast};
use crate::explore::universe::{Universe, Verb};
use crate::explore::world::{NO_IO, NOBODY, Shared};
use crate::machine::Machine;
use crate::mm::Counters;
use crate::policy::Policy;
use crate::run::machine_of;
use crate::task::Ret;

/// A machine, and who acts on it.
#[derive(Clone)]
pub(in crate::explore) struct Start {
    pub machine: Machine,
    pub shared: Shared,
    pub actors: Vec<Actor>,
}

impl Start {
    /// Before the setup, with everybody who is to act.
    pub fn of(universe: &Universe) -> (Self, Vec<Cast>) {
        let mut machine = machine_of(&universe.scenario(), Counters::Two);
        let cast = cast(universe, &mut machine);
        let shared = Shared {
            born: (1 << universe.processes) - 1,
            forked_by: vec![NOBODY; universe.spaces.into()],
            requests: vec![NO_IO; universe.requests.into()],
            io_failures: universe.failures.io,
        };
        let idle = |(role, cast): (usize, &Cast)| Actor {
            task: machine.tasks[cast.task.index()],
            role: role as u8,
            op: None,
            left: cast.left,
        };
        let actors = cast.iter().enumerate().map(idle).collect();
        (Self { machine, shared, actors }, cast)
    }

    /// Process A does what it has done before, and nobody else does anything, but for swap
    /// IO; or why that cannot be.
    pub fn set_up(
        &mut self,
        universe: &Universe,
        cast: &[Cast],
        policy: &Policy,
    ) -> Result<(), String> {
        for &verb in &universe.setup {
            self.undisturbed(universe, &cast[0], policy, verb)?;
        }
        while !self.machine.mem.swap_io.is_empty() {
            self.machine.complete_swap_io(0, true);
        }
        if let Some(violation) = &self.machine.mem.violation {
            return Err(format!("it ends in a BUG under {}: {violation}", policy.name()));
        }
        Ok(())
    }

    fn undisturbed(
        &mut self,
        universe: &Universe,
        cast: &Cast,
        policy: &Policy,
        verb: Verb,
    ) -> Result<(), String> {
        let Self { machine, shared, actors } = self;
        let word = verb.word();
        let begun = cast.begin(0, universe, machine, shared, Op::Verb(verb, 0));
        if !matches!(begun, Begun::Routine) {
            return Err(format!("A cannot begin {word} there"));
        }
        while !machine.tasks[cast.task.index()].idle() {
            if machine.halted() {
                let why = machine.fault.map_or_else(String::new, |fault| format!(": {fault}"));
                return Err(format!("{word} goes wrong under {}{why}", policy.name()));
            }
            if machine.try_step(cast.task, policy, None) {
                continue;
            }
            if machine.mem.swap_io.is_empty() {
                return Err(format!("A waits for ever in {word}"));
            }
            machine.complete_swap_io(0, true);
        }
        machine.tasks[cast.task.index()].ret = Ret::Done;
        cast.finish(0, machine, shared);
        actors[0].task = machine.tasks[cast.task.index()];
        Ok(())
    }
}

impl Universe {
    /// Why it cannot be explored under a policy: its setup is not possible.
    #[must_use]
    pub fn problem(&self, policy: &Policy) -> Option<String> {
        let (mut start, cast) = Start::of(self);
        start.set_up(self, &cast, policy).err()
    }
}
