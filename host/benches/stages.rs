//! Stages per second: the built-in scenarios as `cowpath run` runs them, with their
//! traces, and short sequences of operations on a bare machine.

use cowpath::machine::Machine;
use cowpath::mm::{
    AnonVmaId, Counters, FileId, Layout, Memory, MmId, TaskId, VM_MAYWRITE, VM_READ, VM_WRITE, Vma,
    VmaId,
};
use cowpath::policy::{self, Policy};
use cowpath::routines::{Access, Exit, Fork, RefillInactive, Routine, ShrinkCache, stage_names};
use cowpath::run::{Options, run};
use cowpath::scenario::{Scenario, builtin, load_with_stages};
use cowpath::trace::Event;
use divan::Bencher;
use divan::counter::ItemsCount;

const POLICIES: [&str; 4] = ["vanilla", "iwamoto", "hugh", "hugh-mail"];

fn main() {
    divan::main();
}

fn resolve(name: &str) -> Policy {
    policy::resolve(name).expect("a bundled policy is in order")
}

/// Items are stages.
#[divan::bench(args = POLICIES)]
fn corpus_with_traces(bencher: Bencher<'_, '_>, policy: &str) {
    let policy = resolve(policy);
    let names = stage_names();
    let scenarios: Vec<Scenario> = builtin()
        .iter()
        .map(|(name, _)| load_with_stages(name, &names).expect("a built-in scenario is in order"))
        .collect();
    let stages: usize = scenarios.iter().map(|scenario| stages_of(scenario, &policy)).sum();
    bencher.counter(ItemsCount::new(stages)).bench(|| {
        for scenario in &scenarios {
            divan::black_box(run(scenario, &policy, Options::default()));
        }
    });
}

fn stages_of(scenario: &Scenario, policy: &Policy) -> usize {
    let trace = run(scenario, policy, Options::default());
    let events = trace.steps.iter().flat_map(|step| &step.events);
    events.filter(|event| matches!(event, Event::Stage { .. })).count()
}

/// Pages of the sequences below.
const PAGES: u32 = 256;

/// Stores by a parent, fork, stores by both: `do_anonymous_page`, `do_wp_page`, exit.
#[divan::bench(args = POLICIES)]
fn store_fork_store(bencher: Bencher<'_, '_>, policy: &str) {
    measure(bencher, policy, |bare| {
        bare.store(bare.parent);
        let child = bare.fork();
        bare.store(child);
        bare.store(bare.parent);
        bare.exit(child);
    });
}

/// Stores, all pages out to swap, stores again, exit.
#[divan::bench(args = POLICIES)]
fn swap_out_and_in(bencher: Bencher<'_, '_>, policy: &str) {
    measure(bencher, policy, |bare| {
        bare.store(bare.parent);
        for _ in 0..4 {
            bare.run(bare.kswapd, RefillInactive::new(PAGES));
            bare.run(bare.kswapd, ShrinkCache::new(PAGES));
            bare.complete_swap_io();
        }
        bare.store(bare.parent);
        bare.exit(bare.parent);
    });
}

fn measure(bencher: Bencher<'_, '_>, policy: &str, sequence: impl Fn(&mut Bare<'_>) + Sync) {
    let policy = resolve(policy);
    let mut first = Bare::new(&policy);
    sequence(&mut first);
    assert_eq!(first.machine.audit(&policy), None);
    assert_eq!(first.machine.oracle.findings, []);
    let stages = ItemsCount::new(first.machine.stages);
    bencher.counter(stages).with_inputs(|| Bare::new(&policy)).bench_local_refs(sequence);
}

/// A machine without anybody who records what it does.
struct Bare<'a> {
    machine: Machine,
    policy: &'a Policy,
    parent: TaskId,
    kswapd: TaskId,
}

impl<'a> Bare<'a> {
    fn new(policy: &'a Policy) -> Self {
        let (pages, counters) = (4 * PAGES, Counters::Two);
        let mut mem =
            Memory::new(Layout { pages, section: 0, movable: 0, page_cluster: 3, counters });
        mem.swapon(4 * PAGES, 0, &[]);
        let mm = mem.add_mm();
        let vma = mem.add_vma(Vma {
            mm,
            next: VmaId::NONE,
            anon_vma: AnonVmaId::NONE,
            anon_next: VmaId::NONE,
            start: 0,
            len: PAGES,
            pgoff: 0,
            flags: VM_READ | VM_WRITE | VM_MAYWRITE,
            file: FileId::NONE,
            ptes: 0,
        });
        let mut machine = Machine::new(mem);
        let vma = machine.mem.vmas[vma.index()];
        machine.oracle.map(&vma, 0, PAGES);
        let (parent, kswapd) = (machine.add_task(mm), machine.add_task(MmId::NONE));
        Self { machine, policy, parent, kswapd }
    }

    fn run(&mut self, task: TaskId, routine: impl Into<Routine>) {
        self.machine.start(task, routine);
        while !self.machine.tasks[task.index()].idle() {
            if !self.machine.try_step(task, self.policy, None) {
                self.complete_swap_io();
            }
        }
    }

    fn complete_swap_io(&mut self) {
        while !self.machine.mem.swap_io.is_empty() {
            self.machine.complete_swap_io(0, true);
        }
    }

    fn store(&mut self, task: TaskId) {
        for address in 0..PAGES {
            self.run(task, Access::store(address, 3));
        }
    }

    fn fork(&mut self) -> TaskId {
        let mm = self.machine.mem.add_mm();
        let child = self.machine.add_task(mm);
        self.run(self.parent, Fork::new(mm));
        child
    }

    fn exit(&mut self, task: TaskId) {
        let mm = self.machine.tasks[task.index()].mm;
        self.run(task, Exit::new(mm));
    }
}
