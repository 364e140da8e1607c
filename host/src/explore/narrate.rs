//! A schedule of a universe as a scenario: the steps that begin in it, in their order, and
//! the moves that [`crate::run`] makes of it.
//!
//! Names are given as things come to be: processes are A, B, C, ..., requests io1, io2, ...

use super::actor::{Actor, Op, frame};
use super::model::Model as _;
use super::system::{Choice, Scratch, Start, State, System};
use super::universe::{Verb, process_name};
use super::world::{NOBODY, Shared, forget};
use super::write::memory_text;
use crate::machine::Machine;
use crate::routines::stage_names;
use crate::run::{Move, Script};
use crate::scenario::{MigrateOrder, Scenario, parse_with_stages};
use std::fmt::Write as _;

/// A schedule, told as a scenario.
#[derive(Clone, Debug)]
pub(super) struct Narrated {
    /// Memory, processes, and each operation of the schedule as a step.
    pub scenario: Scenario,
    /// The schedule.
    pub moves: Vec<Move>,
}

/// Who makes a move, before the script says who is who.
enum By {
    Actor(String),
    Swap(crate::mm::SwpEntry),
}

/// A machine that follows a schedule, and the names of what is in it.
struct Narrator<'a, const W: usize> {
    system: &'a System<'a, W>,
    machine: Machine,
    shared: Shared,
    actors: Vec<Actor>,
    /// Names of address spaces.
    spaces: Vec<String>,
    /// Names of requests.
    requests: Vec<String>,
    named: u8,
    asked: u32,
    steps: Vec<String>,
    moves: Vec<By>,
    /// The state as the explorer knows it, and whose place each role of it is.
    state: State<W>,
    whose: Vec<usize>,
    scratch: Scratch,
}

/// Tells a schedule, with what process A has done before.
///
pub(super) fn narrate<const W: usize>(system: &System<'_, W>, schedule: &[Choice]) -> Narrated {
    let mut narrator = Narrator::new(system);
    for &verb in &system.universe().setup {
        narrator.set_up(verb);
    }
    for &choice in schedule {
        narrator.follow_named(choice);
    }
    narrator.told()
}

impl<'a, const W: usize> Narrator<'a, W> {
    fn new(system: &'a System<'a, W>) -> Self {
        let Start { machine, shared, actors } = system.start();
        let processes = system.universe().processes;
        Self {
            system,
            machine,
            shared,
            actors,
            spaces: (0..processes).map(process_name).collect(),
            requests: Vec::new(),
            named: processes,
            asked: 0,
            steps: Vec::new(),
            moves: Vec::new(),
            state: system.initial(),
            whose: inverse(system.initial_roles()),
            scratch: system.scratch(),
        }
    }

    fn set_up(&mut self, verb: Verb) {
        let which = self.system.which(0, Op::Verb(verb, 0));
        let mut by = Choice { by: 0, which };
        self.actors[0].left = u8::MAX;
        loop {
            let waits =
                self.actors[0].op.is_some() && !self.machine.enabled(self.system.cast()[0].task);
            if waits {
                self.complete_swap(0);
            } else {
                self.follow(by);
                by.which = 0;
            }
            if self.actors[0].op.is_none() {
                break;
            }
        }
        self.actors[0].left = self.system.cast()[0].left;
        while !self.machine.mem.swap_io.is_empty() {
            self.complete_swap(0);
        }
    }

    fn complete_swap(&mut self, which: u8) {
        self.moves.push(By::Swap(self.machine.mem.swap_io[usize::from(which)].entry));
        self.machine.complete_swap_io(which.into(), true);
        let unheeded = self.system.unheeded();
        forget(&mut self.machine, &mut self.shared, unheeded);
    }

    /// Follows a choice under the names that the explorer has. Of a schedule of two policies
    /// what only the other one can do is left out.
    fn follow_named(&mut self, choice: Choice) {
        let next = self.system.follow_slowly(&mut self.scratch, &self.state, choice);
        let Some((state, roles)) = next else { return };
        self.follow(self.meant(choice));
        self.state = state;
        if let Some(roles) = roles {
            let before = self.whose.clone();
            for (role, &place) in roles.iter().enumerate() {
                self.whose[usize::from(place)] = before[role];
            }
        }
    }

    /// The same choice under the names that things have here.
    fn meant(&self, choice: Choice) -> Choice {
        if choice.by == Choice::SWAP {
            return choice;
        }
        let role = self.whose[usize::from(choice.by)];
        let by = Choice { by: role as u8, ..choice };
        if self.actors[role].op.is_some() {
            return by;
        }
        let ops = &self.system.cast()[role].ops;
        let there = |mm: crate::mm::MmId, page| {
            let mm = crate::mm::MmId(self.whose[mm.index()] as u16);
            frame(&self.machine.mem, mm, page)
        };
        let leads = |op: &Op| match (ops[usize::from(choice.which)], *op) {
            (Op::Shrink(mm, page), Op::Shrink(other, p))
            | (Op::Migrate(mm, page), Op::Migrate(other, p)) => {
                there(mm, page) == frame(&self.machine.mem, other, p)
            }
            _ => false,
        };
        // The first address that leads to a page stands for all of them.
        let which = ops.iter().position(leads).unwrap_or(choice.which.into());
        Choice { which: which as u8, ..by }
    }

    fn follow(&mut self, choice: Choice) {
        if choice.by == Choice::SWAP {
            return self.complete_swap(choice.which);
        }
        let role = usize::from(choice.by);
        let cast = &self.system.cast()[role];
        let begun = self.actors[role].op.is_none().then(|| cast.ops[usize::from(choice.which)]);
        let before = self.shared.clone();
        let who = self.who(role, begun);
        let actor = Some(self.actors[role]);
        let stepped = self
            .system
            .step_on(&mut self.machine, &mut self.shared, actor, choice, None)
            .expect("it was possible when it was found");
        if let Some(op) = begun {
            self.name(&before);
            let text = self.text(op);
            // What it gives up may be named until it is over.
            let until = match (op, stepped.actor.op) {
                (Op::Verb(Verb::Exit | Verb::Munmap, _), Some(_)) => {
                    format!(" until {}", stepped.actor.task.top().stage())
                }
                _ => String::new(),
            };
            self.steps.push(format!("{who}: {text}{until}"));
        }
        for stage in 1..=stepped.stages.max(1) {
            self.moves.push(By::Actor(who.clone()));
            let done = stepped.swap_io.iter().filter(|&&(after, _)| after == stage);
            self.moves.extend(done.map(|&(_, entry)| By::Swap(entry)));
        }
        self.actors[role] = stepped.actor;
        let errors = self.machine.oracle.findings.iter().any(|finding| finding.kind.is_error());
        let halted = self.machine.halted() || errors;
        if !halted {
            self.machine.oracle.findings.clear();
            let unheeded = self.system.unheeded();
            forget(&mut self.machine, &mut self.shared, unheeded);
        }
    }

    /// Names what came to be in a step: a child, a request.
    fn name(&mut self, before: &Shared) {
        let there = |shared: &Shared, child: usize| {
            shared.born >> child & 1 == 1 || shared.forked_by[child] != NOBODY
        };
        for child in 0..before.forked_by.len() {
            if there(&self.shared, child) && !there(before, child) {
                self.spaces.resize(self.spaces.len().max(child + 1), String::new());
                self.spaces[child] = process_name(self.named);
                self.named += 1;
            }
        }
        for (&io, &was) in self.shared.requests.iter().zip(&before.requests) {
            if io != was && io != super::world::NO_IO {
                self.asked += 1;
                let index = usize::from(io);
                self.requests.resize(self.requests.len().max(index + 1), String::new());
                self.requests[index] = format!("io{}", self.asked);
            }
        }
    }

    /// The name of an actor, now.
    fn who(&self, role: usize, begins: Option<Op>) -> String {
        let cast = &self.system.cast()[role];
        if let Some(mm) = cast.mm {
            return self.spaces[mm.index()].clone();
        }
        if let Some(device) = cast.device {
            let io = match self.shared.requests[device] {
                super::world::NO_IO => unreachable!("a device without a request does nothing"),
                io => io,
            };
            return self.requests[usize::from(io)].clone();
        }
        let op = begins.unwrap_or(cast.ops[0]);
        match op {
            Op::Shrink(..) => "kswapd",
            Op::Migrate(..) => "hotplug",
            Op::Swapoff => "swapoff",
            _ => "inject",
        }
        .to_string()
    }

    /// An operation, as scenarios write it.
    fn text(&self, op: Op) -> String {
        let page = |page: u8| match self.system.universe().pages {
            1 => "P".to_string(),
            _ => format!("P[{page}]"),
        };
        let request = || format!("io{}", self.asked);
        match op {
            Op::Verb(verb, p) => match verb {
                Verb::Load => format!("load {}", page(p)),
                Verb::Store => format!("store {}.hi", page(p)),
                Verb::Fork => format!("fork {}", process_name(self.named - 1)),
                Verb::Exit => "exit".to_string(),
                Verb::DirectRead => format!("direct_read {}.lo as {}", page(p), request()),
                Verb::DirectWrite => format!("direct_write {} as {}", page(p), request()),
                Verb::GupRead => format!("get_user_pages {} read as {}", page(p), request()),
                Verb::GupWrite => format!("get_user_pages {} write as {}", page(p), request()),
                Verb::Vmsplice => format!("vmsplice {} as {}", page(p), request()),
                Verb::MadvisePageout => format!("madvise_pageout {}", page(p)),
                Verb::MadviseDontneed => format!("madvise_dontneed {}", page(p)),
                Verb::MprotectRead => "mprotect P read".to_string(),
                Verb::MprotectWrite => "mprotect P write".to_string(),
                Verb::Munmap => "munmap P".to_string(),
            },
            Op::Shrink(mm, p) => {
                let ignoring = self.system.universe().ignore_references;
                let how = if ignoring { " ignore_references" } else { "" };
                format!("shrink {}.{}{how}", self.spaces[mm.index()], page(p))
            }
            Op::Migrate(mm, p) => {
                let order = match self.system.universe().order {
                    MigrateOrder::ReplaceFirst => "replace_first",
                    MigrateOrder::UnmapFirst => "unmap_first",
                };
                format!("migrate {}.{} {order}", self.spaces[mm.index()], page(p))
            }
            Op::Swapoff => "swapoff swap0".to_string(),
            Op::Complete => "complete".to_string(),
            Op::Put => "put".to_string(),
            Op::Fail => "fail".to_string(),
            Op::PinRead => "read".to_string(),
            Op::PinWrite => "write lo".to_string(),
            Op::NoMemory => "no_memory 1".to_string(),
            Op::NoSwap => "no_swap 1".to_string(),
        }
    }

    fn told(self) -> Narrated {
        let universe = self.system.universe();
        let claim = "# Claim: none; the explorer chose these steps.";
        let mut text = format!("{claim}\ntitle = {:?}\n", universe.title);
        text.push_str(&memory_text(&universe.scenario().memory));
        for process in 0..universe.processes {
            let (name, pages) = (process_name(process), universe.pages);
            let _ = writeln!(text, "\n[process.{name}]\nanon = {{ P = {{ pages = {pages} }} }}");
        }
        text.push_str("\n[run]\nsteps = [\n");
        for step in &self.steps {
            let _ = writeln!(text, "  {step:?},");
        }
        text.push_str("]\n");
        let scenario = parse_with_stages(&universe.name, &text, &stage_names())
            .unwrap_or_else(|error| panic!("a universe is no scenario: {error}\n{text}"));
        let script = Script::of(&scenario);
        let place = |name: &str| {
            let place = script.actors.iter().position(|actor| actor.name == name);
            place.expect("whoever moves has begun a step") as u16
        };
        let moves = self.moves.iter().map(|by| match by {
            By::Actor(name) => Move::Actor(place(name)),
            By::Swap(entry) => Move::SwapIo(*entry),
        });
        Narrated { moves: moves.collect(), scenario }
    }
}

fn inverse(places: &[u8]) -> Vec<usize> {
    let mut whose = vec![0; places.len()];
    for (role, &place) in places.iter().enumerate() {
        whose[usize::from(place)] = role;
    }
    whose
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Reductions;
    use crate::explore::universe::{Times, Universe};
    use crate::mm::MmId;

    /// exit waits for direct IO, and reclaim scans a page that it has not given up yet.
    #[test]
    fn pages_of_a_process_that_exits_have_a_name() {
        let endless = Universe::builtin().into_iter().find(|universe| universe.name == "endless");
        let universe = Universe {
            fork_during_io: true,
            operations: Times::Most(2),
            reclaim: Times::Most(1),
            ..endless.expect("it is built in")
        };
        let policy = crate::policy::resolve("vanilla").expect("a bundled policy");
        let system = System::<4>::new(&universe, &policy, Reductions::NONE);
        let does = |op: Op| {
            let role = system.cast().iter().position(|cast| cast.ops.contains(&op));
            let role = role.expect("somebody does it");
            Choice { by: role as u8, which: system.which(role, op) }
        };
        let ops = [Op::Verb(Verb::DirectRead, 0), Op::Verb(Verb::Exit, 0), Op::Shrink(MmId(0), 0)];
        let told = narrate(&system, &ops.map(does));
        let steps: Vec<_> = told.scenario.steps.iter().map(|step| step.text.as_str()).collect();
        let scan = "kswapd: shrink A.P ignore_references";
        assert_eq!(steps, ["A: direct_read P.lo as io1", "A: exit", scan]);
    }
}
