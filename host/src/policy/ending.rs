//! How a policy ended the process that it was asked in, in words.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

/// The exit status of a child that cannot report any more; `EX_IOERR` of sysexits.h.
pub(crate) const LOST_PIPE: i32 = 74;

/// How a policy ended its process, as the end of a sentence that begins with the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// By itself.
    Exited(i32),
    /// By a signal.
    Killed(i32),
    /// By us: no answer within this time.
    NoAnswer(Duration),
    /// By us: the scenario was not over within this time.
    TooLong(Duration),
    /// By us: what came was no report.
    Garbled,
    /// The system does not say.
    Unknown,
    /// It had ended before, and could not be loaded again.
    NotAgain,
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), signal(status)) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Killed(signal),
            (None, None) => Self::Unknown,
        }
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(LOST_PIPE) => {
                write!(f, "closed the worker's pipe or called exit({LOST_PIPE})")
            }
            Self::Exited(code) => write!(f, "called exit({code})"),
            Self::Killed(signal) => match name(*signal) {
                // A child that lives on without its pipe is killed, too.
                Some("SIGKILL") => f.write_str("was killed by SIGKILL or closed the worker's pipe"),
                Some(name) => write!(f, "was killed by {name}"),
                None => write!(f, "was killed by signal {signal}"),
            },
            Self::NoAnswer(limit) => write!(f, "did not answer within {}", seconds(*limit)),
            Self::TooLong(limit) => {
                write!(f, "was not through within {}", seconds(*limit))
            }
            Self::Garbled => f.write_str("wrote into the worker's pipe"),
            Self::Unknown => f.write_str("ended the worker"),
            Self::NotAgain => f.write_str("could not be loaded again"),
        }
    }
}

#[cfg(unix)]
fn name(signal: i32) -> Option<&'static str> {
    use rustix::process::Signal;
    let names = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::SYS, "SIGSYS"),
    ];
    let found = names.iter().find(|(known, _)| known.as_raw() == signal);
    found.map(|(_, name)| *name)
}

#[cfg(not(unix))]
fn name(_: i32) -> Option<&'static str> {
    None
}

fn seconds(limit: Duration) -> String {
    if limit.subsec_nanos() == 0 {
        format!("{} s", limit.as_secs())
    } else {
        format!("{} ms", limit.as_millis())
    }
}
