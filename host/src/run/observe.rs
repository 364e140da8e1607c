//! What the model shows of itself after each step, in the form of a kernel's transcript.
//!
//! Only what a kernel shows too: ptes, frames by first sight, counts, data, and what a
//! system call returned. Nothing here changes a run, and a run that nobody observes does
//! not come here. Does not know kernels, nor what is compared.

use super::operation::{Make, mask};
use super::result::Wording;
use super::{Options, Runner, judge::Scanned};
use crate::mm::{IoId, IoKind, SECTORS, SectorMask, TaskId, Token, ZERO_PAGE};
use crate::policy::Policy;
use crate::scenario::transcript::{Datum, Labels, Observation, Outcome};
use crate::scenario::{Act, Scenario, Step};
use crate::task::Ret;
use crate::trace::Trace;

/// A run, and what it showed.
#[derive(Clone, Debug)]
pub struct Observed {
    /// What each step showed, facts that are checked aside.
    pub observations: Vec<Observation>,
    /// Why the run ended before its scenario did: a violation, a policy at fault, a step
    /// that does not end. No kernel that wrote a transcript came to that.
    pub stopped: Option<String>,
    /// The run.
    pub trace: Trace,
}

/// Runs a scenario under a policy and writes down what each step shows.
#[must_use]
pub fn observe(scenario: &Scenario, policy: &Policy, options: Options) -> Observed {
    let mut runner = Runner::new(scenario, policy, options);
    runner.observer = Some(Box::new(Observer::new(&scenario.name)));
    runner.run(scenario);
    let observer = runner.observer.take().expect("it was put there");
    let stopped = runner.machine.halted() || runner.no_progress.is_some();
    let trace = runner.into_trace(scenario);
    Observed {
        observations: observer.observations,
        stopped: stopped.then(|| format!("{}: {}", trace.outcome.word, trace.outcome.line)),
        trace,
    }
}

/// What is kept of a run to describe its steps.
#[derive(Clone, Debug)]
pub(super) struct Observer {
    scenario: String,
    observations: Vec<Observation>,
    labels: Labels,
    /// Stores and writes through references: number of the token, step. Ascending.
    stores: Vec<(u32, u32)>,
    /// Tokens up to this number are known.
    known: u32,
    /// What operations of this step came to, and whose they were.
    outcomes: Vec<(TaskId, Outcome)>,
    /// What loads of this step saw, and whose they were; no task: reads through references.
    seen: Vec<(Option<TaskId>, [Option<Token>; SECTORS])>,
}

impl Observer {
    fn new(scenario: &str) -> Self {
        Self {
            scenario: scenario.to_string(),
            observations: Vec::new(),
            labels: Labels::default(),
            stores: Vec::new(),
            known: 0,
            outcomes: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Tokens up to number `seq` that have no author yet are from this step.
    fn stored(&mut self, seq: u32, step: u32) {
        self.stores.extend((self.known + 1..=seq).map(|seq| (seq, step)));
        self.known = seq.max(self.known);
    }
}

const fn sectors(data: [Token; SECTORS], mask: SectorMask) -> [Option<Token>; SECTORS] {
    let [lo, hi] = data;
    [if mask & 1 != 0 { Some(lo) } else { None }, if mask & 2 != 0 { Some(hi) } else { None }]
}

/// What a system call says of an operation; the outcomes of several are one, the last in
/// this order.
const fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Ok => 0,
        Outcome::Moved => 1,
        Outcome::Offline => 2,
        Outcome::Off => 3,
        Outcome::NotPresent => 4,
        Outcome::Busy => 5,
        Outcome::NoMemory => 6,
        Outcome::Fault => 7,
    }
}

impl Runner<'_> {
    /// A stage has run: who stored, and what a load saw.
    pub(super) fn observe_stage(&mut self, id: TaskId) {
        let Some(observer) = &mut self.observer else { return };
        let (mem, task) = (&self.machine.mem, &self.machine.tasks[id.index()]);
        match self.current[id.index()] {
            Some(Wording::Store(_)) => observer.stored(mem.seq, self.work[id.index()].begun),
            // The load is its operation's last stage.
            Some(Wording::Load(address, mask)) if task.idle() && task.ret == Ret::Done => {
                let vma = mem.find_vma(task.mm, address);
                let pfn = vma.and_then(|vma| mem.pte(vma, address).pfn());
                let pfn = pfn.expect("it was loaded from");
                observer.seen.push((Some(id), sectors(mem.page(pfn).data, mask)));
            }
            _ => {}
        }
    }

    /// A reference was read or written through.
    pub(super) fn observe_pin(&mut self, step: &Step) {
        let number = self.number();
        let Some(observer) = &mut self.observer else { return };
        let mem = &self.machine.mem;
        match &step.act {
            Act::PinRead(sectors_read) => {
                let io = self.names.io_id(&step.actor).expect("is_there was asked");
                for holder in mem.holders_of(io) {
                    let pfn = mem.holders[holder.index()].pfn;
                    if pfn.is_some() {
                        let seen = sectors(mem.page(pfn).data, mask(*sectors_read));
                        observer.seen.push((None, seen));
                    }
                }
            }
            Act::PinWrite(_) => observer.stored(mem.seq, number),
            _ => {}
        }
    }

    /// An operation is over.
    pub(super) fn observe_end(&mut self, id: TaskId, wording: &Wording, ret: Ret) {
        let Some(observer) = &mut self.observer else { return };
        let outcome = match (wording, ret) {
            (_, Ret::VmFaultOom | Ret::NoMemory) => Outcome::NoMemory,
            (_, Ret::Segv | Ret::Invalid) => Outcome::Fault,
            (Wording::Held(wanted), Ret::Pages(got)) if got < *wanted => Outcome::Fault,
            (_, Ret::Again) => Outcome::Busy,
            (Wording::Scan(Scanned::Page(..), ..), Ret::Done) => Outcome::Moved,
            (Wording::Scan(Scanned::Section(_), ..), Ret::Done) => Outcome::Offline,
            (Wording::Plain("off"), Ret::Done) => Outcome::Off,
            _ => Outcome::Ok,
        };
        observer.outcomes.push((id, outcome));
    }

    /// There was nothing to do.
    pub(super) fn observe_nothing(&mut self, id: TaskId, make: &Make) {
        let Some(observer) = &mut self.observer else { return };
        let mem = &self.machine.mem;
        let outcome = match *make {
            // do_pages_move: -EFAULT for ZERO_PAGE and for what is not mapped.
            Make::Migrate { mm, address, .. } | Make::MovePages { mm, address } => {
                let vma = mem.find_vma(mm, address);
                let pte = vma.map(|vma| mem.pte(vma, address));
                match pte.map(|pte| pte.pfn()) {
                    None | Some(Some(ZERO_PAGE)) => Outcome::Fault,
                    Some(_) => Outcome::NotPresent,
                }
            }
            Make::Io(_) => Outcome::Busy,
            _ => Outcome::Ok,
        };
        observer.outcomes.push((id, outcome));
    }

    /// Writes down what a step shows, once everything has settled.
    pub(super) fn observe_step(&mut self, step: &Step) {
        let Some(mut observer) = self.observer.take() else { return };
        let (outcomes, seen) =
            (std::mem::take(&mut observer.outcomes), std::mem::take(&mut observer.seen));
        let halted = self.machine.halted() || self.no_progress.is_some();
        if !halted && !matches!(step.act, Act::Check(_)) {
            let actor = self.names.task_id(&step.actor);
            let seen = seen.into_iter().filter(|seen| seen.0.is_none() || seen.0 == actor);
            let seen = seen.flat_map(|seen| seen.1);
            let seen = seen.map(|token| token.map(|token| self.datum(&observer, token)));
            let observation = Observation {
                scenario: observer.scenario.clone(),
                step: self.number(),
                text: step.text.clone(),
                result: match step.act {
                    Act::Interrupt => Outcome::Ok,
                    _ => self.outcome(actor, &outcomes),
                },
                seen: seen.collect(),
                places: self.places(&mut observer.labels),
            };
            observer.observations.push(observation);
        }
        self.observer = Some(observer);
    }

    /// What the actor's system call returned. Busy: it did not, or was not made.
    fn outcome(&self, actor: Option<TaskId>, outcomes: &[(TaskId, Outcome)]) -> Outcome {
        let busy = |task: TaskId| {
            !self.machine.tasks[task.index()].idle() || !self.work[task.index()].queue.is_empty()
        };
        if actor.is_some_and(busy) || self.results.iter().any(|result| result == "cannot run") {
            return Outcome::Busy;
        }
        let own = outcomes.iter().filter(|outcome| Some(outcome.0) == actor);
        own.map(|outcome| outcome.1).max_by_key(|&outcome| rank(outcome)).unwrap_or(Outcome::Ok)
    }

    /// Where data come from.
    fn datum(&self, observer: &Observer, token: Token) -> Datum {
        if token == Token::ZERO {
            return Datum::Zero;
        }
        if token.author() == 0 {
            return Datum::File;
        }
        if let Some(io) = self.request_of(token) {
            return Datum::Io(self.names.io(io).to_string());
        }
        let stored = observer.stores.binary_search_by_key(&token.seq(), |store| store.0);
        stored.map_or(Datum::Garbage, |place| Datum::Step(observer.stores[place].1))
    }

    /// The direct read whose data these are.
    fn request_of(&self, token: Token) -> Option<IoId> {
        let mem = &self.machine.mem;
        let has = |&io: &IoId| {
            mem.ios[io as usize].kind == IoKind::DirectRead
                && mem.holders_of(io).any(|h| mem.holders[h.index()].token.contains(&token))
        };
        let device = token.author() == Token::DEVICE;
        (0..mem.ios.len() as IoId).find(|io| device && has(io))
    }
}
