//! Leads one scenario: tells processes, devices and the kernel what to do, step by
//! step, and observes after each.

use std::collections::BTreeMap;

use cowpath_scenario::transcript::{Observation, Outcome};
use cowpath_scenario::{Act, Over, Scenario, Step};

use super::device::Devices;
use super::layout::Piece;
use super::observe::{Observer, Watched};
use super::process::{Done, Process, fill_file, outcome};
use super::stage::{PENDING, Pipe, Stage};
use super::sys::{self, check, failed};
use super::{control_group, hotplug, pattern, swap};

/// Milliseconds that a process may take for a step.
const PATIENCE: i32 = 120_000;

/// Pauses that anything else may take.
const PAUSES: u32 = 30_000;

/// Times that the control group is shrunk before what is left is taken to stay.
const SHRINKS: u32 = 8;

/// A scenario under way.
struct Run<'s> {
    stage: &'s Stage<'s>,
    devices: &'s Devices,
    observer: Observer,
    /// Living processes in order of appearance.
    alive: Vec<Watched<'s>>,
    /// Requests by name: the step that submitted it, and where.
    requests: BTreeMap<&'s str, (u32, Over)>,
}

/// What this kernel lacks for a scenario, if it lacks anything.
pub(crate) fn missing(scenario: &Scenario, devices: &Devices) -> Option<String> {
    scenario.steps.iter().find_map(|step| match &step.act {
        Act::DirectRead(_, over, _) | Act::DirectWrite(_, over, _) => devices.missing(*over),
        Act::MovePages(_) | Act::Offline(..) | Act::Online(_) => {
            hotplug::missing().map(str::to_owned)
        }
        _ => None,
    })
}

/// Acts a scenario out from a clean state to a clean state.
pub(crate) fn run(scenario: &Scenario, devices: &Devices) -> Result<Vec<Observation>, String> {
    for file in &scenario.files {
        fill_file(&file.name, file.pages)?;
    }
    let has_swap = !scenario.memory.swap.is_empty();
    if has_swap {
        swap::on().map_err(|errno| failed("swapon", errno))?;
    }
    control_group::begin()?;
    let stage = Stage::new(scenario).map_err(|errno| failed("channels", errno))?;
    let mut run = Run {
        stage: &stage,
        devices,
        observer: Observer::new(),
        alive: Vec::new(),
        requests: BTreeMap::new(),
    };
    let result = run.begin().and_then(|()| run.steps());
    let end = run.end().and_then(|()| control_group::end());
    drop(run);
    stage.strike();
    if has_swap {
        // Off already, where the scenario had it so.
        _ = swap::off();
    }
    hotplug::online()?;
    end?;
    result
}

impl<'s> Run<'s> {
    fn begin(&mut self) -> Result<(), String> {
        for spec in &self.stage.scenario.processes {
            // SAFETY: the child calls `Process::begin` only; other threads of this process are
            // the devices' servers, whose locks it never takes.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                Process::begin(self.stage, &spec.name);
            }
            check(pid.into()).map_err(|errno| failed("fork", errno))?;
            self.alive.push(Watched {
                name: &spec.name,
                pid,
                maps: spec.maps.iter().enumerate().collect(),
            });
            self.reply(&spec.name)?;
        }
        Ok(())
    }

    fn steps(&mut self) -> Result<Vec<Observation>, String> {
        let scenario = self.stage.scenario;
        let mut observations = Vec::new();
        for (number, step) in (1..).zip(&scenario.steps) {
            if matches!(step.act, Act::Check(_)) {
                continue;
            }
            let at = |why| format!("step {number}, `{}`: {why}", step.text);
            let (result, seen, pid) = self.step(number, step).map_err(at)?;
            self.cast(step, pid);
            let places = self.observer.observe(&self.alive).map_err(at)?;
            observations.push(Observation {
                scenario: scenario.name.clone(),
                step: number,
                text: step.text.clone(),
                result,
                seen,
                places,
            });
        }
        Ok(observations)
    }

    /// Keeps the list of the living and their mappings.
    fn cast(&mut self, step: &'s Step, pid: i32) {
        let actor = self.alive.iter().position(|process| process.name == step.actor);
        let Some(actor) = actor else {
            return;
        };
        match &step.act {
            Act::Fork(child) => {
                let maps = self.alive[actor].maps.clone();
                self.alive.push(Watched { name: child, pid, maps });
            }
            Act::Munmap(range) => self.alive[actor].maps.retain(|(_, map)| map.name != range.map),
            Act::Exit => drop(self.alive.remove(actor)),
            _ => {}
        }
    }

    fn step(&mut self, number: u32, step: &'s Step) -> Result<Done, String> {
        const DONE: Result<Done, String> = Ok((Outcome::Ok, Vec::new(), 0));
        match &step.act {
            Act::DirectRead(_, over, name) | Act::DirectWrite(_, over, name) => {
                self.requests.insert(name, (number, *over));
                self.tell(&step.actor, number)?;
                self.reply(&step.actor)?;
                self.submitted(number, *over)
            }
            Act::Complete | Act::Fail => {
                self.complete(&step.actor, matches!(step.act, Act::Fail))?;
                DONE
            }
            Act::PinRead(_) | Act::PinWrite(_) | Act::PinPut => self.pin(number, step),
            Act::Exit => {
                self.tell(&step.actor, number)?;
                self.gone(self.pid(&step.actor)?)?;
                DONE
            }
            Act::MemoryReclaim => {
                for _ in 0..SHRINKS {
                    self.forget_use();
                    control_group::shrink()?;
                    if !self.observer.settle_only(&self.alive)? {
                        break;
                    }
                }
                DONE
            }
            Act::LruAddDrain => {
                hotplug::drain();
                DONE
            }
            Act::Swapoff(_) => match swap::off() {
                Ok(()) => Ok((Outcome::Off, Vec::new(), 0)),
                Err(errno) => outcome("swapoff", errno),
            },
            Act::MovePages(range) => {
                let process = range.process.as_deref().expect("hotplug names a process");
                let page = Piece::of(self.stage.scenario, process, range).page;
                Ok((hotplug::move_away(self.pid(process)?, page)?, Vec::new(), 0))
            }
            Act::Offline(..) => Ok((hotplug::offline()?, Vec::new(), 0)),
            // Whoever takes a block offline is signalled when that has taken a while.
            Act::Interrupt => DONE,
            Act::Online(_) => {
                hotplug::online()?;
                DONE
            }
            _ => {
                self.tell(&step.actor, number)?;
                self.reply(&step.actor)
            }
        }
    }

    /// Makes pages look unused: a small group may never again look at those that were used when it
    /// shrank first, depending on counters that lag.
    fn forget_use(&self) {
        for process in &self.alive {
            _ = sys::tell(&format!("/proc/{}/clear_refs", process.pid), "1");
        }
    }

    fn pid(&self, name: &str) -> Result<i32, String> {
        let process = self.alive.iter().find(|process| process.name == name);
        process.map(|process| process.pid).ok_or_else(|| format!("{name} is gone"))
    }

    fn tell(&self, name: &str, number: u32) -> Result<(), String> {
        let channel = self.stage.channels[name];
        sys::write_all(channel.leader, &number.to_le_bytes()).map_err(|errno| failed(name, errno))
    }

    fn reply(&self, name: &str) -> Result<Done, String> {
        let channel = self.stage.channels[name];
        let mut poll = libc::pollfd { fd: channel.leader, events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd.
        if unsafe { libc::poll(&raw mut poll, 1, PATIENCE) } != 1 {
            return Err(format!("{name} does not answer"));
        }
        let mut buffer = vec![0; 1 << 16];
        let length = sys::read(channel.leader, &mut buffer).map_err(|errno| failed(name, errno))?;
        let done: Result<Done, String> = serde_json::from_slice(&buffer[..length])
            .map_err(|error| format!("{name}: {error}"))?;
        done
    }

    /// Waits until a device has the request, or the system call is back without it.
    fn submitted(&self, number: u32, over: Over) -> Result<Done, String> {
        for _ in 0..PAUSES {
            if self.devices.has(over, number) {
                return Ok((Outcome::Ok, Vec::new(), 0));
            }
            match self.stage.board.get(number) {
                PENDING => sys::pause(),
                errno if errno < 0 => return outcome("direct IO", -errno as i32),
                _ => return Err("the device was not asked".to_owned()),
            }
        }
        Err("the request never reached the device".to_owned())
    }

    fn complete(&mut self, name: &str, fail: bool) -> Result<(), String> {
        let (number, over) = self.requests.remove(name).ok_or("there is no such request")?;
        if !self.devices.end(over, number, fail)? {
            return Err("the request is not in flight".to_owned());
        }
        for _ in 0..PAUSES {
            match self.stage.board.get(number) {
                PENDING => sys::pause(),
                errno if errno < 0 && !fail => return Err(failed("direct IO", -errno as i32)),
                _ => return Ok(()),
            }
        }
        Err("the request does not end".to_owned())
    }

    fn pin(&mut self, number: u32, step: &'s Step) -> Result<Done, String> {
        let scenario = self.stage.scenario;
        let taken = scenario.steps.iter().find_map(|other| match &other.act {
            Act::Vmsplice(range, name) if *name == step.actor => Some((other, range, true)),
            Act::IoUringRegister(range, name) if *name == step.actor => Some((other, range, false)),
            _ => None,
        });
        let (by, range, is_pipe) = taken.ok_or("there is no such pin")?;
        if !is_pipe {
            self.tell(&by.actor, number)?;
            return self.reply(&by.actor);
        }
        let length = Piece::of(scenario, &by.actor, range).bytes();
        let pipe = self.stage.pipes[step.actor.as_str()];
        let mut pages = vec![0; length];
        match &step.act {
            Act::PinRead(sectors) => {
                peek(pipe, &mut pages).map_err(|errno| failed("tee", errno))?;
                Ok((Outcome::Ok, pattern::data(&pages, *sectors, scenario), 0))
            }
            _ => {
                sys::read_all(pipe.out, &mut pages).map_err(|errno| failed("pipe", errno))?;
                Ok((Outcome::Ok, Vec::new(), 0))
            }
        }
    }

    /// Waits until a process is no more, its memory given up.
    fn gone(&self, pid: i32) -> Result<(), String> {
        for _ in 0..PAUSES {
            // SAFETY: signal 0 only asks.
            if check(unsafe { libc::kill(pid, 0) }.into()) == Err(libc::ESRCH) {
                return Ok(());
            }
            sys::pause();
        }
        Err("a process does not end".to_owned())
    }

    /// Ends whatever is left.
    fn end(&mut self) -> Result<(), String> {
        self.devices.end_all()?;
        for process in &self.alive {
            // SAFETY: a child of this program, or of one of them.
            unsafe { libc::kill(process.pid, libc::SIGKILL) };
            self.gone(process.pid)?;
        }
        Ok(())
    }
}

/// What is in a pipe, without taking it out.
fn peek(pipe: Pipe, into: &mut [u8]) -> Result<(), i32> {
    let copy = Pipe::new()?;
    // SAFETY: both are pipes.
    let result = check(unsafe { libc::tee(pipe.out, copy.into, into.len(), 0) } as libc::c_long)
        .and_then(|_| sys::read_all(copy.out, into));
    copy.close();
    result
}
