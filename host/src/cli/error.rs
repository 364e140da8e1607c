//! What ends a command early, as the user reads it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::exit::Exit;
use crate::explore::{KeepError, MOST_ACTORS};
use crate::policy;
use crate::scenario::{self, ScenarioError};
use crate::validate::InputError;
use crate::validate::record::RecordError;
use crate::worker::WorkerError;

/// Why a command ended early.
#[derive(Debug)]
pub enum Error {
    /// A scenario cannot be had.
    Scenario(scenario::LoadError),
    /// Scenario files are wrong.
    Broken(Vec<scenario::LoadError>),
    /// A policy cannot be had.
    Policy(policy::LoadError),
    /// No generation is as asked for.
    Span(policy::SpanError),
    /// A policy's worker process cannot be had.
    Worker(WorkerError),
    /// A transcript or a table beside it cannot be used.
    Transcript(InputError),
    /// A kernel cannot be recorded.
    Record(RecordError),
    /// No universe has that name.
    UnknownUniverse {
        /// As given.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// An exploration cannot be kept or gone on with.
    Keep(KeepError),
    /// Ctrl-C cannot be heard.
    Signals(io::Error),
    /// What process A is to have done before, in a universe, is not possible.
    Setup {
        /// The universe.
        name: String,
        /// Why.
        why: String,
    },
    /// A scenario has too many actors to be explored.
    TooManyActors {
        /// The scenario.
        name: String,
        /// How many.
        actors: usize,
    },
    /// A file or folder cannot be written.
    Unwritable {
        /// Which.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// Output cannot be written.
    Output(io::Error),
}

impl Error {
    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Worker(WorkerError::Model { .. } | WorkerError::Nested) => Exit::Broken,
            Self::Worker(WorkerError::EndedInLoading { .. }) => Exit::PolicyFailed,
            Self::Scenario(_)
            | Self::Broken(_)
            | Self::Policy(_)
            | Self::Span(_)
            | Self::Worker(_)
            | Self::Transcript(_)
            | Self::Record(_)
            | Self::UnknownUniverse { .. }
            | Self::Setup { .. }
            | Self::TooManyActors { .. }
            | Self::Keep(_)
            | Self::Signals(_)
            | Self::Unwritable { .. }
            | Self::Output(_) => Exit::Usage,
        }
    }

    /// Whether to say anything: whoever closed a pipe knows.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.exit() == Exit::Done
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scenario(error) => one(f, error),
            Self::Broken(errors) => {
                for (i, error) in errors.iter().enumerate() {
                    if i > 0 {
                        f.write_str("\n\n")?;
                    }
                    one(f, error)?;
                }
                Ok(())
            }
            Self::Policy(error) => write!(f, "error: {error}"),
            Self::Span(error) => write!(f, "error: {error}"),
            Self::Worker(error) => write!(f, "error: {error}"),
            Self::Transcript(error) => write!(f, "error: {error}"),
            Self::Record(error) => write!(f, "error: {error}"),
            Self::UnknownUniverse { name, known } => {
                write!(f, "error: there is no universe {name:?}\n  there are: {}", known.join(", "))
            }
            Self::Keep(error) => write!(f, "error: {error}"),
            Self::Signals(error) => write!(f, "error: cannot take signals: {error}"),
            Self::Setup { name, why } => write!(
                f,
                "error: the setup of universe {name} is not possible: {why}\n  \
                 change --setup, or the bounds that are in its way"
            ),
            Self::TooManyActors { name, actors } => write!(
                f,
                "error: scenario {name} has {actors} actors, explore takes at most {MOST_ACTORS}\n  \
                 explore it without some of them"
            ),
            Self::Unwritable { path, error } => {
                write!(f, "error: cannot write {}: {error}", path.display())
            }
            Self::Output(error) => write!(f, "error: cannot write the output: {error}"),
        }
    }
}

/// A scenario's problems begin with `error:` each.
fn one(f: &mut fmt::Formatter<'_>, error: &scenario::LoadError) -> fmt::Result {
    match error {
        scenario::LoadError::Broken(ScenarioError { .. }) => write!(f, "{error}"),
        scenario::LoadError::Unknown { .. } | scenario::LoadError::Unreadable { .. } => {
            write!(f, "error: {error}")
        }
    }
}

impl std::error::Error for Error {}

impl From<scenario::LoadError> for Error {
    fn from(error: scenario::LoadError) -> Self {
        Self::Scenario(error)
    }
}

impl From<policy::LoadError> for Error {
    fn from(error: policy::LoadError) -> Self {
        Self::Policy(error)
    }
}

impl From<policy::SpanError> for Error {
    fn from(error: policy::SpanError) -> Self {
        Self::Span(error)
    }
}

impl From<KeepError> for Error {
    fn from(error: KeepError) -> Self {
        Self::Keep(error)
    }
}

impl From<WorkerError> for Error {
    fn from(error: WorkerError) -> Self {
        Self::Worker(error)
    }
}

impl From<InputError> for Error {
    fn from(error: InputError) -> Self {
        Self::Transcript(error)
    }
}

impl From<RecordError> for Error {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
