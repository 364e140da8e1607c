//! Contents, as general as what must be equal allows.
//!
//! Nothing that the kernel does depends on what pages hold; only the reference memory looks.
//! So instead of all contents that a state of everything else can come with, one is looked
//! at, of which all of them are instances: every frame and slot holds something of its own,
//! and equal is only what is *linked*: what somebody is entitled to see and where it is held,
//! and a clean page of the swap cache and its slot. A step from there that nobody finds
//! anything in, and after which what is linked is equal again, has no instance in which
//! somebody does: whatever is equal in the general contents is equal in all of them. By
//! induction nobody ever finds anything. A step of which that is not so may still be right,
//! for the contents may be none that come about: then contents have to be told apart.
//!
//! This holds as long as the reference memory is the stricter the fewer contents are equal.
//! Where it is not (races, long-lived references, devices that look at pages) a step is
//! never taken for proved.

use super::{Shared, Unheeded, forget};
use crate::explore::universe::{Grain, Universe, Verb};
use crate::machine::Machine;
use crate::mm::{
    Io, Memory, PG_DIRTY, PG_FREE, PG_REPLACED, PG_UPTODATE, PG_WRITEBACK, Page, Pfn, Pte, SECTORS,
    SwpEntry, Token, Vma, ZERO_PAGE,
};
use crate::oracle::{Held, Oracle};

/// Whether contents can be general: not within an operation, where what is linked is not
/// known, nor where somebody looks whose strictness depends on more than what is equal.
pub(in crate::explore) fn can_be_general(universe: &Universe) -> bool {
    let looks = |verb: &Verb| {
        matches!(verb, Verb::DirectWrite | Verb::GupRead | Verb::GupWrite | Verb::Vmsplice)
    };
    let Universe { verbs, child_verbs, setup, grain, .. } = universe;
    *grain == Grain::Operation && !verbs.iter().chain(child_verbs).chain(setup).any(looks)
}

/// Makes contents general; false if what must be equal is not.
pub(in crate::explore) fn generalise(
    machine: &mut Machine,
    shared: &mut Shared,
    unheeded: Unheeded,
) -> bool {
    if !machine.oracle.is_plain() {
        // What a race left to be seen may be nowhere. If it is elsewhere under another name,
        // the more is found.
        forget(machine, shared, unheeded);
    }
    let Machine { mem, oracle, .. } = machine;
    let holds = oracle.is_plain() && ptes(mem).all(|index| is_linked(mem, oracle, index));
    if holds {
        forget_numbers(mem);
        requests(mem, oracle);
        ptes(mem).for_each(|index| oracle.expect(index, general(held(mem, mem.ptes[index]))));
        slots(mem);
        for pfn in (1..mem.pages.len()).map(|pfn| Pfn(pfn as u32)) {
            if !mem.page(pfn).has(PG_FREE) {
                mem.pages[pfn.index()].data = general(Held::Frame(pfn));
            }
        }
    }
    holds
}

/// The ptes of all mappings, by index.
fn ptes(mem: &Memory) -> impl Iterator<Item = usize> + use<'_> {
    let of = |vma: &Vma| vma.ptes as usize..(vma.ptes + vma.len) as usize;
    mem.vmas.iter().filter(|vma| vma.len > 0).flat_map(of)
}

/// Where what a pte stands for is held: by a page that migration has put another one in the
/// place of, until that has its contents.
fn held(mem: &Memory, pte: Pte) -> Held {
    let held = Held::by(mem, pte);
    let Held::Slot(entry) = held else { return held };
    let replaced = |page: &Page| page.has(PG_REPLACED) && page.private == entry;
    let old = mem.pages.iter().position(replaced);
    old.map_or(held, |pfn| Held::Frame(Pfn(pfn as u32)))
}

/// Whether what somebody is entitled to see is what he would see.
fn is_linked(mem: &Memory, oracle: &Oracle, index: usize) -> bool {
    let seen = match held(mem, mem.ptes[index]) {
        Held::Frame(pfn) => mem.page(pfn).data,
        Held::Slot(entry) => disk(mem, entry),
        Held::Nowhere => [Token::ZERO; SECTORS],
    };
    oracle.expected(index) == seen
}

fn disk(mem: &Memory, entry: SwpEntry) -> [Token; SECTORS] {
    mem.areas[usize::from(entry.area())].data[entry.offset()]
}

/// What a frame or slot holds, in general: something of its own.
fn general(held: Held) -> [Token; SECTORS] {
    let number = match held {
        Held::Frame(ZERO_PAGE) | Held::Nowhere => return [Token::ZERO; SECTORS],
        Held::Frame(pfn) => pfn.0 << 1,
        Held::Slot(entry) => 1 << 20 | u32::from(entry.area()) << 16 | (entry.offset() as u32) << 1,
    };
    std::array::from_fn(|sector| Token::new(Token::SETTLED, number | sector as u32))
}

/// Who came to be when, and whose a page was since when, tells error from what is
/// undefined; neither is there.
fn forget_numbers(mem: &mut Memory) {
    for mm in &mut mem.mms {
        mm.born = 0;
    }
    for io in &mut mem.ios {
        (io.submitted, io.completed) = (0, 0);
    }
    for holder in &mut mem.holders {
        holder.held = holder.held.min(1);
    }
}

/// What devices will move is something of its own. What was there when a page was got is
/// what is there now, or something of its own.
fn requests(mem: &mut Memory, oracle: &Oracle) {
    for io in 0..mem.ios.len() {
        let Io { mm, address, first, pages, .. } = mem.ios[io];
        for page in 0..pages {
            let vma = mem.find_vma(mm, address + page);
            let index = vma.map(|vma| mem.vmas[vma.index()].pte_index(address + page));
            let now = index.map(|index| (oracle.expected(index), mem.ptes[index]));
            let now = now.map(|(expected, pte)| (expected, general(held(mem, pte))));
            let place = first + page;
            let own = 1 << 22 | place << 2;
            let holder = &mut mem.holders[place as usize];
            for sector in 0..SECTORS {
                let of_device = |more| Token::new(Token::DEVICE, own | more | sector as u32);
                if holder.token[sector] != Token::ZERO {
                    holder.token[sector] = of_device(0);
                }
                holder.start[sector] = match now {
                    Some((expected, general)) if expected[sector] == holder.start[sector] => {
                        general[sector]
                    }
                    _ => of_device(2),
                };
            }
        }
    }
}

/// A slot holds something of its own, unless a page in the swap cache may be dropped for it.
fn slots(mem: &mut Memory) {
    for area in 0..mem.areas.len() {
        for offset in 1..mem.areas[area].data.len() {
            let entry = SwpEntry::new(area as u8, offset as u32);
            let pfn = mem.areas[area].cache[offset];
            let clean = |pfn: Pfn| {
                let flags = mem.page(pfn).flags & (PG_UPTODATE | PG_DIRTY | PG_WRITEBACK);
                let is_dirty = |pte: &Pte| pte.pfn() == Some(pfn) && pte.dirty();
                flags == PG_UPTODATE && !mem.ptes.iter().any(is_dirty)
            };
            let linked =
                pfn.is_some() && clean(pfn) && mem.page(pfn).data == mem.areas[area].data[offset];
            let held = if linked { Held::Frame(pfn) } else { Held::Slot(entry) };
            mem.areas[area].data[offset] = general(held);
        }
    }
}
