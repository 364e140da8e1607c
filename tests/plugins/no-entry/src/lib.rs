//! A manifest, but no entry point.

/// The manifest.
#[used]
#[unsafe(link_section = ".cowpath.manifest")]
#[unsafe(no_mangle)]
pub static COWPATH_POLICY_MANIFEST: [u8; 84] =
    *b"abi = 1.0\nid = no-entry\ntitle = t\nkernels = none\nsource = a test\ndate = 2005-02-07\n\0";
