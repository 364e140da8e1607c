//! Phase `Offline`: every section goes offline in turn.
//!
//! A direct read completes when migration waits for a page that it holds. Where
//! migration does not get so far (a vetoed page, or an order that does not wait), the
//! attempt is refused; then the requests that hold pages of the section complete, and
//! there is a second attempt.

use super::direct_read::Requests;
use super::driver::{Driver, Halted};
use super::hot_remove::{HotRemove, Tasks};
use super::progress::Phase;
use crate::routines::Offline;
use crate::task::Ret;

/// What came of the attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Sections {
    /// Sections.
    pub all: u32,
    /// Offline at the first attempt.
    pub first_attempt: u32,
    /// Offline at the second attempt, without direct reads.
    pub second_attempt: u32,
}

impl Driver<'_> {
    /// Takes every section offline, and online again.
    pub fn offline(
        &mut self,
        sizes: &HotRemove,
        tasks: &Tasks,
        requests: &Requests,
    ) -> Result<Sections, Halted> {
        let mut sections = Sections { all: self.machine.mem.sections(), ..Sections::default() };
        self.begin(Phase::Offline, sections.all.into());
        for section in 0..sections.all {
            let (first, end) = self.machine.mem.section_frames(section);
            if self.attempt(sizes, tasks, requests, section)? {
                sections.first_attempt += 1;
            } else {
                for io in requests.holding(first, end) {
                    self.complete(tasks, io)?;
                }
                let offline = self.attempt(sizes, tasks, requests, section)?;
                sections.second_attempt += u32::from(offline);
            }
            self.machine.mem.online(first, end);
            self.machine.mem.audit_touched();
            self.advance(1);
        }
        self.end();
        Ok(sections)
    }

    fn attempt(
        &mut self,
        sizes: &HotRemove,
        tasks: &Tasks,
        requests: &Requests,
        section: u32,
    ) -> Result<bool, Halted> {
        let hotplug = tasks.hotplug;
        self.machine.start(hotplug, Offline::new(&self.machine.mem, section, sizes.order));
        while !self.machine.tasks[hotplug.index()].idle() {
            if let Some(pfn) = self.page_waited_for(hotplug) {
                for io in requests.holding(pfn.0, pfn.0 + 1) {
                    self.complete(tasks, io)?;
                }
            }
            self.stage(hotplug)?;
        }
        let offline = self.machine.mem.section_offline(section);
        let ret = self.machine.tasks[hotplug.index()].ret;
        assert!(
            offline == (ret == Ret::Done),
            "section {section}: {ret:?}, but offline: {offline}"
        );
        Ok(offline)
    }
}
