//! The life of `/init`: mounts, modules, settings, every scenario in turn, power off.
//!
//! Lines for the host begin with `@cowpath`: `-begin` with what this kernel is, `-skip`
//! with a scenario that was not run and why, nothing more with an observation, `-end`
//! with their number; `-fail` with why there is no end.

mod control_group;
mod device;
mod frames;
mod fuse;
mod hotplug;
mod kcore;
mod layout;
mod nbd;
mod observe;
mod pattern;
mod process;
mod run;
mod stage;
mod swap;
mod sys;
mod touch;
mod uring;

use std::fs;

use cowpath_scenario::{parse, realisable};
use serde_json::json;

use self::device::Devices;
use self::observe::Observer;
use self::sys::{ask, check, failed};

/// Where scenarios are, and the file that lists them.
const FOLDER: &str = "/scenarios";
const INDEX: &str = "/scenarios/index";
const MODULES: &str = "/modules";

/// Settings of the kernel that would move pages or merge them behind our back, or read ahead.
const SETTINGS: [(&str, &str); 8] = [
    ("/proc/sys/kernel/printk", "1"),
    ("/sys/kernel/mm/ksm/run", "0"),
    ("/sys/kernel/mm/lru_gen/enabled", "0"),
    ("/sys/kernel/mm/transparent_hugepage/enabled", "never"),
    ("/proc/sys/kernel/numa_balancing", "0"),
    ("/proc/sys/vm/page-cluster", "0"),
    ("/proc/sys/vm/compaction_proactiveness", "0"),
    ("/proc/sys/vm/swappiness", "100"),
];

/// Runs everything and powers off.
pub(crate) fn main() {
    if let Err(why) = all() {
        say("-fail", &why);
    }
    // SAFETY: ends the machine, after what was written is out.
    unsafe {
        libc::tcdrain(1);
        libc::sync();
        libc::reboot(libc::RB_POWER_OFF);
    }
}

fn say(kind: &str, text: &str) {
    _ = sys::write_all(1, format!("@cowpath{kind} {text}\n").as_bytes());
}

fn all() -> Result<(), String> {
    mounts()?;
    modules()?;
    for (path, value) in SETTINGS {
        // Not every kernel has every one.
        _ = sys::tell(path, value);
    }
    // SAFETY: children are reaped by the kernel; nobody waits for them.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    control_group::set_up()?;
    swap::set_up()?;
    let devices = Devices::start();
    let kernel = ask("/proc/sys/kernel/osrelease");
    let hidden = Observer::new().hidden();
    say("-begin", &json!({ "kernel": kernel.trim(), "hidden": hidden }).to_string());
    let mut count = 0;
    for name in ask(INDEX).lines() {
        match scenario(name, &devices) {
            Ok(lines) => {
                lines.iter().for_each(|line| say("", line));
                count += lines.len();
            }
            Err(why) => say("-skip", &format!("{name}: {why}")),
        }
    }
    say("-end", &count.to_string());
    Ok(())
}

/// A scenario's observations; otherwise why it was not run to its end.
fn scenario(name: &str, devices: &Devices) -> Result<Vec<String>, String> {
    let source =
        fs::read_to_string(format!("{FOLDER}/{name}.toml")).map_err(|error| error.to_string())?;
    let scenario = parse(name, &source).map_err(|error| error.to_string().replace('\n', " "))?;
    realisable(&scenario)?;
    if let Some(why) = run::missing(&scenario, devices) {
        return Err(why);
    }
    let observations = run::run(&scenario, devices)?;
    Ok(observations.iter().map(|line| serde_json::to_string(line).expect("plain data")).collect())
}

fn mounts() -> Result<(), String> {
    for (folder, kind) in [("/proc", c"proc"), ("/sys", c"sysfs"), ("/dev", c"devtmpfs")] {
        drop(fs::create_dir(folder));
        // SAFETY: all strings are NUL-terminated.
        let result = unsafe {
            libc::mount(kind.as_ptr(), sys::c(folder).as_ptr(), kind.as_ptr(), 0, std::ptr::null())
        };
        match check(result.into()) {
            // The kernel may have mounted it itself.
            Ok(_) | Err(libc::EBUSY) => {}
            Err(errno) => return Err(failed(folder, errno)),
        }
    }
    if let Ok(console) = sys::open("/dev/console", libc::O_RDWR) {
        for fd in 0..3 {
            // SAFETY: plain descriptors.
            unsafe { libc::dup2(console, fd) };
        }
    }
    Ok(())
}

/// Loads what the host put there, in the order of names.
fn modules() -> Result<(), String> {
    let Ok(folder) = fs::read_dir(MODULES) else {
        return Ok(());
    };
    let mut paths: Vec<_> =
        folder.filter_map(|entry| entry.ok()?.path().into_os_string().into_string().ok()).collect();
    paths.sort();
    for path in paths {
        let fd = sys::open(&path, libc::O_RDONLY).map_err(|errno| failed(&path, errno))?;
        let options = if path.contains("nbd") { c"nbds_max=1 max_part=0" } else { c"" };
        // SAFETY: the string is NUL-terminated.
        let result =
            check(unsafe { libc::syscall(libc::SYS_finit_module, fd, options.as_ptr(), 0) });
        sys::close(fd);
        match result {
            Ok(_) | Err(libc::EEXIST) => {}
            Err(errno) => return Err(failed(&path, errno)),
        }
    }
    Ok(())
}
