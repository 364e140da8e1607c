//! The child: loads the policy, runs the scenarios or answers questions, reports.
//!
//! It does not know limits, nor that there are other children. It never judges a
//! policy that ends it: its silence is the message.

use std::any::Any;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use super::report::{Inquiry, Job, Report, VERSION, Work};
use super::watch::{self, Mode, report};
use crate::policy::{Description, Policy, resolve};
use crate::run::{Options, run};
use crate::scenario::Scenario;

/// What a process that was started as a worker does, instead of anything else: takes
/// a job from stdin, reports to stdout, and ends with its parent.
#[must_use]
pub fn serve() -> ExitCode {
    let (input, output) = match private_pipes() {
        Ok(pipes) => pipes,
        Err(error) => {
            eprintln!("a worker needs its stdin and stdout: {error}");
            return ExitCode::FAILURE;
        }
    };
    end_with_parent();
    leave_no_core();
    watch::open(output);
    report(&Report::Hello { version: VERSION });
    let mut line = String::new();
    let mut input = BufReader::new(input);
    match input.read_line(&mut line).map(|_| ()) {
        Ok(()) => match serde_json::from_str(&line) {
            Ok(job) => carry_out(job, input),
            Err(error) => eprintln!("a worker takes jobs from cowpath, not by hand: {error}"),
        },
        Err(error) => eprintln!("the worker's job cannot be read: {error}"),
    }
    ExitCode::SUCCESS
}

fn carry_out(job: Job<'_>, input: impl BufRead) {
    if orphaned(job.parent) {
        return;
    }
    let policy = match resolve(&job.spec) {
        Ok(policy) => watch::watch(policy),
        Err(error) => {
            let message = error.to_string();
            return report(&Report::Refused { message });
        }
    };
    report(&Report::Loaded(Description::of(&policy)));
    match job.work {
        Work::Run { options, replay, scenarios, audit } => {
            run_all(&policy, &scenarios, options, replay, audit);
        }
        Work::Answer => answer(&policy, input),
    }
}

fn run_all(
    policy: &Policy,
    scenarios: &[Scenario],
    options: Options,
    mut replay: Option<Vec<u32>>,
    audit: bool,
) {
    for scenario in scenarios {
        watch::set_mode(match replay.take() {
            Some(answers) => Mode::Replay(answers.into_iter()),
            None => Mode::Report,
        });
        let ran = catch_unwind(AssertUnwindSafe(|| run(scenario, policy, options)));
        match ran {
            Ok(trace) => report(&Report::Ran(trace)),
            Err(panic) => {
                let message = message(&*panic);
                return report(&Report::Broke { message });
            }
        }
    }
    let impurity = if audit { impurity(policy) } else { None };
    report(&Report::Done { impurity });
}

/// Audits the policy.
fn impurity(policy: &Policy) -> Option<String> {
    watch::set_mode(Mode::Audit(Vec::new()));
    policy.audit_purity().err().map(|error| error.to_string())
}

/// Answers until the parent has no more questions.
fn answer(policy: &Policy, input: impl BufRead) {
    for line in input.lines() {
        let inquiry = line.ok().and_then(|line| serde_json::from_str(&line).ok());
        match inquiry {
            Some(Inquiry::Audit) => report(&Report::Done { impurity: impurity(policy) }),
            Some(Inquiry::Ask(question)) => {
                watch::set_mode(Mode::Ask);
                let Some(hook) = question.hook() else { return };
                report(&Report::Answered(policy.ask_function(hook, &question.view())));
            }
            // Half a line: the parent is gone.
            None => return,
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "something that is no text".to_owned())
}

type Pipes = (Box<dyn Read>, Box<dyn Write + Send>);

/// Takes stdin and stdout away from the plugin: what it prints goes to stderr, what
/// it reads is empty.
#[cfg(unix)]
fn private_pipes() -> io::Result<Pipes> {
    use std::os::fd::AsFd;
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok((Box::new(input), Box::new(output)))
}

/// Elsewhere the plugin shares them, and what it prints counts as its fault.
#[cfg(not(unix))]
fn private_pipes() -> io::Result<Pipes> {
    Ok((Box::new(io::stdin()), Box::new(io::stdout())))
}

/// A hook that hangs must not outlive a parent that was killed.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn end_with_parent() {
    use rustix::process::{Signal, set_parent_process_death_signal};
    // Can only fail for a signal that does not exist.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn end_with_parent() {}

/// Whether the parent ended before this process was tied to it.
#[cfg(unix)]
fn orphaned(parent: u32) -> bool {
    std::os::unix::process::parent_id() != parent
}

#[cfg(not(unix))]
fn orphaned(_: u32) -> bool {
    false
}

/// Crashes of plugins are findings; nobody wants their core files.
#[cfg(unix)]
fn leave_no_core() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let (current, maximum) = (Some(0), Some(0));
    // Not being able to costs time and space, nothing else.
    let _ = setrlimit(Resource::Core, Rlimit { current, maximum });
}

#[cfg(not(unix))]
fn leave_no_core() {}
