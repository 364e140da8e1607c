//! A plugin that was loaded and found in order.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use cowpath_abi::{
    HOOKS, Hook, HookFn, Manifest, PANICKED, PageView, RawAnswer, Rules, SwapInStep,
};

use super::{Policy, Slot};

/// One shared object, checked; it stays loaded as long as the process lives.
#[derive(Debug)]
pub struct Plugin {
    /// Who it is.
    pub manifest: Manifest,
    /// The blake3 hash of its file, in hexadecimal.
    pub hash: String,
    /// Where it was found.
    pub origin: Origin,
    /// Its data.
    pub rules: Rules,
    pub(super) order: [SwapInStep; 8],
    pub(super) hooks: [Option<HookFn>; HOOKS.len()],
}

/// Where a plugin was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Carried inside this program.
    Bundled,
    /// A file that the user named.
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => f.write_str("bundled"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Plugin {
    pub(super) fn slot(&self, hook: Hook, plugin: u8) -> Slot {
        let function = self.hooks[hook as usize];
        Slot {
            function: function.unwrap_or(undefined),
            defined: function.is_some(),
            reasons: u8::try_from(self.manifest.reasons.len()).unwrap_or(u8::MAX),
            plugin,
        }
    }
}

impl From<Arc<Plugin>> for Policy {
    fn from(plugin: Arc<Plugin>) -> Self {
        Self {
            name: plugin.manifest.id.clone(),
            slots: HOOKS.map(|hook| plugin.slot(hook, 0)),
            rules: plugin.rules,
            order: plugin.order,
            plugins: vec![plugin],
            altered: None,
            elsewhere: None,
        }
    }
}

/// Stands for a hook that a policy does not define; its answer is never legal.
pub(super) extern "C" fn undefined(_: &PageView) -> RawAnswer {
    PANICKED
}
