//! The memory control group that all processes of scenarios are in.

use crate::sys::{self, failed};

const ROOT: &str = "/cgroup";
const GROUP: &str = "/cgroup/scenario";

/// Mounts the hierarchy and makes the group.
pub(crate) fn set_up() -> Result<(), String> {
    drop(std::fs::create_dir(ROOT));
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
        .map_err(|errno| failed("memory control group", errno))?;
    std::fs::create_dir(GROUP).map_err(|error| format!("memory control group: {error}"))
}

/// The calling process goes into it; what it touches from now on is charged to it.
pub(crate) fn join() -> Result<(), String> {
    sys::tell("/cgroup/scenario/cgroup.procs", "0").map_err(|errno| failed("cgroup.procs", errno))
}

/// Shrinks the group as far as it will go.
pub(crate) fn shrink() -> Result<(), String> {
    sys::tell("/cgroup/scenario/memory.high", "0")
        .and_then(|()| sys::tell("/cgroup/scenario/memory.high", "max"))
        .map_err(|errno| failed("memory.high", errno))
}
