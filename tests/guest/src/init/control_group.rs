//! The memory control group that all processes of a scenario are in.
//!
//! Each scenario has its own: reclaim of one would remember what the one before was like.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use super::sys::{self, failed};

const ROOT: &str = "/cgroup";

/// The group of the scenario under way.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Times that a group may take to be removed.
const PAUSES: u32 = 500;

/// Mounts the hierarchy.
pub(crate) fn set_up() -> Result<(), String> {
    _ = fs::create_dir(ROOT);
    // SAFETY: all strings are NUL-terminated.
    let result = unsafe {
        libc::mount(
            c"cgroup".as_ptr(),
            sys::c(ROOT).as_ptr(),
            c"cgroup2".as_ptr(),
            0,
            std::ptr::null(),
        )
    };
    sys::check(result.into()).map_err(|errno| failed("mount of cgroup2", errno))?;
    sys::tell("/cgroup/cgroup.subtree_control", "+memory")
        .map_err(|errno| failed("memory control group", errno))
}

fn path() -> String {
    format!("{ROOT}/scenario{}", NUMBER.load(Ordering::SeqCst))
}

/// Makes a group.
pub(crate) fn begin() -> Result<(), String> {
    NUMBER.fetch_add(1, Ordering::SeqCst);
    fs::create_dir(path()).map_err(|error| format!("memory control group: {error}"))
}

/// Removes it, once every process is gone.
pub(crate) fn end() -> Result<(), String> {
    let mut result = Ok(());
    for _ in 0..PAUSES {
        result = fs::remove_dir(path()).map_err(|error| format!("memory control group: {error}"));
        if result.is_ok() {
            break;
        }
        sys::pause();
    }
    result
}

/// The calling process goes into it; what it touches from now on is charged to it.
pub(crate) fn join() -> Result<(), String> {
    sys::tell(&format!("{}/cgroup.procs", path()), "0")
        .map_err(|errno| failed("cgroup.procs", errno))
}

/// Shrinks the group as far as it will go.
pub(crate) fn shrink() -> Result<(), String> {
    let high = format!("{}/memory.high", path());
    sys::tell(&high, "0")
        .and_then(|()| sys::tell(&high, "max"))
        .map_err(|errno| failed("memory.high", errno))
}
