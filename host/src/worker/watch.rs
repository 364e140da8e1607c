//! The child's side of every question: reports it, asks, reports the answer.
//!
//! The hooks of a watched policy are replaced by functions of this module, so a
//! policy that nobody watches is asked as fast as ever. A plain function has
//! nowhere to keep what it needs, hence one static: a process watches one policy.

use std::io::Write;
use std::process;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use cowpath_abi::{HOOKS, HookFn, PANICKED, PageView, RawAnswer};

use super::report::{Point, Report};
use crate::policy::{LOST_PIPE, Policy};

/// What becomes of a question.
#[derive(Debug)]
pub(super) enum Mode {
    /// It is reported, the policy is asked, its answer is reported.
    Report,
    /// The policy is asked, and nothing is reported.
    Ask,
    /// The policy is asked; only the first question at each point is reported.
    Audit(Vec<Point>),
    /// The policy is not asked: these are the answers, in order, and then panics.
    Replay(std::vec::IntoIter<RawAnswer>),
}

struct Watch {
    pipe: Box<dyn Write + Send>,
    mode: Mode,
}

static WATCH: OnceLock<Mutex<Watch>> = OnceLock::new();
static HOOKS_OF_POLICY: OnceLock<[HookFn; HOOKS.len()]> = OnceLock::new();

const WATCHED: [HookFn; HOOKS.len()] = [
    watched::<0>,
    watched::<1>,
    watched::<2>,
    watched::<3>,
    watched::<4>,
    watched::<5>,
    watched::<6>,
    watched::<7>,
    watched::<8>,
    watched::<9>,
    watched::<10>,
    watched::<11>,
];

/// Where reports go from now on.
pub(super) fn open(pipe: Box<dyn Write + Send>) {
    let mode = Mode::Report;
    let first = WATCH.set(Mutex::new(Watch { pipe, mode })).is_ok();
    assert!(first, "a process is a worker once");
}

/// The policy, each of whose questions passes through here.
pub(super) fn watch(policy: Policy) -> Policy {
    let mut asked = WATCHED;
    let policy = policy.with_hooks(|hook, function| {
        asked[hook as usize] = function;
        WATCHED[hook as usize]
    });
    let first = HOOKS_OF_POLICY.set(asked).is_ok();
    assert!(first, "a process watches one policy");
    policy
}

/// What becomes of questions from now on.
pub(super) fn set_mode(mode: Mode) {
    lock().mode = mode;
}

/// Sends a report to the parent.
pub(super) fn report(report: &Report) {
    lock().send(report);
}

fn lock() -> MutexGuard<'static, Watch> {
    let watch = WATCH.get().expect("reports are sent once the pipe is open");
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    fn send(&mut self, report: &Report) {
        let mut line = serde_json::to_vec(report).expect("a report is plain data");
        line.push(b'\n');
        let sent = self.pipe.write_all(&line).and_then(|()| self.pipe.flush());
        if sent.is_err() {
            // Nobody hears anything any more.
            process::exit(LOST_PIPE);
        }
    }
}

/// Stands for the hook of this number.
extern "C" fn watched<const HOOK: usize>(view: &PageView) -> RawAnswer {
    let point = Point::new(HOOKS[HOOK], view.at);
    let mut watch = lock();
    let reported = match &mut watch.mode {
        Mode::Report => true,
        Mode::Replay(answers) => return answers.next().unwrap_or(PANICKED),
        Mode::Audit(seen) if !seen.contains(&point) => {
            seen.push(point);
            true
        }
        Mode::Audit(_) | Mode::Ask => false,
    };
    if reported {
        watch.send(&Report::Asking(point));
    }
    let answered = matches!(watch.mode, Mode::Report);
    // The hook may block for ever; threads that it started must not.
    drop(watch);
    let hooks = HOOKS_OF_POLICY.get().expect("only a watched policy asks");
    let raw = hooks[HOOK](view);
    if answered {
        lock().send(&Report::Answered(raw));
    }
    raw
}
