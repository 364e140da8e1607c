//! Random schedules at stage grain: no panic, no violation, no unexplained finding.
//!
//! Scenarios show what somebody thought of; here a fixed pseudo-random sequence picks
//! operations and interleavings. Everything is recounted whenever no page_table_lock
//! is held. Seeds are fixed, so a failure names one that fails again.

use cowpath::machine::Machine;
use cowpath::mm::{
    AnonVmaId, Counters, FileId, IoKind, IoState, Layout, Memory, MmId, Pfn, TaskId, VM_MAYWRITE,
    VM_READ, VM_WRITE, Vma, VmaId,
};
use cowpath::oracle::Kind;
use cowpath::policy::{Policy, resolve};
use cowpath::routines::{
    Access, CompleteIo, Exit, Fork, HoldPages, Migrate, Mprotect, Order, RefillInactive,
    ShrinkCache, ShrinkPage, Swapoff, Unmap,
};
use std::collections::BTreeMap;

const START: u32 = 16;
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
        let layout = Layout { pages: FRAMES, section: 0, page_cluster: 0, counters };
        let mut mem = Memory::new(layout);
        mem.swapon(6, 0, &[]);
        let mm = mem.add_mm();
        let vma = mem.add_vma(Vma {
            mm,
            next: VmaId::NONE,
            anon_vma: AnonVmaId::NONE,
            anon_next: VmaId::NONE,
            start: START,
            len: PAGES,
            pgoff: START,
            flags: VM_READ | VM_WRITE | VM_MAYWRITE,
            file: FileId::NONE,
            ptes: 0,
        });
        let mut machine = Machine::new(mem);
        let v = machine.mem.vmas[vma.index()];
        machine.oracle.map(&v, START, START + PAGES);
        let task = machine.add_task(mm);
        let kernel = std::array::from_fn(|_| machine.add_task(MmId::NONE));
        let device = machine.add_task(MmId::NONE);
        Self {
            machine,
            rng: Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            alphabet,
            users: vec![(task, mm, true)],
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
        let address = START + self.rng.below(PAGES as usize) as u32;
        let Alphabet { exit, io, unmap, mprotect, .. } = self.alphabet;
        match self.rng.below(40) {
            0 if self.forks < 3 => {
                self.forks += 1;
                let child = self.machine.mem.add_mm();
                self.unborn.push((task, child));
                self.machine.start(task, Fork::new(child));
            }
            1 if exit => {
                self.users[user].2 = false;
                self.machine.start(task, Exit::new(mm));
            }
            2 if unmap => self.machine.start(task, Unmap::dontneed(address, 1)),
            3 | 4 if mprotect => {
                let vma = self.machine.mem.find_vma(mm, START).expect("never unmapped");
                let write = !self.machine.mem.vmas[vma.index()].vm_write();
                self.machine.start(task, Mprotect::new(START, write));
            }
            5..=9 if io => self.begin_io(task, mm, address),
            10..=25 => {
                let sectors = 1 + self.rng.below(3) as u8;
                self.machine.start(task, Access::store(address, sectors));
            }
            _ => self.machine.start(task, Access::load(address, 3)),
        }
    }

    fn begin_io(&mut self, task: TaskId, mm: MmId, address: u32) {
        let flying = self.machine.mem.ios.iter().filter(|io| io.state != IoState::Done).count();
        if flying >= 3 {
            return;
        }
        let write = self.rng.below(3) > 0;
        let kind = if write { IoKind::DirectRead } else { IoKind::DirectWrite };
        let io = self.machine.mem.add_io(kind, mm, address, 1, 1);
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
        let complete = match self.rng.below(2) {
            0 => CompleteIo::transfer(io),
            _ => CompleteIo::complete(io),
        };
        self.machine.start(self.device, complete);
    }

    fn begin_kernel(&mut self, task: TaskId) {
        let pfn = Pfn(1 + self.rng.below(FRAMES as usize) as u32);
        let Alphabet { swapoff, migrate, .. } = self.alphabet;
        match self.rng.below(8) {
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
fn everything_at_once_never_breaks_the_kernel() {
    let alphabet = Alphabet {
        exit: true,
        io: true,
        swapoff: true,
        migrate: true,
        unmap: true,
        mprotect: true,
    };
    let known = [Kind::MissedCow, Kind::LostIo, Kind::LostStore];
    for policy in ["vanilla", "iwamoto", "hugh", "hugh-mail"] {
        only(policy, alphabet, &known);
    }
}

#[test]
fn rmap_after_the_page_lock_leaks_without_any_reference_held() {
    // Iwamoto's order of do_swap_page, where nobody but reclaim and fork is about:
    // seed 410 of this alphabet, found by chance, beside the scenario.
    let policy = resolve("iwamoto").expect("a bundled policy");
    let alphabet = Alphabet { exit: true, migrate: true, ..Alphabet::default() };
    let found = (1..600).find_map(|seed| World::new(seed, alphabet, Counters::Two).run(&policy));
    assert_eq!(found.as_deref(), Some(Kind::MissedCow.word()));
}
