//! What all actors of a universe share: the memory, the reference memory, and which
//! requests there are. Made canonical after each transition, packed, and unpacked.
//!
//! What nothing can ever ask about is forgotten: contents of free frames and slots, what
//! was known of requests and processes that nothing mentions, and all but the order of
//! event numbers. This is not a reduction: the state's future is what it was.

use crate::machine::Machine;
use crate::mm::codec::{Codec, Coded, Decoder, Encoder, code_all};
use crate::mm::{
    AnonVmaId, Costs, Gup, Io, IoId, IoState, Memory, Mm, MmId, PG_AGAIN, PG_ANON, PG_DIRTY,
    PG_FREE, PG_PAGECACHE, PG_REPLACED, PG_RESERVED, PG_SWAPCACHE, PG_WRITEBACK, Page, SECTORS,
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

impl World {
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

/// Makes equal what has the same future.
pub(super) fn forget(machine: &mut Machine, shared: &mut Shared) {
    forget_since(machine, shared, (None, [false; PARTS]));
}

/// The same for a world that a step has made of another one, of which `same` parts are left
/// as they were; those that still are when it is done.
pub(super) fn forget_since(
    machine: &mut Machine,
    shared: &mut Shared,
    (from, same): (Option<&World>, [bool; PARTS]),
) -> [bool; PARTS] {
    let (mem, oracle) = (&mut machine.mem, &mut machine.oracle);
    mem.costs = Costs::default();
    machine.stages = 0;
    let [mut pages, mut address_spaces, mut rest] = same;
    let (in_pages, in_slots) = contents(mem);
    pages &= !in_pages;
    rest &= !in_slots;
    if !(rest && pages) {
        // What is nowhere cannot be seen.
        oracle.forget_also(|token| in_memory(mem, token) || to_be_moved(mem, token));
        requests(mem, oracle);
        rest = false;
    }
    let as_many_free = from.is_some_and(|from| from.mem.free.len == mem.free.len);
    if !address_spaces || !as_many_free {
        spaces(mem, oracle, shared);
        // Births and expectations belong to the rest.
        address_spaces = false;
        rest = false;
    }
    if !rest {
        oracle.sort();
    }
    [pages, address_spaces, rest]
}

/// Replaces event numbers by as few as will do.
///
/// A new number is larger than all before. Of two that exist, nothing asks more than
/// whether two tokens are the same, and whether one came after a *mark*: the birth of an
/// address space, or a request's beginning. So tokens between the same two marks are
/// numbered in the order in which they are met, and a mark past which nothing lies is none.
pub(super) fn rank(machine: &mut Machine) {
    let Machine { mem, oracle, .. } = machine;
    RANKS.with_borrow_mut(|ranks| ranks.replace(mem, oracle));
    oracle.sort();
}

/// Whether no event number is another than in another world, of which some parts are known
/// to be the same.
pub(super) fn same_numbers(machine: &Machine, as_in: &World, same: [bool; PARTS]) -> bool {
    let (mem, other) = (&machine.mem, &as_in.mem);
    let [pages, spaces, rest] = same;
    let data = |index: usize| mem.pages[index].data == other.pages[index].data;
    let born = |index: usize| mem.mms[index].born == other.mms[index].born;
    rest && (pages || (0..mem.pages.len()).all(data))
        && (spaces || mem.mms.len() == other.mms.len() && (0..mem.mms.len()).all(born))
}

/// Nobody can look at what free frames and slots hold, nor at pages of the swap cache and
/// slots that no pte and no task leads to. Whether any of these held something.
fn contents(mem: &mut Memory) -> (bool, bool) {
    const NOTHING: [Token; SECTORS] = [Token::ZERO; SECTORS];
    let (mut pages, mut slots) = (false, false);
    for index in 1..mem.pages.len() {
        let page = &mem.pages[index];
        if page.data != NOTHING && nobody_sees(mem, page) {
            mem.pages[index].data = NOTHING;
            pages = true;
        }
    }
    for area in 0..mem.areas.len() {
        for offset in 1..mem.areas[area].data.len() {
            let here = &mem.areas[area];
            if here.data[offset] == NOTHING {
                continue;
            }
            // What is written to the slot before anybody reads it, and what nobody reads: a
            // page of the swap cache may be dropped for what the slot holds.
            let unread = if here.cache[offset].is_some() {
                let page = mem.page(here.cache[offset]);
                page.flags & (PG_DIRTY | PG_WRITEBACK) != 0 || nobody_sees(mem, page)
            } else {
                here.refs[offset] == 0
            };
            if unread {
                mem.areas[area].data[offset] = NOTHING;
                slots = true;
            }
        }
    }
    (pages, slots)
}

/// Whether a frame is free, or in the swap cache and nothing leads there any more.
fn nobody_sees(mem: &Memory, page: &Page) -> bool {
    if page.flags & PG_FREE != 0 {
        return true;
    }
    let held = page.gup != Gup::NONE || page.tasks > 0 || mem.counters.mapcount(page.counts) > 0;
    let elsewhere = page.flags & (PG_PAGECACHE | PG_REPLACED | PG_AGAIN | PG_RESERVED) != 0;
    let cached = page.flags & PG_SWAPCACHE != 0;
    let entry = page.private;
    let leads = || mem.areas[usize::from(entry.area())].refs[entry.offset()] > 0;
    cached && !held && !elsewhere && !leads()
}

/// Requests that are over, and whose data are nowhere any more.
fn requests(mem: &mut Memory, oracle: &mut Oracle) {
    if mem.ios.is_empty() {
        return;
    }
    for io in 0..mem.ios.len() {
        let Io { state, first, pages, sectors, .. } = mem.ios[io];
        let mut remembered = false;
        for place in first as usize..(first + pages) as usize {
            let mut holder = mem.holders[place];
            for sector in 0..SECTORS {
                let token = holder.token[sector];
                let over = state == IoState::Done && !mentioned(mem, oracle, token);
                if sectors >> sector & 1 == 0 || over {
                    holder.token[sector] = Token::ZERO;
                }
            }
            if state == IoState::Done {
                holder.start = [Token::ZERO; SECTORS];
            }
            remembered |= holder.token != [Token::ZERO; SECTORS];
            mem.holders[place] = holder;
        }
        if state == IoState::Done && !remembered {
            mem.ios[io] = Io::BLANK;
        }
    }
    while mem.ios.last().is_some_and(|io| *io == Io::BLANK) {
        mem.ios.pop();
    }
    let mut holders = Vec::with_capacity(mem.holders.len());
    for io in mem.ios.iter_mut().filter(|io| io.pages > 0) {
        let its = &mem.holders[io.first as usize..(io.first + io.pages) as usize];
        io.first = holders.len() as u32;
        holders.extend_from_slice(its);
    }
    mem.holders = holders;
    oracle.keep_tokens(|token| in_memory(mem, token) || in_requests(mem, token));
}

/// Whether a device has still to move a token.
fn to_be_moved(mem: &Memory, token: Token) -> bool {
    mem.ios.iter().filter(|io| io.state != IoState::Done).any(|io| {
        let holders = io.first as usize..(io.first + io.pages) as usize;
        mem.holders[holders].iter().any(|holder| holder.token.contains(&token))
    })
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
pub(super) fn spaces(mem: &mut Memory, oracle: &mut Oracle, shared: &mut Shared) {
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
        let within =
            |vma: &Vma| (vma.ptes as usize..(vma.ptes + vma.len) as usize).contains(&index);
        vmas.iter().any(within)
    };
    oracle.forget_ptes_where(|index| !used(index));
    anon_vmas(mem);
}

/// anon_vmas that no vma is on, nobody has locked, and no page points to.
fn anon_vmas(mem: &mut Memory) {
    let unused = |mem: &Memory, id: usize| {
        let anon_vma = &mem.anon_vmas[id];
        let points = |page: &Page| page.flags & PG_ANON != 0 && page.mapping as usize == id;
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

/// Event numbers that are being replaced.
#[derive(Debug, Default)]
struct Ranks {
    /// In ascending order.
    marks: Vec<u32>,
    /// Tokens that were met: number, span, number inside the span.
    tokens: Vec<(u32, u32, u32)>,
    /// Between two marks: first how many numbers there are, then the number before them.
    spans: Vec<u32>,
    /// Of each span, how many numbers there are.
    lens: Vec<u32>,
}

impl Ranks {
    fn replace(&mut self, mem: &mut Memory, oracle: &mut Oracle) {
        self.marks.clear();
        self.tokens.clear();
        self.spans.clear();
        self.lens.clear();
        each_mark(mem, &mut |number| self.mark(*number));
        self.marks.sort_unstable();
        self.marks.dedup();
        self.spans.resize(self.marks.len() + 1, 0);
        mem.holders.iter().for_each(|holder| self.point(holder.held));
        each_token(mem, oracle, &mut |token| self.token(*token));
        each_point(mem, oracle, &mut |number| self.point(*number));
        mem.seq = self.number();
        each_token(mem, oracle, &mut |token| *token = self.of_token(*token));
        each_point(mem, oracle, &mut |number| *number = self.of_point(*number));
        each_mark(mem, &mut |number| *number = self.of_mark(*number));
    }

    fn mark(&mut self, number: u32) {
        self.marks.push(number);
    }

    /// The span of a number: how many marks are before it.
    fn span(&self, number: u32) -> usize {
        self.marks.iter().take_while(|&&mark| mark < number).count()
    }

    fn point(&mut self, number: u32) {
        if number > 0 {
            let span = self.span(number);
            self.spans[span] = self.spans[span].max(1);
        }
    }

    fn token(&mut self, token: Token) {
        if token.author() == 0 || self.tokens.iter().any(|one| one.0 == token.seq()) {
            return;
        }
        let span = self.span(token.seq());
        let inside = 1 + self.tokens.iter().filter(|one| one.1 == span as u32).count() as u32;
        self.tokens.push((token.seq(), span as u32, inside));
        self.spans[span] = self.spans[span].max(inside);
    }

    /// Fixes the numbers; how many there are.
    fn number(&mut self) -> u32 {
        self.lens.extend_from_slice(&self.spans);
        let mut before = 0;
        for span in &mut self.spans {
            before += std::mem::replace(span, before);
        }
        before
    }

    fn of_token(&self, token: Token) -> Token {
        if token.author() == 0 {
            return token;
        }
        let met = self.tokens.iter().find(|one| one.0 == token.seq()).expect("it was met");
        Token::new(token.author(), self.spans[met.1 as usize] + met.2)
    }

    fn of_point(&self, number: u32) -> u32 {
        if number == 0 { 0 } else { self.spans[self.span(number)] + 1 }
    }

    /// A mark comes after all that is before it, and before all that is after it.
    fn of_mark(&self, number: u32) -> u32 {
        let span = self.span(number);
        self.spans[span] + self.lens[span]
    }
}

thread_local! {
    static RANKS: RefCell<Ranks> = RefCell::default();
}

/// Numbers that others are compared with.
fn each_mark(mem: &mut Memory, see: &mut impl FnMut(&mut u32)) {
    for mm in &mut mem.mms {
        if *mm != Mm::BLANK {
            see(&mut mm.born);
        }
    }
    for io in 0..mem.ios.len() {
        let Io { state, first, pages, .. } = mem.ios[io];
        if state == IoState::Done {
            mem.ios[io].submitted = 0;
            continue;
        }
        see(&mut mem.ios[io].submitted);
        for holder in &mut mem.holders[first as usize..(first + pages) as usize] {
            // It becomes the request's beginning.
            see(&mut holder.held);
        }
    }
}

/// Numbers that are compared with marks, and stand for no token. 0: none.
fn each_point(mem: &mut Memory, oracle: &mut Oracle, see: &mut impl FnMut(&mut u32)) {
    for io in 0..mem.ios.len() {
        let Io { state, first, pages, .. } = mem.ios[io];
        see(&mut mem.ios[io].completed);
        if state == IoState::Done {
            for holder in &mut mem.holders[first as usize..(first + pages) as usize] {
                see(&mut holder.held);
            }
        }
    }
    oracle.each_number(see);
}

/// What was there before the run has no author, and keeps its number.
fn each_token(mem: &mut Memory, oracle: &mut Oracle, see: &mut impl FnMut(&mut Token)) {
    mem.pages.iter_mut().flat_map(|page| &mut page.data).for_each(&mut *see);
    mem.areas.iter_mut().flat_map(|area| area.data.iter_mut().flatten()).for_each(&mut *see);
    for holder in &mut mem.holders {
        holder.token.iter_mut().chain(&mut holder.start).for_each(&mut *see);
    }
    oracle.each_token(see);
}
