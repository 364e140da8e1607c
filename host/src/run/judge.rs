//! What a run came to.
//!
//! Simplified: *stuck* and *no progress* are judged on one finite run: a page (or
//! section) is stuck if scans were refused three times or more while at least two
//! requests completed between the first refusal and the last, and no scan of it
//! succeeded; swapoff makes no progress if it looks at its entries more than three
//! times each. Fair cycles of the state graph are the explorer's to find.

use super::Runner;
use crate::lock::Lock;
use crate::lock::{Until, Wants};
use crate::mm::{MmId, Pfn};
use crate::routines::Asked;
use crate::trace::{Event, FindingText, Outcome, StepTrace};
use cowpath_abi::{Hook, UNMAP_FAIL};

/// Times that swapoff may look at an entry, on average; more is no progress.
const MAX_PASSES: u64 = 3;

/// What was scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scanned {
    Page(MmId, u32),
    Section(u32),
}

#[derive(Clone, Debug)]
struct Scan {
    what: Scanned,
    refusals: u64,
    completed_at_first: u32,
    completed_at_last: u32,
    succeeded: bool,
}

/// Scans of pages and sections by reclaim and hot-remove.
#[derive(Clone, Debug, Default)]
pub(super) struct Scans {
    scans: Vec<Scan>,
    /// Requests completed so far.
    completed: u32,
    /// The veto was given since the last scan ended.
    pub vetoed: bool,
}

impl Scans {
    pub fn asked(&mut self, asked: &Asked) {
        let veto = asked.hook == Hook::try_to_unmap_one && asked.answer.code == UNMAP_FAIL;
        self.vetoed |= veto;
    }

    pub const fn io_completed(&mut self) {
        self.completed += 1;
    }

    /// Requests completed so far.
    pub const fn completed(&self) -> u32 {
        self.completed
    }

    /// A scan that began when `began` requests were complete has ended: it was refused
    /// `times` times, or it succeeded.
    pub fn ended(&mut self, what: Scanned, refused: bool, times: u64, began: u32) {
        let completed = self.completed;
        let place = self.scans.iter().position(|s| s.what == what);
        let scan = match place {
            Some(place) => &mut self.scans[place],
            None => {
                let (refusals, succeeded) = (0, false);
                let (first, last) = (completed, completed);
                self.scans.push(Scan {
                    what,
                    refusals,
                    completed_at_first: first,
                    completed_at_last: last,
                    succeeded,
                });
                self.scans.last_mut().expect("just pushed")
            }
        };
        if refused {
            if scan.refusals == 0 {
                scan.completed_at_first = began;
            }
            scan.refusals += times;
            scan.completed_at_last = completed;
        } else {
            scan.succeeded = true;
        }
    }

    fn stuck(&self) -> Option<&Scan> {
        self.scans.iter().find(|s| {
            !s.succeeded && s.refusals >= 3 && s.completed_at_last >= s.completed_at_first + 2
        })
    }
}

/// The page whose lock or writeback a task waits for.
pub(super) const fn page_waited_for(wants: &Wants) -> Option<Pfn> {
    match (wants.take, wants.until) {
        (Lock::Page(pfn), _) | (_, Until::Unlocked(pfn) | Until::NotWriteback(pfn)) => Some(pfn),
        _ => None,
    }
}

fn bad(word: &str, line: String) -> Outcome {
    Outcome { word: word.to_string(), line, error: true, policy_fault: false }
}

/// First the policy's own faults, then what is wrong with the kernel's state, then
/// what users saw, then what did not end, then what is merely undefined.
pub(super) fn outcome(runner: &Runner<'_>) -> Outcome {
    let steps = &runner.steps;
    if let Some(fault) = &runner.machine.fault {
        return Outcome { policy_fault: true, ..bad("POLICY", format!("the policy {fault}")) };
    }
    if let Some(violation) = &runner.machine.mem.violation {
        return bad("BUG", violation.to_string());
    }
    if let Some((step, finding)) = first_finding(steps, true) {
        return bad(&finding.word, describe(step, finding));
    }
    if let Some((step, text)) = first_failed_fact(steps) {
        return bad("FACT FAILS", format!("step {}: {text}", step.number));
    }
    if let Some(task) = &runner.no_progress {
        let most = runner.options.max_stages;
        return bad("NO PROGRESS", format!("{task} ran {most} stages in one step"));
    }
    let (looked, entries) = (runner.machine.mem.costs.unuse, runner.to_unuse);
    if looked > MAX_PASSES * entries {
        let line =
            format!("swapoff looked at entries {looked} times, {entries} in use at its start");
        return bad("NO PROGRESS", line);
    }
    if let Some(scan) = runner.scans.stuck() {
        return stuck(runner, scan);
    }
    if let Some(line) = deadlock(runner) {
        return bad("DEADLOCK", line);
    }
    if let Some((step, finding)) = first_finding(steps, false) {
        let (word, line) = (finding.word.clone(), describe(step, finding));
        return Outcome { word, line, error: false, policy_fault: false };
    }
    let line = "every process sees what it is entitled to".to_string();
    Outcome { word: "ok".to_string(), line, error: false, policy_fault: false }
}

fn describe(step: &StepTrace, finding: &FindingText) -> String {
    let FindingText { place, seen, expected, .. } = finding;
    let at = if step.actor == "end" {
        "at the end".to_string()
    } else {
        format!("step {}", step.number)
    };
    format!("{at}: {place} holds {seen}, not {expected}")
}

fn first_finding(steps: &[StepTrace], error: bool) -> Option<(&StepTrace, &FindingText)> {
    steps.iter().find_map(|step| {
        step.events.iter().find_map(|event| match event {
            Event::Finding(finding) if finding.error == error => Some((step, finding)),
            _ => None,
        })
    })
}

fn first_failed_fact(steps: &[StepTrace]) -> Option<(&StepTrace, &String)> {
    steps.iter().find_map(|step| {
        step.events.iter().find_map(|event| match event {
            Event::FactFails { text } => Some((step, text)),
            _ => None,
        })
    })
}

fn stuck(runner: &Runner<'_>, scan: &Scan) -> Outcome {
    let what = match scan.what {
        Scanned::Page(mm, address) => runner.names.address(mm, address),
        Scanned::Section(section) => format!("section {section}"),
    };
    let completed = scan.completed_at_last - scan.completed_at_first;
    let line = format!(
        "{what}: all {} scans were refused, though {completed} requests completed meanwhile",
        scan.refusals
    );
    bad("STUCK", line)
}

/// Tasks that wait for each other: nothing outside the machine can wake them.
pub(super) fn deadlock(runner: &Runner<'_>) -> Option<String> {
    let waiting = |id: usize| {
        let id = crate::mm::TaskId(id as u16);
        let wants = runner.machine.wants(id);
        let owner = [wants.take, wants.free].iter().find_map(|l| l.owner(&runner.machine.mem))?;
        let injected = runner.injected.iter().any(|i| i.task == owner);
        (!injected).then(|| {
            let (task, owner) = (runner.names.task(id), runner.names.task(owner));
            format!("{task} waits for {wants}, held by {owner}")
        })
    };
    let tasks = &runner.machine.tasks;
    let stuck = (0..tasks.len()).filter(|&id| !tasks[id].idle()).filter_map(waiting);
    let lines: Vec<_> = stuck.collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}
