//! The macro that makes a plugin out of plain functions.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Answer, PANICKED, PageView, RawAnswer};

/// Makes this crate a policy plugin.
///
/// Each name under `hooks` is a function of the crate, `fn(&PageView) -> Answer`,
/// named like the kernel function that it stands for; a hook that is left out is
/// not defined, and the host refuses to ask it. Each name under `reasons` becomes
/// a constant for [`Answer::because`]. The parts come in this order; `commit` and
/// `url`, which stand behind `date`, and `mechanisms`, the last of the rules, may be
/// left out.
///
/// ```
/// use cowpath_abi::*;
///
/// export_policy! {
///     id: "never",
///     title: "nothing that is in the swap cache is unmapped",
///     kernels: "none",
///     source: "an example",
///     date: "2005-02-07",
///     rules: {
///         do_swap_page: [SwapFree, FreeSwap, Rss, Decide, UnlockPage, SetPte, AddRmap, WpPage],
///         unuse_process: ACTIVATE_AFTER_PTE,
///         exclusive_without_tree_lock: 0,
///     },
///     hooks: [try_to_unmap_one],
///     reasons: {
///         CACHED = "in swap cache",
///     },
/// }
///
/// fn try_to_unmap_one(view: &PageView) -> Answer {
///     if view.swap_cache() {
///         Answer::because(UNMAP_FAIL, CACHED)
///     } else {
///         UNMAP.into()
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_policy {
    (
        id: $id:literal,
        title: $title:literal,
        kernels: $kernels:literal,
        source: $source:literal,
        date: $date:literal,
        $(commit: $commit:literal,)?
        $(url: $url:literal,)?
        rules: {
            do_swap_page: [$($step:ident),* $(,)?],
            unuse_process: $unuse_process:expr,
            exclusive_without_tree_lock: $without_tree_lock:expr
            $(, mechanisms: $mechanisms:expr)? $(,)?
        },
        hooks: [$($hook:ident),* $(,)?],
        reasons: { $($reason:ident = $phrase:literal),* $(,)? } $(,)?
    ) => {
        $crate::number_reasons!(1; $($reason = $phrase,)*);

        const _: () = {
            const TEXT: &str = concat!(
                "abi = ", $crate::abi_version!(), "\n",
                "id = ", $id, "\n",
                "title = ", $title, "\n",
                "kernels = ", $kernels, "\n",
                "source = ", $source, "\n",
                "date = ", $date, "\n",
                $("commit = ", $commit, "\n",)?
                $("url = ", $url, "\n",)?
                $("hook = ", stringify!($hook), "\n",)*
                $("reason = ", $phrase, "\n",)*
                "\0",
            );

            #[used]
            #[unsafe(link_section = ".cowpath.manifest")]
            #[unsafe(export_name = "cowpath_policy_manifest")]
            static MANIFEST: [u8; TEXT.len()] = $crate::private::section(TEXT);

            static RULES: $crate::Rules = $crate::Rules {
                do_swap_page: [$($crate::SwapInStep::$step as u8),*],
                unuse_process: $unuse_process,
                exclusive_without_tree_lock: $without_tree_lock,
                mechanisms: 0 $(| $mechanisms)?,
            };

            static ENTRY: $crate::PolicyEntry = {
                let mut hooks: [Option<$crate::HookFn>; $crate::HOOKS.len()] =
                    [None; $crate::HOOKS.len()];
                $(hooks[$crate::Hook::$hook as usize] = Some({
                    extern "C" fn guarded(view: &$crate::PageView) -> $crate::RawAnswer {
                        $crate::private::guard($hook, view)
                    }
                    guarded
                });)*
                $crate::private::entry(&MANIFEST, &RULES, hooks)
            };

            #[unsafe(export_name = "cowpath_policy_v1")]
            extern "C" fn entry() -> *const $crate::PolicyEntry {
                &ENTRY
            }

            extern "C" fn construct() -> $crate::private::ModuleResult {
                $crate::private::construct(|| $crate::PolicyModule::of(&ENTRY))
            }

            #[used]
            #[unsafe(export_name = "cowpath_policy_module")]
            static MODULE: $crate::private::ModuleHeader =
                // SAFETY: `construct` returns what `private::construct` returned.
                unsafe { $crate::private::header(construct) };
        };
    };
}

/// Numbers the reasons from 1, in the order in which the manifest lists them.
#[doc(hidden)]
#[macro_export]
macro_rules! number_reasons {
    ($number:expr;) => {};
    ($number:expr; $reason:ident = $phrase:literal, $($rest:tt)*) => {
        #[doc = $phrase]
        const $reason: u8 = $number;
        const _: () = assert!($phrase.len() <= 40, "a reason has at most 40 bytes");
        $crate::number_reasons!($reason + 1; $($rest)*);
    };
}

/// Asks a hook; a panic must not leave the plugin, where nobody could catch it.
/// A plugin that is built with `panic = "abort"` ends the process instead.
#[doc(hidden)]
#[inline(always)]
pub fn guard(hook: impl FnOnce(&PageView) -> Answer, view: &PageView) -> RawAnswer {
    match catch_unwind(AssertUnwindSafe(|| hook(view).raw())) {
        Ok(raw) => raw,
        Err(payload) => {
            // Its destructor may panic too.
            std::mem::forget(payload);
            PANICKED
        }
    }
}

/// The bytes of a text, as a static of a section holds them.
#[doc(hidden)]
#[must_use]
pub const fn section<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(text.as_bytes());
    bytes
}
