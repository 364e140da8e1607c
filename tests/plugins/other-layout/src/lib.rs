//! A root module whose hooks take a view with a field less, as if built against
//! another `cowpath-abi` that calls itself the same version.

use abi_stable::StableAbi;
use abi_stable::library::{
    __call_root_module_loader, CheckTypeLayout, LibHeader, RootModule, RootModuleResult,
};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::RStr;
use cowpath_abi::{RawAnswer, Rules, UNMAP};

const TEXT: &str = "abi = 1.0\nid = other-layout\ntitle = t\nkernels = none\n\
    source = a test\ndate = 2005-02-07\n\0";

/// The manifest.
#[used]
#[unsafe(link_section = ".cowpath.manifest")]
#[unsafe(no_mangle)]
pub static COWPATH_POLICY_MANIFEST: [u8; TEXT.len()] = cowpath_abi::private::section(TEXT);

/// The real one has `pins` behind these.
#[repr(C)]
#[derive(StableAbi)]
pub struct PageView {
    /// As in the real one.
    pub count: u32,
    /// As in the real one.
    pub mapcount: u32,
    /// As in the real one.
    pub swap_map: u32,
    /// As in the real one.
    pub flags: u32,
    /// As in the real one.
    pub vm_flags: u32,
    /// As in the real one.
    pub env: u32,
    /// As in the real one.
    pub at: u32,
}

/// The real one, but for the view.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PolicyModuleRef)))]
#[sabi(missing_field(option))]
pub struct PolicyModule {
    /// The manifest.
    pub manifest: RStr<'static>,
    /// The data.
    pub rules: &'static Rules,
    /// A hook.
    pub do_wp_page: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// A hook.
    pub can_share_swap_page: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// A hook.
    pub exclusive_swap_page: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// A hook.
    pub remove_exclusive_swap_page: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// A hook.
    pub free_swap_and_cache: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// A hook.
    pub try_to_unmap_one: Option<extern "C" fn(&PageView) -> RawAnswer>,
    /// A hook.
    #[sabi(last_prefix_field)]
    pub do_swap_page: Option<extern "C" fn(&PageView) -> RawAnswer>,
}

impl RootModule for PolicyModuleRef {
    abi_stable::declare_root_module_statics! {PolicyModuleRef}
    const BASE_NAME: &'static str = "cowpath_policy";
    const NAME: &'static str = "cowpath policy";
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}

static RULES: Rules = Rules {
    do_swap_page: [1, 2, 3, 4, 5, 6, 7, 8],
    unuse_process: 1,
    exclusive_without_tree_lock: 0,
    mechanisms: 0,
};

extern "C" fn unmap(_: &PageView) -> RawAnswer {
    UNMAP.into()
}

fn module() -> PolicyModuleRef {
    PolicyModule {
        manifest: RStr::from_str(TEXT),
        rules: &RULES,
        do_wp_page: None,
        can_share_swap_page: None,
        exclusive_swap_page: None,
        remove_exclusive_swap_page: None,
        free_swap_and_cache: None,
        try_to_unmap_one: Some(unmap),
        do_swap_page: None,
    }
    .leak_into_prefix()
}

extern "C" fn construct() -> RootModuleResult {
    __call_root_module_loader(module)
}

#[used]
#[unsafe(export_name = "cowpath_policy_module")]
static MODULE: LibHeader =
    // SAFETY: `construct` makes its result from this type.
    unsafe { LibHeader::from_constructor::<PolicyModuleRef>(construct, CheckTypeLayout::Yes) };
