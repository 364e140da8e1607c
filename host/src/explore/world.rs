//! What all actors of a universe share: the memory, the reference memory, and which
//! requests there are. Made canonical after each transition, packed, and unpacked.

mod forget;
mod general;
#[cfg(test)]
mod lockstep;
mod rank;

use crate::machine::Machine;
use crate::mm::codec::{Codec, Coded, Decoder, Encoder, code_all};
use crate::mm::{IoId, Memory};
use crate::oracle::Oracle;

pub(super) use forget::{Unheeded, forget, forget_since, spaces};
pub(super) use general::{can_be_general, generalise};
pub(super) use rank::{rank, same_numbers};

/// Nobody's role.
pub(super) const NOBODY: u8 = u8::MAX;

/// No request.
pub(super) const NO_IO: IoId = IoId::MAX;

/// What the explorer keeps beside the machine, and all actors share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shared {
    /// Processes whose fork is over, as bits.
    pub born: u32,
    /// Who is forking an address space, by its number.
    pub forked_by: Vec<u8>,
    /// Requests that are not over, by the device that has them.
    pub requests: Vec<IoId>,
    /// Requests of direct IO that may still fail.
    pub io_failures: u8,
}

/// Memory, reference memory and the rest, as one value.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub mem: Memory,
    pub oracle: Oracle,
    pub shared: Shared,
}

/// The parts that a world is packed in: each is often what it was before.
pub(super) const PARTS: usize = 3;

impl World {
    /// One part of it becomes what was packed.
    pub fn unpack(&mut self, part: usize, bytes: &[u8]) {
        let Self { mem, oracle, shared } = self;
        let codec = &mut Decoder(bytes);
        match part {
            0 => mem.code_pages(codec),
            1 => mem.code_spaces(codec),
            _ => {
                code_rest(mem, oracle, shared, codec);
                oracle.findings.clear();
            }
        }
    }
}

/// Which parts are what they are in another world.
pub(super) fn same_parts(machine: &Machine, shared: &Shared, as_in: &World) -> [bool; PARTS] {
    let (mem, oracle) = (&machine.mem, &machine.oracle);
    [
        mem.same_pages(&as_in.mem),
        mem.same_spaces(&as_in.mem),
        mem.same_rest(&as_in.mem) && *oracle == as_in.oracle && *shared == as_in.shared,
    ]
}

/// Writes a part of a world as bytes.
pub(super) fn pack(machine: &mut Machine, shared: &mut Shared, part: usize, into: &mut Vec<u8>) {
    into.clear();
    let Machine { mem, oracle, .. } = machine;
    match part {
        0 => mem.code_pages(&mut Encoder(into)),
        1 => mem.code_spaces(&mut Encoder(into)),
        _ => code_rest(mem, oracle, shared, &mut Encoder(into)),
    }
}

fn code_rest(mem: &mut Memory, oracle: &mut Oracle, shared: &mut Shared, codec: &mut impl Codec) {
    mem.code_rest(codec);
    oracle.code(codec);
    shared.born.code(codec);
    shared.io_failures.code(codec);
    code_all(&mut shared.requests, &NO_IO, codec);
    code_all(&mut shared.forked_by, &NOBODY, codec);
}

impl Shared {
    pub fn copy_from(&mut self, other: &Self) {
        self.born = other.born;
        self.requests.clone_from(&other.requests);
        self.forked_by.clone_from(&other.forked_by);
        self.io_failures = other.io_failures;
    }
}
