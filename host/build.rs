//! Tells the library where cargo puts the bundled policies, which it embeds.
//!
//! The policies are ordinary dependencies, so that every form of `cargo build`
//! and `cargo install` makes them, before the library is compiled. `cargo check`
//! and `cargo doc` make none; they find an empty placeholder, which the loader
//! reports if anybody ever runs into it.

use std::env;
use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The library names of the bundled policies; `policy/bundled.rs` embeds the same.
const BUNDLED: [&str; 15] = [
    "vanilla",
    "iwamoto",
    "hugh",
    "hugh_mail",
    "pre_2_6_7",
    "2_6_29",
    "5_8",
    "5_9",
    "5_11",
    "5_18",
    "5_19",
    "6_1",
    "uml_6_1",
    "6_12",
    "7_0",
];

fn main() {
    println!("cargo::rerun-if-changed=host/build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // OUT_DIR is <target>/<profile>/build/<package>/out.
    let profile = out.ancestors().nth(3).expect("OUT_DIR has a profile folder");
    let deps = profile.join("deps");
    for name in BUNDLED {
        let path = deps.join(format!("libcowpath_policy_{name}.so"));
        match File::create_new(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => panic!("cannot create {}: {error}", path.display()),
        }
    }
    println!("cargo::rustc-env=COWPATH_POLICY_DIR={}", deps.display());
}
