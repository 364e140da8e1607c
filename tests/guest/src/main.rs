//! `/init` of a throw-away kernel: acts out scenarios with system calls and tells the
//! console, line by line, what there was to see.
//!
//! It owns the machine it runs on: it makes swap, takes memory offline and powers off.
//! It does not judge; what the lines mean is for the program that booted it.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod init;

fn main() {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    if std::process::id() == 1 {
        init::main();
        return;
    }
    eprintln!(
        "cowpath-guest is the init of a Linux kernel of its own, for x86_64: see tests/guest/README.md"
    );
    std::process::exit(2);
}
