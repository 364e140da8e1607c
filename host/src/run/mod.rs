//! Runs a scenario under a policy and makes its trace.
//!
//! Who runs when is fixed here, and every comparison rests on it:
//!
//! 1. A step starts an operation on its actor and runs it until it is done, is
//!    told to stop (`until`), or has to wait.
//! 2. An actor that still has something to do when its next step comes goes on
//!    with that first. If it has to wait again, the new step is not run: its
//!    result is `cannot run`; likewise if it names a process or request that never
//!    came to be. This is what happens to a schedule on which policies have come
//!    apart.
//! 3. After each step, whoever was woken runs on, in the order in which the actors
//!    first appear, and swap IO completes unless the area is on hold; both until
//!    nothing moves. Stopped actors stay stopped until `continue` or the end.
//! 4. Who sleeps for a while (migration waiting for a count, hot-remove between two
//!    passes) sleeps until the end of the next step.
//! 5. At the end, stopped actors go on, and what every process would see is
//!    compared with what it is entitled to.

mod act;
mod explain;
mod fact;
mod inject;
mod judge;
mod names;
mod observe;
mod operation;
mod places;
mod result;
mod saw;
mod script;
mod setup;
mod stand;
mod state;
mod walk;

use crate::lock::Until;
use crate::machine::Machine;
use crate::mm::audit::Violation;
use crate::mm::{Change, Costs as MmCosts, Counters, TaskId};
use crate::policy::Policy;
use crate::routines::{Asked, Routine};
use crate::scenario::{Act, Scenario, Step};
use crate::trace::{Costs, Event, StepTrace, Trace};
use judge::Scans;
use names::Names;
use observe::Observer;
use operation::Operation;
use result::Wording;
use std::collections::VecDeque;

pub use observe::{Observed, observe};
pub(crate) use script::Script;
pub(crate) use setup::{MAP_ALIGN, machine_of};
pub(crate) use stand::{Common, Stand};
pub(crate) use walk::{End, Move, Moved, Walk, is_error};

/// Stages that one step may take before it counts as making no progress: no step of the
/// built-in scenarios takes more than 250 under any bundled policy, but grafts exist under
/// which a fault repeats for ever.
const MAX_STAGES: u64 = 100_000;

/// How to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How page counts are kept.
    pub counters: Counters,
    /// Drain the LRU pagevecs after each step, as whoever looks at a kernel does before.
    pub drain: bool,
    /// Stages that one step may take before it counts as making no progress.
    pub max_stages: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { counters: Counters::default(), drain: false, max_stages: MAX_STAGES }
    }
}

/// Runs a scenario under a policy.
#[must_use]
pub fn run(scenario: &Scenario, policy: &Policy, options: Options) -> Trace {
    let mut runner = Runner::new(scenario, policy, options);
    runner.run(scenario);
    runner.into_trace(scenario)
}

/// What an actor has still to do.
#[derive(Clone, Debug, Default)]
struct Work {
    /// Operations that follow the one that its task is at.
    queue: VecDeque<Operation>,
    /// Stopped by `until`.
    stopped: bool,
    /// Waiting, and said so.
    waiting: bool,
    /// The process is being forked: it cannot run before fork returns.
    unborn: bool,
    /// The while that it sleeps for is over (rule 4).
    awake: bool,
    /// The step that its operations are from.
    begun: u32,
}

#[derive(Clone)]
struct Runner<'a> {
    options: Options,
    machine: Machine,
    policy: &'a Policy,
    names: Names,
    work: Vec<Work>,
    /// Wording of the operation that each task is at.
    current: Vec<Option<Wording>>,
    /// What each task's operation met.
    saw: Vec<saw::Saw>,
    steps: Vec<StepTrace>,
    events: Vec<Event>,
    results: Vec<String>,
    scans: Scans,
    /// Swap entries in use when swapoff was started.
    to_unuse: u64,
    /// The step that used up its stages.
    no_progress: Option<String>,
    findings_seen: usize,
    asked: Vec<Asked>,
    injected: Vec<setup::Injected>,
    /// A stage name that the actor of this step stops after.
    until: Option<String>,
    /// Who wants to know what each step shows, if anybody.
    observer: Option<Box<Observer>>,
}

impl<'a> Runner<'a> {
    fn new(scenario: &Scenario, policy: &'a Policy, options: Options) -> Self {
        let (machine, names) = setup::build(scenario, options.counters);
        let mut runner = Self {
            options,
            machine,
            policy,
            names,
            work: Vec::new(),
            current: Vec::new(),
            saw: Vec::new(),
            steps: Vec::new(),
            events: Vec::new(),
            results: Vec::new(),
            scans: Scans::default(),
            to_unuse: 0,
            no_progress: None,
            findings_seen: 0,
            asked: Vec::new(),
            injected: Vec::new(),
            until: None,
            observer: None,
        };
        runner.machine.mem.changes = Some(Box::default());
        runner.grow();
        runner
    }

    /// Makes room for tasks that were added.
    fn grow(&mut self) {
        self.work.resize_with(self.machine.tasks.len(), Work::default);
        self.current.resize_with(self.machine.tasks.len(), || None);
        self.saw.resize_with(self.machine.tasks.len(), saw::Saw::default);
    }

    fn run(&mut self, scenario: &Scenario) {
        for step in &scenario.steps {
            if self.machine.halted() || self.no_progress.is_some() {
                break;
            }
            self.step(step);
        }
        self.finish();
    }

    /// Number of the step that runs, from 1.
    fn number(&self) -> u32 {
        self.steps.len() as u32 + 1
    }

    fn step(&mut self, step: &Step) {
        self.wake_sleepers();
        self.until.clone_from(&step.until);
        self.act(step);
        self.until = None;
        self.settle();
        if self.options.drain {
            self.machine.mem.lru_add_drain();
        }
        self.observe_step(step);
        self.end_step(&step.actor, &step_text(step));
    }

    fn end_step(&mut self, actor: &str, text: &str) {
        self.note_trouble();
        if self.machine.mem.violation.is_none() {
            self.machine.mem.violation = self.machine.audit(self.policy);
        }
        let result = self.result();
        self.steps.push(StepTrace {
            number: self.number(),
            actor: actor.to_string(),
            text: text.to_string(),
            result,
            events: std::mem::take(&mut self.events),
            state: state::hash(&self.machine.mem),
        });
    }

    /// What came of the step: a finding before anything else.
    fn result(&mut self) -> String {
        let results = std::mem::take(&mut self.results);
        let finding = self.events.iter().find_map(|event| match event {
            Event::Finding(finding) => Some(finding.word.clone()),
            _ => None,
        });
        let merged = || if results.is_empty() { "-".to_string() } else { result::merge(&results) };
        finding.unwrap_or_else(merged)
    }

    /// Writes down violations, policy faults and findings that are new.
    fn note_trouble(&mut self) {
        while let Some(finding) = self.machine.oracle.findings.get(self.findings_seen) {
            let text = self.names.finding(finding);
            self.events.push(Event::Finding(text));
            self.findings_seen += 1;
        }
    }

    /// Runs an actor until it is done, stopped or waiting. True if it ran at all.
    fn run_task(&mut self, id: TaskId, until: Option<&str>) -> bool {
        let mut ran = false;
        let budget = self.machine.stages + self.options.max_stages;
        loop {
            if self.machine.halted() {
                return ran;
            }
            if self.machine.tasks[id.index()].idle() {
                self.finish_operation(id);
                if !self.begin_next(id) {
                    return ran;
                }
            }
            if self.sleeps(id) && !self.work[id.index()].awake {
                self.wait(id);
                return ran;
            }
            let stage = self.machine.tasks[id.index()].top().stage();
            if !self.machine.try_step(id, self.policy, Some(&mut self.asked)) {
                if self.complete_swap_io_for(id) {
                    continue;
                }
                self.wait(id);
                return ran;
            }
            ran = true;
            self.name_data(id);
            self.observe_stage(id);
            self.work[id.index()].waiting = false;
            self.work[id.index()].awake = false;
            self.record(id, stage);
            if until == Some(stage) {
                self.stop(id, stage);
                return true;
            }
            if self.machine.stages >= budget {
                self.no_progress = Some(self.names.task(id));
                return true;
            }
        }
    }

    /// Writes down what the stage that has just run did.
    fn record(&mut self, id: TaskId, stage: &str) {
        self.saw[id.index()].stage(stage);
        let task = self.names.task(id);
        self.events.push(Event::Stage { task, stage: stage.to_string() });
        for asked in std::mem::take(&mut self.asked) {
            self.scans.asked(&asked);
            let question = explain::question(&self.machine, &self.names, self.policy, &asked);
            self.events.push(Event::Asked(Box::new(question)));
        }
        self.record_changes();
        self.note_trouble();
    }

    fn record_changes(&mut self) {
        let changes = self.machine.mem.changes.as_mut().map(|log| std::mem::take(&mut log.0));
        for change in changes.unwrap_or_default() {
            match change {
                Change::Pte { vma, address, old, new } if old != new => {
                    let place = self.names.place(&self.machine.mem, vma, address);
                    let (old, new) = (old.to_string(), new.to_string());
                    self.events.push(Event::Pte { place, old, new });
                }
                Change::Page { pfn, old } => {
                    let (old, new) = explain::page_change(&self.machine.mem, pfn, &old);
                    if old != new {
                        self.events.push(Event::Page { page: pfn.0, old, new });
                    }
                }
                Change::Pte { .. } => {}
            }
        }
    }

    /// What was stored or submitted in the stage that has just run gets a name.
    fn name_data(&mut self, id: TaskId) {
        let step = self.number();
        match &self.current[id.index()] {
            Some(Wording::Store(place)) => {
                let name = format!("the store to {place} of step {step}");
                self.names.name_token(&self.machine.mem, name);
            }
            Some(Wording::Held(_)) => self.names.name_requests(&self.machine.mem),
            _ => {}
        }
    }

    fn wait(&mut self, id: TaskId) {
        if std::mem::replace(&mut self.work[id.index()].waiting, true) {
            return;
        }
        let wants = self.machine.wants(id);
        let owner = [wants.take, wants.free].iter().find_map(|l| l.owner(&self.machine.mem));
        let by = owner.map(|o| format!(", held by {}", self.names.task(o))).unwrap_or_default();
        let task = self.names.task(id);
        self.events.push(Event::Waits { task, on: format!("{wants}{by}") });
    }

    fn stop(&mut self, id: TaskId, stage: &str) {
        let task = self.names.task(id);
        self.events.push(Event::Stopped { task, stage: stage.to_string() });
        if self.machine.tasks[id.index()].idle() {
            return;
        }
        self.work[id.index()].stopped = true;
        self.results.push("stopped".to_string());
    }

    /// The task's operation is over: says what came of it.
    fn finish_operation(&mut self, id: TaskId) {
        if let Some(wording) = self.current[id.index()].take() {
            let ret = self.machine.tasks[id.index()].ret;
            self.observe_end(id, &wording, ret);
            let result = self.word(&wording, ret, id);
            self.results.push(result);
        }
    }

    /// Starts the task's next operation, if there is one with anything to do.
    fn begin_next(&mut self, id: TaskId) -> bool {
        while let Some(operation) = self.work[id.index()].queue.pop_front() {
            match self.make(id, &operation.make) {
                Ok(routine) => {
                    self.start(id, routine, operation.word);
                    return true;
                }
                Err(nothing) => {
                    self.observe_nothing(id, &operation.make);
                    self.results.push(nothing);
                }
            }
        }
        false
    }

    fn start(&mut self, id: TaskId, routine: Routine, wording: Wording) {
        self.machine.start(id, routine);
        self.current[id.index()] = Some(wording);
    }

    /// A waiting task waits for swap IO of an area that is not on hold: the oldest
    /// request completes.
    fn complete_swap_io_for(&mut self, id: TaskId) -> bool {
        let wants = self.machine.wants(id);
        let Some(page) = judge::page_waited_for(&wants) else {
            return false;
        };
        let mem = &self.machine.mem;
        let position = mem
            .swap_io
            .iter()
            .position(|io| io.pfn == page && !mem.areas[io.entry.area() as usize].hold);
        let Some(position) = position else {
            return false;
        };
        self.complete_swap_io(position, true);
        true
    }

    fn complete_swap_io(&mut self, position: usize, ok: bool) {
        let io = self.machine.complete_swap_io(position, ok);
        let (page, entry) = (io.pfn.0, io.entry.to_string());
        self.events.push(Event::SwapIo { page, entry, write: io.write, ok });
        self.record_changes();
    }

    /// Rule 3: until nothing moves.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for id in (0..self.machine.tasks.len() as u16).map(TaskId) {
                let work = &self.work[id.index()];
                let idle = self.machine.tasks[id.index()].idle() && work.queue.is_empty();
                if !idle && !work.stopped && self.no_progress.is_none() {
                    moved |= self.run_task(id, None);
                }
            }
            let mem = &self.machine.mem;
            let free = mem.swap_io.iter().position(|io| !mem.areas[io.entry.area() as usize].hold);
            if let Some(position) = free {
                self.complete_swap_io(position, true);
                moved = true;
            }
            if !moved || self.machine.halted() {
                return;
            }
        }
    }

    /// Whether a task sleeps for a while.
    fn sleeps(&self, id: TaskId) -> bool {
        self.machine.wants(id).until == Until::Tick
    }

    /// Rule 4: whoever sleeps now may go on in this step. True if anybody does.
    fn wake_sleepers(&mut self) -> bool {
        let mut any = false;
        for id in (0..self.machine.tasks.len() as u16).map(TaskId) {
            let awake = self.sleeps(id);
            self.work[id.index()].awake = awake;
            any |= awake;
        }
        any
    }

    /// Rule 5.
    fn finish(&mut self) {
        for work in &mut self.work {
            work.stopped = false;
        }
        for area in &mut self.machine.mem.areas {
            area.hold = false;
        }
        self.settle();
        while self.wake_sleepers() && !self.machine.halted() && self.no_progress.is_none() {
            self.settle();
        }
        if !self.machine.halted() {
            let machine = &mut self.machine;
            machine.oracle.sweep(&machine.mem);
            let exited = machine.mem.mms.iter().all(|mm| !mm.alive);
            let held = machine.mem.holders.iter().any(|holder| holder.pfn.is_some());
            machine.mem.violation = machine.audit(self.policy);
            if machine.mem.violation.is_none() && exited && !held {
                // A page that only waits for its turn on the LRU goes with the next drain.
                machine.mem.lru_add_drain();
                machine.mem.audit_touched();
            }
            if machine.mem.violation.is_none() && exited && !held {
                machine.mem.violation = machine.mem.audit_end();
            }
        }
        self.note_violation();
        self.end_step("end", "");
    }

    fn note_violation(&mut self) {
        if let Some(fault) = &self.machine.fault {
            self.events.push(Event::PolicyFault { text: fault.to_string() });
        }
        if let Some(violation) = &self.machine.mem.violation {
            let violation: &Violation = violation;
            self.events.push(Event::Violation { text: violation.to_string() });
        }
    }

    fn into_trace(self, scenario: &Scenario) -> Trace {
        let outcome = judge::outcome(&self);
        Trace {
            scenario: scenario.name.clone(),
            policy: self.policy.name().to_string(),
            steps: self.steps,
            outcome,
            costs: costs(&self.machine.mem.costs),
        }
    }
}

fn step_text(step: &Step) -> String {
    let text = step.text.split_once(':').map_or(step.text.as_str(), |(_, rest)| rest.trim());
    match (&step.until, &step.act) {
        (Some(until), Act::Continue) => format!("continue until {until}"),
        (Some(until), _) => format!("{text} until {until}"),
        (None, _) => text.to_string(),
    }
}

const fn costs(c: &MmCosts) -> Costs {
    Costs {
        copies: c.copies,
        needless_copies: c.needless_copies,
        faults: c.faults,
        scans: c.scans,
        swap_writes: c.swap_writes,
        swap_reads: c.swap_reads,
        migrations: c.migrations,
        unuse: c.unuse,
    }
}
