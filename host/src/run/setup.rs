//! Builds the machine that a scenario describes, and the names of what is in it.

use super::names::Names;
use crate::lock::Lock;
use crate::machine::Machine;
use crate::mm::{
    AnonVmaId, Counters, FileId, Layout, Memory, MmId, TaskId, VM_LOCKED, VM_MAYWRITE, VM_READ,
    VM_RESERVED, VM_WRITE, Vma, VmaId,
};
use crate::scenario::{MapSpec, ProcessSpec, Scenario};

/// Mappings begin at multiples of this, in pages: each has page tables of its own.
pub(crate) const MAP_ALIGN: u32 = 1024;

/// A lock that a scenario holds by `inject`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Injected {
    /// What was locked, as the scenario names it.
    pub name: String,
    /// The lock.
    pub lock: Lock,
    /// The task that holds it.
    pub task: TaskId,
}

/// The machine that a scenario begins with.
pub(crate) fn machine_of(scenario: &Scenario, counters: Counters) -> Machine {
    build(scenario, counters).0
}

const _: () = assert!(crate::scenario::PAGEVEC_SIZE as usize == crate::mm::PAGEVEC_SIZE);

pub(super) fn build(scenario: &Scenario, counters: Counters) -> (Machine, Names) {
    let spec = &scenario.memory;
    let mut mem = Memory::new(Layout {
        pages: spec.pages,
        section: spec.section,
        movable: spec.movable * spec.section,
        page_cluster: spec.page_cluster,
        counters,
    });
    mem.pagevec_size = spec.pagevec as u8;
    for swap in &spec.swap {
        mem.swapon(swap.slots, swap.priority, &swap.bad);
    }
    let mut names = Names::default();
    for file in &scenario.files {
        names.add_file(&file.name);
        mem.add_file(file.pages);
    }
    let mut machine = Machine::new(mem);
    for process in &scenario.processes {
        add_process(&mut machine, &mut names, process);
    }
    (machine, names)
}

fn add_process(machine: &mut Machine, names: &mut Names, process: &ProcessSpec) {
    let mm = machine.mem.add_mm();
    names.add_process(&process.name);
    let mut start = MAP_ALIGN;
    for map in &process.maps {
        let vma = machine.mem.add_vma(vma_of(mm, start, map, names));
        let v = machine.mem.vmas[vma.index()];
        machine.oracle.map(&v, v.start, v.start + v.len);
        names.add_map(&map.name, start, map.pages);
        start += map.pages.div_ceil(MAP_ALIGN) * MAP_ALIGN;
    }
    for thread in std::iter::once(&process.name).chain(&process.threads) {
        let task = machine.add_task(mm);
        names.add_task(thread, task, mm);
    }
}

fn vma_of(mm: MmId, start: u32, map: &MapSpec, names: &Names) -> Vma {
    let flag = |on: bool, flag: u32| if on { flag } else { 0 };
    let flags = VM_READ
        | VM_MAYWRITE
        | flag(map.write, VM_WRITE)
        | flag(map.locked, VM_LOCKED)
        | flag(map.reserved, VM_RESERVED);
    let (file, pgoff) = match &map.file {
        Some((file, first)) => (names.file(file), *first),
        None => (FileId::NONE, start),
    };
    Vma {
        mm,
        next: VmaId::NONE,
        anon_vma: AnonVmaId::NONE,
        anon_next: VmaId::NONE,
        start,
        len: map.pages,
        pgoff,
        flags,
        file,
        ptes: 0,
    }
}
