//! The root module of a Rust plugin: the same content as [`crate::PolicyEntry`],
//! with a description of its layout that the host compares before it calls anything.
//!
//! The only module that knows `abi_stable`.

use std::ffi::{CStr, c_char, c_void};
use std::fmt;

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::{
    AbiInstability, AbiInstabilityError, AbiInstabilityErrors, check_layout_compatibility,
};
use abi_stable::library::{
    __call_root_module_loader, AbiHeaderRef, CheckTypeLayout, LibHeader, RootModule,
    RootModuleResult,
};
use abi_stable::package_version_strings;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::RStr;
use abi_stable::type_layout::TLFieldOrFunction;

use crate::{HOOKS, HookFn, PageView, PolicyEntry, RawAnswer, Rules};

/// The symbol of a Rust plugin's root module.
pub const MODULE_SYMBOL: &str = "cowpath_policy_module";

/// The root module; later minor versions append hooks.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PolicyModuleRef)))]
#[sabi(missing_field(option))]
pub struct PolicyModule {
    /// The text of section [`crate::MANIFEST_SECTION`].
    pub manifest: RStr<'static>,
    /// The policy's data.
    pub rules: &'static Rules,
    /// [`crate::Hook::do_wp_page`].
    pub do_wp_page: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// [`crate::Hook::can_share_swap_page`].
    pub can_share_swap_page: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// [`crate::Hook::exclusive_swap_page`].
    pub exclusive_swap_page: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// [`crate::Hook::remove_exclusive_swap_page`].
    pub remove_exclusive_swap_page: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// [`crate::Hook::free_swap_and_cache`].
    pub free_swap_and_cache: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// [`crate::Hook::try_to_unmap_one`].
    pub try_to_unmap_one: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// [`crate::Hook::do_swap_page`].
    #[sabi(last_prefix_field)]
    pub do_swap_page: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// [`crate::Hook::add_to_swap`].
    pub add_to_swap: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// [`crate::Hook::shrink_list`].
    pub shrink_list: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// [`crate::Hook::copy_one_pte`].
    pub copy_one_pte: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// [`crate::Hook::get_user_pages`].
    pub get_user_pages: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// [`crate::Hook::change_pte_range`].
    pub change_pte_range: Option<extern "C" fn(&PageView) -> RawAnswer>,
}

impl RootModule for PolicyModuleRef {
    abi_stable::declare_root_module_statics! {PolicyModuleRef}
    const BASE_NAME: &'static str = "cowpath_policy";
    const NAME: &'static str = "cowpath policy";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

impl PolicyModuleRef {
    /// The hooks in the order of [`HOOKS`].
    #[must_use]
    pub fn hooks(self) -> [Option<HookFn>; HOOKS.len()] {
        [
            self.do_wp_page(),
            self.can_share_swap_page(),
            self.exclusive_swap_page(),
            self.remove_exclusive_swap_page(),
            self.free_swap_and_cache(),
            self.try_to_unmap_one(),
            self.do_swap_page(),
            self.add_to_swap().flatten(),
            self.shrink_list().flatten(),
            self.copy_one_pte().flatten(),
            self.get_user_pages().flatten(),
            self.change_pte_range().flatten(),
        ]
    }

    /// Takes the module out of a library, after its layout was compared with ours.
    ///
    /// # Errors
    /// The plugin was built against other types, or its constructor failed.
    ///
    /// # Safety
    /// `header` is the address of symbol [`MODULE_SYMBOL`] in a library that
    /// [`crate::export_policy!`] made and that is never unloaded.
    pub unsafe fn open(header: *const c_void) -> Result<Self, LayoutMismatch> {
        // SAFETY: the caller vouches for the address; `AbiHeaderRef` is a transparent
        // reference, and the header begins with a magic string that `upgrade` checks.
        let header = unsafe { std::mem::transmute::<*const c_void, AbiHeaderRef>(header) };
        let header = header.upgrade().map_err(LayoutMismatch::other)?;
        let found = header
            .layout()
            .ok_or_else(|| LayoutMismatch::other("the plugin does not describe its layout"))?;
        check_layout_compatibility(Self::LAYOUT, found)
            .map_err(|errors| LayoutMismatch::new(&errors))?;
        header.init_root_module().map_err(LayoutMismatch::other)
    }
}

/// How a plugin's types differ from ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutMismatch {
    /// One difference a line, at most ten.
    pub lines: Vec<String>,
}

impl LayoutMismatch {
    /// The raw message of the layout checker runs to tens of kilobytes.
    const MOST_LINES: usize = 10;

    fn other(error: impl fmt::Display) -> Self {
        let message = error.to_string();
        let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
        Self { lines: lines.take(Self::MOST_LINES).map(str::to_owned).collect() }
    }

    fn new(errors: &AbiInstabilityErrors) -> Self {
        let mut lines: Vec<String> = errors.errors.iter().flat_map(differences).collect();
        lines.dedup();
        lines.truncate(Self::MOST_LINES);
        Self { lines }
    }
}

impl fmt::Display for LayoutMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// `do_wp_page, PageView: field count: host 8, plugin 7`, for each difference of one type.
fn differences(error: &AbiInstabilityError) -> impl Iterator<Item = String> + '_ {
    let trail = error.stack_trace.iter().map(|step| &step.expected);
    let mut fields = trail.filter_map(|step| match step {
        TLFieldOrFunction::Field(field) => Some(field),
        TLFieldOrFunction::Function(_) => None,
    });
    let innermost = fields.next_back();
    let place = innermost.map_or("PolicyModule", |field| field.layout().name());
    error.errs.iter().map(move |kind| format!("{place}: {}", difference(kind)))
}

fn difference(kind: &AbiInstability) -> String {
    fn pair(what: &str, host: impl fmt::Display, plugin: impl fmt::Display) -> String {
        format!("{what}: host {host}, plugin {plugin}")
    }
    match kind {
        AbiInstability::FieldCountMismatch(v) => pair("field count", v.expected, v.found),
        AbiInstability::Size(v) => pair("size", v.expected, v.found),
        AbiInstability::Alignment(v) => pair("alignment", v.expected, v.found),
        AbiInstability::Name(v) => pair("type", v.expected, v.found),
        AbiInstability::Package(v) => pair("crate", v.expected, v.found),
        AbiInstability::PackageVersion(v) => pair("crate version", v.expected, v.found),
        AbiInstability::UnexpectedField(v) => pair("field", v.expected.name(), v.found.name()),
        other => variant_name(other),
    }
}

fn variant_name(kind: &impl fmt::Debug) -> String {
    let text = format!("{kind:?}");
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    text[..end].to_owned()
}

/// The type of symbol [`MODULE_SYMBOL`].
#[doc(hidden)]
pub type ModuleHeader = LibHeader;

/// What a module's constructor returns.
#[doc(hidden)]
pub type ModuleResult = RootModuleResult;

/// The header of a plugin whose constructor calls [`construct`].
///
/// # Safety
/// `constructor` returns what [`construct`] returned.
#[doc(hidden)]
#[must_use]
pub const unsafe fn header(constructor: extern "C" fn() -> ModuleResult) -> ModuleHeader {
    // SAFETY: `construct` makes its result from a `PolicyModuleRef`.
    unsafe { LibHeader::from_constructor::<PolicyModuleRef>(constructor, CheckTypeLayout::Yes) }
}

/// Builds the root module; `entry` is the plugin's own.
#[doc(hidden)]
pub fn construct(module: fn() -> PolicyModuleRef) -> ModuleResult {
    __call_root_module_loader(module)
}

impl PolicyModule {
    /// The root module with the content of the C entry.
    #[doc(hidden)]
    #[must_use]
    pub fn of(entry: &'static PolicyEntry) -> PolicyModuleRef {
        let [
            do_wp_page,
            can_share_swap_page,
            exclusive_swap_page,
            remove_exclusive_swap_page,
            free_swap_and_cache,
            try_to_unmap_one,
            do_swap_page,
            add_to_swap,
            shrink_list,
            copy_one_pte,
            get_user_pages,
            change_pte_range,
        ] = entry.hooks;
        Self {
            manifest: text(entry.manifest),
            // SAFETY: `export_policy!` fills the entry with references to statics.
            rules: unsafe { &*entry.rules },
            do_wp_page,
            can_share_swap_page,
            exclusive_swap_page,
            remove_exclusive_swap_page,
            free_swap_and_cache,
            try_to_unmap_one,
            do_swap_page,
            add_to_swap,
            shrink_list,
            copy_one_pte,
            get_user_pages,
            change_pte_range,
        }
        .leak_into_prefix()
    }
}

fn text(manifest: *const c_char) -> RStr<'static> {
    // SAFETY: `export_policy!` fills the entry with a static that ends in a NUL.
    let manifest = unsafe { CStr::from_ptr(manifest) };
    RStr::from_str(manifest.to_str().expect("the manifest is made from string literals"))
}
