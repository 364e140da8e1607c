//! Makes the types of this crate call themselves types of `cowpath-abi` 1.0.0.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=CARGO_PKG_NAME=cowpath-abi");
    println!("cargo::rustc-env=CARGO_PKG_VERSION=1.0.0");
}
