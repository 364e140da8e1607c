//! A plugin of a later version of the contract, with a key that this one does not have.

/// The manifest.
#[used]
#[unsafe(link_section = ".cowpath.manifest")]
#[unsafe(no_mangle)]
pub static COWPATH_POLICY_MANIFEST: [u8; 46] =
    *b"abi = 2.0\nid = newer-abi\ncolour = a new idea\n\0";
