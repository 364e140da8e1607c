//! Memory that can be taken away: a second node that is one memory block.

use std::fs;
use std::os::unix::thread::JoinHandleExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cowpath_scenario::transcript::Outcome;
use cowpath_scenario::{Act, Scenario};

use super::sys::{self, ask, check, failed};

/// The node that stays.
const HOME: i32 = 0;
/// The node that is hot-pluggable.
const AWAY: i32 = 1;

const MPOL_PREFERRED: i32 = 1;
const MPOL_MF_MOVE: i32 = 2;
const MPOL_MF_MOVE_ALL: i32 = 4;

/// A status that the kernel has not written.
const UNWRITTEN: i32 = i32::MIN;

/// How long an offline may try before it is told to stop.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether a scenario takes memory offline.
pub(crate) fn is_used(scenario: &Scenario) -> bool {
    scenario.steps.iter().any(|step| matches!(step.act, Act::Offline(..)))
}

/// The hot-pluggable block's folder, if there is one.
pub(crate) fn block() -> Option<String> {
    let nodes = fs::read_dir(format!("/sys/devices/system/node/node{AWAY}")).ok()?;
    let mut blocks: Vec<String> = nodes
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("memory") && name[6..].parse::<u32>().is_ok())
        .collect();
    blocks.sort();
    match blocks.as_slice() {
        [block] => Some(format!("/sys/devices/system/memory/{block}")),
        _ => None,
    }
}

/// Has a mapping's pages come from the hot-pluggable node.
pub(crate) fn prefer(address: usize, length: usize) -> Result<(), String> {
    let mask: u64 = 1 << AWAY;
    // SAFETY: the mask has as many bits as stated.
    let result = unsafe {
        libc::syscall(libc::SYS_mbind, address, length, MPOL_PREFERRED, &raw const mask, 64, 0)
    };
    check(result).map(drop).map_err(|errno| failed("mbind", errno))
}

/// Moves a page to a node: status of the page, and how many pages failed.
fn move_to(pid: i32, page: usize, node: Option<i32>, flags: i32) -> Result<(i32, i64), i32> {
    let pages = [page];
    let nodes = [node.unwrap_or(0)];
    let mut status = [UNWRITTEN];
    let nodes = if node.is_some() { nodes.as_ptr() } else { std::ptr::null() };
    // SAFETY: arrays of one.
    let failures = check(unsafe {
        libc::syscall(
            libc::SYS_move_pages,
            pid,
            1,
            pages.as_ptr(),
            nodes,
            status.as_mut_ptr(),
            flags,
        )
    })?;
    Ok((status[0], failures))
}

/// Empties the per-CPU batches of pages on their way to LRU lists, whoever's pages they are.
pub(crate) fn drain() {
    let Ok(page) = sys::own_page() else {
        return;
    };
    // SAFETY: the page is this program's.
    unsafe { (page as *mut u8).write_volatile(1) };
    // Every migration begins with lru_add_drain_all; the page is where it is to go already.
    _ = move_to(0, page, Some(HOME), MPOL_MF_MOVE);
    // unmap_region drains this CPU's, where there are no nodes.
    sys::give_up(page);
}

/// move_pages(2) of one page of a process, to the other node.
pub(crate) fn move_away(pid: i32, page: usize) -> Result<Outcome, String> {
    let here = move_to(pid, page, None, 0).map_err(|errno| failed("move_pages", errno))?.0;
    let target = if here == AWAY { HOME } else { AWAY };
    let (status, failures) = match move_to(pid, page, Some(target), MPOL_MF_MOVE_ALL) {
        Ok(result) => result,
        Err(libc::ENOENT) => return Ok(Outcome::NotPresent),
        Err(libc::EFAULT) => return Ok(Outcome::Fault),
        Err(libc::EAGAIN | libc::EBUSY) => return Ok(Outcome::Busy),
        Err(libc::ENOMEM) => return Ok(Outcome::NoMemory),
        Err(errno) => return Err(failed("move_pages", errno)),
    };
    // A page that could not be moved ends the call: it is counted, and its status is not written.
    if failures > 0 || status == UNWRITTEN {
        return Ok(Outcome::Busy);
    }
    if status == target {
        return Ok(Outcome::Moved);
    }
    match -status {
        libc::ENOENT => Ok(Outcome::NotPresent),
        libc::EFAULT => Ok(Outcome::Fault),
        libc::EBUSY | libc::EAGAIN => Ok(Outcome::Busy),
        libc::ENOMEM => Ok(Outcome::NoMemory),
        errno => Err(failed("move_pages", errno)),
    }
}

extern "C" fn on_alarm(_signal: i32) {}

/// Takes the block offline, from a thread that can be told to stop: the kernel tries for ever.
pub(crate) fn offline() -> Result<Outcome, String> {
    static DONE: AtomicBool = AtomicBool::new(false);
    let block = block().ok_or("no hot-pluggable memory block")?;
    let path = format!("{block}/state");
    if ask(&path).trim() == "offline" {
        return Ok(Outcome::Offline);
    }
    // SAFETY: the action is zeroed but for the handler, which does nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_alarm as *const () as usize;
        libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut());
    }
    DONE.store(false, Ordering::SeqCst);
    let thread = thread::spawn(move || {
        let result = sys::tell(&path, "offline");
        DONE.store(true, Ordering::SeqCst);
        result
    });
    let begin = Instant::now();
    while !DONE.load(Ordering::SeqCst) {
        if begin.elapsed() > PATIENCE {
            // SAFETY: the thread has not been joined.
            unsafe { libc::pthread_kill(thread.as_pthread_t(), libc::SIGALRM) };
        }
        sys::pause();
    }
    match thread.join() {
        Ok(Ok(())) => Ok(Outcome::Offline),
        Ok(Err(libc::EINTR | libc::EBUSY | libc::EAGAIN)) => Ok(Outcome::Busy),
        Ok(Err(errno)) => Err(failed("offline", errno)),
        Err(_) => Err("offline: the thread panicked".to_owned()),
    }
}

/// Puts the block back, if it is away.
pub(crate) fn online() -> Result<(), String> {
    let Some(block) = block() else {
        return Ok(());
    };
    let path = format!("{block}/state");
    if ask(&path).trim() == "online" {
        return Ok(());
    }
    sys::tell(&path, "online_movable").map_err(|errno| failed("online", errno))
}

/// Whether there is anything to move pages to.
pub(crate) fn missing() -> Option<&'static str> {
    match block() {
        Some(_) => None,
        None => Some("the kernel has no second node with one hot-pluggable memory block"),
    }
}
