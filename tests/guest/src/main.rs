//! `/init` of a throw-away kernel: acts out scenarios with system calls and tells the
//! console, line by line, what there was to see.
//!
//! It owns the machine it runs on: it makes swap, takes memory offline and powers off.
//! It does not judge; what the lines mean is for the program that booted it.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod boot;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod control_group;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod device;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod frames;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod fuse;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod hotplug;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod kcore;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod layout;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod nbd;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod observe;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod pattern;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod process;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod run;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod stage;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod swap;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod sys;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod touch;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod uring;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() {
    if std::process::id() != 1 {
        eprintln!("cowpath-guest is the init of a kernel of its own, see tests/guest/README.md");
        std::process::exit(2);
    }
    boot::main();
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {
    eprintln!("cowpath-guest runs on Linux for x86_64 only");
    std::process::exit(2);
}
