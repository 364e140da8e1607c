//! One io_uring with one fixed buffer: a long-lived reference for writing.
//!
//! Knows the two operations that move data between the buffer and a pipe.

use std::sync::atomic::{AtomicU32, Ordering};

use super::stage::Pipe;
use super::sys::{self, check};

const REGISTER_BUFFERS: u32 = 0;
const UNREGISTER_BUFFERS: u32 = 1;
const READ_FIXED: u8 = 4;
const WRITE_FIXED: u8 = 5;
const GETEVENTS: u32 = 1;
const OFF_SQ_RING: i64 = 0;
const OFF_CQ_RING: i64 = 0x800_0000;
const OFF_SQES: i64 = 0x1000_0000;
const ENTRIES: u32 = 4;
/// `sizeof(struct io_uring_sqe)`
const SQE: usize = 64;
/// `sizeof(struct io_uring_cqe)`
const CQE: usize = 16;

/// struct io_uring_params
#[repr(C)]
#[derive(Default)]
struct Params {
    entries: [u32; 2],
    other: [u32; 8],
    /// head, tail, ring_mask, ring_entries, flags, dropped, array, resv1, user_addr
    submission: [u32; 10],
    /// head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv1, user_addr
    completion: [u32; 10],
}

/// The ring.
pub(crate) struct Ring {
    fd: i32,
    submission: usize,
    completion: usize,
    entries: usize,
    params: Params,
}

impl Ring {
    /// Makes a ring with this memory as its buffer.
    pub(crate) fn register(address: usize, length: usize) -> Result<Self, i32> {
        let mut params = Params::default();
        // SAFETY: the structure is as long as the kernel takes it to be.
        let fd =
            check(unsafe { libc::syscall(libc::SYS_io_uring_setup, ENTRIES, &raw mut params) })?
                as i32;
        let map = |offset| {
            let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
            // SAFETY: a new mapping wherever there is room; a page is more than four entries take.
            let at = unsafe {
                libc::mmap(std::ptr::null_mut(), sys::PAGE, protection, flags, fd, offset)
            };
            if at == libc::MAP_FAILED { Err(sys::errno()) } else { Ok(at as usize) }
        };
        let ring = Self {
            fd,
            submission: map(OFF_SQ_RING)?,
            completion: map(OFF_CQ_RING)?,
            entries: map(OFF_SQES)?,
            params,
        };
        let buffer = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: length };
        // SAFETY: one iovec.
        check(unsafe {
            libc::syscall(libc::SYS_io_uring_register, fd, REGISTER_BUFFERS, &raw const buffer, 1)
        })?;
        Ok(ring)
    }

    /// Has the device fill part of the buffer with these bytes.
    pub(crate) fn fill(&self, address: usize, bytes: &[u8]) -> Result<(), i32> {
        let pipe = Pipe::new()?;
        let result = sys::write_all(pipe.into, bytes)
            .and_then(|()| self.submit(READ_FIXED, pipe.out, (address, bytes.len())));
        pipe.close();
        result
    }

    /// Has the device take part of the buffer.
    pub(crate) fn take(&self, address: usize, length: usize) -> Result<Vec<u8>, i32> {
        let pipe = Pipe::new()?;
        let mut bytes = vec![0; length];
        let result = self
            .submit(WRITE_FIXED, pipe.into, (address, length))
            .and_then(|()| sys::read_all(pipe.out, &mut bytes));
        pipe.close();
        result.map(|()| bytes)
    }

    fn submit(&self, operation: u8, fd: i32, (address, length): (usize, usize)) -> Result<(), i32> {
        let mut entry = [0; SQE];
        entry[0] = operation;
        entry[4..8].copy_from_slice(&fd.to_le_bytes());
        entry[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        entry[16..24].copy_from_slice(&(address as u64).to_le_bytes());
        entry[24..28].copy_from_slice(&(length as u32).to_le_bytes());
        // SAFETY: entry 0 of the array of entries; nothing is in flight that uses it.
        unsafe { std::ptr::copy_nonoverlapping(entry.as_ptr(), self.entries as *mut u8, SQE) };
        let tail = word(self.submission, self.params.submission[1]);
        let at = tail.load(Ordering::Acquire);
        let slot = self.params.submission[6] + 4 * (at & (self.params.entries[0] - 1));
        word(self.submission, slot).store(0, Ordering::Relaxed);
        tail.store(at.wrapping_add(1), Ordering::Release);
        let nothing = std::ptr::null::<libc::c_void>();
        // SAFETY: no signal mask is passed.
        check(unsafe {
            libc::syscall(libc::SYS_io_uring_enter, self.fd, 1, 1, GETEVENTS, nothing, 0)
        })?;
        let head = word(self.completion, self.params.completion[0]);
        let at = head.load(Ordering::Acquire);
        let slot =
            self.params.completion[5] as usize + CQE * (at & (self.params.entries[1] - 1)) as usize;
        let result = word(self.completion, slot as u32 + 8).load(Ordering::Acquire) as i32;
        head.store(at.wrapping_add(1), Ordering::Release);
        match result {
            errno if errno < 0 => Err(-errno),
            moved if moved as usize == length => Ok(()),
            _ => Err(libc::EIO),
        }
    }

    /// Gives the buffer back.
    pub(crate) fn unregister(self) -> Result<(), i32> {
        let nothing = std::ptr::null::<libc::c_void>();
        // SAFETY: takes no argument.
        let result = check(unsafe {
            libc::syscall(libc::SYS_io_uring_register, self.fd, UNREGISTER_BUFFERS, nothing, 0)
        });
        result.map(drop)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        for page in [self.submission, self.completion, self.entries] {
            sys::give_up(page);
        }
        sys::close(self.fd);
    }
}

/// A word that this program and the kernel share.
fn word(ring: usize, offset: u32) -> &'static AtomicU32 {
    // SAFETY: rings are mapped while `Ring` lives, offsets are the kernel's.
    unsafe { &*((ring + offset as usize) as *const AtomicU32) }
}
