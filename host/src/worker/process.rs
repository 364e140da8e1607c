//! The parent's side of one child: its start, what it says in time, its end.
//!
//! Every child is killed and reaped when this value goes, with all processes of its
//! group. What the reports mean is not known here.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::WorkerError;
use super::report::{Inquiry, Job, Report};
use crate::policy::Ending;

/// Set for children.
const CHILD: &str = "COWPATH_WORKER";

/// How much of what a child prints is kept.
const PRINTED: u64 = 16 * 1024;

/// How long to wait for the rest of what an ended child has printed.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long a child that has closed its pipe may take to exit.
const WAY_OUT: Duration = Duration::from_millis(200);

/// One child, which lives no longer than this value.
#[derive(Debug)]
pub(super) struct Child {
    process: Process,
    /// Once it is reaped.
    status: Option<ExitStatus>,
    /// What it is still to be told; a line each.
    lines: Sender<Vec<u8>>,
    /// Ends with the child's pipe; an error is a line that is no report.
    reports: Receiver<Result<Report, serde_json::Error>>,
    printed: Receiver<String>,
}

/// What became of waiting for a report.
#[derive(Debug)]
pub(super) enum Heard {
    /// It came.
    Report(Report),
    /// It did not come in time.
    Nothing,
    /// The child ended.
    End(Ending),
}

/// The program that is started if no other is named.
pub(super) fn this_program() -> PathBuf {
    // The very file that is running, even if it was replaced by another build.
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return running.to_owned();
    }
    env::current_exe().unwrap_or_else(|_| PathBuf::from("cowpath"))
}

impl Child {
    /// Starts a child and hands it its job.
    pub fn start(executable: &Path, job: &Job<'_>) -> Result<Self, WorkerError> {
        // A program that ignores "worker" would start itself for ever.
        if env::var_os(CHILD).is_some() {
            return Err(WorkerError::Nested);
        }
        let mut command = Command::new(executable);
        command.arg("worker").env(CHILD, "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        own_group(&mut command);
        let mut process = command.spawn().map_err(|error| WorkerError::NotStarted {
            executable: executable.to_owned(),
            error,
        })?;
        let stdin = process.stdin.take().expect("stdin is piped");
        let stdout = process.stdout.take().expect("stdout is piped");
        let stderr = process.stderr.take().expect("stderr is piped");
        // None of the threads is joined: a process that the plugin left behind may hold
        // the other end, and then only that one's end is theirs.
        let (lines, to_tell) = channel::<Vec<u8>>();
        thread::spawn(move || {
            let mut stdin = stdin;
            // A child that does not take a line ends early, which is noticed.
            let _ = to_tell.iter().try_for_each(|line| stdin.write_all(&line));
        });
        let (sender, reports) = channel();
        thread::spawn(move || read_reports(stdout, &sender));
        let (sender, printed) = channel();
        thread::spawn(move || {
            // Nobody may be left who wants to know.
            let _ = sender.send(read_printed(stderr));
        });
        let child = Self { process, status: None, lines, reports, printed };
        child.tell(job);
        Ok(child)
    }

    /// Asks a child that answers.
    pub fn ask(&self, inquiry: &Inquiry) {
        self.tell(inquiry);
    }

    fn tell(&self, what: &impl Serialize) {
        let mut line = serde_json::to_vec(what).expect("it is plain data");
        line.push(b'\n');
        // Nobody takes it: the child has ended.
        let _ = self.lines.send(line);
    }

    /// The next report, if it comes before the deadline.
    pub fn next(&mut self, deadline: Instant) -> Heard {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.reports.recv_timeout(left) {
            Ok(Ok(report)) => Heard::Report(report),
            Ok(Err(_)) => Heard::End(Ending::Garbled),
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(RecvTimeoutError::Disconnected) => {
                self.let_exit();
                Heard::End(self.end().map_or(Ending::Unknown, Ending::from))
            }
        }
    }

    /// Ends the child and returns the beginning of what it printed.
    pub fn into_printed(mut self) -> String {
        // The pipe ends with the processes that hold it.
        let _ = self.end();
        self.printed.recv_timeout(LAST_WORDS).unwrap_or_default()
    }

    /// Waits for a child that has closed its pipe: the kernel closes it once the exit
    /// status is fixed, but a program may close it itself on its way out, as the C
    /// library's exit handlers do. Killed in between, it would seem to have been killed.
    fn let_exit(&mut self) {
        let deadline = Instant::now() + WAY_OUT;
        while self.status.is_none() && lives(&self.process) && Instant::now() < deadline {
            thread::sleep(WAY_OUT / 200);
        }
    }

    /// Kills what is left of the child and its group, and reaps it.
    fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        kill_group(&self.process);
        // Fails if it has exited.
        let _ = self.process.kill();
        let status = self.process.wait()?;
        self.status = Some(status);
        Ok(status)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Without a status it was reaped before.
        let _ = self.end();
    }
}

fn read_reports(pipe: impl Read, sender: &Sender<Result<Report, serde_json::Error>>) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = pipe.read_until(b'\n', &mut line);
        // A child that ends in the middle of a line has not said it.
        if read.is_err() || line.last() != Some(&b'\n') {
            return;
        }
        if sender.send(serde_json::from_slice(&line)).is_err() {
            return;
        }
    }
}

fn read_printed(mut pipe: impl Read) -> String {
    let mut kept = Vec::new();
    // Whatever was read until an error is what there is.
    let _ = pipe.by_ref().take(PRINTED).read_to_end(&mut kept);
    let _ = io::copy(&mut pipe, &mut io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}

/// Puts the child, and whatever the plugin starts, into a group that can be killed
/// as one and that a terminal's signals do not reach.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

#[cfg(unix)]
fn kill_group(process: &Process) {
    use rustix::process::{Pid, Signal, kill_process_group};
    // Fails only if nobody is left in it.
    let _ = kill_process_group(Pid::from_child(process), Signal::KILL);
}

#[cfg(not(unix))]
fn kill_group(_: &Process) {}

/// Whether it has not exited yet; it is not reaped, so that its group keeps its number.
#[cfg(unix)]
fn lives(process: &Process) -> bool {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::Pid(Pid::from_child(process)), options), Ok(None))
}

#[cfg(not(unix))]
fn lives(_: &Process) -> bool {
    false
}
