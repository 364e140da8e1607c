//! What a scenario injects: locks that somebody holds.

use super::Runner;
use super::setup::Injected;
use crate::lock::Lock;
use crate::mm::MmId;
use crate::scenario::Range;

impl Runner<'_> {
    pub(super) fn inject_page_lock(&mut self, range: &Range) -> String {
        let process = range.process.as_deref().expect("the parser fills it in");
        let mm = self.names.mm(process).expect("is_there was asked");
        let (address, _) = self.pages(mm, range);
        match self.frame(mm, address) {
            Ok(pfn) => {
                let result = self.inject(&range_name(range), Lock::Page(pfn));
                if result == "held" {
                    // Nobody locks a page without a reference to it.
                    let task = self.injected.last().expect("just injected").task;
                    self.machine.mem.get_page(pfn);
                    self.machine.tasks[task.index()].note_page(pfn);
                }
                result
            }
            Err(nothing) => nothing,
        }
    }

    pub(super) fn inject(&mut self, name: &str, lock: Lock) -> String {
        if !lock.is_free(&self.machine.mem) {
            return "busy".to_string();
        }
        let task = self.machine.add_task(MmId::NONE);
        self.names.add_task("somebody", task, MmId::NONE);
        self.grow();
        lock.acquire(&mut self.machine.mem, task);
        self.machine.tasks[task.index()].note_lock(lock);
        self.injected.push(Injected { name: name.to_string(), lock, task });
        "held".to_string()
    }

    pub(super) fn uninject(&mut self, name: &str) -> String {
        let Some(place) = self.injected.iter().position(|i| i.name == name) else {
            return "not held".to_string();
        };
        let Injected { lock, task, .. } = self.injected.remove(place);
        self.machine.tasks[task.index()].forget_lock(lock);
        lock.release(&mut self.machine.mem, task);
        if let Lock::Page(pfn) = lock {
            self.machine.tasks[task.index()].forget_page(pfn);
            self.machine.mem.put_page(pfn);
        }
        "dropped".to_string()
    }
}

pub(super) fn range_name(range: &Range) -> String {
    let process = range.process.as_deref().unwrap_or_default();
    format!("{process}.{}[{}]", range.map, range.first)
}
