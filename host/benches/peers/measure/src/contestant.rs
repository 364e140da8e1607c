//! One contestant: a command, and what one run of it took.

use std::io::Read as _;
use std::mem::MaybeUninit;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A command for `sh`, with a name.
#[derive(Clone, Debug)]
pub(crate) struct Contestant {
    pub(crate) name: String,
    command: String,
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) states: u64,
    pub(crate) transitions: u64,
    /// Seconds of processor time.
    pub(crate) cpu: f64,
    /// Seconds.
    pub(crate) wall: f64,
    /// Bytes.
    pub(crate) resident: u64,
}

/// What the kernel says about a child that has ended.
#[derive(Clone, Copy, Debug)]
struct Account {
    status: i32,
    cpu: f64,
    resident: u64,
}

impl Contestant {
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let (name, command) = word.split_once('=').ok_or(format!("not NAME=COMMAND: {word}"))?;
        Ok(Self { name: name.to_string(), command: command.to_string() })
    }

    /// Runs the command once.
    pub(crate) fn run(&self, timeout: u32) -> Result<Sample, String> {
        let failed = |why: &str| format!("{}: {why}", self.name);
        let begin = Instant::now();
        let mut child = Command::new("timeout")
            .args([&timeout.to_string(), "sh", "-c", &self.command])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&format!("timeout: {error}")))?;
        let mut output = String::new();
        let read = child.stdout.as_mut().expect("it is piped").read_to_string(&mut output);
        read.map_err(|error| failed(&error.to_string()))?;
        let account = wait(&child).map_err(|error| failed(&error.to_string()))?;
        let wall = begin.elapsed().as_secs_f64();
        if account.status != 0 {
            return Err(failed(&format!("ended with status {:#x}\n{output}", account.status)));
        }
        // SPIN's verifier ends with status 0 whatever it found or left out.
        let verdict = output.lines().find_map(|line| line.split_once(", errors: "));
        if verdict.is_some_and(|(_, errors)| errors.trim() != "0") {
            return Err(failed(&format!("has errors\n{output}")));
        }
        if output.contains("max search depth too small") || output.contains("not completed") {
            return Err(failed(&format!("did not see everything\n{output}")));
        }
        let counted = |ours, spin| number(&output, ours, spin).map(|number| number as u64);
        let nothing = || failed(&format!("does not say how many states\n{output}"));
        Ok(Sample {
            states: counted("states=", " states, stored").ok_or_else(nothing)?,
            transitions: counted("transitions=", " transitions (=").ok_or_else(nothing)?,
            cpu: number(&output, "cpu=", "").unwrap_or(account.cpu),
            wall,
            resident: account.resident,
        })
    }
}

/// The number after `key`; otherwise that on SPIN's line that goes on with `spin`.
fn number(output: &str, key: &str, spin: &str) -> Option<f64> {
    let after =
        |line: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key)?.parse().ok());
    let before = |line: &str| {
        let (number, _) = line.split_once(spin).filter(|_| !spin.is_empty())?;
        number.trim().parse().ok()
    };
    output.lines().find_map(after).or_else(|| output.lines().find_map(before))
}

fn wait(child: &Child) -> std::io::Result<Account> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to places of these types; all zeros is a legal rusage.
    let (ended, usage) = unsafe {
        let ended = libc::wait4(child.id() as i32, &raw mut status, 0, usage.as_mut_ptr());
        (ended, usage.assume_init())
    };
    if ended < 0 {
        return Err(std::io::Error::last_os_error());
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    Ok(Account { status, cpu, resident: usage.ru_maxrss as u64 * 1024 })
}
