//! What an exploration keeps outside of memory, and what can go wrong with that.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Where an exploration goes on from, and what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The checkpoint to go on from.
    pub resume: Option<PathBuf>,
    /// The checkpoint that is written when the exploration ends early, and every so often.
    pub checkpoint: Option<PathBuf>,
    /// How often; less often if it takes more than a tenth of the time.
    pub every: Duration,
    /// Where visited states go that do not fit into memory.
    pub disk: Option<Disk>,
}

impl Default for Keep {
    fn default() -> Self {
        Self { resume: None, checkpoint: None, every: Duration::from_secs(60), disk: None }
    }
}

/// A folder for visited states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The folder: made if it is not there, and empty.
    pub folder: PathBuf,
    /// Most bytes of the tables of visited states, if the budget of memory leaves more.
    pub tables: u64,
}

/// Why an exploration cannot be kept or gone on with.
#[derive(Debug)]
pub enum KeepError {
    /// A checkpoint cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A checkpoint cannot be written.
    Unwritable {
        /// Which.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A file is something else.
    NotACheckpoint {
        /// Which.
        path: PathBuf,
    },
    /// A checkpoint is of another format.
    OtherFormat {
        /// Which.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// A checkpoint is not what was written.
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// A checkpoint is of another exploration.
    Mismatch {
        /// Which.
        path: PathBuf,
        /// What differs, the checkpoint's first.
        differences: Vec<String>,
    },
    /// A checkpoint is further than a budget allows.
    Beyond {
        /// Which.
        path: PathBuf,
        /// The budget's option.
        option: &'static str,
        /// How far the checkpoint is.
        reached: u64,
        /// The budget.
        most: u64,
    },
    /// A checkpoint holds one policy's exploration.
    SeveralPolicies {
        /// So many were asked for.
        policies: usize,
    },
    /// A checkpoint of several universes.
    SeveralUniverses {
        /// So many were asked for.
        universes: usize,
    },
    /// The folder for visited states has something in it.
    FolderNotEmpty {
        /// Which.
        folder: PathBuf,
    },
    /// The folder for visited states cannot be used.
    Disk {
        /// Which.
        folder: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

impl fmt::Display for KeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => {
                write!(f, "cannot read checkpoint {}: {error}", path.display())
            }
            Self::Unwritable { path, error } => write!(
                f,
                "cannot write checkpoint {}: {error}\n  what was there before is unchanged",
                path.display()
            ),
            Self::NotACheckpoint { path } => write!(
                f,
                "{} is not a checkpoint of `cowpath explore`\n  \
                 name one that --checkpoint wrote, or a file that is not there yet",
                path.display()
            ),
            Self::OtherFormat { path, format } => write!(
                f,
                "{} is a checkpoint of format {format}, expected {}\n  \
                 resume it with the cowpath that wrote it",
                path.display(),
                super::checkpoint::FORMAT
            ),
            Self::Damaged { path } => write!(
                f,
                "checkpoint {} is truncated or damaged: its checksum does not fit\n  \
                 take an older copy, or begin anew without --resume",
                path.display()
            ),
            Self::Mismatch { path, differences } => write!(
                f,
                "checkpoint {} is of another exploration\n  {}\n  \
                 give the same options, or begin anew without --resume",
                path.display(),
                differences.join("\n  ")
            ),
            Self::Beyond { path, option, reached, most } => write!(
                f,
                "checkpoint {} is further than {option} {most}: it is at {reached}\n  \
                 give a larger number, or leave the option out",
                path.display()
            ),
            Self::SeveralPolicies { policies } => write!(
                f,
                "a checkpoint holds the exploration of one policy, and {policies} are asked for\n  \
                 explore them one by one, each with a checkpoint of its own"
            ),
            Self::SeveralUniverses { universes } => write!(
                f,
                "a checkpoint holds the exploration of one universe, and {universes} are asked \
                 for\n  explore them one by one, each with a checkpoint of its own"
            ),
            Self::FolderNotEmpty { folder } => write!(
                f,
                "folder {} is not empty\n  name an empty one, or one that is not there yet",
                folder.display()
            ),
            Self::Disk { folder, error } => {
                write!(f, "cannot keep visited states in {}: {error}", folder.display())
            }
        }
    }
}

impl std::error::Error for KeepError {}
