//! System calls with errors as values, and what a file under /proc or /sys says.

use std::ffi::CString;
use std::fs;
use std::io;
use std::time::Duration;

/// Size of a page.
pub(crate) const PAGE: usize = 4096;

/// The error that system calls set.
pub(crate) fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// The result of a system call, or its error number.
pub(crate) fn check(result: libc::c_long) -> Result<libc::c_long, i32> {
    if result < 0 { Err(errno()) } else { Ok(result) }
}

/// A failed call as text.
pub(crate) fn failed(what: &str, errno: i32) -> String {
    format!("{what}: {}", io::Error::from_raw_os_error(errno))
}

/// A path as C has it.
pub(crate) fn c(path: &str) -> CString {
    CString::new(path).expect("paths have no NUL")
}

/// Writes a word to a file of the kernel's.
pub(crate) fn tell(path: &str, word: &str) -> Result<(), i32> {
    let path = c(path);
    // SAFETY: the path is NUL-terminated, the buffer is as long as stated.
    unsafe {
        let fd = check(libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC).into())? as i32;
        let result = check(libc::write(fd, word.as_ptr().cast(), word.len()) as libc::c_long);
        libc::close(fd);
        result.map(drop)
    }
}

/// What a file says, empty if it cannot be read.
pub(crate) fn ask(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Opens a file.
pub(crate) fn open(path: &str, flags: i32) -> Result<i32, i32> {
    let path = c(path);
    // SAFETY: the path is NUL-terminated; a mode is given for O_CREAT.
    check(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o600) }.into())
        .map(|fd| fd as i32)
}

/// Closes a descriptor.
pub(crate) fn close(fd: i32) {
    // SAFETY: descriptors are plain numbers; a wrong one is an error that nobody needs.
    unsafe { libc::close(fd) };
}

/// Reads at most as much as there is room for.
pub(crate) fn read(fd: i32, buffer: &mut [u8]) -> Result<usize, i32> {
    // SAFETY: the buffer is as long as stated.
    check(unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) } as libc::c_long)
        .map(|n| n as usize)
}

/// Reads at an offset.
pub(crate) fn read_at(fd: i32, buffer: &mut [u8], at: u64) -> Result<usize, i32> {
    let length = buffer.len();
    // SAFETY: the buffer is as long as stated.
    check(unsafe { libc::pread(fd, buffer.as_mut_ptr().cast(), length, at as libc::off_t) }
        as libc::c_long)
    .map(|n| n as usize)
}

/// Reads until the buffer is full.
pub(crate) fn read_all(fd: i32, buffer: &mut [u8]) -> Result<(), i32> {
    let mut done = 0;
    while done < buffer.len() {
        match read(fd, &mut buffer[done..]) {
            Ok(0) => return Err(libc::EPIPE),
            Ok(n) => done += n,
            Err(libc::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Writes everything.
pub(crate) fn write_all(fd: i32, mut buffer: &[u8]) -> Result<(), i32> {
    while !buffer.is_empty() {
        // SAFETY: the buffer is as long as stated.
        match check(unsafe { libc::write(fd, buffer.as_ptr().cast(), buffer.len()) } as libc::c_long)
        {
            Ok(n) => buffer = &buffer[n as usize..],
            Err(libc::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Lets others run.
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

/// A page of this process's own, for readings that must not touch a scenario's.
pub(crate) fn own_page() -> Result<usize, i32> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping wherever there is room.
    let page = unsafe {
        libc::mmap(std::ptr::null_mut(), PAGE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
    };
    if page == libc::MAP_FAILED { Err(errno()) } else { Ok(page as usize) }
}

/// Gives such a page up.
pub(crate) fn give_up(page: usize) {
    // SAFETY: the page came from `own_page`, and nothing refers to it any more.
    unsafe { libc::munmap(page as *mut libc::c_void, PAGE) };
}
