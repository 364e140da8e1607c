//! A walk taken apart, and put together again: what all actors share beside memory and
//! reference memory, and how far each of them is.
//!
//! A move depends on the memories, on what is shared, and on how far its actor is; not on
//! how far the others are. So whoever explores works a move out once for all states that
//! differ in the others alone. Only for walks that nobody reads: no name of a store is kept.

use super::judge::Scans;
use super::names::Names;
use super::operation::Operation;
use super::result::Wording;
use super::setup::Injected;
use super::walk::Walk;
use super::{Runner, Work, saw};
use crate::machine::Machine;
use crate::mm::{MmId, Token};
use crate::oracle::{Finding, Kind};
use crate::task::Task;

/// What actors share beside memory and reference memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Common {
    names: Names,
    injected: Vec<Injected>,
    /// Tasks, idle if they are of an actor.
    tasks: Vec<Task>,
    unborn: Vec<bool>,
    /// What was seen that is merely undefined.
    undefined: Option<Kind>,
}

/// How far one actor is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stand {
    /// Its place in the script.
    actor: u16,
    /// Steps that it is done with.
    done: u16,
    /// Its task, unless it is idle.
    task: Option<Task>,
    /// Operations of its step that are to come.
    queue: Vec<Operation>,
    /// The wording of the one that it is at.
    current: Option<Wording>,
}

impl Stand {
    /// The task of an actor that is in the middle of an operation.
    pub const fn busy(&self) -> Option<&Task> {
        self.task.as_ref()
    }
}

impl Walk<'_> {
    /// What is shared.
    pub fn common(&self) -> Common {
        let Runner { machine, names, injected, work, .. } = &self.runner;
        let mut tasks = machine.tasks.clone();
        for task in (0..self.script.actors.len()).filter_map(|actor| self.task(actor)) {
            tasks[task.index()] = Task::new(tasks[task.index()].mm);
        }
        Common {
            names: names.clone(),
            injected: injected.clone(),
            tasks,
            unborn: work.iter().map(|work| work.unborn).collect(),
            undefined: self.undefined.map(|finding| finding.kind),
        }
    }

    /// Whether this is what is shared.
    pub fn shares(&self, common: &Common) -> bool {
        let Runner { machine, names, injected, work, .. } = &self.runner;
        machine.tasks.len() == common.tasks.len()
            && work.iter().map(|work| work.unborn).eq(common.unborn.iter().copied())
            && self.undefined.map(|finding| finding.kind) == common.undefined
            && *injected == common.injected
            && *names == common.names
            // Whoever is no actor.
            && (0..common.tasks.len()).all(|task| {
                let same = machine.tasks[task] == common.tasks[task];
                let of = |actor: usize| self.task(actor).is_some_and(|id| id.index() == task);
                same || (0..self.script.actors.len()).any(of)
            })
    }

    /// How far an actor is.
    pub fn stand(&self, actor: usize) -> Stand {
        let task = self.task(actor);
        let Runner { machine, work, current, .. } = &self.runner;
        let busy = task.map(|task| machine.tasks[task.index()]);
        let queue = task.map(|task| work[task.index()].queue.iter().map(untold).collect());
        let current = task.and_then(|task| current[task.index()].as_ref());
        Stand {
            actor: actor as u16,
            done: self.done[actor],
            task: busy.filter(|task| *task != Task::new(task.mm)),
            queue: queue.unwrap_or_default(),
            current: current.map(of_nobody),
        }
    }

    /// All that the rest of a walk depends on, as text, put together apart from
    /// [`Walk::common`] and [`Walk::stand`], and nothing forgotten but counts of work.
    #[cfg(test)]
    pub fn whole(&self) -> String {
        let mut machine = self.runner.machine.clone();
        machine.stages = 0;
        machine.mem.costs = crate::mm::Costs::default();
        let Runner { names, injected, work, current, .. } = &self.runner;
        let seen = self.undefined.map(|finding| finding.kind);
        format!("{machine:?} {names:?} {injected:?} {work:?} {current:?} {:?} {seen:?}", self.done)
    }

    /// The machine, to be given other memories.
    pub const fn machine_mut(&mut self) -> &mut Machine {
        &mut self.runner.machine
    }

    /// Begins with what is shared and with every actor at its start; the memories are as
    /// they were set.
    pub fn resume(&mut self, common: &Common) {
        let Runner { machine, names, work, current, saw, injected, scans, .. } = &mut self.runner;
        if *names != common.names {
            names.clone_from(&common.names);
        }
        injected.clone_from(&common.injected);
        machine.tasks.clone_from(&common.tasks);
        machine.fault = None;
        machine.oracle.findings.clear();
        *scans = Scans::default();
        work.resize_with(common.tasks.len(), Work::default);
        for (work, &unborn) in work.iter_mut().zip(&common.unborn) {
            work.queue.clear();
            work.unborn = unborn;
        }
        current.clear();
        current.resize_with(common.tasks.len(), || None);
        saw.clear();
        saw.resize_with(common.tasks.len(), saw::Saw::default);
        self.done.fill(0);
        self.error = None;
        self.undefined = common.undefined.map(|kind| Finding {
            kind,
            mm: MmId::NONE,
            address: 0,
            sector: 0,
            seen: Token::ZERO,
            expected: Token::ZERO,
        });
    }

    /// Puts an actor where it was.
    pub fn put(&mut self, stand: &Stand) {
        let actor = usize::from(stand.actor);
        self.done[actor] = stand.done;
        let Some(task) = self.task(actor) else { return };
        let Runner { machine, work, current, .. } = &mut self.runner;
        if let Some(busy) = stand.task {
            machine.tasks[task.index()] = busy;
        }
        work[task.index()].queue.extend(stand.queue.iter().cloned());
        current[task.index()].clone_from(&stand.current);
    }
}

/// An operation, without what is counted for those who read its result.
fn untold(operation: &Operation) -> Operation {
    Operation { make: operation.make.clone(), word: of_nobody(&operation.word) }
}

fn of_nobody(wording: &Wording) -> Wording {
    match *wording {
        Wording::Scan(what, ..) => Wording::Scan(what, 0, 0),
        ref wording => wording.clone(),
    }
}
