//! One schedule: a machine, who is at work in it, and what happens next by chance.

use crate::alphabet::Alphabet;
use cowpath::machine::Machine;
use cowpath::mm::audit::Violation;
use cowpath::mm::{
    AnonVmaId, Counters, FileId, Inject, IoKind, IoState, Layout, Memory, Mm, MmId, Path, Pfn,
    TaskId, VM_MAYWRITE, VM_READ, VM_WRITE, Vma, VmaId,
};
use cowpath::oracle::Kind;
use cowpath::policy::Policy;
use cowpath::routines::{
    Access, CompleteIo, Exit, Fork, HoldPages, Migrate, Mlock, Mprotect, Offline, Order,
    RefillInactive, ShrinkCache, ShrinkPage, Swapoff, Unmap,
};
use cowpath::task::{Ret, Task};

const START: u32 = 16;
/// A second area, of a file if the alphabet has one; munmap takes it away.
const OTHER: u32 = 2048;
const OTHER_PAGES: u32 = 2;
const PAGES: u32 = 3;
const FRAMES: u32 = 12;
const STAGES: usize = 4000;
/// Moves within which everybody must come to an end once nobody begins anything new.
const SETTLE: usize = 40_000;
/// The whole recount costs far more than a stage.
const AUDIT_EVERY: usize = 7;

/// xorshift: the same numbers on every machine.
#[derive(Clone)]
pub struct Rng(u64);

impl Rng {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % n as u64) as usize
    }
}

#[derive(Clone)]
pub struct World {
    pub machine: Machine,
    pub rng: Rng,
    alphabet: Alphabet,
    /// Processes: their task, and whether they may start something new.
    users: Vec<(TaskId, MmId, bool)>,
    kernel: [TaskId; 3],
    device: TaskId,
    /// Children whose fork has not returned, with the parent's task.
    unborn: Vec<(TaskId, MmId)>,
    forks: u32,
    swapoffs: u8,
    /// Nobody begins anything new, but for what ends something.
    ending: bool,
    /// What the policy is known to allow.
    known: &'static [Kind],
    /// Findings that were looked at.
    looked: usize,
    /// The last move was a stage.
    ran: bool,
    /// Stays where it is.
    resting: Option<TaskId>,
    /// Requests that may be its: whatever it does, nobody's choice depends on it.
    unknown: Vec<usize>,
    /// Whether the stage that is tried next is known to run or to wait.
    told: Option<bool>,
    /// Sees the machine before each stage, with the task that is to run it.
    pub watch: Watching,
}

/// Somebody who sees each stage coming, and may call things by other names.
pub type Watch = Box<dyn FnMut(&mut Machine, TaskId, &Policy)>;

/// Whoever watches one world does not watch its copies.
pub struct Watching(pub Option<Watch>);

impl Clone for Watching {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl World {
    pub fn new(seed: u64, alphabet: Alphabet, counters: Counters) -> Self {
        let layout = Layout {
            pages: FRAMES,
            section: if alphabet.offline { 4 } else { 0 },
            movable: if alphabet.offline { 4 } else { 0 },
            page_cluster: alphabet.page_cluster,
            counters,
        };
        let mut mem = Memory::new(layout);
        if alphabet.two_areas {
            mem.swapon(3, 0, &[2]);
            mem.swapon(4, 0, &[]);
        } else {
            mem.swapon(6, 0, &[]);
        }
        let mm = mem.add_mm();
        let file = if alphabet.file { mem.add_file(OTHER_PAGES) } else { FileId::NONE };
        let area = |start, len, file: FileId| Vma {
            mm,
            next: VmaId::NONE,
            anon_vma: AnonVmaId::NONE,
            anon_next: VmaId::NONE,
            start,
            len,
            pgoff: if file.is_some() { 0 } else { start },
            flags: VM_READ | VM_WRITE | VM_MAYWRITE,
            file,
            ptes: 0,
        };
        let vmas = [area(START, PAGES, FileId::NONE), area(OTHER, OTHER_PAGES, file)]
            .map(|vma| mem.add_vma(vma));
        let mut machine = Machine::new(mem);
        for vma in vmas {
            let v = machine.mem.vmas[vma.index()];
            machine.oracle.map(&v, v.start, v.start + v.len);
        }
        let task = machine.add_task(mm);
        let mut users = vec![(task, mm, true)];
        if alphabet.threads {
            users.push((machine.add_task(mm), mm, true));
        }
        let kernel = std::array::from_fn(|_| machine.add_task(MmId::NONE));
        let device = machine.add_task(MmId::NONE);
        Self {
            machine,
            rng: Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            alphabet,
            users,
            kernel,
            device,
            unborn: Vec::new(),
            forks: 0,
            swapoffs: 0,
            ending: false,
            known: &[],
            looked: 0,
            ran: false,
            resting: None,
            unknown: Vec::new(),
            told: None,
            watch: Watching(None),
        }
    }

    fn idle(&self, task: TaskId) -> bool {
        self.machine.tasks[task.index()].idle()
    }

    /// One move: swap IO completes, a task begins something, or runs a stage.
    fn step(&mut self, policy: &Policy) {
        self.ran = false;
        if self.rng.below(12) == 0 && !self.machine.mem.swap_io.is_empty() {
            let position = self.rng.below(self.machine.mem.swap_io.len());
            let fails = self.alphabet.fail_swap_io && self.rng.below(8) == 0;
            self.machine.complete_swap_io(position, !fails);
            return;
        }
        // Processes are twice as busy as the kernel's threads.
        let chosen = self.rng.below(2 * self.users.len() + 4);
        let task = match chosen {
            0..3 => self.kernel[chosen],
            3 => self.device,
            _ => self.users[(chosen - 4) / 2].0,
        };
        if self.resting == Some(task) {
            return;
        }
        if !self.idle(task) {
            if let Some(watch) = &mut self.watch.0 {
                watch(&mut self.machine, task, policy);
            }
            self.try_step(task, policy);
            self.born();
            return;
        }
        match chosen {
            3 => self.begin_device(),
            _ if self.ending => {}
            0..3 => self.begin_kernel(task),
            _ => self.begin_user((chosen - 4) / 2),
        }
    }

    fn try_step(&mut self, task: TaskId, policy: &Policy) {
        let told = self.told.take();
        if told == Some(false) {
            return;
        }
        let stage = self.machine.tasks[task.index()].top().stage();
        let ran = self.machine.try_step(task, policy, None);
        assert!(ran || told.is_none(), "{stage} can no longer run");
        self.ran = ran;
    }

    /// From now on a task stays where it is.
    pub fn rest(&mut self, task: TaskId) {
        let ios = &self.machine.mem.ios;
        self.resting = Some(task);
        self.unknown = (0..ios.len()).filter(|&io| ios[io].state == IoState::Building).collect();
    }

    /// One move of anybody but the one who rests: whether a stage ran. `told`: that it did,
    /// in a world that differs by what he does.
    pub fn move_others(&mut self, told: Option<bool>, policy: &Policy) -> bool {
        self.told = told;
        self.step(policy);
        self.ran
    }

    /// A child runs once its parent's fork has returned, and not if that has failed.
    fn born(&mut self) {
        let back = |u: &&(TaskId, MmId)| self.idle(u.0) && self.resting != Some(u.0);
        let Some(&(parent, child)) = self.unborn.iter().find(back) else { return };
        self.unborn.retain(|u| u.0 != parent);
        if self.machine.tasks[parent.index()].ret == Ret::NoMemory {
            return;
        }
        let task = self.machine.add_task(child);
        self.users.push((task, child, true));
    }

    fn begin_user(&mut self, user: usize) {
        let (task, mm, alive) = self.users[user];
        if !alive {
            return;
        }
        let other = self.rng.below(4) == 0 && self.machine.mem.find_vma(mm, OTHER).is_some();
        let (start, pages) = if other { (OTHER, OTHER_PAGES) } else { (START, PAGES) };
        let address = start + self.rng.below(pages as usize) as u32;
        let Alphabet { exit, holds, unmap, mprotect, mlock, munmap, .. } = self.alphabet;
        if self.alphabet.inject {
            self.inject();
        }
        match self.rng.below(44) {
            0 if self.forks < 3 => {
                self.forks += 1;
                let child = self.machine.mem.add_mm();
                self.unborn.push((task, child));
                self.machine.start(task, Fork::new(child));
            }
            1 if exit => {
                for other in self.users.iter_mut().filter(|other| other.1 == mm) {
                    other.2 = false;
                }
                self.machine.start(task, Exit::new(mm));
            }
            2 if unmap => self.machine.start(task, Unmap::dontneed(address, 1)),
            3 | 4 if mprotect => {
                let vma = self.machine.mem.find_vma(mm, start).expect("looked up before");
                let write = !self.machine.mem.vmas[vma.index()].vm_write();
                self.machine.start(task, Mprotect::new(start, write));
            }
            40 | 41 if mlock => {
                let lock = self.rng.below(2) == 0;
                self.machine.start(task, Mlock::new(start, lock));
            }
            42 if munmap && other => self.machine.start(task, Unmap::munmap(OTHER)),
            5..=9 if !holds.is_empty() => self.hold(task, mm, address),
            10..=25 => {
                let sectors = 1 + self.rng.below(3) as u8;
                self.machine.start(task, Access::store(address, sectors));
            }
            _ => self.machine.start(task, Access::load(address, 3)),
        }
    }

    /// Now and then the next allocation of a page or of a slot fails.
    fn inject(&mut self) {
        match self.rng.below(40) {
            0 => self.machine.mem.inject.no_memory = 1,
            1 => self.machine.mem.inject.no_swap = 1,
            _ => {}
        }
    }

    /// Takes hold of a page or two by one of the paths.
    fn hold(&mut self, task: TaskId, mm: MmId, address: u32) {
        let ios = self.machine.mem.ios.iter().enumerate();
        let known = ios.filter(|(number, _)| !self.unknown.contains(number));
        if known.filter(|(_, io)| io.state != IoState::Done).count() >= 4 {
            return;
        }
        let (kind, path) = self.alphabet.holds[self.rng.below(self.alphabet.holds.len())];
        let (pages, sectors) = (1 + self.rng.below(2) as u32, 1 + self.rng.below(3) as u8);
        let force = path == Path::GetUserPages && self.rng.below(4) == 0;
        let io = self.machine.mem.add_io(kind, path, mm, address, pages, sectors);
        self.machine.start(task, HoldPages::new(io, force));
    }

    /// A request that is held goes on: the device moves its data or is done, the holder
    /// looks, writes or lets go.
    fn begin_device(&mut self) {
        let ios = &self.machine.mem.ios;
        let flying = |state| matches!(state, IoState::InFlight | IoState::Transferred);
        let ready = (0..ios.len()).filter(|&io| flying(ios[io].state));
        let ready: Vec<_> = ready.filter(|io| !self.unknown.contains(io)).collect();
        if ready.is_empty() {
            return;
        }
        let io = ready[self.rng.below(ready.len())];
        if matches!(ios[io].kind, IoKind::PinRead | IoKind::PinWrite) {
            return self.use_pin(io as u16);
        }
        let fails = self.alphabet.fail_io && self.rng.below(6) == 0;
        let complete = match self.rng.below(2) {
            _ if fails => CompleteIo::fail(io as u16),
            0 if !self.ending => CompleteIo::transfer(io as u16),
            _ => CompleteIo::complete(io as u16),
        };
        self.machine.start(self.device, complete);
    }

    fn use_pin(&mut self, io: u16) {
        let Machine { mem, oracle, .. } = &mut self.machine;
        let sectors = mem.ios[usize::from(io)].sectors;
        let may_write = mem.ios[usize::from(io)].kind == IoKind::PinWrite;
        match self.rng.below(8) {
            0 => self.machine.start(self.device, CompleteIo::put(io)),
            1..4 if may_write => oracle.pin_write(mem, io, sectors),
            _ => oracle.pin_read(mem, io, sectors),
        }
        self.machine.mem.audit_touched();
    }

    fn begin_kernel(&mut self, task: TaskId) {
        let pfn = Pfn(1 + self.rng.below(FRAMES as usize) as u32);
        let Alphabet { swapoff, migrate, move_pages, pageout, offline, two_areas, .. } =
            self.alphabet;
        match self.rng.below(8) {
            7 if offline && self.rng.below(3) == 0 => self.begin_offline(task),
            0 => self.machine.start(task, ShrinkCache::new(3)),
            1 => self.machine.start(task, RefillInactive::new(3)),
            2 if migrate => self.machine.start(task, Migrate::new(pfn, Order::ReplaceFirst)),
            3 if migrate => self.machine.start(task, Migrate::new(pfn, Order::UnmapFirst)),
            2 | 3 if move_pages => self.machine.start(task, Migrate::new(pfn, Order::UnmapFirst)),
            4 if swapoff && self.swapoffs <= u8::from(two_areas) && self.rng.below(6) == 0 => {
                self.machine.start(task, Swapoff::new(self.swapoffs));
                self.swapoffs += 1;
            }
            _ if pageout && self.rng.below(2) == 0 => {
                self.machine.start(task, ShrinkPage::whether_used_or_not(pfn));
            }
            _ => self.machine.start(task, ShrinkPage::new(pfn)),
        }
    }

    /// A section goes offline, or back online.
    fn begin_offline(&mut self, task: TaskId) {
        let section = self.rng.below(3) as u32;
        if self.machine.mem.section_offline(section) {
            let (first, end) = self.machine.mem.section_frames(section);
            self.machine.mem.online(first, end);
            self.machine.mem.audit_touched();
            return;
        }
        let orders = [Order::ReplaceFirst, Order::UnmapFirst];
        let order = orders[self.rng.below(2)];
        self.machine.start(task, Offline::new(&self.machine.mem, section, order));
    }

    /// Findings of these kinds are no news.
    pub fn knowing(self, known: &'static [Kind]) -> Self {
        Self { known, ..self }
    }

    /// Runs a schedule; what went wrong first, in a few words.
    pub fn run(&mut self, policy: &Policy) -> Option<String> {
        let wrong = (0..STAGES).find_map(|number| self.move_on(number, policy));
        wrong.or_else(|| self.end(policy))
    }

    pub fn move_on(&mut self, number: usize, policy: &Policy) -> Option<String> {
        self.step(policy);
        let whole = (number.is_multiple_of(AUDIT_EVERY)).then(|| self.machine.audit(policy));
        self.wrong(whole.flatten())
    }

    fn wrong(&mut self, whole: Option<Violation>) -> Option<String> {
        if let Some(violation) = self.machine.mem.violation.or(whole) {
            return Some(format!("violation: {violation}"));
        }
        let findings = &self.machine.oracle.findings[self.looked..];
        let finding = findings.iter().find(|f| f.kind.is_error() && !self.known.contains(&f.kind));
        let word = finding.map(|finding| finding.kind.word().to_string());
        self.looked = self.machine.oracle.findings.len();
        word
    }

    /// Everybody comes to an end, sees what he is entitled to, exits, and leaves nothing.
    fn end(&mut self, policy: &Policy) -> Option<String> {
        self.ending = true;
        self.machine.mem.inject = Inject::default();
        if let Some(wrong) = self.settle(policy) {
            return Some(wrong);
        }
        self.machine.oracle.sweep(&self.machine.mem);
        for (task, mm, _) in self.users.clone() {
            let gone = |mm: &Mm| mm.exiting || mm.users > 0;
            if !gone(&self.machine.mem.mms[mm.index()]) {
                self.machine.start(task, Exit::new(mm));
            }
        }
        if let Some(wrong) = self.settle(policy) {
            return Some(wrong);
        }
        self.machine.mem.lru_add_drain();
        self.machine.mem.audit_touched();
        let whole = self.machine.audit(policy).or_else(|| self.machine.mem.audit_end());
        self.wrong(whole)
    }

    fn settle(&mut self, policy: &Policy) -> Option<String> {
        for number in 0..SETTLE {
            if self.settled() {
                return None;
            }
            if let Some(wrong) = self.move_on(number, policy) {
                return Some(wrong);
            }
        }
        let busy = self.machine.tasks.iter().filter(|task| !task.idle());
        Some(format!("stuck at {:?}", busy.map(|task| task.top().stage()).collect::<Vec<_>>()))
    }

    fn settled(&self) -> bool {
        let mem = &self.machine.mem;
        mem.swap_io.is_empty()
            && mem.ios.iter().all(|io| io.state == IoState::Done)
            && self.machine.tasks.iter().all(Task::idle)
    }
}
