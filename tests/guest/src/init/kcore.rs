//! /proc/kcore: the kernel's own view of a page, where no other file shows it.

use super::sys;

/// A loaded part of kernel memory.
#[derive(Clone, Copy, Debug)]
struct Segment {
    address: u64,
    length: u64,
    offset: u64,
}

/// The open file.
pub(crate) struct Kcore {
    fd: i32,
    segments: Vec<Segment>,
}

const PT_LOAD: u32 = 1;
/// `sizeof(Elf64_Ehdr)`, `sizeof(Elf64_Phdr)`
const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;

impl Kcore {
    /// Opens it. Its layout is that of the moment of opening.
    pub(crate) fn open() -> Option<Self> {
        let fd = sys::open("/proc/kcore", libc::O_RDONLY).ok()?;
        let mut kcore = Self { fd, segments: Vec::new() };
        let mut header = [0; HEADER];
        sys::read_at(fd, &mut header, 0).ok().filter(|n| *n == HEADER)?;
        let at = u64_at(&header, 32);
        let count = usize::from(u16::from_le_bytes([header[56], header[57]]));
        let mut table = vec![0; count * PROGRAM_HEADER];
        sys::read_at(fd, &mut table, at).ok().filter(|n| *n == table.len())?;
        kcore.segments = table
            .chunks_exact(PROGRAM_HEADER)
            .filter(|entry| entry[..4] == PT_LOAD.to_le_bytes())
            .map(|entry| Segment {
                offset: u64_at(entry, 8),
                address: u64_at(entry, 16),
                length: u64_at(entry, 40),
            })
            .collect();
        Some(kcore)
    }

    /// Reads kernel memory; false: it is not there.
    pub(crate) fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let length = into.len() as u64;
        let segment = self.segments.iter().find(|segment| {
            address >= segment.address && address + length <= segment.address + segment.length
        });
        segment.is_some_and(|segment| {
            let at = address - segment.address + segment.offset;
            sys::read_at(self.fd, into, at).is_ok_and(|n| n as u64 == length)
        })
    }
}

impl Drop for Kcore {
    fn drop(&mut self) {
        sys::close(self.fd);
    }
}

/// A word of kernel memory.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Half a word of kernel memory.
pub(crate) fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
