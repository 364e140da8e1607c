//! A process of a scenario: is told the number of a step, does it, says what came of it.
//!
//! It knows the scenario by heart, so that a number is all that it has to be told.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::FromRawFd;
use std::thread;

use cowpath_scenario::transcript::{Datum, Outcome};
use cowpath_scenario::{Act, MapSpec, Over, Range};

use super::layout::{self, Piece};
use super::stage::{Board, Stage};
use super::sys::{self, PAGE, check, failed};
use super::uring::Ring;
use super::{control_group, device, fuse, hotplug, nbd, pattern, swap, touch};

/// What a process says when it is done: outcome, data seen, and a child's pid.
pub(crate) type Done = (Outcome, Vec<Option<Datum>>, i32);

const DONE: Result<Done, String> = Ok((Outcome::Ok, Vec::new(), 0));

/// A process.
pub(crate) struct Process<'s> {
    stage: &'s Stage<'s>,
    name: &'s str,
    rings: BTreeMap<&'s str, Ring>,
}

impl<'s> Process<'s> {
    /// Becomes a scenario's process and does as it is told. Never returns.
    pub(crate) fn begin(stage: &'s Stage<'s>, name: &'s str) -> ! {
        touch::catch_faults();
        let mut process = Self { stage, name, rings: BTreeMap::new() };
        let ready = process.set_up();
        process.say(&ready);
        process.serve()
    }

    fn set_up(&mut self) -> Result<Done, String> {
        control_group::join()?;
        let spec = self.stage.scenario.processes.iter().find(|spec| spec.name == self.name);
        let maps = &spec.expect("only processes of the scenario begin").maps;
        for (number, map) in maps.iter().enumerate() {
            map_in(map, layout::address(number))?;
            if hotplug::is_used(self.stage.scenario) {
                hotplug::prefer(layout::address(number), layout::length(map))?;
            }
        }
        DONE
    }

    fn serve(mut self) -> ! {
        loop {
            let mut number = [0; 4];
            let channel = self.stage.channels[self.name];
            if sys::read(channel.process, &mut number) != Ok(4) {
                // SAFETY: ends this process.
                unsafe { libc::_exit(1) };
            }
            let done = self.step(u32::from_le_bytes(number));
            if let Some(done) = done {
                self.say(&done);
            }
        }
    }

    fn say(&self, done: &Result<Done, String>) {
        let text = serde_json::to_vec(done).expect("plain data");
        _ = sys::write_all(self.stage.channels[self.name].process, &text);
    }

    /// Does a step; none: this is the child that it made, which has nothing to say yet.
    fn step(&mut self, number: u32) -> Option<Result<Done, String>> {
        let stage = self.stage;
        let step = &stage.scenario.steps[number as usize - 1];
        let piece = |range: &Range| Piece::of(stage.scenario, self.name, range);
        Some(match &step.act {
            Act::Store(range) => store(piece(range), pattern::of_step(number)),
            Act::Load(range) => load(piece(range), stage),
            Act::DirectRead(range, over, _) => {
                request((number, piece(range)), *over, true, stage.board)
            }
            Act::DirectWrite(range, over, _) => {
                request((number, piece(range)), *over, false, stage.board)
            }
            Act::Vmsplice(range, name) => splice(piece(range), stage.pipes[name.as_str()].into),
            Act::IoUringRegister(range, name) => {
                let piece = piece(range);
                match Ring::register(piece.page, piece.bytes()) {
                    Ok(ring) => {
                        self.rings.insert(name, ring);
                        DONE
                    }
                    Err(errno) => outcome("io_uring", errno),
                }
            }
            Act::PinRead(_) | Act::PinWrite(_) | Act::PinPut => self.ring(number),
            Act::Fork(child) => return self.fork(child),
            // SAFETY: ends this process.
            Act::Exit => unsafe { libc::_exit(0) },
            Act::Munmap(range) => {
                let piece = piece(range);
                // SAFETY: a mapping of the scenario, which no Rust object is in.
                called("munmap", unsafe {
                    libc::munmap(piece.page as *mut libc::c_void, piece.bytes())
                })
            }
            Act::MadviseDontneed(range) => advise(piece(range), libc::MADV_DONTNEED),
            Act::MadvisePageout(range) => advise(piece(range), libc::MADV_PAGEOUT),
            Act::Mprotect(range, write) => {
                let piece = piece(range);
                let protection = libc::PROT_READ | if *write { libc::PROT_WRITE } else { 0 };
                // SAFETY: as above.
                called("mprotect", unsafe {
                    libc::mprotect(piece.page as *mut libc::c_void, piece.bytes(), protection)
                })
            }
            Act::Mlock(range) => {
                let piece = piece(range);
                // SAFETY: locking changes no contents.
                called("mlock", unsafe {
                    libc::mlock(piece.page as *const libc::c_void, piece.bytes())
                })
            }
            Act::Munlock(range) => {
                let piece = piece(range);
                // SAFETY: as above.
                called("munlock", unsafe {
                    libc::munlock(piece.page as *const libc::c_void, piece.bytes())
                })
            }
            _ => Err(format!("`{}` is no step of a process", step.text)),
        })
    }

    fn fork(&mut self, child: &'s str) -> Option<Result<Done, String>> {
        // SAFETY: the child goes on in `serve`; other threads of this process only wait in read(2) or
        // write(2) and hold no lock.
        match unsafe { libc::fork() } {
            -1 => Some(outcome("fork", sys::errno())),
            0 => {
                self.name = child;
                self.rings.clear();
                None
            }
            pid => Some(Ok((Outcome::Ok, Vec::new(), pid))),
        }
    }

    /// A step of a ring: its buffer is the first piece that this process registered under the name.
    fn ring(&mut self, number: u32) -> Result<Done, String> {
        let stage = self.stage;
        let step = &stage.scenario.steps[number as usize - 1];
        let range = stage.scenario.steps.iter().find_map(|other| match &other.act {
            Act::IoUringRegister(range, name) if *name == step.actor => Some(range),
            _ => None,
        });
        let range = range.expect("the parser knows every pin");
        let piece = Piece::of(stage.scenario, self.name, range);
        let Some(ring) = self.rings.get(step.actor.as_str()) else {
            return Err(format!("there is no {}", step.actor));
        };
        match &step.act {
            Act::PinRead(sectors) => {
                let mut pages = vec![0; piece.bytes()];
                for page in 0..piece.pages {
                    let (offset, length) = pattern::span(*sectors);
                    let at = page * PAGE + offset;
                    match ring.take(piece.page + at, length) {
                        Ok(bytes) => pages[at..at + length].copy_from_slice(&bytes),
                        Err(errno) => return outcome("io_uring", errno),
                    }
                }
                Ok((Outcome::Ok, pattern::data(&pages, *sectors, stage.scenario), 0))
            }
            Act::PinWrite(sectors) => {
                for page in 0..piece.pages {
                    let (offset, length) = pattern::span(*sectors);
                    let bytes = pattern::bytes(pattern::of_step(number), length);
                    if let Err(errno) = ring.fill(piece.page + page * PAGE + offset, &bytes) {
                        return outcome("io_uring", errno);
                    }
                }
                DONE
            }
            _ => match self.rings.remove(step.actor.as_str()).map(Ring::unregister) {
                Some(Err(errno)) => outcome("io_uring", errno),
                Some(Ok(())) | None => DONE,
            },
        }
    }
}

/// Makes a mapping of the scenario.
fn map_in(map: &MapSpec, address: usize) -> Result<(), String> {
    let error = |errno| failed("mmap", errno);
    let protection = libc::PROT_READ | if map.write { libc::PROT_WRITE } else { 0 };
    let (kind, fd, from) = match &map.file {
        Some((file, first)) => {
            let fd = sys::open(&swap::file_path(file), libc::O_RDONLY).map_err(error)?;
            (0, fd, i64::from(*first) * PAGE as i64)
        }
        None => (libc::MAP_ANONYMOUS, -1, 0),
    };
    let flags = libc::MAP_PRIVATE | libc::MAP_FIXED_NOREPLACE | kind;
    let length = layout::length(map);
    // SAFETY: MAP_FIXED_NOREPLACE replaces nothing.
    let at =
        unsafe { libc::mmap(address as *mut libc::c_void, length, protection, flags, fd, from) };
    if at as usize != address {
        return Err(error(sys::errno()));
    }
    if fd >= 0 {
        sys::close(fd);
    }
    if map.locked {
        const MLOCK_ONFAULT: i32 = 1;
        // SAFETY: locking changes no contents.
        check(unsafe { libc::syscall(libc::SYS_mlock2, address, length, MLOCK_ONFAULT) })
            .map_err(error)?;
    }
    Ok(())
}

fn store(piece: Piece, word: u64) -> Result<Done, String> {
    for page in 0..piece.pages {
        let (offset, length) = pattern::span(piece.sectors);
        if !touch::store(piece.page + page * PAGE + offset, word, length) {
            return Ok((Outcome::Fault, Vec::new(), 0));
        }
    }
    DONE
}

fn load(piece: Piece, stage: &Stage<'_>) -> Result<Done, String> {
    let mut pages = vec![0; piece.bytes()];
    for page in 0..piece.pages {
        let (offset, length) = pattern::span(piece.sectors);
        let at = page * PAGE + offset;
        if !touch::load(piece.page + at, &mut pages[at..at + length]) {
            return Ok((Outcome::Fault, Vec::new(), 0));
        }
    }
    Ok((Outcome::Ok, pattern::data(&pages, piece.sectors, stage.scenario), 0))
}

/// Submits a request from a thread, which waits for it and puts its result on the board.
fn request(
    (step, piece): (u32, Piece),
    over: Over,
    fills: bool,
    board: Board,
) -> Result<Done, String> {
    let (path, direct) = match over {
        Over::Fuse => (format!("{}/{step}", fuse::ROOT), 0),
        Over::Block | Over::Nfs => (nbd::PATH.to_owned(), libc::O_DIRECT),
    };
    let mode = if fills { libc::O_RDONLY } else { libc::O_WRONLY };
    let fd = sys::open(&path, mode | direct).map_err(|errno| failed(&path, errno))?;
    let (address, length) = piece.span();
    let at = device::offset(step) as libc::off_t;
    let submit = move || {
        // SAFETY: the memory is the scenario's, which no Rust object is in.
        let result = unsafe {
            if fills {
                libc::pread(fd, address as *mut libc::c_void, length, at)
            } else {
                libc::pwrite(fd, address as *const libc::c_void, length, at)
            }
        };
        let result = check(result as libc::c_long).unwrap_or_else(|errno| -i64::from(errno));
        sys::close(fd);
        board.put(step, result);
    };
    thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(submit)
        .map_err(|error| format!("thread: {error}"))?;
    DONE
}

fn splice(piece: Piece, pipe: i32) -> Result<Done, String> {
    let part = libc::iovec { iov_base: piece.page as *mut libc::c_void, iov_len: piece.bytes() };
    // SAFETY: one iovec, of memory that no Rust object is in.
    match check(unsafe { libc::vmsplice(pipe, &raw const part, 1, 0) } as libc::c_long) {
        Ok(length) if length as usize == piece.bytes() => DONE,
        Ok(length) => Err(format!("vmsplice took {length} bytes")),
        Err(errno) => outcome("vmsplice", errno),
    }
}

fn advise(piece: Piece, advice: i32) -> Result<Done, String> {
    // SAFETY: memory of the scenario, which no Rust object is in.
    called("madvise", unsafe {
        libc::madvise(piece.page as *mut libc::c_void, piece.bytes(), advice)
    })
}

fn called(what: &str, result: i32) -> Result<Done, String> {
    match check(result.into()) {
        Ok(_) => DONE,
        Err(errno) => outcome(what, errno),
    }
}

/// What an error number is to a transcript; what it has no word for ends the scenario.
pub(crate) fn outcome(what: &str, errno: i32) -> Result<Done, String> {
    let outcome = match errno {
        libc::EFAULT => Outcome::Fault,
        libc::ENOMEM => Outcome::NoMemory,
        _ => return Err(failed(what, errno)),
    };
    Ok((outcome, Vec::new(), 0))
}

/// Fills a file that scenarios map.
pub(crate) fn fill_file(name: &str, pages: u32) -> Result<(), String> {
    use std::io::Write as _;
    let path = swap::file_path(name);
    let fd = sys::open(&path, libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC)
        .map_err(|errno| failed(&path, errno))?;
    // SAFETY: the descriptor is open and nobody else's.
    let mut file = unsafe { File::from_raw_fd(fd) };
    file.write_all(&pattern::bytes(pattern::of_file(), pages as usize * PAGE))
        .map_err(|error| format!("{path}: {error}"))
}
