//! The contract between the host and a policy plugin, and nothing else.
//!
//! A policy is a shared object that holds three things: a [`Manifest`] that can be
//! read without running any of its code, [`Rules`] (data), and up to one function
//! per [`Hook`]. A hook sees a [`PageView`] and gives an [`Answer`].
//!
//! [`export_policy!`] makes a plugin out of plain Rust functions that are named
//! like the kernel functions they stand for; `include/cowpath_policy.h` is the
//! same contract for C.
//!
//! This crate does not know any policy, nor what the host does with an answer.

mod entry;
mod export;
mod hook;
mod manifest;
mod module;
mod version;
mod view;

pub use entry::{ENTRY_SYMBOL, PolicyEntry};
pub use hook::*;
pub use manifest::{MANIFEST_SECTION, Manifest, ManifestError};
pub use module::{LayoutMismatch, MODULE_SYMBOL, PolicyModule, PolicyModuleRef};
pub use version::{ABI, AbiVersion};
pub use view::*;

/// What [`export_policy!`] expands to; not part of the contract.
#[doc(hidden)]
pub mod private {
    pub use crate::entry::entry;
    pub use crate::export::{guard, section};
    pub use crate::module::{ModuleHeader, ModuleResult, construct, header};
}
