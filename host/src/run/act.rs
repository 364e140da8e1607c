//! What each act of a scenario means for the machine.

use super::judge::Scanned;
use super::saw::Saw;
use super::setup::Injected;
use super::{Operation, Runner};
use crate::lock::Lock;
use crate::mm::{IoId, IoKind, IoState, MmId, PG_FREE, SectorMask, TaskId, VmaId};
use crate::routines::{
    Access, CompleteIo, Exit, Fork, HoldPages, Migrate, Mlock, Mprotect, Offline, Order,
    RefillInactive, Routine, ShrinkCache, ShrinkPage, Swapoff, Unmap,
};
use crate::scenario::{Act, Fact, MigrateOrder, Range, Sectors, Step};
use crate::task::Ret;
use crate::trace::Event;

/// How to make the routine of an operation when its turn comes.
#[derive(Clone, Debug)]
pub(super) enum Make {
    Load { address: u32, sectors: SectorMask },
    Store { address: u32, sectors: SectorMask },
    Hold { kind: IoKind, address: u32, pages: u32, sectors: SectorMask, force: bool, name: String },
    Fork { child: String },
    Exit,
    Munmap { address: u32 },
    Dontneed { address: u32, pages: u32 },
    Mprotect { address: u32, write: bool },
    Mlock { address: u32, lock: bool },
    Shrink { mm: MmId, address: u32 },
    ShrinkCache(u32),
    Refill(u32),
    Swapoff(u32),
    Migrate { mm: MmId, address: u32, order: Order },
    Offline { section: u32, order: Order },
    Io(CompleteIo),
}

/// What the result of an operation is called.
#[derive(Clone, Debug)]
pub(super) enum Wording {
    Load,
    /// With the place stored to.
    Store(String),
    Held(u32),
    /// With the migrations tried and the requests completed before it.
    Scan(Scanned, u64, u32),
    Reclaim,
    Completed,
    /// With the child's name.
    Fork(String),
    Plain(&'static str),
}

/// Several results of one step, as one.
pub(super) fn merge(results: &[String]) -> String {
    let mut merged: Vec<(&str, u32)> = Vec::new();
    for result in results {
        match merged.iter_mut().find(|m| m.0 == result) {
            Some(known) => known.1 += 1,
            None => merged.push((result, 1)),
        }
    }
    let several = merged.len() > 1;
    let one = |&(word, n): &(&str, u32)| match n {
        _ if !several => word.to_string(),
        1 => word.to_string(),
        _ => format!("{n} {word}"),
    };
    merged.iter().map(one).collect::<Vec<_>>().join(", ")
}

const fn mask(sectors: Sectors) -> SectorMask {
    match sectors {
        Sectors::Lo => 1,
        Sectors::Hi => 2,
        Sectors::All => 3,
    }
}

const fn order(order: MigrateOrder) -> Order {
    match order {
        MigrateOrder::ReplaceFirst => Order::ReplaceFirst,
        MigrateOrder::UnmapFirst => Order::UnmapFirst,
    }
}

impl Runner<'_> {
    /// Carries out one step, up to where its actor is done, stopped or waiting.
    pub(super) fn act(&mut self, step: &Step) {
        if self.act_at_once(step) {
            return;
        }
        let Some(task) = self.task_of(step) else {
            return;
        };
        let operations = self.operations(task, &step.act);
        let until = self.until.clone();
        if !self.go_on(task, &step.act) {
            return;
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

    /// The task that carries out a step; kernel threads and IOs get one when first used.
    fn task_of(&mut self, step: &Step) -> Option<TaskId> {
        if let Some(task) = self.names.task_id(&step.actor) {
            return Some(task);
        }
        let task = self.machine.add_task(MmId::NONE);
        self.names.add_task(&step.actor, task, MmId::NONE);
        self.grow();
        Some(task)
    }

    fn mm_of(&self, task: TaskId, range: &Range) -> MmId {
        match &range.process {
            Some(process) => self.names.mm(process).expect("the scenario was checked"),
            None => self.machine.tasks[task.index()].mm,
        }
    }

    /// First address and number of pages of a range.
    fn pages(&self, mm: MmId, range: &Range) -> (u32, u32) {
        let (start, len) = self.names.map(mm, &range.map).expect("the scenario was checked");
        let pages = if range.pages == 0 { len - range.first } else { range.pages };
        (start + range.first, pages)
    }

    /// The operations that an act comes to, page by page where the kernel's are.
    fn operations(&self, task: TaskId, act: &Act) -> Vec<Operation> {
        let each = |range: &Range, make: &dyn Fn(MmId, u32) -> (Make, Wording)| {
            let mm = self.mm_of(task, range);
            let (first, pages) = self.pages(mm, range);
            let one = |address| {
                let (make, word) = make(mm, address);
                Operation { make, word }
            };
            (first..first + pages).map(one).collect::<Vec<_>>()
        };
        let one = |make: Make, word: Wording| vec![Operation { make, word }];
        let done = self.scans.completed();
        let whole = |range: &Range| self.pages(self.mm_of(task, range), range);
        match act {
            Act::Store(range) => {
                let sectors = mask(range.sectors);
                each(range, &|mm, address| {
                    let place = self.names.address(mm, address);
                    (Make::Store { address, sectors }, Wording::Store(place))
                })
            }
            Act::Load(range) => {
                let sectors = mask(range.sectors);
                each(range, &|_, address| (Make::Load { address, sectors }, Wording::Load))
            }
            Act::DirectRead(range, name) => self.hold(task, IoKind::DirectRead, range, false, name),
            Act::DirectWrite(range, name) => {
                self.hold(task, IoKind::DirectWrite, range, false, name)
            }
            Act::GetUserPages { range, write, force, name } => {
                let kind = if *write { IoKind::PinWrite } else { IoKind::PinRead };
                self.hold(task, kind, range, *force, name)
            }
            Act::Fork(child) => {
                one(Make::Fork { child: child.clone() }, Wording::Fork(child.clone()))
            }
            Act::Exit => one(Make::Exit, Wording::Plain("exited")),
            Act::Munmap(range) => {
                one(Make::Munmap { address: whole(range).0 }, Wording::Plain("unmapped"))
            }
            Act::MadviseDontneed(range) => {
                let (address, pages) = whole(range);
                one(Make::Dontneed { address, pages }, Wording::Plain("zapped"))
            }
            Act::Mprotect(range, write) => {
                let make = Make::Mprotect { address: whole(range).0, write: *write };
                one(make, Wording::Plain("done"))
            }
            Act::Mlock(range) => {
                let make = Make::Mlock { address: whole(range).0, lock: true };
                one(make, Wording::Plain("locked"))
            }
            Act::Munlock(range) => {
                let make = Make::Mlock { address: whole(range).0, lock: false };
                one(make, Wording::Plain("unlocked"))
            }
            Act::Shrink(range) => each(range, &|mm, address| {
                (Make::Shrink { mm, address }, Wording::Scan(Scanned::Page(mm, address), 0, done))
            }),
            Act::ShrinkCache(nr) => one(Make::ShrinkCache(*nr), Wording::Reclaim),
            Act::RefillInactive(nr) => one(Make::Refill(*nr), Wording::Plain("done")),
            Act::Swapoff(area) => one(Make::Swapoff(*area), Wording::Plain("off")),
            Act::Migrate(range, how) => each(range, &|mm, address| {
                let make = Make::Migrate { mm, address, order: order(*how) };
                (make, Wording::Scan(Scanned::Page(mm, address), 0, done))
            }),
            Act::Offline(section, how) => {
                let make = Make::Offline { section: *section, order: order(*how) };
                let migrations = self.machine.mem.costs.migrations;
                one(make, Wording::Scan(Scanned::Section(*section), migrations, done))
            }
            Act::Transfer => {
                one(Make::Io(CompleteIo::transfer(self.io(task))), Wording::Plain("transferred"))
            }
            Act::Complete => one(Make::Io(CompleteIo::complete(self.io(task))), Wording::Completed),
            Act::Fail => one(Make::Io(CompleteIo::fail(self.io(task))), Wording::Completed),
            Act::PinPut => one(Make::Io(CompleteIo::put(self.io(task))), Wording::Plain("put")),
            Act::Online(_)
            | Act::LruAddDrain
            | Act::PinRead(_)
            | Act::PinWrite(_)
            | Act::Hold
            | Act::Release
            | Act::NoMemory(_)
            | Act::NoSwap(_)
            | Act::Lock(_)
            | Act::Unlock(_)
            | Act::MmapSem(_)
            | Act::UpWrite(_)
            | Act::Continue
            | Act::Check(_) => Vec::new(),
        }
    }

    fn hold(
        &self,
        task: TaskId,
        kind: IoKind,
        range: &Range,
        force: bool,
        name: &str,
    ) -> Vec<Operation> {
        let (address, pages) = self.pages(self.mm_of(task, range), range);
        let (sectors, name) = (mask(range.sectors), name.to_string());
        let make = Make::Hold { kind, address, pages, sectors, force, name };
        vec![Operation { make, word: Wording::Held(pages) }]
    }

    fn io(&self, task: TaskId) -> IoId {
        self.names.io_id(&self.names.task(task)).expect("the scenario was checked")
    }

    /// Makes the routine of an operation; or says why there is nothing to do.
    pub(super) fn make(&mut self, task: TaskId, make: &Make) -> Result<Routine, String> {
        let mm = self.machine.tasks[task.index()].mm;
        self.scans.vetoed = false;
        self.saw[task.index()] = Saw::default();
        Ok(match make {
            Make::Load { address, sectors } => Access::load(*address, *sectors).into(),
            Make::Store { address, sectors } => Access::store(*address, *sectors).into(),
            Make::Hold { kind, address, pages, sectors, force, name } => {
                let io = self.machine.mem.add_io(*kind, mm, *address, *pages, *sectors);
                self.names.add_io(name);
                HoldPages::new(io, *force).into()
            }
            Make::Fork { child } => self.fork(mm, child).into(),
            Make::Exit => Exit::new(mm).into(),
            Make::Munmap { address } => Unmap::munmap(*address).into(),
            Make::Dontneed { address, pages } => Unmap::dontneed(*address, *pages).into(),
            Make::Mprotect { address, write } => Mprotect::new(*address, *write).into(),
            Make::Mlock { address, lock } => Mlock::new(*address, *lock).into(),
            Make::Shrink { mm, address } => ShrinkPage::new(self.frame(*mm, *address)?).into(),
            Make::ShrinkCache(nr) => ShrinkCache::new(*nr).into(),
            Make::Refill(nr) => RefillInactive::new(*nr).into(),
            Make::Swapoff(area) => Swapoff::new(*area as u8).into(),
            Make::Migrate { mm, address, order } => {
                Migrate::new(self.frame(*mm, *address)?, *order).into()
            }
            Make::Offline { section, order } => {
                Offline::new(&self.machine.mem, *section, *order).into()
            }
            Make::Io(complete) => self.complete(task, *complete)?,
        })
    }

    fn complete(&mut self, task: TaskId, complete: CompleteIo) -> Result<Routine, String> {
        let io = self.io(task);
        match self.machine.mem.ios[io as usize].state {
            IoState::InFlight | IoState::Transferred => Ok(complete.into()),
            _ => Err("not in flight".to_string()),
        }
    }

    /// The frame that an address leads to, for those who scan it.
    fn frame(&self, mm: MmId, address: u32) -> Result<crate::mm::Pfn, String> {
        let mem = &self.machine.mem;
        let vma = mem.find_vma(mm, address).ok_or("not mapped")?;
        let pfn = mem.frame_of(vma, address).ok_or("not in memory")?;
        if mem.page(pfn).has(PG_FREE) { Err("not in memory".to_string()) } else { Ok(pfn) }
    }

    fn fork(&mut self, parent: MmId, child: &str) -> Fork {
        let mm = self.machine.mem.add_mm();
        self.names.add_process(child);
        self.names.inherit(parent, mm);
        let task = self.machine.add_task(mm);
        self.names.add_task(child, task, mm);
        self.grow();
        self.work[task.index()].unborn = true;
        Fork::new(mm)
    }

    /// What came of an operation.
    pub(super) fn word(&mut self, wording: &Wording, ret: Ret, task: TaskId) -> String {
        let saw = self.saw[task.index()];
        match (wording, ret) {
            (_, Ret::VmFaultOom | Ret::NoMemory) => "OUT OF MEM".to_string(),
            (_, Ret::Invalid) => "EINVAL".to_string(),
            (Wording::Load | Wording::Store(_), Ret::Segv) => "SIGSEGV".to_string(),
            (Wording::Held(_), Ret::Segv) => "EFAULT".to_string(),
            (Wording::Load, _) => saw.load().to_string(),
            (Wording::Store(_), _) => saw.store().to_string(),
            (Wording::Held(wanted), Ret::Pages(got)) if got < *wanted => {
                format!("{got} of {wanted} held")
            }
            (Wording::Held(_), _) => saw.held().to_string(),
            (Wording::Scan(what, before, began), _) => {
                let times = match what {
                    Scanned::Page(..) => 1,
                    Scanned::Section(_) => self.machine.mem.costs.migrations - before,
                };
                self.scanned(*what, (times, *began), ret, saw)
            }
            (Wording::Reclaim, Ret::Pages(freed)) => format!("{freed} freed"),
            (Wording::Reclaim, _) => "done".to_string(),
            (Wording::Completed, _) => {
                self.scans.io_completed();
                "completed".to_string()
            }
            (Wording::Fork(child), _) => {
                let child = self.names.task_id(child).expect("made when the fork began");
                self.work[child.index()].unborn = false;
                "forked".to_string()
            }
            (Wording::Plain(word), _) => (*word).to_string(),
        }
    }

    fn scanned(&mut self, what: Scanned, (times, began): (u64, u32), ret: Ret, saw: Saw) -> String {
        let vetoed = std::mem::take(&mut self.scans.vetoed);
        let section = matches!(what, Scanned::Section(_));
        let word = match ret {
            Ret::Freed => "freed",
            Ret::Done if section => "offline",
            Ret::Done => "moved",
            _ if vetoed => "VETO",
            Ret::Again if section => "BUSY",
            Ret::Again => "busy",
            _ => saw.reclaim(ret == Ret::Activated),
        };
        let refused = matches!(word, "VETO" | "BUSY" | "busy");
        let succeeded = matches!(word, "freed" | "offline" | "moved" | "unmapped" | "written");
        if refused || succeeded {
            self.scans.ended(what, refused, times, began);
        }
        word.to_string()
    }

    /// Acts that take no time of a task. True if this was one.
    fn act_at_once(&mut self, step: &Step) -> bool {
        let result = match &step.act {
            Act::Check(fact) => self.check(fact),
            Act::LruAddDrain => {
                self.machine.mem.lru_add_drain();
                "drained".to_string()
            }
            Act::PinRead(sectors) => {
                let io = self.names.io_id(&step.actor).expect("the scenario was checked");
                let machine = &mut self.machine;
                machine.oracle.pin_read(&machine.mem, io, mask(*sectors));
                self.seen_through(io)
            }
            Act::PinWrite(sectors) => {
                let io = self.names.io_id(&step.actor).expect("the scenario was checked");
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
                let mm = self.names.mm(process).expect("the scenario was checked");
                self.inject(process, Lock::MmapWrite(mm))
            }
            Act::Unlock(range) => self.uninject(&range_name(range)),
            Act::UpWrite(process) => self.uninject(process),
            _ => return false,
        };
        self.machine.mem.audit_touched();
        self.record_changes();
        self.results.push(result);
        true
    }

    fn seen_through(&self, io: IoId) -> String {
        let first = self.machine.mem.holders_of(io).next().expect("a pin holds a page");
        let pfn = self.machine.mem.holders[first.index()].pfn;
        if pfn.is_some() { "read".to_string() } else { "put already".to_string() }
    }

    fn area(&self, actor: &str) -> usize {
        actor.trim_start_matches("swap").parse().expect("the scenario was checked")
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

    fn inject_page_lock(&mut self, range: &Range) -> String {
        let process = range.process.as_deref().expect("the parser fills it in");
        let mm = self.names.mm(process).expect("the scenario was checked");
        let (address, _) = self.pages(mm, range);
        match self.frame(mm, address) {
            Ok(pfn) => {
                let result = self.inject(&range_name(range), Lock::Page(pfn));
                if result == "held" {
                    // Nobody locks a page without a reference to it.
                    let task = self.injected.last().expect("just injected").task;
                    self.machine.mem.get_page(pfn);
                    self.machine.tasks[task.index()].note_page(pfn);
                }
                result
            }
            Err(nothing) => nothing,
        }
    }

    fn inject(&mut self, name: &str, lock: Lock) -> String {
        if !lock.is_free(&self.machine.mem) {
            return "busy".to_string();
        }
        let task = self.machine.add_task(MmId::NONE);
        self.names.add_task("somebody", task, MmId::NONE);
        self.grow();
        lock.acquire(&mut self.machine.mem, task);
        self.machine.tasks[task.index()].note_lock(lock);
        self.injected.push(Injected { name: name.to_string(), lock, task });
        "held".to_string()
    }

    fn uninject(&mut self, name: &str) -> String {
        let Some(place) = self.injected.iter().position(|i| i.name == name) else {
            return "not held".to_string();
        };
        let Injected { lock, task, .. } = self.injected.remove(place);
        self.machine.tasks[task.index()].forget_lock(lock);
        lock.release(&mut self.machine.mem, task);
        if let Lock::Page(pfn) = lock {
            self.machine.tasks[task.index()].forget_page(pfn);
            self.machine.mem.put_page(pfn);
        }
        "dropped".to_string()
    }

    /// A fact that must hold under every policy.
    fn check(&mut self, fact: &Fact) -> String {
        match self.fails(fact) {
            None => "holds".to_string(),
            Some(text) => {
                self.events.push(Event::FactFails { text });
                "FAILS".to_string()
            }
        }
    }

    /// Why a fact does not hold.
    fn fails(&self, fact: &Fact) -> Option<String> {
        let mem = &self.machine.mem;
        let unless = |holds: bool, text: String| (!holds).then_some(text);
        match fact {
            Fact::Present(range) | Fact::Swapped(range) | Fact::NotMapped(range) => {
                self.ptes(range).find_map(|(name, pte)| {
                    let holds = match fact {
                        Fact::Present(_) => pte.present(),
                        Fact::Swapped(_) => pte.entry().is_some(),
                        _ => pte.none(),
                    };
                    unless(holds, format!("{name} is {pte}"))
                })
            }
            Fact::Same(a, b) | Fact::Apart(a, b) => {
                let same = matches!(fact, Fact::Same(..));
                self.ptes(a).zip(self.ptes(b)).find_map(|((name, x), (other, y))| {
                    let frames = x.pfn().zip(y.pfn());
                    let holds = frames.is_some_and(|(x, y)| (x == y) == same);
                    unless(holds, format!("{name} is {x}, {other} is {y}"))
                })
            }
            Fact::SectionOffline(section) => {
                let (first, end) = mem.section_frames(*section);
                let used = (first..end).filter(|&p| !mem.page(crate::mm::Pfn(p)).has(PG_FREE));
                let used = used.count();
                let holds = mem.section_offline(*section);
                unless(holds, format!("section {section} is online, {used} frames in use"))
            }
            Fact::AllFree => mem.audit_end().map(|violation| violation.to_string()),
            Fact::Waiting(actor) => {
                let task = self.names.task_id(actor);
                let idle = task.is_none_or(|task| self.machine.tasks[task.index()].idle());
                unless(!idle, format!("{actor} has nothing to do"))
            }
        }
    }

    /// The ptes of a range, by name. A mapping that is gone has none.
    fn ptes(&self, range: &Range) -> impl Iterator<Item = (String, crate::mm::Pte)> {
        let process = range.process.as_deref().expect("the parser fills it in");
        let mm = self.names.mm(process).expect("the scenario was checked");
        let (first, pages) = self.pages(mm, range);
        let pte = move |address: u32| {
            let vma: Option<VmaId> = self.machine.mem.find_vma(mm, address);
            let pte = vma.map(|vma| self.machine.mem.pte(vma, address)).unwrap_or_default();
            (self.names.address(mm, address), pte)
        };
        (first..first + pages).map(pte)
    }
}

fn range_name(range: &Range) -> String {
    let process = range.process.as_deref().unwrap_or_default();
    format!("{process}.{}[{}]", range.map, range.first)
}
