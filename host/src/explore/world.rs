//! What all actors of a universe share: the memory, the reference memory, and which
//! requests there are. Made canonical after each transition, packed, and unpacked.
//!
//! What nothing can ever ask about is forgotten: contents of free frames and slots, what
//! was known of requests and processes that nothing mentions, and all but the order of
//! event numbers. This is not a reduction: the state's future is what it was.

use crate::machine::Machine;
use crate::mm::codec::{Codec, Coded, Decoder, Encoder, code_all};
use crate::mm::{
    AnonVmaId, Costs, Holder, Io, IoId, IoState, Memory, Mm, MmId, PG_ANON, PG_FREE, SECTORS,
    Token, Vma,
};
use crate::oracle::Oracle;
use std::cell::RefCell;

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

thread_local! {
    static NUMBERS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

impl World {
    /// Becomes what another one is.
    pub fn copy_from(&mut self, other: &Self) {
        self.mem.copy_from(&other.mem);
        self.oracle.copy_from(&other.oracle);
        self.shared.copy_from(&other.shared);
    }

    /// Becomes what was packed.
    pub fn unpack(&mut self, parts: &[Vec<u8>; PARTS]) {
        let [pages, spaces, rest] = parts;
        self.mem.code_pages(&mut Decoder(pages));
        self.mem.code_spaces(&mut Decoder(spaces));
        let Self { mem, oracle, shared } = self;
        code_rest(mem, oracle, shared, &mut Decoder(rest));
        self.oracle.findings.clear();
    }
}

/// Writes a world as bytes.
pub(super) fn pack(
    mem: &mut Memory,
    oracle: &mut Oracle,
    shared: &mut Shared,
    parts: &mut [Vec<u8>; PARTS],
) {
    let [pages, spaces, rest] = parts;
    mem.code_pages(&mut Encoder(pages));
    mem.code_spaces(&mut Encoder(spaces));
    code_rest(mem, oracle, shared, &mut Encoder(rest));
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

/// Makes equal what has the same future.
pub(super) fn forget(machine: &mut Machine, shared: &mut Shared) {
    let (mem, oracle) = (&mut machine.mem, &mut machine.oracle);
    mem.costs = Costs::default();
    machine.stages = 0;
    contents(mem);
    requests(mem, oracle);
    spaces(mem, oracle, shared);
    oracle.sort();
    rank(mem, oracle);
}

/// Nobody may look at what free frames and free slots hold: whoever did would be found by
/// the accounts, not by what he saw.
fn contents(mem: &mut Memory) {
    for page in &mut mem.pages {
        if page.flags & PG_FREE != 0 {
            page.data = [Token::ZERO; SECTORS];
        }
    }
    for area in &mut mem.areas {
        for (data, &count) in area.data.iter_mut().zip(&area.swap_map) {
            if count == 0 {
                *data = [Token::ZERO; SECTORS];
            }
        }
    }
}

/// Requests that are over, and whose data are nowhere any more.
fn requests(mem: &mut Memory, oracle: &mut Oracle) {
    for io in 0..mem.ios.len() {
        let Io { state, first, pages, .. } = mem.ios[io];
        if state != IoState::Done || pages == 0 {
            continue;
        }
        let holders = first as usize..(first + pages) as usize;
        let tokens = mem.holders[holders.clone()].iter().flat_map(|holder| holder.token);
        if !tokens.clone().any(|token| token != Token::ZERO && mentioned(mem, oracle, token)) {
            mem.ios[io] = Io { first, ..Io::BLANK };
            mem.holders[holders].fill(Holder::BLANK);
        }
    }
    while mem.ios.last().is_some_and(|io| io.state == IoState::Done && io.pages == 0) {
        let Io { first, .. } = mem.ios.pop().expect("not empty");
        mem.holders.truncate(first as usize);
    }
    oracle.keep_tokens(|token| in_memory(mem, token) || in_requests(mem, token));
}

fn mentioned(mem: &Memory, oracle: &Oracle, token: Token) -> bool {
    in_memory(mem, token) || oracle.mentions(token)
}

fn in_memory(mem: &Memory, token: Token) -> bool {
    mem.pages.iter().any(|page| page.data.contains(&token))
        || mem.areas.iter().any(|area| area.data.iter().any(|data| data.contains(&token)))
}

fn in_requests(mem: &Memory, token: Token) -> bool {
    mem.holders.iter().any(|holder| holder.token.contains(&token) || holder.start.contains(&token))
}

/// Address spaces that are gone, and what belonged to them.
fn spaces(mem: &mut Memory, oracle: &mut Oracle, shared: &mut Shared) {
    for index in 0..mem.mms.len() {
        let id = MmId(index as u16);
        let mm = &mem.mms[index];
        let used = mm.alive || mm.users > 0 || mm.mmap.is_some();
        let held = || mem.ios.iter().any(|io| io.pages > 0 && io.mm == id);
        if !used && !mem.mmlist.contains(&id) && !held() && !oracle.mentions_mm(id) {
            mem.mms[index] = Mm::BLANK;
            shared.born &= !(1 << index);
        }
    }
    while mem.mms.last() == Some(&Mm::BLANK) {
        mem.mms.pop();
    }
    for vma in mem.vmas.iter_mut().filter(|vma| vma.len == 0) {
        *vma = Vma::UNUSED;
    }
    while mem.vmas.last() == Some(&Vma::UNUSED) {
        mem.vmas.pop();
    }
    mem.forget_free_ptes();
    let Memory { vmas, .. } = mem;
    let used = |index: usize| {
        let within = |vma: &Vma| (vma.ptes as usize..(vma.ptes + vma.len) as usize).contains(&index);
        vmas.iter().any(within)
    };
    oracle.forget_ptes(|index| !used(index));
    anon_vmas(mem);
}

/// anon_vmas that no vma is on, nobody has locked, and no page points to.
fn anon_vmas(mem: &mut Memory) {
    let unused = |mem: &Memory, id: usize| {
        let anon_vma = &mem.anon_vmas[id];
        let points = |page: &crate::mm::Page| {
            page.flags & PG_ANON != 0 && page.mapping as usize == id
        };
        !anon_vma.head.is_some() && !anon_vma.lock.is_some() && !mem.pages.iter().any(points)
    };
    while !mem.anon_vmas.is_empty() && unused(mem, mem.anon_vmas.len() - 1) {
        mem.anon_vmas.pop();
    }
    mem.free_anon_vmas.clear();
    for id in (0..mem.anon_vmas.len()).rev() {
        if unused(mem, id) {
            mem.free_anon_vmas.push(AnonVmaId(id as u16));
        }
    }
}

/// Replaces event numbers by their ranks: nothing ever asks more of two of them than which
/// is the larger, or whether they are the same, and a new one is larger than all before.
fn rank(mem: &mut Memory, oracle: &mut Oracle) {
    NUMBERS.with_borrow_mut(|numbers| {
        numbers.clear();
        each(mem, oracle, &mut |number| {
            if *number > 0 && !numbers.contains(number) {
                numbers.push(*number);
            }
        });
        numbers.sort_unstable();
        let dense = numbers.last().is_none_or(|&last| last as usize == numbers.len());
        if !dense {
            each(mem, oracle, &mut |number| {
                if *number > 0 {
                    let rank = numbers.binary_search(number).expect("it was collected");
                    *number = rank as u32 + 1;
                }
            });
        }
        mem.seq = numbers.len() as u32;
    });
}

/// Every event number that is mentioned. 0 stands for none.
#[inline]
fn each(mem: &mut Memory, oracle: &mut Oracle, see: &mut impl FnMut(&mut u32)) {
    for token in mem.pages.iter_mut().flat_map(|page| &mut page.data) {
        in_token(token, see);
    }
    for token in mem.areas.iter_mut().flat_map(|area| area.data.iter_mut().flatten()) {
        in_token(token, see);
    }
    for holder in &mut mem.holders {
        for token in holder.token.iter_mut().chain(&mut holder.start) {
            in_token(token, see);
        }
        see(&mut holder.held);
    }
    for io in &mut mem.ios {
        see(&mut io.submitted);
        see(&mut io.completed);
    }
    for mm in &mut mem.mms {
        see(&mut mm.born);
    }
    oracle.each_token(&mut |token| in_token(token, see));
    oracle.each_number(see);
}

/// What was there before the run has no number.
#[inline]
fn in_token(token: &mut Token, see: &mut impl FnMut(&mut u32)) {
    if token.author() != 0 {
        let mut number = token.seq();
        see(&mut number);
        *token = Token::new(token.author(), number);
    }
}
