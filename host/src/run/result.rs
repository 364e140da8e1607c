//! Results: what came of an operation, in a word.

use super::Runner;
use super::judge::Scanned;
use super::saw::Saw;
use crate::mm::{SectorMask, TaskId};
use crate::task::Ret;

/// What the result of an operation is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wording {
    /// With the address and the sectors.
    Load(u32, SectorMask),
    /// With the place stored to.
    Store(String),
    Held(u32),
    /// With the migrations tried and the requests completed before it.
    Scan(Scanned, u64, u32),
    Reclaim,
    /// One frame of many.
    Reclaimed,
    Completed,
    /// With the child's name.
    Fork(String),
    Plain(&'static str),
}

/// Several results of one step, as one.
pub(super) fn merge(results: &[String]) -> String {
    let mut merged: Vec<(&str, u32)> = Vec::new();
    for result in results.iter().filter(|result| !result.is_empty()) {
        match merged.iter_mut().find(|m| m.0 == result) {
            Some(known) => known.1 += 1,
            None => merged.push((result, 1)),
        }
    }
    if merged.is_empty() && !results.is_empty() {
        return "nothing to do".to_string();
    }
    let several = merged.len() > 1;
    let one = |&(word, n): &(&str, u32)| match n {
        _ if !several => word.to_string(),
        1 => word.to_string(),
        _ => format!("{n} {word}"),
    };
    merged.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Runner<'_> {
    /// What came of an operation.
    pub(super) fn word(&mut self, wording: &Wording, ret: Ret, task: TaskId) -> String {
        let saw = self.saw[task.index()];
        match (wording, ret) {
            (_, Ret::VmFaultOom | Ret::NoMemory) => "OUT OF MEM".to_string(),
            (_, Ret::Invalid) => "EINVAL".to_string(),
            (Wording::Plain(_), Ret::Again) => "EAGAIN".to_string(),
            (Wording::Load(..) | Wording::Store(_), Ret::Segv) => "SIGSEGV".to_string(),
            (Wording::Held(_), Ret::Segv) => "EFAULT".to_string(),
            (Wording::Load(..), _) => saw.load().to_string(),
            (Wording::Store(_), _) => saw.store().to_string(),
            (Wording::Held(wanted), Ret::Pages(got)) if got < *wanted => {
                format!("{got} of {wanted} held")
            }
            (Wording::Held(_), _) => saw.held().to_string(),
            (Wording::Scan(what, before, began), _) => {
                let times = match what {
                    Scanned::Page(..) => 1,
                    Scanned::Section(_) => self.machine.mem.costs.migrations - before,
                };
                self.scanned(*what, (times, *began), ret, saw)
            }
            (Wording::Reclaim, Ret::Pages(freed)) => format!("{freed} freed"),
            (Wording::Reclaim, _) => "done".to_string(),
            (Wording::Reclaimed, Ret::Freed) => "freed".to_string(),
            (Wording::Reclaimed, _) => saw.reclaim(ret == Ret::Activated).to_string(),
            (Wording::Completed, _) => {
                self.scans.io_completed();
                "completed".to_string()
            }
            (Wording::Fork(child), _) => {
                let child = self.names.task_id(child).expect("made when the fork began");
                self.work[child.index()].unborn = false;
                "forked".to_string()
            }
            (Wording::Plain(word), _) => (*word).to_string(),
        }
    }

    fn scanned(&mut self, what: Scanned, (times, began): (u64, u32), ret: Ret, saw: Saw) -> String {
        let vetoed = std::mem::take(&mut self.scans.vetoed);
        let section = matches!(what, Scanned::Section(_));
        let word = match ret {
            Ret::Freed => "freed",
            Ret::Done if section => "offline",
            Ret::Done => "moved",
            _ if vetoed => "VETO",
            Ret::Again if section => "BUSY",
            Ret::Again => "busy",
            _ => saw.reclaim(ret == Ret::Activated),
        };
        let refused = matches!(word, "VETO" | "BUSY" | "busy");
        let succeeded = matches!(word, "freed" | "offline" | "moved" | "unmapped" | "written");
        if refused || succeeded {
            self.scans.ended(what, refused, times, began);
        }
        word.to_string()
    }
}
