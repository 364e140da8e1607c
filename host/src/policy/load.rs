//! From a name or path to a plugin that is loaded and in order.
//!
//! Nothing of a file is run before its shape, manifest and version were checked.
//! A library is never unloaded: its hooks are used as long as the process lives.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::{CStr, c_void};
use std::fs;
use std::mem::{ManuallyDrop, offset_of};
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;

use cowpath_abi::{
    ABI, ACTIVATE_AFTER_PTE, ACTIVATE_AT_START, ACTIVATE_BEFORE_UNLOCK, AbiVersion, ENTRY_SYMBOL,
    HOOKS, HOOKS_1_0, HookFn, MECHANISMS, MODULE_SYMBOL, Manifest, PolicyEntry, PolicyModuleRef,
    Rules,
};
use libloading::Library;

use super::graft::nearest;
use super::{LoadError, Origin, Plugin, bundled, cache, order, read_manifest};

/// Loads plugins, each once.
#[derive(Debug, Default)]
pub struct Loader {
    /// By the name or path asked for.
    plugins: BTreeMap<String, Arc<Plugin>>,
}

impl Loader {
    pub(super) fn load(&mut self, name: &str) -> Result<Arc<Plugin>, LoadError> {
        if let Some(plugin) = self.plugins.get(name) {
            return Ok(plugin.clone());
        }
        let plugin = Arc::new(load(name)?);
        self.plugins.insert(name.to_owned(), plugin.clone());
        Ok(plugin)
    }
}

/// Loads a bundled policy by its name, or a plugin by its path.
fn load(name: &str) -> Result<Plugin, LoadError> {
    let path = Path::new(name);
    let origin = || Origin::File(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
    let origin = if is_path(name) { origin() } else { Origin::Bundled };
    with_bytes(name, |bytes| load_bytes(name, bytes, origin))
}

fn is_path(name: &str) -> bool {
    name.contains('/') || name.ends_with(".so")
}

/// Does something with the file of a bundled policy, or of a plugin by its path.
pub(super) fn with_bytes<T>(
    name: &str,
    with: impl FnOnce(&[u8]) -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    if is_path(name) {
        let bytes = fs::read(name)
            .map_err(|error| LoadError::Unreadable { place: name.to_owned(), error })?;
        return with(&bytes);
    }
    match bundled().iter().find(|policy| policy.id == name) {
        Some(policy) if policy.bytes.is_empty() => {
            Err(LoadError::NotEmbedded { place: name.to_owned() })
        }
        Some(policy) => with(policy.bytes),
        None => {
            let known: Vec<_> = bundled().iter().map(|policy| policy.id).collect();
            Err(LoadError::UnknownPolicy {
                name: name.to_owned(),
                nearest: nearest(name, &known),
                known,
            })
        }
    }
}

fn load_bytes(place: &str, bytes: &[u8], origin: Origin) -> Result<Plugin, LoadError> {
    let manifest = read_manifest(place, bytes)?;
    let hash = blake3::hash(bytes);
    let path = cache::store(bytes, &hash)
        .map_err(|error| LoadError::NoCache { place: place.to_owned(), error })?;
    let exports = open(place, path)?;
    let order = check(place, &manifest, &exports)?;
    Ok(Plugin {
        manifest,
        hash: hash.to_hex().to_string(),
        origin,
        rules: exports.rules,
        order,
        hooks: exports.hooks,
    })
}

/// What a plugin gives, by whichever entry.
struct Exports {
    manifest: String,
    rules: Rules,
    hooks: [Option<HookFn>; HOOKS.len()],
}

fn open(place: &str, path: PathBuf) -> Result<Exports, LoadError> {
    // SAFETY: initialisers run, as with any plugin; the file is a complete shared
    // object that calls itself a policy.
    let library = unsafe { Library::new(path) }.map_err(|error| LoadError::NotLoaded {
        place: place.to_owned(),
        why: root_cause(&error),
    })?;
    let library = ManuallyDrop::new(library);
    // SAFETY: the symbol is only used as an address.
    if let Ok(module) = unsafe { library.get::<*const c_void>(MODULE_SYMBOL) } {
        return from_module(place, *module);
    }
    // SAFETY: a symbol of this name is a function of this type, by the contract.
    match unsafe { library.get::<extern "C" fn() -> *const PolicyEntry>(ENTRY_SYMBOL) } {
        Ok(entry) => from_entry(place, entry()),
        Err(_) => Err(LoadError::NoEntry { place: place.to_owned() }),
    }
}

/// The last error of a chain: the first only says that `dlopen` failed.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn from_module(place: &str, header: *const c_void) -> Result<Exports, LoadError> {
    // SAFETY: the address is that of the symbol, and the library is never unloaded.
    let module = unsafe { PolicyModuleRef::open(header) };
    let module =
        module.map_err(|mismatch| LoadError::Layout { place: place.to_owned(), mismatch })?;
    Ok(Exports {
        manifest: module.manifest().as_str().to_owned(),
        rules: *module.rules(),
        hooks: module.hooks(),
    })
}

fn from_entry(place: &str, entry: *const PolicyEntry) -> Result<Exports, LoadError> {
    let bad = |why: String| LoadError::BadEntry { place: place.to_owned(), why };
    // SAFETY: the entry point returns null or a structure that begins with its size
    // and version and lives as long as the process, by the contract.
    let head = unsafe { entry.cast::<[u32; 2]>().as_ref() };
    let [size, version] = *head.ok_or_else(|| bad("its entry point returns null".to_owned()))?;
    if !ABI.accepts(AbiVersion::unpacked(version)) {
        return Err(LoadError::AbiVersion {
            place: place.to_owned(),
            plugin: AbiVersion::unpacked(version),
        });
    }
    let version = AbiVersion::unpacked(version);
    let (expected, count) = match version.minor {
        0 => (offset_of!(PolicyEntry, hooks) + HOOKS_1_0 * size_of::<Option<HookFn>>(), HOOKS_1_0),
        _ => (size_of::<PolicyEntry>(), HOOKS.len()),
    };
    if (size as usize) < expected {
        return Err(bad(format!("its entry has {size} bytes, expected {expected}")));
    }
    // SAFETY: the structure is of an accepted version, and as large as the fields before
    // `hooks` and `count` hooks; no reference to the rest of it is made.
    let (manifest, rules, hooks) = unsafe {
        let hooks = (&raw const (*entry).hooks).cast::<Option<HookFn>>();
        ((*entry).manifest, (*entry).rules, slice::from_raw_parts(hooks, count))
    };
    if manifest.is_null() || rules.is_null() {
        return Err(bad("its entry has no manifest or no rules".to_owned()));
    }
    let mut all = [None; HOOKS.len()];
    all[..count].copy_from_slice(hooks);
    Ok(Exports {
        // SAFETY: not null, and a C string by the contract.
        manifest: unsafe { CStr::from_ptr(manifest) }.to_string_lossy().into_owned(),
        // SAFETY: not null, and the rules of an accepted version by the contract.
        rules: unsafe { read_rules(rules, version) },
        hooks: all,
    })
}

/// The rules of a plugin, of which version 1.0 had no `mechanisms`.
///
/// # Safety
/// `rules` points to the rules of that version.
unsafe fn read_rules(rules: *const Rules, version: AbiVersion) -> Rules {
    // SAFETY: fields that every version has, and the last of 1.1 only if it is there.
    unsafe {
        Rules {
            do_swap_page: (*rules).do_swap_page,
            unuse_process: (*rules).unuse_process,
            exclusive_without_tree_lock: (*rules).exclusive_without_tree_lock,
            mechanisms: if version.minor == 0 { 0 } else { (*rules).mechanisms },
        }
    }
}

/// Whether what was loaded is what the file said, and can be carried out.
fn check(
    place: &str,
    manifest: &Manifest,
    exports: &Exports,
) -> Result<[cowpath_abi::SwapInStep; 8], LoadError> {
    let bad = |why: &str| LoadError::BadEntry { place: place.to_owned(), why: why.to_owned() };
    if Manifest::parse(&exports.manifest).as_ref() != Ok(manifest) {
        return Err(bad("the manifest that it returns is not the one in its file"));
    }
    for hook in HOOKS {
        let listed = manifest.hooks.contains(&hook);
        if listed != exports.hooks[hook as usize].is_some() {
            let (has, lacks) = if listed { ("manifest", "entry") } else { ("entry", "manifest") };
            let name = hook.name();
            return Err(bad(&format!("hook {name} is in its {has}, but not in its {lacks}")));
        }
    }
    if manifest.reasons.len() > usize::from(u8::MAX) {
        return Err(bad("it has more than 255 reasons"));
    }
    let bits = ACTIVATE_AFTER_PTE | ACTIVATE_AT_START | ACTIVATE_BEFORE_UNLOCK;
    if exports.rules.unuse_process & !bits != 0 || exports.rules.exclusive_without_tree_lock > 1 {
        return Err(bad("its rules have bits that are not defined"));
    }
    let known = MECHANISMS.iter().fold(0, |bits, mechanism| bits | mechanism.bit);
    if exports.rules.mechanisms & !known != 0 {
        return Err(bad("its rules have mechanisms that are not defined"));
    }
    order::read(exports.rules.do_swap_page)
        .map_err(|error| LoadError::BadOrder { place: place.to_owned(), error })
}
