//! Memory hot-remove of a whole machine: its sizes, its processes and its phases.

use super::direct_read::Requests;
use super::driver::{Driver, Halted};
use super::offline::Sections;
use super::progress::{Phase, Progress};
use super::tally::Tally;
use crate::mm::{Counters, Layout, Memory, MmId, TaskId};
use crate::policy::Policy;
use crate::routines::Order;

/// Most pages: a swap area has 2^21 slots at most.
pub const MAX_PAGES: u32 = 2_000_000;

/// Most processes that share: a token's author is one byte.
pub const MAX_SHARERS: u16 = 200;

/// A generated hot-remove.
///
/// One process has a quarter of the pages and forks `sharers` times, another has the
/// rest. Direct reads hold 1 % of the pages; those to shared pages are the children's,
/// and have their copies made. All is reclaimed, a quarter is faulted back in, and
/// every section goes offline in turn, and online again, so that the next one finds
/// frames to migrate to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HotRemove {
    /// Pages that processes store to; from 64 to [`MAX_PAGES`].
    pub pages: u32,
    /// Children that share a quarter of the pages with their parent; from 1 to [`MAX_SHARERS`].
    pub sharers: u16,
    /// Frames in a section.
    pub section: u32,
    /// How migration goes about it.
    pub order: Order,
    /// How page counts are kept.
    pub counters: Counters,
}

/// The tasks of the workload.
pub(super) struct Tasks {
    /// Of the process that owns the shared pages, the parent.
    pub parent: TaskId,
    /// Of its children, once it has forked.
    pub children: Vec<TaskId>,
    /// Of the process with the pages that nobody shares.
    pub alone: TaskId,
    /// Reclaim.
    pub kswapd: TaskId,
    /// Hot-remove.
    pub hotplug: TaskId,
    /// Completion of direct reads.
    pub completion: TaskId,
}

impl HotRemove {
    /// With 64 children, sections of 4096 frames (16 MB), the memory-hotplug tree's order.
    #[must_use]
    pub const fn of(pages: u32) -> Self {
        let (order, counters) = (Order::ReplaceFirst, Counters::Two);
        Self { pages, sharers: 64, section: 4096, order, counters }
    }

    /// Pages that the parent and its children share.
    #[must_use]
    pub const fn shared(&self) -> u32 {
        self.pages / 4
    }

    /// Page frames: the pages, a 16th of that for copies and readahead, and one section
    /// to migrate to.
    #[must_use]
    pub const fn frames(&self) -> u32 {
        self.pages + self.pages / 16 + self.section
    }

    /// Swap slots: one for each page, and a 64th of that for copies.
    #[must_use]
    pub const fn slots(&self) -> u32 {
        self.pages + self.pages / 64
    }

    /// Runs it under a policy. `tell` is for a progress bar.
    ///
    /// Panics on sizes that are out of range.
    pub fn run(&self, policy: &Policy, mut tell: impl FnMut(Progress)) -> Tally {
        assert!((64..=MAX_PAGES).contains(&self.pages), "{} pages", self.pages);
        assert!((1..=MAX_SHARERS).contains(&self.sharers), "{} sharers", self.sharers);
        assert!(self.section > 0, "sections without frames");
        let mut mem = Memory::new(Layout {
            pages: self.frames(),
            section: self.section,
            movable: 0,
            // The kernel's default on machines with 16 MB or more.
            page_cluster: 3,
            counters: self.counters,
        });
        mem.swapon(self.slots(), 0, &[]);
        let mut driver = Driver::new(mem, policy, &mut tell);
        let mut seen = Seen::default();
        let completed = self.phases(&mut driver, &mut seen).is_ok();
        let (mut machine, phases) = driver.finish();
        if completed {
            machine.mem.violation = machine.audit(policy);
        }
        Tally::new(*self, policy.name(), &machine, phases, seen)
    }

    fn phases(&self, driver: &mut Driver<'_>, seen: &mut Seen) -> Result<(), Halted> {
        let mut tasks = driver.populate(self)?;
        driver.fork(self, &mut tasks)?;
        let requests = driver.direct_reads(self, &tasks)?;
        seen.held = requests.pages();
        seen.reclaimed = driver.reclaim(self, &tasks)?;
        seen.faulted_in = driver.fault_in(self, &tasks)?;
        seen.sections = driver.offline(self, &tasks, &requests)?;
        driver.complete_all(&tasks, &requests)?;
        driver.begin(Phase::Check, 1);
        driver.machine.oracle.sweep(&driver.machine.mem);
        driver.advance(1);
        driver.end();
        Ok(())
    }
}

/// What the phases counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub held: u32,
    pub reclaimed: u32,
    pub faulted_in: u32,
    pub sections: Sections,
}

impl Tasks {
    pub fn new(driver: &mut Driver<'_>, parent: MmId, alone: MmId) -> Self {
        let machine = &mut driver.machine;
        Self {
            parent: machine.add_task(parent),
            children: Vec::new(),
            alone: machine.add_task(alone),
            kswapd: machine.add_task(MmId::NONE),
            hotplug: machine.add_task(MmId::NONE),
            completion: machine.add_task(MmId::NONE),
        }
    }
}

impl Driver<'_> {
    fn complete_all(&mut self, tasks: &Tasks, requests: &Requests) -> Result<(), Halted> {
        requests.all().try_for_each(|io| self.complete(tasks, io))
    }
}

/// The fixed sequence that picks pages and processes: a linear congruential generator
/// with the constants of Knuth's MMIX.
pub(super) struct Lcg(pub u64);

impl Lcg {
    /// The next number below `n`.
    pub const fn below(&mut self, n: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 32) * n as u64) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{discussed, resolve};

    fn small(order: Order, policy: &str) -> Tally {
        let workload =
            HotRemove { pages: 2000, sharers: 5, section: 256, order, ..HotRemove::of(0) };
        workload.run(&resolve(policy).unwrap(), |_| ())
    }

    #[test]
    fn no_policy_loses_anything() {
        for policy in discussed() {
            for order in [Order::ReplaceFirst, Order::UnmapFirst] {
                let tally = small(order, policy);
                assert!(tally.clean(), "{}", super::super::report(&tally));
            }
        }
    }

    #[test]
    fn every_section_goes_offline_once_direct_io_is_over() {
        for policy in discussed() {
            let tally = small(Order::UnmapFirst, policy);
            assert_eq!(tally.first_attempt + tally.second_attempt, tally.sections, "{tally:#?}");
        }
    }

    #[test]
    fn only_a_veto_has_sections_refused() {
        let first_attempts = |policy| small(Order::ReplaceFirst, policy).first_attempt;
        assert!(first_attempts("vanilla") < first_attempts("iwamoto"));
        assert_eq!(first_attempts("iwamoto"), first_attempts("hugh"));
    }

    #[test]
    fn two_runs_are_alike() {
        let run = || small(Order::ReplaceFirst, "iwamoto");
        assert_eq!(run(), run());
    }

    #[test]
    fn progress_names_each_phase_once_and_never_exceeds_its_end() {
        let mut phases = Vec::new();
        let workload = HotRemove { sharers: 2, section: 64, ..HotRemove::of(400) };
        workload.run(&resolve("vanilla").unwrap(), |progress| {
            assert!(progress.done <= progress.of, "{progress:?}");
            if phases.last() != Some(&progress.phase) {
                phases.push(progress.phase);
            }
        });
        assert!(phases.is_sorted() && phases.len() == 7, "{phases:?}");
    }
}
