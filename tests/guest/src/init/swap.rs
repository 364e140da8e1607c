//! The swap area: a loop device over a file in memory, so that swap has a device to
//! wait for, unlike zram and brd.

use std::fs;

use super::sys::{self, PAGE, check, failed};

const FOLDER: &str = "/ram";
const FILE: &str = "/ram/swap";
const DEVICE: &str = "/dev/loop0";
const PAGES: u32 = 4096;

const LOOP_SET_FD: libc::c_ulong = 0x4c00;

/// Path of a file that a scenario maps.
pub(crate) fn file_path(name: &str) -> String {
    format!("{FOLDER}/file-{name}")
}

/// Makes the device and its header.
pub(crate) fn set_up() -> Result<(), String> {
    drop(fs::create_dir(FOLDER));
    // SAFETY: all strings are NUL-terminated.
    let result = unsafe {
        libc::mount(
            c"ram".as_ptr(),
            sys::c(FOLDER).as_ptr(),
            c"ramfs".as_ptr(),
            0,
            std::ptr::null(),
        )
    };
    check(result.into()).map_err(|errno| failed("mount of ramfs", errno))?;
    let mut area = vec![0; PAGES as usize * PAGE];
    // union swap_header: version, last_page, and the magic at the end of the page.
    area[1024..1028].copy_from_slice(&1u32.to_le_bytes());
    area[1028..1032].copy_from_slice(&(PAGES - 1).to_le_bytes());
    area[PAGE - 10..PAGE].copy_from_slice(b"SWAPSPACE2");
    fs::write(FILE, &area).map_err(|error| format!("{FILE}: {error}"))?;
    let file = sys::open(FILE, libc::O_RDWR).map_err(|errno| failed(FILE, errno))?;
    let device = sys::open(DEVICE, libc::O_RDWR).map_err(|errno| failed(DEVICE, errno))?;
    // SAFETY: takes a descriptor.
    let result = check(unsafe { libc::ioctl(device, LOOP_SET_FD, file) }.into());
    sys::close(device);
    sys::close(file);
    result.map(drop).map_err(|errno| failed("LOOP_SET_FD", errno))
}

/// swapon(2)
pub(crate) fn on() -> Result<(), i32> {
    // SAFETY: the path is NUL-terminated.
    check(unsafe { libc::swapon(sys::c(DEVICE).as_ptr(), 0) }.into()).map(drop)
}

/// swapoff(2)
pub(crate) fn off() -> Result<(), i32> {
    // SAFETY: the path is NUL-terminated.
    check(unsafe { libc::swapoff(sys::c(DEVICE).as_ptr()) }.into()).map(drop)
}
