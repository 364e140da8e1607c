//! Why a policy's run could not be had at all, each with its remedy.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there are no traces; the policy's own misconduct in a scenario is none of these.
#[derive(Debug)]
pub enum WorkerError {
    /// A worker was to start a worker.
    Nested,
    /// The child cannot be started.
    NotStarted {
        /// The program.
        executable: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The program is no worker, or one of another version.
    NotWorker {
        /// The program.
        executable: PathBuf,
        /// What it did instead.
        why: String,
    },
    /// The loader refused the policy.
    Refused {
        /// The loader's message.
        message: String,
    },
    /// The policy's initialisers did not return.
    EndedInLoading {
        /// The policy as the user calls it.
        spec: String,
        /// What it did.
        why: String,
        /// What it wrote.
        printed: String,
    },
    /// The model panicked, which is our bug.
    Model {
        /// The scenario.
        scenario: String,
        /// The policy as the user calls it.
        spec: String,
        /// The panic's message.
        message: String,
    },
}

impl fmt::Display for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nested => f.write_str(
                "a worker was to start a worker; the program that is started with the argument \
                 \"worker\" must call cowpath::worker::serve first of all",
            ),
            Self::NotStarted { executable, error } => {
                let executable = executable.display();
                write!(f, "cannot start {executable} as a worker: {error}")
            }
            Self::NotWorker { executable, why } => write!(
                f,
                "{} is no worker of this version of cowpath: it {why}; \
                 use the program that this library was built with",
                executable.display()
            ),
            Self::Refused { message } => f.write_str(message),
            Self::EndedInLoading { spec, why, printed } => {
                write!(
                    f,
                    "policy {spec} {why} while it was loaded; \
                     a plugin must do nothing before it is asked"
                )?;
                let lines = printed.lines();
                lines.into_iter().try_for_each(|line| write!(f, "\n  {line}"))
            }
            Self::Model { scenario, spec, message } => write!(
                f,
                "scenario {scenario} under policy {spec}: the model panicked: {message}; \
                 this is a bug of cowpath, please report it"
            ),
        }
    }
}

impl std::error::Error for WorkerError {}
