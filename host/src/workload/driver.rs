//! Runs operations on a machine to their end, one at a time.
//!
//! Swap IO completes, oldest first, when somebody waits and after each batch of
//! reclaim. A policy at fault or a violation ends the workload.

use super::progress::{Phase, Progress};
use super::tally::PhaseTally;
use crate::lock::{Lock, Until};
use crate::machine::Machine;
use crate::mm::{Memory, Pfn, SectorMask, TaskId};
use crate::policy::Policy;
use crate::routines::{Access, Routine};
use crate::task::Ret;

/// A violation or a policy at fault: nothing may run any more.
#[derive(Debug)]
pub(super) struct Halted;

/// Calls of the progress callback in one phase, about.
const TELLS: u64 = 256;

pub(super) struct Driver<'a> {
    pub machine: Machine,
    policy: &'a Policy,
    tell: &'a mut dyn FnMut(Progress),
    progress: Progress,
    began_at: u64,
    phases: Vec<PhaseTally>,
}

impl<'a> Driver<'a> {
    pub fn new(mem: Memory, policy: &'a Policy, tell: &'a mut dyn FnMut(Progress)) -> Self {
        let progress = Progress { phase: Phase::Populate, done: 0, of: 0 };
        let machine = Machine::new(mem);
        Self { machine, policy, tell, progress, began_at: 0, phases: Vec::new() }
    }

    pub fn begin(&mut self, phase: Phase, of: u64) {
        self.progress = Progress { phase, done: 0, of };
        self.began_at = self.machine.stages;
        (self.tell)(self.progress);
    }

    pub fn advance(&mut self, units: u64) {
        let every = (self.progress.of / TELLS).max(1);
        let before = self.progress.done / every;
        self.progress.done += units;
        if self.progress.done / every != before {
            (self.tell)(self.progress);
        }
    }

    pub fn end(&mut self) {
        (self.tell)(self.progress);
        let stages = self.machine.stages - self.began_at;
        self.phases.push(PhaseTally { phase: self.progress.phase, stages });
    }

    pub fn finish(self) -> (Machine, Vec<PhaseTally>) {
        (self.machine, self.phases)
    }

    /// Runs an operation of an idle task to its end.
    pub fn run(&mut self, task: TaskId, routine: impl Into<Routine>) -> Result<Ret, Halted> {
        self.machine.start(task, routine);
        while !self.machine.tasks[task.index()].idle() {
            self.stage(task)?;
        }
        Ok(self.machine.tasks[task.index()].ret)
    }

    /// Runs the next stage of a task, with the swap IO that it waits for.
    #[inline]
    pub fn stage(&mut self, task: TaskId) -> Result<(), Halted> {
        while !self.machine.try_step(task, self.policy, None) {
            let wants = self.machine.wants(task);
            let io = self.machine.mem.swap_io.len();
            assert!(io > 0, "{task:?} waits for {wants} and nothing will come of it");
            self.complete_swap_io();
        }
        if self.machine.halted() { Err(Halted) } else { Ok(()) }
    }

    /// The page whose count migration waits for, while it does.
    #[inline]
    pub fn page_waited_for(&self, task: TaskId) -> Option<Pfn> {
        let wants = self.machine.wants(task);
        match (wants.until, wants.take) {
            (Until::Tick, Lock::Page(pfn)) => Some(pfn),
            _ => None,
        }
    }

    pub fn complete_swap_io(&mut self) {
        while !self.machine.mem.swap_io.is_empty() {
            self.machine.complete_swap_io(0, true);
        }
    }

    pub fn store(&mut self, task: TaskId, address: u32, sectors: SectorMask) -> Result<(), Halted> {
        let ret = self.run(task, Access::store(address, sectors))?;
        assert!(ret == Ret::Done, "a store to {address:#x} came to {ret:?}");
        Ok(())
    }

    pub fn load(&mut self, task: TaskId, address: u32, sectors: SectorMask) -> Result<(), Halted> {
        let ret = self.run(task, Access::load(address, sectors))?;
        assert!(ret == Ret::Done, "a load from {address:#x} came to {ret:?}");
        Ok(())
    }
}
