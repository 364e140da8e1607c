//! What a scenario's processes share with the program that leads them: who there is,
//! channels, pipes, and a page where results of requests appear.
//!
//! All of it is made before the first process, so that nobody forks for the harness.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use cowpath_scenario::{Act, Scenario};

use super::sys::{self, PAGE, check};

/// No result yet.
pub(crate) const PENDING: i64 = i64::MIN;

/// Results of requests, by step, in memory that all processes share.
#[derive(Clone, Copy)]
pub(crate) struct Board(*const AtomicI64);

// SAFETY: the pointer is to atomics in a shared mapping that is never unmapped.
unsafe impl Send for Board {}

impl Board {
    const SLOTS: usize = PAGE / 8;

    fn new() -> Result<Self, i32> {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping wherever there is room.
        let page = unsafe {
            libc::mmap(std::ptr::null_mut(), PAGE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        if page == libc::MAP_FAILED {
            return Err(sys::errno());
        }
        let board = Self(page.cast());
        (0..Self::SLOTS as u32).for_each(|step| board.put(step, PENDING));
        Ok(board)
    }

    fn slot(self, step: u32) -> &'static AtomicI64 {
        assert!((step as usize) < Self::SLOTS, "step {step} has no slot");
        // SAFETY: in bounds, aligned, and mapped for as long as the program runs.
        unsafe { &*self.0.add(step as usize) }
    }

    /// Says what came of a step's request.
    pub(crate) fn put(self, step: u32, result: i64) {
        self.slot(step).store(result, Ordering::SeqCst);
    }

    /// What came of it.
    pub(crate) fn get(self, step: u32) -> i64 {
        self.slot(step).load(Ordering::SeqCst)
    }

    fn drop(self) {
        // SAFETY: the mapping is this page, and the scenario that used it is over.
        unsafe { libc::munmap(self.0.cast_mut().cast(), PAGE) };
    }
}

/// A channel: what the leader has, what the process has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel {
    pub(crate) leader: i32,
    pub(crate) process: i32,
}

/// A pipe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pipe {
    pub(crate) out: i32,
    pub(crate) into: i32,
}

impl Pipe {
    /// A new one.
    pub(crate) fn new() -> Result<Self, i32> {
        let mut fds = [0; 2];
        // SAFETY: room for two descriptors.
        check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }.into())?;
        Ok(Self { out: fds[0], into: fds[1] })
    }

    /// Closes both ends.
    pub(crate) fn close(self) {
        sys::close(self.out);
        sys::close(self.into);
    }
}

/// What is shared.
pub(crate) struct Stage<'s> {
    pub(crate) scenario: &'s Scenario,
    pub(crate) channels: BTreeMap<&'s str, Channel>,
    pub(crate) pipes: BTreeMap<&'s str, Pipe>,
    pub(crate) board: Board,
}

impl<'s> Stage<'s> {
    /// Sets it.
    pub(crate) fn new(scenario: &'s Scenario) -> Result<Self, i32> {
        let mut names: Vec<&str> =
            scenario.processes.iter().map(|spec| spec.name.as_str()).collect();
        let mut pipes = BTreeMap::new();
        for step in &scenario.steps {
            match &step.act {
                Act::Fork(child) => names.push(child),
                Act::Vmsplice(_, name) => {
                    pipes.insert(name.as_str(), Pipe::new()?);
                }
                _ => {}
            }
        }
        let mut channels = BTreeMap::new();
        for name in &names {
            let mut fds = [0; 2];
            let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
            // SAFETY: room for two descriptors.
            check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) }.into())?;
            channels.insert(*name, Channel { leader: fds[0], process: fds[1] });
        }
        Ok(Self { scenario, channels, pipes, board: Board::new()? })
    }

    /// Strikes it, once every process is gone.
    pub(crate) fn strike(self) {
        for channel in self.channels.values() {
            sys::close(channel.leader);
            sys::close(channel.process);
        }
        self.pipes.values().for_each(|pipe| pipe.close());
        self.board.drop();
    }
}
