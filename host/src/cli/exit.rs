//! Exit codes, all of them.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The outcomes of the policies differ, and `--exit-code` was given; or a kernel and
    /// the model do, and nothing explains it.
    Differ = 1,
    /// The command line, a scenario, a policy's file or a transcript is wrong.
    Usage = 2,
    /// A policy failed: it panicked, crashed, hung, or gave an answer that it may not give.
    PolicyFailed = 3,
    /// This program is broken; also what a panic ends with.
    Broken = 101,
}

/// The list for `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  outcomes differ between policies (only with --exit-code), or a kernel
       and the model do
    2  the command line or a file is wrong
    3  a policy failed: it panicked, crashed, hung or gave an illegal answer
  101  cowpath itself is broken, please report it";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
