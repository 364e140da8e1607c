//! `cowpath policy`.

use std::fs;

use clap::Subcommand;

use super::output::print;
use super::{Error, Exit};
use crate::policy::{
    Hook, LoadError, Manifest, Origin, Plugin, Policy, Rules, SwapInStep, bundled, names_file,
    read_manifest, resolve,
};
use crate::report::hanging;

/// Columns of keys such as `kernels`.
const KEY: usize = 11;

/// What can be done with policies.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the bundled policies
    List,
    /// Say what a policy is; the code of a plugin's file is not run, unless by --load
    Show {
        /// A bundled policy, the path of a plugin, or a graft
        policy: String,
        /// Load a plugin's file, which runs its code, to show its rules
        #[arg(long)]
        load: bool,
    },
}

/// Runs the command.
pub(super) fn execute(command: &Command) -> Result<Exit, Error> {
    match command {
        Command::List => print(&list()?)?,
        Command::Show { policy, load } => print(&show(policy, *load)?)?,
    }
    Ok(Exit::Done)
}

fn list() -> Result<String, Error> {
    let mut text = String::new();
    for policy in bundled() {
        let manifest = read_manifest(policy.id, policy.bytes)?;
        hanging(&mut text, &manifest.id, KEY, &manifest.title);
    }
    Ok(text)
}

fn show(spec: &str, load: bool) -> Result<String, Error> {
    let path = names_file(spec).then(|| fs::read(spec));
    let unread = match path {
        // A graft from or on a file is no path itself.
        Some(Err(_)) if spec.contains(':') => None,
        Some(Err(error)) => {
            return Err(LoadError::Unreadable { place: spec.to_string(), error }.into());
        }
        Some(Ok(bytes)) if !load => Some(bytes),
        Some(Ok(_)) | None => None,
    };
    if let Some(bytes) = unread {
        let hash = blake3::hash(&bytes).to_hex();
        let mut text = who(&read_manifest(spec, &bytes)?, &hash, spec);
        let remedy = "not read, the plugin's code has to run for them: --load";
        hanging(&mut text, "rules", KEY, remedy);
        return Ok(text);
    }
    let policy = resolve(spec)?;
    let plugins: Vec<String> = policy.plugins().iter().map(|plugin| loaded(plugin)).collect();
    let mut text = plugins.join("\n");
    if plugins.len() > 1 {
        text.push_str(&format!("\n{}\n", policy.name()));
        text.push_str(&mixture(&policy));
    }
    text.push_str(&rules(policy.rules(), policy.swap_in_order()));
    Ok(text)
}

fn loaded(plugin: &Plugin) -> String {
    let place = match &plugin.origin {
        Origin::Bundled => "bundled with this program".to_string(),
        Origin::File(path) => path.display().to_string(),
    };
    who(&plugin.manifest, &plugin.hash, &place)
}

/// The manifest, the content's hash, and where it came from.
fn who(manifest: &Manifest, hash: &str, place: &str) -> String {
    let Manifest { abi, id, title, kernels, source, date, commit, url, hooks, reasons: _ } =
        manifest;
    let names: Vec<&str> = hooks.iter().map(|hook| hook.name()).collect();
    let mut text = String::new();
    hanging(&mut text, &format!("{id}: "), KEY, title);
    let mut line = |key: &str, value: &str| hanging(&mut text, key, KEY, value);
    line("kernels", kernels);
    line("source", &format!("{source}, {date}"));
    for (key, value) in [("commit", commit), ("url", url)] {
        if let Some(value) = value {
            line(key, value);
        }
    }
    line("hooks", &names.join(", "));
    line("abi", &abi.to_string());
    line("blake3", hash);
    line("from", place);
    text
}

/// Which plugin each hook of a graft is from.
fn mixture(policy: &Policy) -> String {
    let from = |hook: &Hook| {
        let id = &policy.plugin_of(*hook).manifest.id;
        format!("{:28}from {id}\n", hook.name())
    };
    let hooks = cowpath_abi::HOOKS;
    hooks.iter().filter(|hook| policy.defines(**hook)).map(from).collect()
}

fn rules(rules: &Rules, order: &[SwapInStep; 8]) -> String {
    let steps = order.map(|step| format!("{step:?}"));
    let bits = [
        (cowpath_abi::ACTIVATE_AFTER_PTE, "after a pte was restored"),
        (cowpath_abi::ACTIVATE_AT_START, "at the start"),
        (cowpath_abi::ACTIVATE_BEFORE_UNLOCK, "before the page is unlocked"),
    ];
    let places = bits.iter().filter(|(bit, _)| rules.unuse_process & bit != 0);
    let places: Vec<&str> = places.map(|(_, word)| *word).collect();
    let places = if places.is_empty() { "nowhere".to_string() } else { places.join(", ") };
    let lock = if rules.exclusive_without_tree_lock == 0 { "with" } else { "without" };
    let mut text = String::new();
    let mut line = |key: &str, value: &str| hanging(&mut text, key, KEY, value);
    line("order", &format!("do_swap_page: {}", steps.join(", ")));
    line("rules", &format!("swapoff activates the page {places}"));
    line("", &format!("exclusive_swap_page reads the counts again {lock} tree_lock"));
    text
}
