//! Machines under other names: the same stages do the same to them.
//!
//! Before each stage of random schedules the machine gets random names. What is left out is
//! said where the names are made up: who goes by the order of names.

#[path = "schedules/alphabet.rs"]
mod alphabet;
#[allow(dead_code, reason = "left movers are tried elsewhere")]
#[path = "schedules/world.rs"]
mod world;

use alphabet::{Alphabet, DIRECT, EVERY_HOLD, EVERYTHING, foll_pin};
use cowpath::explore::symmetry::{
    Seen, Symmetric, choose, choose_by, forget_lru_order, forget_mmlist_order, forget_unused,
    sort_free,
};
use cowpath::machine::Machine;
use cowpath::mm::{
    AnonVmaId, Counters, FileId, IoId, IoKind, Layout, Memory, MmId, Path, Pfn, SWAP_MAP_BAD,
    TaskId, VM_MAYWRITE, VM_READ, VM_WRITE, Vma, VmaId,
};
use cowpath::oracle::Kind;
use cowpath::policy::{Policy, resolve};
use cowpath::rename::{Rename, Renaming};
use cowpath::routines::{Access, Fork, Routine};
use std::cell::Cell;
use std::rc::Rc;
use world::{Watching, World};

const SEEDS: u64 = 4;

/// Every error is known: what is asked here is another question.
const ANY: &[Kind] = &[
    Kind::MissedCow,
    Kind::LostIo,
    Kind::LostStore,
    Kind::DetachedPin,
    Kind::FileCorruption,
    Kind::ZeroPageWritten,
];

/// xorshift: the same numbers on every machine.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % n as u64) as usize
    }

    fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }

    /// Lets some ids change names among themselves.
    fn mix<T: Copy>(&mut self, map: &mut [T], which: impl Fn(usize) -> bool) {
        let ids: Vec<usize> = (0..map.len()).filter(|&id| which(id)).collect();
        let mut names: Vec<T> = ids.iter().map(|&id| map[id]).collect();
        self.shuffle(&mut names);
        for (id, name) in ids.into_iter().zip(names) {
            map[id] = name;
        }
    }
}

/// Frames of one section and zone.
fn frames(mem: &Memory, rng: &mut Rng, by: &mut Renaming) {
    for section in 0..mem.sections() {
        let (first, end) = mem.section_frames(section);
        for movable in [false, true] {
            let alike = |pfn: usize| {
                let pfn = Pfn(pfn as u32);
                (first..end).contains(&pfn.0) && mem.movable(pfn) == movable
            };
            rng.mix(&mut by.frames, alike);
        }
    }
}

fn slots(mem: &Memory, rng: &mut Rng, by: &mut Renaming, which: impl Fn(u16) -> bool) {
    for (slots, area) in by.slots.iter_mut().zip(&mem.areas) {
        rng.mix(slots, |slot| area.swap_map[slot] != SWAP_MAP_BAD && which(area.swap_map[slot]));
    }
}

/// The ranges of vmas and free ranges, in another order; but the last, which remove_vma
/// would take off the end.
fn ptes(mem: &Memory, rng: &mut Rng, by: &mut Renaming) {
    let used = mem.vmas.iter().filter(|vma| vma.len > 0).map(|vma| (vma.ptes, vma.len));
    let mut ranges: Vec<_> = used.chain(mem.free_ptes().iter().copied()).collect();
    ranges.sort_unstable();
    ranges.pop();
    rng.shuffle(&mut ranges);
    let mut name = 0;
    for (first, len) in ranges {
        for index in first..first + len {
            by.ptes[index as usize] = name;
            name += 1;
        }
    }
}

/// Names under which a stage of a task must do the very same: a stage that goes by the
/// order of names finds this order as it was.
fn same_for_stage(machine: &Machine, task: TaskId, rng: &mut Rng) -> Renaming {
    let mem = &machine.mem;
    let mut by = Renaming::identity(mem, machine.tasks.len());
    let top = machine.tasks[task.index()].top();
    if !matches!(top, Routine::Offline(_)) {
        frames(mem, rng, &mut by);
    }
    let swapoff = matches!(top, Routine::Swapoff(_) | Routine::UnuseByMm(_));
    let readahead = matches!(top, Routine::Readahead(_)) && mem.page_cluster > 0;
    if !swapoff && !readahead {
        // The lowest free slot is the next.
        slots(mem, rng, &mut by, |count| count > 0);
    }
    if mem.files.is_empty() {
        rng.mix(&mut by.vmas, |vma| mem.vmas[vma].len > 0);
    }
    rng.mix(&mut by.mms, |_| true);
    rng.mix(&mut by.anon_vmas, |_| true);
    rng.mix(&mut by.tasks, |_| true);
    rng.mix(&mut by.ios, |_| true);
    ptes(mem, rng, &mut by);
    by
}

/// Processes with one task each may change places.
fn symmetric(machine: &Machine, processes: bool) -> Symmetric {
    let tasks_of = |mm: &MmId| -> Vec<TaskId> {
        let tasks = machine.tasks.iter().enumerate();
        tasks.filter(|(_, task)| task.mm == *mm).map(|(id, _)| TaskId(id as u16)).collect()
    };
    let mms = (0..machine.mem.mms.len()).map(|mm| MmId(mm as u16));
    let alone = mms.filter(|mm| processes && tasks_of(mm).len() == 1);
    let processes: Vec<MmId> = alone.collect();
    let tasks_of = processes.iter().map(tasks_of).collect();
    Symmetric { frames: true, slots: true, requests: true, processes, tasks_of }
}

/// Any names that may be given.
fn any_names(machine: &Machine, what: &Symmetric, rng: &mut Rng) -> Renaming {
    let mem = &machine.mem;
    let mut by = Renaming::identity(mem, machine.tasks.len());
    frames(mem, rng, &mut by);
    slots(mem, rng, &mut by, |_| true);
    if mem.files.is_empty() {
        rng.mix(&mut by.vmas, |_| true);
    }
    rng.mix(&mut by.anon_vmas, |_| true);
    rng.mix(&mut by.ios, |_| true);
    ptes(mem, rng, &mut by);
    rng.mix(&mut by.mms, |mm| what.processes.contains(&MmId(mm as u16)));
    for (mm, tasks) in what.processes.iter().zip(&what.tasks_of) {
        let name = what.processes.iter().position(|&other| other == by.mms[mm.index()]);
        by.tasks[tasks[0].index()] = what.tasks_of[name.expect("among them")][0];
    }
    by
}

fn renamed(machine: &Machine, by: &Renaming) -> Machine {
    let mut machine = machine.clone();
    machine.rename(by);
    machine
}

/// As it is after any renaming: `lowest_bit` at its least.
fn normal(machine: &Machine) -> Machine {
    renamed(machine, &Renaming::identity(&machine.mem, machine.tasks.len()))
}

fn same_stage(machine: &Machine, task: TaskId, policy: &Policy, rng: &mut Rng) {
    let by = same_for_stage(machine, task, rng);
    let there = renamed(machine, &by);
    same(&renamed(&there, &by.inverse()), &normal(machine), "taken back");
    assert_eq!(machine.audit(policy).is_some(), there.audit(policy).is_some());
    let (mut after, mut there) = (machine.clone(), there);
    let stage = machine.tasks[task.index()].top().stage();
    let ran = after.try_step(task, policy, None);
    let name = by.tasks[task.index()];
    assert_eq!(ran, there.try_step(name, policy, None), "{stage}");
    after.rename(&by);
    let (after, there) = (normal(&after), normal(&there));
    same(&after, &there, stage);
}

fn same(one: &Machine, other: &Machine, when: &str) {
    assert_eq!(one.mem, other.mem, "{when}");
    assert_eq!(one.tasks, other.tasks, "{when}");
    assert_eq!(one.oracle, other.oracle, "{when}");
    assert!(one == other, "{when}");
}

/// Lets somebody see the stages of random schedules.
fn watch<T: FnMut(&mut Machine, TaskId, &Policy) + 'static>(
    policy: &str,
    alphabet: Alphabet,
    who: impl Fn(u64) -> T,
) {
    let policy = resolve(policy).expect("a bundled policy");
    for seed in 1..=SEEDS {
        let mut world = World::new(seed, alphabet, Counters::Two).knowing(ANY);
        world.watch = Watching(Some(Box::new(who(seed))));
        assert_eq!(world.run(&policy), None, "seed {seed}");
    }
}

fn every_stage(policy: &str, alphabet: Alphabet) {
    watch(policy, alphabet, |seed| {
        let mut rng = Rng(seed | 1 << 40);
        move |machine: &mut Machine, task, policy: &Policy| {
            same_stage(machine, task, policy, &mut rng);
        }
    });
}

/// No file, whose mappings are walked through in the order of vmas.
const NO_FILE: Alphabet = Alphabet { file: false, ..EVERYTHING };

#[test]
fn every_stage_does_the_same_under_other_names() {
    for policy in ["vanilla", "2.6.29", "5.18", "7.0"] {
        every_stage(policy, NO_FILE);
    }
    every_stage("hugh", Alphabet { holds: DIRECT, ..EVERYTHING });
    let pins = foll_pin(&resolve("6.12").expect("a bundled policy"));
    every_stage("6.12", Alphabet { holds: pins, ..NO_FILE });
}

/// How many machines were the same after all that was not alike in two copies of them.
#[derive(Default)]
struct Rate {
    same: Cell<u32>,
    all: Cell<u32>,
}

/// The machine under the names that are chosen for it.
fn chosen(machine: &Machine, what: &Symmetric) -> Machine {
    let Machine { mem, oracle, tasks, .. } = machine;
    let mut by = Renaming::default();
    choose_by(&Seen { mem, oracle, tasks, ranks: &[] }, what, &mut by);
    let mut machine = renamed(machine, &by);
    let Machine { mem, oracle, tasks, .. } = &machine;
    choose_by(&Seen { mem, oracle, tasks, ranks: &[] }, what, &mut by);
    assert!(by.is_identity(), "chosen again: {by:?}");
    forget_unused(&mut machine.mem, &mut machine.oracle);
    machine
}

fn rate(policy: &str, alphabet: Alphabet, processes: bool) -> u32 {
    let rate = Rc::new(Rate::default());
    watch(policy, alphabet, |seed| {
        let (mut rng, rate) = (Rng(seed | 1 << 41), Rc::clone(&rate));
        move |machine: &mut Machine, _, _: &Policy| {
            let what = symmetric(machine, processes);
            let [one, other] = [0; 2].map(|_| {
                let by = any_names(machine, &what, &mut rng);
                chosen(&renamed(machine, &by), &what)
            });
            let same = one.mem == other.mem && one.tasks == other.tasks;
            rate.same.set(rate.same.get() + u32::from(same));
            rate.all.set(rate.all.get() + 1);
        }
    });
    println!("{policy}: {} of {}", rate.same.get(), rate.all.get());
    u32::try_from(u64::from(rate.same.get()) * 1000 / u64::from(rate.all.get())).expect("a part")
}

#[test]
fn machines_that_differ_in_names_get_the_same_names() {
    let alphabet = Alphabet {
        exit: true,
        holds: EVERY_HOLD,
        fail_io: true,
        inject: true,
        migrate: true,
        mlock: true,
        mprotect: true,
        munmap: true,
        pageout: true,
        two_areas: true,
        unmap: true,
        ..Alphabet::default()
    };
    for policy in ["vanilla", "7.0"] {
        // The rest mention, in variables that they will not read, what is gone.
        for processes in [false, true] {
            let rate = rate(policy, alphabet, processes);
            assert!(rate >= 990, "{policy}: {rate} of 1000, processes {processes}");
        }
    }
}

/// A process with two pages, and two children that were born at the same time.
fn siblings() -> Machine {
    let layout =
        Layout { pages: 6, section: 0, movable: 0, page_cluster: 0, counters: Counters::Two };
    let mut mem = Memory::new(layout);
    mem.swapon(3, 0, &[]);
    let mm = mem.add_mm();
    mem.add_vma(Vma {
        mm,
        next: VmaId::NONE,
        anon_vma: AnonVmaId::NONE,
        anon_next: VmaId::NONE,
        start: 16,
        len: 2,
        pgoff: 16,
        flags: VM_READ | VM_WRITE | VM_MAYWRITE,
        file: FileId::NONE,
        ptes: 0,
    });
    let mut machine = Machine::new(mem);
    let parent = machine.add_task(mm);
    run(&mut machine, parent, Access::store(16, 3));
    run(&mut machine, parent, Access::store(17, 3));
    for _ in 0..2 {
        let child = machine.mem.add_mm();
        run(&mut machine, parent, Fork::new(child));
        machine.add_task(child);
    }
    machine
}

fn run(machine: &mut Machine, task: TaskId, routine: impl Into<Routine>) {
    let policy = resolve("vanilla").expect("a bundled policy");
    machine.start(task, routine);
    while !machine.tasks[task.index()].idle() {
        assert!(machine.try_step(task, &policy, None));
    }
}

/// The list of each anon_vma that nobody has locked, by vma: descending where children are
/// linked at the head. Not sound in general: it matters whose pte an rmap walk
/// comes to first.
fn forget_rmap_order(mem: &mut Memory, at_head: bool) {
    for id in 0..mem.anon_vmas.len() {
        if mem.anon_vmas[id].lock.is_some() {
            continue;
        }
        let mut last = VmaId::NONE;
        for place in 0..mem.vmas.len() {
            // From the end of the list to its head.
            let vma = if at_head { place } else { mem.vmas.len() - 1 - place };
            if mem.vmas[vma].len > 0 && mem.vmas[vma].anon_vma.index() == id {
                mem.vmas[vma].anon_next = std::mem::replace(&mut last, VmaId(vma as u16));
            }
        }
        mem.anon_vmas[id].head = last;
    }
}

#[test]
fn it_does_not_matter_which_of_two_siblings_it_was() {
    let what = Symmetric {
        processes: vec![MmId(1), MmId(2)],
        tasks_of: vec![vec![TaskId(1)], vec![TaskId(2)]],
        ..symmetric(&siblings(), false)
    };
    let stored_to = |stores: &[(u16, u32)]| {
        let mut machine = siblings();
        for &(task, address) in stores {
            run(&mut machine, TaskId(task), Access::store(address, 3));
        }
        let mut machine = chosen(&machine, &what);
        sort_free(&mut machine.mem);
        forget_lru_order(&mut machine.mem);
        // Which of them comes first there is all that tells them apart.
        forget_rmap_order(&mut machine.mem, true);
        forget_mmlist_order(&mut machine.mem);
        Machine { stages: 0, ..machine }
    };
    same(&stored_to(&[(1, 16)]), &stored_to(&[(2, 16)]), "one stores");
    same(&stored_to(&[(1, 16), (2, 17)]), &stored_to(&[(2, 16), (1, 17)]), "both store");
    assert!(stored_to(&[(1, 16)]) != stored_to(&[(1, 17)]), "another page");
    assert!(stored_to(&[(0, 16)]) != stored_to(&[(1, 16)]), "the parent");
}

#[test]
fn a_schedule_goes_on_under_the_names_that_are_chosen() {
    let alphabet = Alphabet {
        exit: true,
        holds: EVERY_HOLD,
        fail_io: true,
        inject: true,
        migrate: true,
        mprotect: true,
        munmap: true,
        unmap: true,
        ..Alphabet::default()
    };
    for policy in ["vanilla", "6.1"] {
        watch(policy, alphabet, |_| {
            let mut by = Renaming::default();
            move |machine: &mut Machine, _, policy: &Policy| {
                let what = symmetric(machine, false);
                choose(&machine.mem, &machine.oracle, &what, &mut by);
                let before = machine.audit(policy).is_some();
                machine.rename(&by);
                forget_unused(&mut machine.mem, &mut machine.oracle);
                sort_free(&mut machine.mem);
                forget_lru_order(&mut machine.mem);
                assert_eq!(before, machine.audit(policy).is_some());
            }
        });
    }
}

#[test]
fn requests_take_their_holders_along() {
    let layout =
        Layout { pages: 4, section: 0, movable: 0, page_cluster: 0, counters: Counters::Two };
    let mut mem = Memory::new(layout);
    let mm = mem.add_mm();
    let (kind, path) = (IoKind::DirectRead, Path::Block);
    for pages in [1, 3, 2] {
        let io = mem.add_io(kind, path, mm, 16, pages, 3);
        for holder in mem.holders_of(io) {
            mem.holders[holder.index()].held = 10 * pages + u32::from(io);
        }
    }
    let mut by = Renaming::identity(&mem, 0);
    by.ios = vec![1, 2, 0];
    mem.rename(&by);
    let held = |io: IoId| mem.holders_of(io).map(|h| mem.holders[h.index()].held).collect();
    let held: Vec<Vec<u32>> = (0..3).map(held).collect();
    assert_eq!(held, [vec![22, 22], vec![10], vec![31, 31, 31]]);
    assert_eq!(mem.ios.iter().map(|io| io.first).collect::<Vec<_>>(), [0, 2, 3]);
}
