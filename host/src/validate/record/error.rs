//! Why there is no transcript, as the user reads it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Lines of a console that an error shows.
const TAIL: usize = 12;

/// Why a kernel was not recorded.
#[derive(Debug)]
pub enum RecordError {
    /// A program cannot be started.
    NoTool {
        /// Its name.
        tool: &'static str,
        /// The system's error.
        error: io::Error,
    },
    /// A program that reads packages or modules failed.
    ToolFailed {
        /// Its name.
        tool: &'static str,
        /// What it was to read.
        path: PathBuf,
        /// What it said.
        said: String,
    },
    /// A file or folder cannot be read or written.
    File {
        /// Which.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// There is no kernel in what was given.
    NoKernel {
        /// What was given.
        paths: Vec<PathBuf>,
    },
    /// The guest program is not one that can be an init.
    Guest {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nothing more came, and time was up.
    TimedOut {
        /// The time.
        after: Duration,
        /// The end of the console.
        console: String,
    },
    /// The kernel panicked.
    Panicked {
        /// The panic and what followed.
        console: String,
    },
    /// The guest program gave up.
    GaveUp {
        /// Why.
        why: String,
    },
    /// The machine ended before the guest program did.
    Incomplete {
        /// How many observations there were.
        observations: usize,
        /// The end of the console.
        console: String,
    },
    /// A line of the guest program's is not one.
    BadLine {
        /// The line.
        line: String,
        /// What is wrong with it.
        why: String,
    },
}

impl RecordError {
    /// Debian's package of a tool.
    fn package(tool: &str) -> &str {
        match tool {
            "qemu-system-x86_64" => "qemu-system-x86",
            "dpkg-deb" => "dpkg",
            "xz" => "xz-utils",
            other => other,
        }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTool { tool, error } => {
                let package = Self::package(tool);
                write!(f, "cannot start {tool}: {error}; Debian has it in the package {package}")
            }
            Self::ToolFailed { tool, path, said } => {
                let path = path.display();
                write!(f, "{path}: {tool} cannot read it: {}; fetch it again", said.trim())
            }
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::NoKernel { paths } => {
                let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
                write!(
                    f,
                    "{}: no kernel; expected boot/vmlinuz-*, usr/lib/modules/*/vmlinuz or \
                     usr/bin/linux.uml in packages, or one file that is a kernel",
                    paths.join(", ")
                )
            }
            Self::Guest { path, why } => write!(
                f,
                "{}: {why}; build it with RUSTFLAGS='-C target-feature=+crt-static' \
                 cargo build --release --package cowpath-guest --target x86_64-unknown-linux-gnu",
                path.display()
            ),
            Self::TimedOut { after, console } => write!(
                f,
                "the kernel was not done after {} s; see its last lines, or allow more with \
                 --timeout\n{}",
                after.as_secs(),
                tail(console)
            ),
            Self::Panicked { console } => write!(f, "the kernel panicked\n{}", tail(console)),
            Self::GaveUp { why } => write!(f, "the guest program cannot run on this kernel: {why}"),
            Self::Incomplete { observations, console } => write!(
                f,
                "the machine ended after {observations} observations, before the guest program \
                 did; see its last lines\n{}",
                tail(console)
            ),
            Self::BadLine { line, why } => write!(
                f,
                "a line from the guest program cannot be read, {why}; build it from the same \
                 source as cowpath\n  {line}"
            ),
        }
    }
}

impl std::error::Error for RecordError {}

fn tail(console: &str) -> String {
    let lines: Vec<&str> = console.lines().collect();
    let from = lines.len().saturating_sub(TAIL);
    lines[from..].iter().map(|line| format!("  {}", line.trim_end())).collect::<Vec<_>>().join("\n")
}
