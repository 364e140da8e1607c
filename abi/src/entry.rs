//! The plain C entry point of a plugin: what any language can offer.

use std::ffi::c_char;

use crate::{ABI, HOOKS, HookFn, Rules};

/// The symbol of the C entry point: a function without arguments that returns a
/// pointer to a [`PolicyEntry`] that lives as long as the process.
pub const ENTRY_SYMBOL: &str = "cowpath_policy_v1";

/// What the C entry point returns; `struct cowpath_policy` of the C header.
///
/// `size` grows when a minor version appends hooks; `abi_version` tells how much of
/// [`Rules`] there is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PolicyEntry {
    /// `sizeof` this structure, as the plugin was compiled.
    pub size: u32,
    /// [`crate::AbiVersion::packed`].
    pub abi_version: u32,
    /// The text of section [`crate::MANIFEST_SECTION`], with its NUL.
    pub manifest: *const c_char,
    /// Never null.
    pub rules: *const Rules,
    /// In the order of [`HOOKS`]; null for a hook that the policy does not define.
    pub hooks: [Option<HookFn>; HOOKS.len()],
}

// SAFETY: the pointers are to immutable statics, see `entry`.
unsafe impl Sync for PolicyEntry {}

/// Makes the entry of a plugin from its statics.
#[doc(hidden)]
#[must_use]
pub const fn entry(
    manifest: &'static [u8],
    rules: &'static Rules,
    hooks: [Option<HookFn>; HOOKS.len()],
) -> PolicyEntry {
    PolicyEntry {
        size: size_of::<PolicyEntry>() as u32,
        abi_version: ABI.packed(),
        manifest: manifest.as_ptr().cast(),
        rules,
        hooks,
    }
}
