//! Carries out one step: who acts, what comes first, and acts that take no time.

use super::Runner;
use super::inject::range_name;
use super::operation::mask;
use crate::lock::Lock;
use crate::mm::{IoId, MmId, Pfn, TaskId};
use crate::scenario::{Act, Range, Step};

impl Runner<'_> {
    /// Carries out one step, up to where its actor is done, stopped or waiting.
    pub(super) fn act(&mut self, step: &Step) {
        if !self.is_there(step) {
            self.results.push("cannot run".to_string());
            return;
        }
        if self.act_at_once(step) {
            return;
        }
        let task = self.task_of(step);
        let operations = self.operations(task, &step.act);
        let until = self.until.clone();
        if !self.go_on(task, &step.act) {
            return;
        }
        if !operations.is_empty() {
            self.work[task.index()].begun = self.number();
        }
        self.work[task.index()].queue.extend(operations);
        self.run_task(task, until.as_deref());
        if self.work[task.index()].waiting && !self.machine.tasks[task.index()].idle() {
            self.results.push("waits".to_string());
        }
    }

    /// Rule 2: an actor goes on with what it has before it takes up something new.
    fn go_on(&mut self, task: TaskId, act: &Act) -> bool {
        let continues = matches!(act, Act::Continue);
        self.work[task.index()].stopped = false;
        if self.work[task.index()].unborn {
            self.results.push("cannot run".to_string());
            return false;
        }
        if self.machine.tasks[task.index()].idle() || continues {
            return true;
        }
        let results = std::mem::take(&mut self.results);
        self.run_task(task, None);
        self.results = results;
        let free = self.machine.tasks[task.index()].idle();
        if !free {
            self.results.push("cannot run".to_string());
        }
        free
    }

    /// Whether everything that a step names has come to be in this run: a child may not
    /// have been forked and a request not submitted, if an earlier step could not run.
    pub(super) fn is_there(&self, step: &Step) -> bool {
        let process = |name: &String| self.names.mm(name).is_some();
        let of = |range: &Range| range.process.iter().all(process);
        let actor = || self.names.task_id(&step.actor).is_some();
        let request = || self.names.io_id(&step.actor).is_some();
        match &step.act {
            Act::Store(_)
            | Act::Load(_)
            | Act::DirectRead(..)
            | Act::DirectWrite(..)
            | Act::GetUserPages { .. }
            | Act::PinUserPages { .. }
            | Act::Vmsplice(..)
            | Act::IoUringRegister(..)
            | Act::Fork(_)
            | Act::Exit
            | Act::Munmap(_)
            | Act::MadviseDontneed(_)
            | Act::MadvisePageout(_)
            | Act::Mprotect(..)
            | Act::Mlock(_)
            | Act::Munlock(_)
            | Act::Continue => actor(),
            Act::Shrink { range, .. }
            | Act::Migrate(range, _)
            | Act::MovePages(range)
            | Act::Lock(range)
            | Act::Unlock(range) => of(range),
            Act::Complete | Act::Fail if step.actor.starts_with("swap") => true,
            Act::Transfer
            | Act::Complete
            | Act::Fail
            | Act::PinRead(_)
            | Act::PinWrite(_)
            | Act::PinPut => request(),
            Act::MmapSem(name) | Act::UpWrite(name) => process(name),
            Act::Check(fact) => fact.ranges().into_iter().all(of),
            Act::ShrinkCache(_)
            | Act::RefillInactive(_)
            | Act::MemoryReclaim
            | Act::LruAddDrain
            | Act::Swapoff(_)
            | Act::Offline(..)
            | Act::Online(_)
            | Act::Interrupt
            | Act::Hold
            | Act::Release
            | Act::NoMemory(_)
            | Act::NoSwap(_) => true,
        }
    }

    /// The task that carries out a step; kernel threads and IOs get one when first used.
    pub(super) fn task_of(&mut self, step: &Step) -> TaskId {
        self.names.task_id(&step.actor).unwrap_or_else(|| {
            let task = self.machine.add_task(MmId::NONE);
            self.names.add_task(&step.actor, task, MmId::NONE);
            self.grow();
            task
        })
    }

    pub(super) fn mm_of(&self, task: TaskId, range: &Range) -> MmId {
        match &range.process {
            Some(process) => self.names.mm(process).expect("is_there was asked"),
            None => self.machine.tasks[task.index()].mm,
        }
    }

    /// First address and number of pages of a range.
    pub(super) fn pages(&self, mm: MmId, range: &Range) -> (u32, u32) {
        let (start, len) = self.names.map(mm, &range.map).expect("is_there was asked");
        let pages = if range.pages == 0 { len - range.first } else { range.pages };
        (start + range.first, pages)
    }

    /// Acts that take no time of a task. True if this was one.
    pub(super) fn act_at_once(&mut self, step: &Step) -> bool {
        let result = match &step.act {
            Act::Check(fact) => self.check(fact),
            Act::LruAddDrain => {
                self.machine.mem.lru_add_drain();
                "drained".to_string()
            }
            Act::PinRead(sectors) => {
                let io = self.names.io_id(&step.actor).expect("is_there was asked");
                let machine = &mut self.machine;
                machine.oracle.pin_read(&machine.mem, io, mask(*sectors));
                self.seen_through(io)
            }
            Act::PinWrite(sectors) => {
                let io = self.names.io_id(&step.actor).expect("is_there was asked");
                let machine = &mut self.machine;
                machine.oracle.pin_write(&mut machine.mem, io, mask(*sectors));
                self.names.name_token(&self.machine.mem, format!("what {} wrote", step.actor));
                "written".to_string()
            }
            Act::Complete | Act::Fail if step.actor.starts_with("swap") => {
                self.complete_oldest(&step.actor, matches!(step.act, Act::Complete))
            }
            Act::Hold | Act::Release => {
                let area = self.area(&step.actor);
                self.machine.mem.areas[area].hold = matches!(step.act, Act::Hold);
                "ok".to_string()
            }
            Act::Interrupt => self.interrupt(&step.actor),
            Act::Online(section) => {
                let (first, end) = self.machine.mem.section_frames(*section);
                self.machine.mem.online(first, end);
                "online".to_string()
            }
            Act::NoMemory(n) => {
                self.machine.mem.inject.no_memory += n;
                "ok".to_string()
            }
            Act::NoSwap(n) => {
                self.machine.mem.inject.no_swap += n;
                "ok".to_string()
            }
            Act::Lock(range) => self.inject_page_lock(range),
            Act::MmapSem(process) => {
                let mm = self.names.mm(process).expect("is_there was asked");
                self.inject(process, Lock::MmapWrite(mm))
            }
            Act::Unlock(range) => self.uninject(&range_name(range)),
            Act::UpWrite(process) => self.uninject(process),
            _ => return false,
        };
        self.observe_pin(step);
        self.machine.mem.audit_touched();
        self.record_changes();
        self.results.push(result);
        true
    }

    /// A signal: an operation that pauses gives up.
    fn interrupt(&mut self, actor: &str) -> String {
        let Some(task) = self.names.task_id(actor) else {
            return "nothing to do".to_string();
        };
        if !self.machine.interrupt(task) {
            return "nothing to do".to_string();
        }
        self.work[task.index()].awake = true;
        self.run_task(task, None);
        let results = std::mem::take(&mut self.results);
        if results.is_empty() { "signalled".to_string() } else { "EINTR".to_string() }
    }

    fn seen_through(&self, io: IoId) -> String {
        let first = self.machine.mem.holders_of(io).next();
        let pfn = first.map(|holder| self.machine.mem.holders[holder.index()].pfn);
        if pfn.is_some_and(Pfn::is_some) { "read".to_string() } else { "holds nothing".to_string() }
    }

    fn area(&self, actor: &str) -> usize {
        actor.trim_start_matches("swap").parse().expect("is_there was asked")
    }

    fn complete_oldest(&mut self, actor: &str, ok: bool) -> String {
        let area = self.area(actor) as u8;
        let oldest = self.machine.mem.swap_io.iter().position(|io| io.entry.area() == area);
        let Some(position) = oldest else {
            return "nothing to do".to_string();
        };
        self.complete_swap_io(position, ok);
        if ok { "completed" } else { "failed" }.to_string()
    }
}
