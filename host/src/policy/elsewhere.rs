//! A policy that is loaded in another process: what is known of it here, and who is asked.

use std::fmt;
use std::sync::Arc;

use cowpath_abi::{HOOKS, Hook, PageView, RawAnswer, Rules};
use serde::{Deserialize, Serialize};

use super::load::with_bytes;
use super::plugin::undefined;
use super::{Ending, LoadError, Origin, Plugin, Policy, Slot, order, read_manifest};

/// Gives the answers of a policy that is elsewhere.
pub(crate) trait Answers: fmt::Debug + Send + Sync {
    /// What a hook that the policy defines answers; or how it ended when it was asked.
    fn answer(&self, hook: Hook, view: &PageView) -> Result<RawAnswer, Ending>;
}

/// All of a policy but its functions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// The name in reports.
    pub name: String,
    /// The files that it is made of, the base first: name or path, and hash.
    plugins: Vec<(String, String)>,
    /// For each hook whether it is defined, and by which of them.
    hooks: Vec<(bool, u8)>,
    #[serde(with = "RulesCopy")]
    rules: Rules,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Rules")]
struct RulesCopy {
    do_swap_page: [u8; 8],
    unuse_process: u32,
    exclusive_without_tree_lock: u32,
    mechanisms: u32,
}

impl Description {
    /// Of a policy that is loaded here.
    pub fn of(policy: &Policy) -> Self {
        let place = |plugin: &Plugin| match &plugin.origin {
            Origin::Bundled => plugin.manifest.id.clone(),
            Origin::File(path) => path.to_string_lossy().into_owned(),
        };
        Self {
            name: policy.name.clone(),
            plugins: policy.plugins.iter().map(|one| (place(one), one.hash.clone())).collect(),
            hooks: policy.slots.iter().map(|slot| (slot.defined, slot.plugin)).collect(),
            rules: policy.rules,
        }
    }

    /// The policy as it is known here; nothing of its files is run.
    pub fn into_policy(self, answers: Arc<dyn Answers>) -> Result<Policy, LoadError> {
        let Self { name, plugins, hooks, rules } = self;
        let order = order::read(rules.do_swap_page)
            .map_err(|error| LoadError::BadOrder { place: name.clone(), error })?;
        let plugin = |(place, hash): (String, String)| {
            let manifest = with_bytes(&place, |bytes| {
                if blake3::hash(bytes).to_hex().as_str() != hash {
                    return Err(LoadError::Changed { place: place.clone() });
                }
                read_manifest(&place, bytes)
            })?;
            let origin = match place.contains('/') {
                true => Origin::File(place.into()),
                false => Origin::Bundled,
            };
            let hooks = [None; HOOKS.len()];
            Ok(Arc::new(Plugin { manifest, hash, origin, rules, order, hooks }))
        };
        let plugins = plugins.into_iter().map(plugin).collect::<Result<Vec<_>, LoadError>>()?;
        let slots = HOOKS.map(|hook| {
            let (defined, plugin) = hooks.get(hook as usize).copied().unwrap_or_default();
            let reasons =
                plugins.get(usize::from(plugin)).map_or(0, |of| of.manifest.reasons.len());
            let reasons = u8::try_from(reasons).unwrap_or(u8::MAX);
            Slot { function: undefined, defined, reasons, plugin }
        });
        Ok(Policy { name, slots, rules, order, plugins, altered: None, elsewhere: Some(answers) })
    }
}
