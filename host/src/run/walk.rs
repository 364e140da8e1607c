//! A run in which somebody else decides, stage by stage, who is next.
//!
//! The same acts, operations and judgement as [`super::run`]; only rules 1 to 4 of that
//! module do not hold. Each actor has its own steps in their order. A *move* is one stage
//! of one actor, an act that takes no time, or one completion of swap IO. An actor begins
//! a step only when the step's first stage can run, and goes from one operation of a step
//! to the next within a move, as a run does. Whoever chooses moves does so on a clone: a
//! refused move leaves the walk spoiled.

use super::result::Wording;
use super::script::Script;
use super::{Options, Runner, judge};
use crate::lock::Until;
use crate::machine::Machine;
use crate::mm::{IoState, MmId, SwpEntry, TaskId};
use crate::oracle::{Finding, Kind};
use crate::policy::Policy;
use crate::routines::Asked;
use crate::scenario::{Act, ProcessSpec, Scenario, Step};
use crate::task::Ret;

/// One transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// An actor, by its place in the script, runs a stage.
    Actor(u16),
    /// A swap read or write of this entry completes.
    SwapIo(SwpEntry),
}

/// What a move was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Who made it.
    pub by: Move,
    /// The step of the scenario; none: swap IO.
    pub step: Option<usize>,
    /// The stage that ran; none: an act without stages.
    pub stage: Option<&'static str>,
    /// The step began with it.
    pub began: bool,
    /// The step was over with it.
    pub ended: bool,
    /// The stage slept for a while before.
    pub slept: bool,
}

/// What a walk came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The outcome's word, as a run's.
    pub word: &'static str,
    /// What happened; of what somebody saw, only if somebody will read it.
    pub line: String,
}

/// A run in the hands of somebody else.
#[derive(Clone)]
pub(crate) struct Walk<'a> {
    pub(super) runner: Runner<'a>,
    scenario: &'a Scenario,
    pub(super) script: &'a Script,
    /// Steps that each actor is done with.
    pub(super) done: Vec<u16>,
    /// The first error that somebody saw.
    pub(super) error: Option<Finding>,
    /// The first thing seen that is merely undefined.
    pub(super) undefined: Option<Finding>,
    /// Whether stores get names, for those who will read them.
    told: bool,
}

impl<'a> Walk<'a> {
    /// A walk at its start; `told`: somebody will read what it finds.
    pub fn new(
        scenario: &'a Scenario,
        script: &'a Script,
        policy: &'a Policy,
        options: Options,
        told: bool,
    ) -> Self {
        let mut runner = Runner::new(scenario, policy, options);
        runner.machine.mem.changes = None;
        // Kernel threads and IOs get their tasks now: the order in which they are first
        // used must not tell states apart.
        for actor in script.actors.iter().filter(|actor| needs_task(scenario, &actor.name)) {
            let task = runner.machine.add_task(MmId::NONE);
            runner.names.add_task(&actor.name, task, MmId::NONE);
            runner.grow();
        }
        let done = vec![0; script.actors.len()];
        Self { runner, scenario, script, done, error: None, undefined: None, told }
    }

    /// Whether nothing may follow: an error, or a halted machine.
    pub const fn over(&self) -> bool {
        self.error.is_some() || self.runner.machine.halted()
    }

    /// Recounts everything, as a run does after each step.
    pub fn audit(&mut self) {
        let policy = self.runner.policy;
        let machine = &mut self.runner.machine;
        if !machine.halted() {
            machine.mem.violation = machine.audit(policy);
        }
    }

    /// Moves that may be possible: each must still be tried.
    pub fn candidates(&self) -> Vec<Move> {
        if self.over() {
            return Vec::new();
        }
        let actors = (0..self.script.actors.len()).filter(|&actor| self.may_act(actor));
        let mut moves: Vec<_> = actors.map(|actor| Move::Actor(actor as u16)).collect();
        moves.extend(self.swap_io());
        moves
    }

    /// Completions of swap IO that are possible, one of each entry.
    pub fn swap_io(&self) -> impl Iterator<Item = Move> + use<'_, 'a> {
        let swap_io = &self.runner.machine.mem.swap_io;
        let first = |&(place, entry): &(usize, SwpEntry)| {
            swap_io[..place].iter().all(|before| before.entry != entry)
        };
        let entries = swap_io.iter().map(|io| io.entry).enumerate();
        entries.filter(first).map(|(_, entry)| Move::SwapIo(entry))
    }

    /// Whether whoever has just moved does best to go on: his next stage comes to the same
    /// before and after what others do.
    pub fn moves_left(&self, by: Move) -> bool {
        let Move::Actor(actor) = by else { return false };
        let Machine { mem, tasks, .. } = &self.runner.machine;
        let task = self.task(usize::from(actor)).map(|task| &tasks[task.index()]);
        !self.over() && task.is_some_and(|task| !task.idle() && task.top().moves_left(mem, task))
    }

    /// What the policy was asked in the last move.
    pub fn asked(&self) -> &[Asked] {
        &self.runner.asked
    }

    /// The outcome's word, if nothing may follow.
    pub fn word(&self) -> Option<&'static str> {
        self.over().then(|| self.judge().word)
    }

    fn may_act(&self, actor: usize) -> bool {
        match self.task(actor) {
            Some(task) if self.runner.work[task.index()].unborn => false,
            Some(task) if !self.runner.machine.tasks[task.index()].idle() => {
                self.runner.machine.enabled(task)
            }
            task => self.next(actor).is_some_and(|(_, step)| self.may_begin(task, step)),
        }
    }

    pub(super) fn task(&self, actor: usize) -> Option<TaskId> {
        self.runner.names.task_id(&self.script.actors[actor].name)
    }

    fn next(&self, actor: usize) -> Option<(usize, &'a Step)> {
        let index = *self.script.actors[actor].steps.get(usize::from(self.done[actor]))?;
        Some((index, &self.scenario.steps[index]))
    }

    /// Whether what a step needs has come to be, and its process is still there.
    fn may_begin(&self, task: Option<TaskId>, step: &Step) -> bool {
        let mem = &self.runner.machine.mem;
        if !self.runner.is_there(step) {
            return false;
        }
        let mm = task.map_or(MmId::NONE, |task| self.runner.machine.tasks[task.index()].mm);
        if mm.is_some() && (mem.mms[mm.index()].exiting || !mem.mms[mm.index()].alive) {
            return false;
        }
        if let Some(area) = swap_area(step) {
            return mem.swap_io.iter().any(|io| usize::from(io.entry.area()) == area);
        }
        let io = self.runner.names.io_id(&step.actor);
        io.is_none_or(|io| mem.ios[usize::from(io)].state != IoState::Building)
    }

    /// Makes a move; none: it is not possible now.
    pub fn take(&mut self, by: Move) -> Option<Moved> {
        self.runner.asked.clear();
        let moved = match by {
            Move::Actor(actor) => self.act(usize::from(actor), by),
            Move::SwapIo(entry) => {
                let swap_io = &self.runner.machine.mem.swap_io;
                let position = swap_io.iter().position(|io| io.entry == entry)?;
                self.runner.complete_swap_io(position, true);
                let (began, ended, slept) = (true, true, false);
                Some(Moved { by, step: None, stage: None, began, ended, slept })
            }
        };
        self.runner.events.clear();
        self.runner.results.clear();
        let findings = std::mem::take(&mut self.runner.machine.oracle.findings);
        self.note(&findings);
        moved
    }

    fn note(&mut self, findings: &[Finding]) {
        for finding in findings {
            let first = if finding.kind.is_error() { &mut self.error } else { &mut self.undefined };
            first.get_or_insert(*finding);
        }
    }

    fn act(&mut self, actor: usize, by: Move) -> Option<Moved> {
        if !self.may_act(actor) {
            return None;
        }
        let (index, step) = self.next(actor).expect("asked by may_act");
        let mut moved =
            Moved { by, step: Some(index), stage: None, began: false, ended: false, slept: false };
        let task = self.task(actor);
        if task.is_none_or(|task| self.runner.machine.tasks[task.index()].idle()) {
            moved.began = true;
            moved.ended = !self.begin(step);
        }
        if !moved.ended {
            let task = self.task(actor).expect("it has begun");
            moved.slept = self.runner.machine.wants(task).until == Until::Tick;
            moved.stage = Some(self.runner.machine.tasks[task.index()].top().stage());
            let Runner { machine, policy, asked, .. } = &mut self.runner;
            if !machine.try_step(task, policy, Some(asked)) {
                return None;
            }
            self.name(task, index);
            moved.ended = !self.goes_on(task);
        }
        self.done[actor] += u16::from(moved.ended);
        Some(moved)
    }

    /// Begins a step; false if it is over at once.
    fn begin(&mut self, step: &Step) -> bool {
        if self.runner.act_at_once(step) {
            return false;
        }
        let task = self.runner.task_of(step);
        let operations = self.runner.operations(task, &step.act);
        self.runner.work[task.index()].queue.extend(operations);
        self.runner.begin_next(task)
    }

    /// Whether the step has anything left; its next operation is begun.
    fn goes_on(&mut self, task: TaskId) -> bool {
        if !self.runner.machine.tasks[task.index()].idle() || self.runner.machine.halted() {
            return true;
        }
        self.runner.finish_operation(task);
        let more = self.runner.begin_next(task);
        if !more {
            // What an operation handed back is nobody's any more.
            self.runner.machine.tasks[task.index()].ret = Ret::Done;
        }
        more
    }

    fn name(&mut self, task: TaskId, index: usize) {
        if !self.told {
            return;
        }
        let runner = &mut self.runner;
        match &runner.current[task.index()] {
            Some(Wording::Store(place)) => {
                let name = format!("the store to {place} of step {}", index + 1);
                runner.names.name_token(&runner.machine.mem, name);
            }
            Some(Wording::Held(_)) => runner.names.name_requests(&runner.machine.mem),
            _ => {}
        }
    }

    /// What the walk came to, if nothing follows: everything is looked at once more.
    pub fn end(mut self) -> End {
        if !self.over() {
            let machine = &mut self.runner.machine;
            machine.oracle.sweep(&machine.mem);
            let findings = std::mem::take(&mut machine.oracle.findings);
            let exited = machine.mem.mms.iter().all(|mm| !mm.alive);
            let held = machine.mem.holders.iter().any(|holder| holder.pfn.is_some());
            machine.mem.violation = machine.audit(self.runner.policy);
            if machine.mem.violation.is_none() && exited && !held {
                machine.mem.lru_add_drain();
                machine.mem.audit_touched();
            }
            if machine.mem.violation.is_none() && exited && !held {
                machine.mem.violation = machine.mem.audit_end();
            }
            self.note(&findings);
        }
        self.judge()
    }

    fn judge(&self) -> End {
        let machine = &self.runner.machine;
        if let Some(fault) = &machine.fault {
            return End { word: "POLICY", line: format!("the policy {fault}") };
        }
        if let Some(violation) = &machine.mem.violation {
            return End { word: "BUG", line: violation.to_string() };
        }
        if let Some(finding) = &self.error {
            return self.seen(finding);
        }
        if let Some(line) = judge::deadlock(&self.runner) {
            return End { word: DEADLOCK, line };
        }
        let ok = || "every process sees what it is entitled to".to_string();
        self.undefined.as_ref().map_or_else(|| End { word: OK, line: ok() }, |f| self.seen(f))
    }

    fn seen(&self, finding: &Finding) -> End {
        if !self.told {
            // Of what was undefined, only the kind is known.
            return End { word: finding.kind.word(), line: String::new() };
        }
        let text = self.runner.names.finding(finding);
        let line = format!("{} holds {}, not {}", text.place, text.seen, text.expected);
        End { word: finding.kind.word(), line }
    }

    /// The scenario's name for whoever moves.
    pub fn who(&self, by: Move) -> String {
        match by {
            Move::Actor(actor) => self.script.actors[usize::from(actor)].name.clone(),
            Move::SwapIo(entry) => format!("swap{}", entry.area()),
        }
    }

    /// Why an actor cannot move.
    pub fn refusal(&self, by: Move) -> String {
        let who = self.who(by);
        let Move::Actor(actor) = by else {
            return format!("{who} has no such request");
        };
        let busy = self.task(usize::from(actor)).filter(|task| {
            !self.runner.machine.tasks[task.index()].idle()
                && !self.runner.work[task.index()].unborn
        });
        match busy {
            Some(task) => format!("{who} waits for {}", self.runner.machine.wants(task)),
            None if self.next(usize::from(actor)).is_none() => {
                format!("{who} has nothing left to do")
            }
            None => format!("{who} cannot begin its next step"),
        }
    }
}

/// The outcome of a walk on which nothing was found.
const OK: &str = "ok";

/// The outcome of a walk whose tasks wait for each other.
const DEADLOCK: &str = "DEADLOCK";

/// Whether a word is an error's: the same as a run's would be.
pub(crate) fn is_error(word: &str) -> bool {
    let undefined = [Kind::LostIoFork, Kind::ForkSawIo, Kind::DetachedSharedPin];
    word != OK && !undefined.iter().any(|kind| kind.word() == word)
}

/// The swap area whose oldest request a step fails.
fn swap_area(step: &Step) -> Option<usize> {
    matches!(step.act, Act::Fail).then_some(())?;
    step.actor.strip_prefix("swap")?.parse().ok()
}

/// Whether an actor is a kernel thread or an IO: no process, no child to come, and neither
/// `inject` nor a swap area, which have no task.
fn needs_task(scenario: &Scenario, name: &str) -> bool {
    let of = |p: &ProcessSpec| p.name == name || p.threads.iter().any(|thread| thread == name);
    let child = |step: &Step| matches!(&step.act, Act::Fork(child) if child == name);
    let area = name.strip_prefix("swap").is_some_and(|number| number.parse::<u8>().is_ok());
    let process = scenario.processes.iter().any(of) || scenario.steps.iter().any(child);
    !process && !area && name != "inject"
}
