//! A hash of the memory, by which two policies are known to be apart.
//!
//! It covers ptes, pages and swap; it is the same on every machine and in every build
//! (`blake3`, where the standard library's hash may change with a release).

use crate::mm::Memory;
use std::hash::{Hash, Hasher};

/// Hexadecimal digits that are kept of the hash.
const DIGITS: usize = 16;

struct Stable(blake3::Hasher);

impl Hasher for Stable {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the hash is taken whole")
    }
}

/// The hash of what a memory holds.
pub(super) fn hash(mem: &Memory) -> String {
    let mut hasher = Stable(blake3::Hasher::new());
    (&mem.ptes, &mem.pages, &mem.areas).hash(&mut hasher);
    hasher.0.finalize().to_hex()[..DIGITS].to_string()
}
