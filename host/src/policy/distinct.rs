//! Whether several policies really are several.
//!
//! Libraries that define the same symbols can end up with one answering for both,
//! and a comparison of a policy with itself finds no difference.

use cowpath_abi::HOOKS;

use super::{LoadError, Plugin, Policy};

/// Checks that the policies have different names and that different plugins have
/// different code.
///
/// # Errors
/// Names the policies and the hook that they share.
pub fn check_distinct(policies: &[Policy]) -> Result<(), LoadError> {
    for (index, policy) in policies.iter().enumerate() {
        if policies[..index].iter().any(|other| other.name == policy.name) {
            return Err(LoadError::SameName { name: policy.name.clone() });
        }
    }
    let plugins: Vec<&Plugin> =
        policies.iter().flat_map(|policy| &policy.plugins).map(AsRef::as_ref).collect();
    for (index, plugin) in plugins.iter().enumerate() {
        for other in &plugins[..index] {
            check_pair(plugin, other)?;
        }
    }
    Ok(())
}

fn check_pair(plugin: &Plugin, other: &Plugin) -> Result<(), LoadError> {
    if plugin.hash == other.hash {
        return Ok(());
    }
    if plugin.manifest.id == other.manifest.id {
        return Err(LoadError::SameName { name: plugin.manifest.id.clone() });
    }
    for hook in HOOKS {
        let address =
            |plugin: &Plugin| plugin.hooks[hook as usize].map(|function| function as usize);
        if address(plugin).is_some() && address(plugin) == address(other) {
            return Err(LoadError::SharedCode {
                hook,
                ids: [other.manifest.id.clone(), plugin.manifest.id.clone()],
            });
        }
    }
    Ok(())
}
