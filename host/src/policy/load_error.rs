//! What can go wrong when a policy is loaded, each with its remedy.
//!
//! This module does not know which exit code an error leads to.

use std::fmt;
use std::io;

use cowpath_abi::{ABI, AbiVersion, Hook, LayoutMismatch, ManifestError};

use super::OrderError;

/// Why a policy cannot be had.
#[derive(Debug)]
pub enum LoadError {
    /// No bundled policy has this name, and it is no path.
    UnknownPolicy {
        /// The name asked for.
        name: String,
        /// The nearest name that exists, if one is near.
        nearest: Option<&'static str>,
        /// Every name that exists.
        known: Vec<&'static str>,
    },
    /// A graft names no hunk that exists.
    UnknownHunk {
        /// The hunk asked for.
        name: String,
        /// The nearest name that exists, if one is near.
        nearest: Option<&'static str>,
        /// Every name that exists.
        known: Vec<&'static str>,
    },
    /// The specification cannot be taken apart.
    BadSpec {
        /// The specification as found.
        spec: String,
        /// What is wrong with it.
        why: String,
    },
    /// A graft takes a hook that the other policy does not define.
    HunkUndefined {
        /// The policy to take from.
        policy: String,
        /// The hook that it lacks.
        hook: Hook,
    },
    /// The file cannot be read.
    Unreadable {
        /// The path as given.
        place: String,
        /// The system's error.
        error: io::Error,
    },
    /// The file became another one while it was loaded.
    Changed {
        /// The policy or path.
        place: String,
    },
    /// The file is no complete shared object for this machine.
    NotSharedObject {
        /// The policy or path.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The shared object has no manifest.
    NoManifest {
        /// The policy or path.
        place: String,
    },
    /// The manifest cannot be read.
    BadManifest {
        /// The policy or path.
        place: String,
        /// What is wrong with it.
        error: ManifestError,
    },
    /// The plugin is of a version of the contract that this program does not accept.
    AbiVersion {
        /// The policy or path.
        place: String,
        /// The plugin's version.
        plugin: AbiVersion,
    },
    /// The program was built without its policies.
    NotEmbedded {
        /// The policy.
        place: String,
    },
    /// There is no folder to put the plugin's file in.
    NoCache {
        /// The policy or path.
        place: String,
        /// The system's error.
        error: io::Error,
    },
    /// The dynamic loader refused the file.
    NotLoaded {
        /// The policy or path.
        place: String,
        /// What the dynamic loader says.
        why: String,
    },
    /// The shared object exports neither entry point.
    NoEntry {
        /// The policy or path.
        place: String,
    },
    /// The plugin was built against other types.
    Layout {
        /// The policy or path.
        place: String,
        /// The differences.
        mismatch: LayoutMismatch,
    },
    /// What the entry point returns contradicts the manifest or the contract.
    BadEntry {
        /// The policy or path.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The order of operations in `do_swap_page` cannot be carried out.
    BadOrder {
        /// The policy or path.
        place: String,
        /// What is wrong with it.
        error: OrderError,
    },
    /// Two policies have one name.
    SameName {
        /// The name.
        name: String,
    },
    /// Two plugins share the code of a hook, so one would answer for both.
    SharedCode {
        /// The hook that they share.
        hook: Hook,
        /// The two plugins.
        ids: [String; 2],
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPolicy { name, nearest, known } => {
                write!(f, "unknown policy \"{name}\"{}", hint(*nearest))?;
                write!(f, "; policies are {}, or a path with a \"/\" or \".so\"", known.join(", "))
            }
            Self::UnknownHunk { name, nearest, known } => {
                write!(f, "unknown hunk \"{name}\"{}", hint(*nearest))?;
                write!(f, "; hunks are {}", known.join(", "))
            }
            Self::BadSpec { spec, why } => {
                write!(f, "policy \"{spec}\": {why}; write POLICY or POLICY+OTHER:HUNK,HUNK")
            }
            Self::HunkUndefined { policy, hook } => write!(
                f,
                "policy {policy} does not define {}, so it cannot be grafted from there",
                hook.name()
            ),
            Self::Unreadable { place, error } => write!(f, "cannot read plugin {place}: {error}"),
            Self::Changed { place } => {
                write!(f, "{place} changed while it was loaded; try again when it is built")
            }
            Self::NotSharedObject { place, why } => {
                write!(f, "{place} is no complete shared object: {why}; build it again")
            }
            Self::NoManifest { place } => write!(
                f,
                "{place} is a shared object, but no policy: it has no section {}; \
                 see export_policy! or cowpath_policy.h",
                cowpath_abi::MANIFEST_SECTION
            ),
            Self::BadManifest { place, error } => write!(f, "{place}: {error}"),
            Self::AbiVersion { place, plugin } => write!(
                f,
                "{place} is a plugin of version {plugin}, this program accepts {}.0 to {ABI}; \
                 build it against cowpath-abi {ABI}",
                ABI.major
            ),
            Self::NotEmbedded { place } => write!(
                f,
                "policy {place} is missing from this program, it was built without its policies; \
                 build it again with cargo build"
            ),
            Self::NoCache { place, error } => write!(
                f,
                "{place} cannot be put where it can be loaded: {error}; \
                 set COWPATH_CACHE_DIR to a folder that can be written to"
            ),
            Self::NotLoaded { place, why } => write!(
                f,
                "{place} cannot be loaded: {why}; if the folder is mounted noexec, \
                 set COWPATH_CACHE_DIR to another"
            ),
            Self::NoEntry { place } => write!(
                f,
                "{place} exports neither {} nor {}; see export_policy! or cowpath_policy.h",
                cowpath_abi::MODULE_SYMBOL,
                cowpath_abi::ENTRY_SYMBOL
            ),
            Self::Layout { place, mismatch } => {
                write!(f, "{place} was built against another cowpath-abi; build it again")?;
                mismatch.lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
            }
            Self::BadEntry { place, why } => write!(f, "{place}: {why}; build it again"),
            Self::BadOrder { place, error } => {
                write!(f, "{place}: order of do_swap_page: {error}")
            }
            Self::SameName { name } => write!(
                f,
                "two policies are called \"{name}\"; give it once, or give one of them another id"
            ),
            Self::SharedCode { hook, ids: [one, other] } => write!(
                f,
                "policies {one} and {other} share the code of {}, so one would answer for both; \
                 build them as separate shared objects",
                hook.name()
            ),
        }
    }
}

impl std::error::Error for LoadError {}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean \"{name}\""))
}
