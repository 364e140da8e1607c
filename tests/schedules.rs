//! Random schedules at stage grain: no panic, no violation, no unexplained finding.
//!
//! Scenarios show what somebody thought of; here a fixed pseudo-random sequence picks
//! operations and interleavings. Everything is recounted whenever no page_table_lock
//! is held. Seeds are fixed, so a failure names one that fails again.

use cowpath::machine::Machine;
use cowpath::mm::{
    AnonVmaId, Counters, FileId, IoKind, IoState, Layout, Memory, MmId, Path, Pfn, TaskId,
    VM_MAYWRITE, VM_READ, VM_WRITE, Vma, VmaId,
};
use cowpath::oracle::Kind;
use cowpath::policy::{Policy, resolve};
use cowpath::routines::{
    Access, CompleteIo, Exit, Fork, HoldPages, Migrate, Mlock, Mprotect, Offline, Order,
    RefillInactive, ShrinkCache, ShrinkPage, Swapoff, Unmap,
};
use std::collections::BTreeMap;

const START: u32 = 16;
/// A second area, of a file if the alphabet has one; munmap takes it away.
const OTHER: u32 = 2048;
const OTHER_PAGES: u32 = 2;
const PAGES: u32 = 3;
const FRAMES: u32 = 12;
const STAGES: usize = 4000;
/// The whole recount costs far more than a stage.
const AUDIT_EVERY: usize = 7;

/// What a schedule may contain.
#[derive(Clone, Copy, Debug, Default)]
struct Alphabet {
    exit: bool,
    io: bool,
    swapoff: bool,
    migrate: bool,
    unmap: bool,
    mprotect: bool,
    mlock: bool,
    /// munmap of the second area.
    munmap: bool,
    /// The second area maps a file.
    file: bool,
    /// Two swap areas, one with a bad slot.
    two_areas: bool,
    /// Two threads in the first process.
    threads: bool,
    /// Allocations of pages and slots that fail.
    inject: bool,
    /// Direct IO that fails.
    fail_io: bool,
    /// Sections going offline and online.
    offline: bool,
    page_cluster: u32,
}

/// xorshift: the same numbers on every machine.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % n as u64) as usize
    }
}

struct World {
    machine: Machine,
    rng: Rng,
    alphabet: Alphabet,
    /// Processes: their task, and whether they may start something new.
    users: Vec<(TaskId, MmId, bool)>,
    kernel: [TaskId; 3],
    device: TaskId,
    /// Children whose fork has not returned, with the parent's task.
    unborn: Vec<(TaskId, MmId)>,
    forks: u32,
    swapoff: bool,
}

impl World {
    fn new(seed: u64, alphabet: Alphabet, counters: Counters) -> Self {
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
            swapoff: false,
        }
    }

    fn idle(&self, task: TaskId) -> bool {
        self.machine.tasks[task.index()].idle()
    }

    /// One move: swap IO completes, a task begins something, or runs a stage.
    fn step(&mut self, policy: &Policy) {
        if self.rng.below(12) == 0 && !self.machine.mem.swap_io.is_empty() {
            let position = self.rng.below(self.machine.mem.swap_io.len());
            self.machine.complete_swap_io(position, true);
            return;
        }
        // Processes are twice as busy as the kernel's threads.
        let chosen = self.rng.below(2 * self.users.len() + 4);
        let task = match chosen {
            0..3 => self.kernel[chosen],
            3 => self.device,
            _ => self.users[(chosen - 4) / 2].0,
        };
        if !self.idle(task) {
            self.machine.try_step(task, policy, None);
            self.born();
            return;
        }
        match chosen {
            0..3 => self.begin_kernel(task),
            3 => self.begin_device(),
            _ => self.begin_user((chosen - 4) / 2),
        }
    }

    /// A child runs once its parent's fork has returned.
    fn born(&mut self) {
        let Some(&(parent, child)) = self.unborn.iter().find(|u| self.idle(u.0)) else { return };
        self.unborn.retain(|u| u.0 != parent);
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
        let Alphabet { exit, io, unmap, mprotect, mlock, munmap, .. } = self.alphabet;
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
            5..=9 if io => self.begin_io(task, mm, address),
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

    fn begin_io(&mut self, task: TaskId, mm: MmId, address: u32) {
        let flying = self.machine.mem.ios.iter().filter(|io| io.state != IoState::Done).count();
        if flying >= 3 {
            return;
        }
        let write = self.rng.below(3) > 0;
        let kind = if write { IoKind::DirectRead } else { IoKind::DirectWrite };
        let io = self.machine.mem.add_io(kind, Path::Block, mm, address, 1, 1);
        self.machine.start(task, HoldPages::new(io, false));
    }

    fn begin_device(&mut self) {
        let ios = &self.machine.mem.ios;
        let flying = |state| matches!(state, IoState::InFlight | IoState::Transferred);
        let ready: Vec<_> = (0..ios.len()).filter(|&io| flying(ios[io].state)).collect();
        if ready.is_empty() {
            return;
        }
        let io = ready[self.rng.below(ready.len())] as u16;
        let fails = self.alphabet.fail_io && self.rng.below(6) == 0;
        let complete = match self.rng.below(2) {
            _ if fails => CompleteIo::fail(io),
            0 => CompleteIo::transfer(io),
            _ => CompleteIo::complete(io),
        };
        self.machine.start(self.device, complete);
    }

    fn begin_kernel(&mut self, task: TaskId) {
        let pfn = Pfn(1 + self.rng.below(FRAMES as usize) as u32);
        let Alphabet { swapoff, migrate, offline, .. } = self.alphabet;
        match self.rng.below(8) {
            7 if offline && self.rng.below(3) == 0 => self.begin_offline(task),
            0 => self.machine.start(task, ShrinkCache::new(3)),
            1 => self.machine.start(task, RefillInactive::new(3)),
            2 if migrate => self.machine.start(task, Migrate::new(pfn, Order::ReplaceFirst)),
            3 if migrate => self.machine.start(task, Migrate::new(pfn, Order::UnmapFirst)),
            4 if swapoff && !self.swapoff && self.rng.below(6) == 0 => {
                self.swapoff = true;
                self.machine.start(task, Swapoff::new(0));
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

    /// Runs a schedule; what went wrong first, in a few words.
    fn run(mut self, policy: &Policy) -> Option<String> {
        for stage in 0..STAGES {
            self.step(policy);
            let whole = (stage % AUDIT_EVERY == 0).then(|| self.machine.audit()).flatten();
            if let Some(violation) = self.machine.mem.violation.or(whole) {
                return Some(format!("violation: {violation}"));
            }
            let finding = self.machine.oracle.findings.iter().find(|f| f.kind.is_error());
            if let Some(finding) = finding {
                return Some(finding.kind.word().to_string());
            }
        }
        None
    }
}

/// What `seeds` schedules find, with the first seed of each.
fn find(policy: &str, alphabet: Alphabet, seeds: u64) -> BTreeMap<String, u64> {
    let policy = resolve(policy).expect("a bundled policy");
    let mut found = BTreeMap::new();
    for seed in 1..=seeds {
        let counters = if seed % 2 == 0 { Counters::Two } else { Counters::Packed };
        let schedule = || World::new(seed, alphabet, counters).run(&policy);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(schedule));
        let what = result.unwrap_or_else(|_| Some(format!("panic at seed {seed}")));
        if let Some(what) = what {
            found.entry(what).or_insert(seed);
        }
    }
    found
}

const SEEDS: u64 = 60;

fn nothing_wrong(policy: &str, alphabet: Alphabet) {
    let found = find(policy, alphabet, SEEDS);
    assert!(found.is_empty(), "{policy}, {alphabet:?}: {found:?}");
}

/// Words of errors that a policy is known to allow; anything else is wrong.
fn only(policy: &str, alphabet: Alphabet, known: &[Kind]) {
    let mut found = find(policy, alphabet, SEEDS);
    found.retain(|what, _| !known.iter().any(|kind| kind.word() == what));
    assert!(found.is_empty(), "{policy}, {alphabet:?}: {found:?}");
}

#[test]
fn reclaim_and_fork() {
    nothing_wrong("vanilla", Alphabet::default());
    nothing_wrong("hugh", Alphabet::default());
}

#[test]
fn exit_and_swapoff() {
    let alphabet = Alphabet { exit: true, swapoff: true, unmap: true, ..Alphabet::default() };
    nothing_wrong("vanilla", alphabet);
    nothing_wrong("hugh", alphabet);
}

#[test]
fn migration_in_both_orders() {
    let alphabet = Alphabet { exit: true, migrate: true, swapoff: true, ..Alphabet::default() };
    nothing_wrong("vanilla", alphabet);
    nothing_wrong("hugh", alphabet);
}

#[test]
fn direct_io() {
    let alphabet =
        Alphabet { exit: true, io: true, unmap: true, swapoff: true, ..Alphabet::default() };
    nothing_wrong("vanilla", alphabet);
    // A child's direct write from a page that its parent stores to meanwhile.
    only("hugh", alphabet, &[Kind::MissedCow]);
}

#[test]
fn direct_io_and_mprotect_loses_data_by_count_and_not_by_mapcount() {
    let alphabet = Alphabet { io: true, mprotect: true, ..Alphabet::default() };
    only("vanilla", alphabet, &[Kind::LostIo]);
    only("hugh", alphabet, &[Kind::MissedCow, Kind::LostIo]);
}

#[test]
fn two_areas_readahead_and_mlock() {
    let alphabet = Alphabet {
        exit: true,
        mlock: true,
        munmap: true,
        swapoff: true,
        two_areas: true,
        page_cluster: 2,
        ..Alphabet::default()
    };
    nothing_wrong("vanilla", alphabet);
    nothing_wrong("hugh", alphabet);
}

#[test]
fn private_file_mappings() {
    let alphabet = Alphabet {
        exit: true,
        file: true,
        munmap: true,
        swapoff: true,
        unmap: true,
        ..Alphabet::default()
    };
    nothing_wrong("vanilla", alphabet);
    nothing_wrong("hugh", alphabet);
}

#[test]
fn threads_with_direct_io_that_may_fail() {
    let alphabet = Alphabet {
        exit: true,
        fail_io: true,
        io: true,
        threads: true,
        unmap: true,
        ..Alphabet::default()
    };
    nothing_wrong("vanilla", alphabet);
    only("hugh", alphabet, &[Kind::MissedCow]);
}

#[test]
fn failing_allocations_and_sections_going_offline() {
    let alphabet = Alphabet {
        exit: true,
        inject: true,
        io: true,
        migrate: true,
        offline: true,
        swapoff: true,
        ..Alphabet::default()
    };
    nothing_wrong("vanilla", alphabet);
    only("hugh", alphabet, &[Kind::MissedCow]);
}

#[test]
fn everything_at_once_never_breaks_the_kernel() {
    let alphabet = Alphabet {
        exit: true,
        io: true,
        swapoff: true,
        migrate: true,
        unmap: true,
        mprotect: true,
        mlock: true,
        munmap: true,
        file: true,
        two_areas: true,
        threads: true,
        inject: true,
        fail_io: true,
        offline: true,
        page_cluster: 2,
    };
    let known = [Kind::MissedCow, Kind::LostIo, Kind::LostStore];
    for policy in ["vanilla", "iwamoto", "hugh", "hugh-mail"] {
        only(policy, alphabet, &known);
    }
}

#[test]
fn rmap_after_the_page_lock_leaks_without_any_reference_held() {
    // Iwamoto's order of do_swap_page, where nobody but reclaim, migration and fork is
    // about: a seed found by chance, beside the scenario.
    const SEED: u64 = 1983;
    let alphabet = Alphabet { exit: true, migrate: true, ..Alphabet::default() };
    let run = |policy: &str| {
        let policy = resolve(policy).expect("a bundled policy");
        World::new(SEED, alphabet, Counters::Two).run(&policy)
    };
    assert_eq!(run("iwamoto").as_deref(), Some(Kind::MissedCow.word()));
    assert_eq!(run("hugh"), None);
}
