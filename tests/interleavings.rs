//! Interleavings that random schedules have found, each by its stages.
//!
//! What two tasks must not do to each other, where a scenario would have to stop both
//! between the same two lines of the kernel.

use cowpath::machine::Machine;
use cowpath::mm::{
    AnonVmaId, Counters, FileId, IoKind, LOCKED_BY_IO, Layout, Memory, MmId, PG_LOCKED, Path, Pfn,
    TaskId, VM_MAYWRITE, VM_READ, VM_WRITE, Vma, VmaId,
};
use cowpath::policy::{Policy, resolve};
use cowpath::routines::{
    Access, AddToSwap, Fork, HoldPages, Migrate, Order, RemoveExclusive, Routine, ShrinkPage,
    Swapoff,
};
use cowpath::task::Ret;

const ADDRESS: u32 = 16;
const FILE: u32 = 2048;

struct World {
    machine: Machine,
    policy: Policy,
    vma: VmaId,
    /// The process.
    user: TaskId,
    /// Whoever is at work beside it.
    kernel: TaskId,
}

/// A process with two anonymous pages that it has stored to, and one of a file; two swap
/// areas.
fn world(policy: &str) -> World {
    let layout =
        Layout { pages: 8, section: 0, movable: 0, page_cluster: 0, counters: Counters::Two };
    let mut mem = Memory::new(layout);
    mem.swapon(2, 0, &[]);
    mem.swapon(2, -1, &[]);
    let mm = mem.add_mm();
    let file = mem.add_file(1);
    let area = |start, len, pgoff, file| Vma {
        mm,
        next: VmaId::NONE,
        anon_vma: AnonVmaId::NONE,
        anon_next: VmaId::NONE,
        start,
        len,
        pgoff,
        flags: VM_READ | VM_WRITE | VM_MAYWRITE,
        file,
        ptes: 0,
    };
    let vma = mem.add_vma(area(ADDRESS, 2, ADDRESS, FileId::NONE));
    let mapped = mem.add_vma(area(FILE, 1, 0, file));
    let mut machine = Machine::new(mem);
    let v = machine.mem.vmas[mapped.index()];
    machine.oracle.map(&v, FILE, FILE + 1);
    let (user, kernel) = (machine.add_task(mm), machine.add_task(MmId::NONE));
    let policy = resolve(policy).expect("a bundled policy");
    let mut w = World { machine, policy, vma, user, kernel };
    w.run(user, Access::store(ADDRESS, 3));
    w.run(user, Access::store(ADDRESS + 1, 3));
    w
}

impl World {
    fn start(&mut self, task: TaskId, routine: impl Into<Routine>) {
        self.machine.start(task, routine);
    }

    fn step(&mut self, task: TaskId) -> bool {
        let ran = self.machine.try_step(task, &self.policy, None);
        assert_eq!(self.machine.mem.violation, None);
        ran
    }

    fn stage(&self, task: TaskId) -> &'static str {
        self.machine.tasks[task.index()].top().stage()
    }

    /// Goes on until the task is about to run a stage.
    fn until(&mut self, task: TaskId, stage: &str) {
        while self.stage(task) != stage {
            assert!(self.step(task), "waits at {}", self.stage(task));
        }
    }

    /// Goes on as far as the task can.
    fn go_on(&mut self, task: TaskId) {
        while !self.machine.tasks[task.index()].idle() && self.step(task) {}
    }

    fn end(&mut self, task: TaskId) {
        self.go_on(task);
        let task = &self.machine.tasks[task.index()];
        assert!(task.idle(), "waits at {}", task.top().stage());
    }

    fn run(&mut self, task: TaskId, routine: impl Into<Routine>) {
        self.start(task, routine);
        self.end(task);
    }

    fn page(&self, address: u32) -> Pfn {
        self.machine.mem.pte(self.vma, address).pfn().expect("present")
    }

    fn sound(&self) {
        assert_eq!(self.machine.audit(&self.policy), None);
        assert_eq!(self.machine.oracle.findings, []);
    }
}

#[test]
fn fork_copies_no_migration_entry_behind_the_back_of_who_restores_them() {
    for policy in ["2.6.29", "5.18", "7.0"] {
        let mut w = world(policy);
        let (user, kernel) = (w.user, w.kernel);
        let child = w.machine.mem.add_mm();
        w.start(kernel, Migrate::new(w.page(ADDRESS), Order::UnmapFirst));
        w.until(kernel, "remove_migration_ptes.lock_anon_vma");
        w.start(user, Fork::new(child));
        w.until(user, "copy_page_range.lock");
        // The child's area is on the list, and empty still.
        w.until(kernel, "remove_migration_pte.restore");
        w.step(kernel);
        w.until(user, "dup_mmap.up_write");
        w.end(kernel);
        w.end(user);
        w.sound();
        let born = w.machine.add_task(child);
        w.run(born, Access::load(ADDRESS, 3));
        w.sound();
    }
}

#[test]
fn swapoff_leaves_a_page_that_is_back_on_another_area() {
    let mut w = world("2.6.29");
    let page = w.page(ADDRESS);
    let lock = |w: &mut World, locked: bool| {
        let page = w.machine.mem.page_mut(page);
        page.flags = (page.flags & !PG_LOCKED) | (u32::from(locked) * PG_LOCKED);
        page.locker = if locked { LOCKED_BY_IO } else { TaskId::NONE };
    };
    let kernel = w.kernel;
    lock(&mut w, true);
    w.run(kernel, AddToSwap::new(page));
    let swapoff = w.machine.add_task(MmId::NONE);
    w.start(swapoff, Swapoff::new(0));
    w.until(swapoff, "try_to_unuse.wait_on_page_locked");
    // No pte needs the slot: the page leaves the swap cache, and comes back.
    w.run(kernel, RemoveExclusive::new(page));
    w.run(kernel, AddToSwap::new(page));
    lock(&mut w, false);
    w.end(swapoff);
    assert_eq!(w.machine.mem.page(page).private.area(), 1);
    w.sound();
}

#[test]
fn a_fork_that_fails_waits_until_swapoff_has_left_the_child() {
    let mut w = world("6.12");
    let (user, kernel) = (w.user, w.kernel);
    let (first, mm) = (w.page(ADDRESS), w.machine.tasks[user.index()].mm);
    w.run(kernel, ShrinkPage::whether_used_or_not(first));
    while !w.machine.mem.swap_io.is_empty() {
        w.machine.complete_swap_io(0, true);
    }
    let io = w.machine.mem.add_io(IoKind::PinWrite, Path::PinUserPages, mm, ADDRESS + 1, 1, 3);
    w.run(user, HoldPages::new(io, false));
    // The child gets the first page's swap pte, and there is no page for the second.
    let child = w.machine.mem.add_mm();
    w.machine.mem.inject.no_memory = 1;
    w.start(user, Fork::new(child));
    w.until(user, "copy_mm.exit_mmap");
    let swapoff = w.machine.add_task(MmId::NONE);
    w.start(swapoff, Swapoff::new(0));
    while w.machine.mem.mms[child.index()].readers == 0 {
        assert!(w.step(swapoff));
    }
    w.go_on(user);
    assert_eq!(w.stage(user), "mmput.last_user");
    w.end(swapoff);
    w.end(user);
    assert_eq!(w.machine.tasks[user.index()].ret, Ret::NoMemory);
    w.sound();
}

#[test]
fn a_page_that_reclaim_takes_out_of_the_page_cache_is_not_found_there() {
    let mut w = world("vanilla");
    let (user, kernel) = (w.user, w.kernel);
    w.run(user, Access::load(FILE, 3));
    let page = {
        let vma = w.machine.mem.find_vma(MmId(0), FILE).expect("mapped");
        w.machine.mem.pte(vma, FILE).pfn().expect("present")
    };
    w.run(user, cowpath::routines::Unmap::dontneed(FILE, 1));
    let mut met = 0;
    for _ in 0..2 {
        w.start(kernel, ShrinkPage::whether_used_or_not(page));
        while !w.machine.tasks[kernel.index()].idle() {
            if w.stage(kernel) == "shrink_list.delete_from_swap_cache" {
                w.start(user, Access::load(FILE, 3));
                w.go_on(user);
                assert_eq!(w.stage(user), "do_no_page.nopage");
                met += 1;
            }
            w.step(kernel);
        }
    }
    assert_eq!(met, 1, "reclaim frees the page once");
    w.end(user);
    w.sound();
}
