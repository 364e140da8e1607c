//! Phases `Populate` and `Fork`: two processes with their pages, and the children of one.

use super::driver::{Driver, Halted};
use super::hot_remove::{HotRemove, Tasks};
use super::progress::Phase;
use crate::mm::{AnonVmaId, FileId, MmId, VM_MAYWRITE, VM_READ, VM_WRITE, Vma, VmaId};
use crate::routines::Fork;

/// Where the one mapping of each process begins.
pub(super) const START: u32 = 1024;

/// All sectors of a page.
pub(super) const WHOLE: u8 = 3;

impl Driver<'_> {
    /// Both processes store to all their pages.
    pub fn populate(&mut self, sizes: &HotRemove) -> Result<Tasks, Halted> {
        self.begin(Phase::Populate, sizes.pages.into());
        let parent = self.process(sizes.shared());
        let alone = self.process(sizes.pages - sizes.shared());
        let tasks = Tasks::new(self, parent, alone);
        for page in 0..sizes.shared() {
            self.store(tasks.parent, START + page, WHOLE)?;
            self.advance(1);
        }
        for page in 0..sizes.pages - sizes.shared() {
            self.store(tasks.alone, START + page, WHOLE)?;
            self.advance(1);
        }
        self.end();
        Ok(tasks)
    }

    fn process(&mut self, pages: u32) -> MmId {
        let machine = &mut self.machine;
        let mm = machine.mem.add_mm();
        let id = machine.mem.add_vma(Vma {
            mm,
            next: VmaId::NONE,
            anon_vma: AnonVmaId::NONE,
            anon_next: VmaId::NONE,
            start: START,
            len: pages,
            pgoff: START,
            flags: VM_READ | VM_WRITE | VM_MAYWRITE,
            file: FileId::NONE,
            ptes: 0,
        });
        let vma = machine.mem.vmas[id.index()];
        machine.oracle.map(&vma, START, START + pages);
        mm
    }

    /// The parent forks its children.
    pub fn fork(&mut self, sizes: &HotRemove, tasks: &mut Tasks) -> Result<(), Halted> {
        self.begin(Phase::Fork, sizes.sharers.into());
        for _ in 0..sizes.sharers {
            let mm = self.machine.mem.add_mm();
            tasks.children.push(self.machine.add_task(mm));
            self.run(tasks.parent, Fork::new(mm))?;
            self.advance(1);
        }
        self.end();
        Ok(())
    }
}
