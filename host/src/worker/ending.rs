//! How a child ended before it was done, in words.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use super::report::Point;

/// The exit status of a child that cannot report any more; `EX_IOERR` of sysexits.h.
pub(super) const LOST_PIPE: i32 = 74;

/// How a child ended, as the end of a sentence that begins with the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
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

/// How far the policy had come when its child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Nothing was asked yet.
    Start,
    /// It was asked this and had not answered.
    Asked(Point),
    /// It had answered this.
    Answered(Point),
}

/// A scenario that a child did not bring to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// How.
    pub ending: Ending,
    /// When.
    pub moment: Moment,
    /// What the policy had answered.
    pub answers: Vec<u32>,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the policy {} ", self.ending)?;
        match self.moment {
            Moment::Start => f.write_str("before it was asked anything"),
            Moment::Asked(point) => write!(f, "while asked {}", point.name()),
            Moment::Answered(point) => write!(f, "after it had answered {}", point.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowpath_abi::Hook;

    #[test]
    fn an_end_says_how_and_when() {
        let point = Point::new(Hook::do_wp_page, 1);
        let second = Duration::from_secs(1);
        let cases = [
            (
                Ending::Exited(3),
                Moment::Start,
                "the policy called exit(3) before it was asked anything",
            ),
            (
                Ending::Exited(LOST_PIPE),
                Moment::Asked(point),
                "the policy closed the worker's pipe or called exit(74) while asked do_wp_page",
            ),
            (
                Ending::Killed(9),
                Moment::Answered(point),
                "the policy was killed by SIGKILL or closed the worker's pipe \
                 after it had answered do_wp_page",
            ),
            (
                Ending::Killed(50),
                Moment::Asked(point),
                "the policy was killed by signal 50 while asked do_wp_page",
            ),
            (
                Ending::NoAnswer(second * 10),
                Moment::Asked(point),
                "the policy did not answer within 10 s while asked do_wp_page",
            ),
            (
                Ending::TooLong(second * 3 / 2),
                Moment::Answered(point),
                "the policy was not through within 1500 ms after it had answered do_wp_page",
            ),
        ];
        for (ending, moment, expected) in cases {
            let answers = Vec::new();
            let ended = Ended { ending, moment, answers };
            assert_eq!(ended.to_string(), expected);
        }
    }
}
