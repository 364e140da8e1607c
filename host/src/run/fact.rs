//! Facts that must hold under every policy.

use super::Runner;
use crate::mm::{PG_FREE, Pfn, Pte, VmaId};
use crate::scenario::{Fact, Range};
use crate::trace::Event;

impl Runner<'_> {
    /// A fact that must hold under every policy.
    pub(super) fn check(&mut self, fact: &Fact) -> String {
        match self.fails(fact) {
            None => "holds".to_string(),
            Some(text) => {
                self.events.push(Event::FactFails { text });
                "FAILS".to_string()
            }
        }
    }

    /// Why a fact does not hold.
    fn fails(&self, fact: &Fact) -> Option<String> {
        let mem = &self.machine.mem;
        let unless = |holds: bool, text: String| (!holds).then_some(text);
        match fact {
            Fact::Present(range) | Fact::Swapped(range) | Fact::NotMapped(range) => {
                self.ptes(range).find_map(|(name, pte)| {
                    let holds = match fact {
                        Fact::Present(_) => pte.present(),
                        Fact::Swapped(_) => pte.entry().is_some(),
                        _ => pte.none(),
                    };
                    unless(holds, format!("{name} is {pte}"))
                })
            }
            Fact::Same(a, b) | Fact::Apart(a, b) => {
                let same = matches!(fact, Fact::Same(..));
                self.ptes(a).zip(self.ptes(b)).find_map(|((name, x), (other, y))| {
                    let frames = x.pfn().zip(y.pfn());
                    let holds = frames.is_some_and(|(x, y)| (x == y) == same);
                    unless(holds, format!("{name} is {x}, {other} is {y}"))
                })
            }
            Fact::SectionOffline(section) => {
                let (first, end) = mem.section_frames(*section);
                let used = (first..end).filter(|&p| !mem.page(Pfn(p)).has(PG_FREE));
                let used = used.count();
                let holds = mem.section_offline(*section);
                unless(holds, format!("section {section} is online, {used} frames in use"))
            }
            Fact::AllFree => mem.audit_end().map(|violation| violation.to_string()),
            Fact::Waiting(actor) => {
                let task = self.names.task_id(actor);
                let idle = task.is_none_or(|task| self.machine.tasks[task.index()].idle());
                unless(!idle, format!("{actor} has nothing to do"))
            }
        }
    }

    /// The ptes of a range, by name. A mapping that is gone has none.
    fn ptes(&self, range: &Range) -> impl Iterator<Item = (String, Pte)> {
        let process = range.process.as_deref().expect("the parser fills it in");
        let mm = self.names.mm(process).expect("is_there was asked");
        let (first, pages) = self.pages(mm, range);
        let pte = move |address: u32| {
            let vma: Option<VmaId> = self.machine.mem.find_vma(mm, address);
            let pte = vma.map(|vma| self.machine.mem.pte(vma, address)).unwrap_or_default();
            (self.names.address(mm, address), pte)
        };
        (first..first + pages).map(pte)
    }
}
