//! What nothing can ever ask about is forgotten: contents of free frames and slots, what was
//! known of requests and processes that nothing mentions, and what nobody in a universe goes
//! by. This is not a reduction: the world's future is what it was.

use super::rank::{submissions, tells};
use super::{PARTS, Shared, World};
use crate::explore::symmetry::{forget_lru_order, forget_mmlist_order};
use crate::explore::universe::{Grain, Times, Universe};
use crate::machine::Machine;
use crate::mm::{
    AnonVmaId, Costs, EMPTY_PAGEVEC, Gup, Holder, Io, IoKind, IoState, Memory, Mm, MmId, PG_ACTIVE,
    PG_AGAIN, PG_ANON, PG_DIRTY, PG_FREE, PG_LOCKED, PG_PAGECACHE, PG_REFERENCED, PG_REPLACED,
    PG_RESERVED, PG_SWAPCACHE, PG_UPTODATE, PG_WRITEBACK, Page, SECTORS, Token, Vma,
};
use crate::oracle::Oracle;
use crate::policy::Policy;
use crate::scenario::MigrateOrder;
use cowpath_abi::SWAPOFF_BY_MM;

/// What nobody in a universe goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::explore) struct Unheeded {
    /// `PG_referenced`, `PG_active` and the order of the LRU: reclaim ignores references. Only
    /// between operations: within one, what was touched since `page_referenced` is saved.
    pub age: bool,
    /// With `age`, young bits of present ptes: migration does not go by them either.
    pub young: bool,
    /// Who is on the mmlist, beside those who have swap ptes, and their order, as long as
    /// no swapoff is at work: there is none, or it looks for one slot's ptes until it has
    /// them all, whoever comes first, asks no policy, and nobody is in its way between two
    /// operations (mm/swapfile.c:try_to_unuse, 2.6.11).
    pub mmlist: bool,
}

impl Unheeded {
    /// What nobody goes by in a universe, under a policy.
    pub fn of(universe: &Universe, policy: &Policy) -> Self {
        let age = universe.ignore_references && universe.grain == Grain::Operation;
        // Replace first: migration brings back what was young.
        let brings_back = universe.migrate != Times::NEVER;
        let young = age && !(brings_back && universe.order == MigrateOrder::ReplaceFirst);
        // One mm after the other, reading its slots: who is first decides for whom there
        // is memory.
        let by_mm = policy.has(SWAPOFF_BY_MM);
        let mmlist = !universe.swapoff || universe.grain == Grain::Operation && !by_mm;
        Self { age, young, mmlist }
    }

    fn in_pages(self, mem: &mut Memory) {
        if !self.age {
            return;
        }
        for page in mem.pages.iter_mut().filter(|page| page.flags & PG_FREE == 0) {
            page.flags &= !(PG_REFERENCED | PG_ACTIVE);
        }
        let Memory { lru_add, lru_add_active, pagevec_size, .. } = mem;
        let (there, added) = (usize::from(lru_add.nr), usize::from(lru_add_active.nr));
        if there + added < usize::from(*pagevec_size) {
            let added = &lru_add_active.pages[..added];
            lru_add.pages[there..there + added.len()].copy_from_slice(added);
            lru_add.nr += lru_add_active.nr;
            *lru_add_active = EMPTY_PAGEVEC;
        }
        forget_lru_order(mem);
    }

    fn in_spaces(self, mem: &mut Memory) {
        if self.young {
            for pte in mem.ptes.iter_mut().filter(|pte| pte.present()) {
                *pte = pte.mkyoung();
            }
        }
        if self.mmlist && !mem.areas.iter().any(|area| area.used && !area.writeok) {
            let Memory { mmlist, vmas, ptes, .. } = mem;
            mmlist.retain(|&mm| {
                let its = vmas.iter().filter(|vma| vma.len > 0 && vma.mm == mm);
                let mut ptes = its.flat_map(|vma| &ptes[vma.ptes as usize..][..vma.len as usize]);
                ptes.any(|pte| pte.entry().is_some())
            });
            forget_mmlist_order(mem);
        }
    }
}

/// Makes equal what has the same future.
pub(in crate::explore) fn forget(machine: &mut Machine, shared: &mut Shared, unheeded: Unheeded) {
    forget_since(machine, shared, unheeded, (None, [false; PARTS]));
}

/// The same for a world that a step has made of another one, of which `same` parts are left
/// as they were; those that still are when it is done.
pub(in crate::explore) fn forget_since(
    machine: &mut Machine,
    shared: &mut Shared,
    unheeded: Unheeded,
    (from, same): (Option<&World>, [bool; PARTS]),
) -> [bool; PARTS] {
    let (mem, oracle) = (&mut machine.mem, &mut machine.oracle);
    mem.costs = Costs::default();
    machine.stages = 0;
    // What was not changed is as it was left.
    if !same[0] {
        to_be_written(mem);
        unheeded.in_pages(mem);
    }
    if !same[1] {
        unheeded.in_spaces(mem);
    }
    let (in_pages, in_slots) = contents(mem);
    let pages = same[0] && !in_pages;
    let changed = [pages, same[1], same[2] && !in_slots] != [true; PARTS];
    let simple = mem.ios.is_empty() && oracle.is_plain();
    if changed && !simple {
        // What is nowhere cannot be seen; and who is there decides what is asked.
        oracle.forget_also(|token| in_memory(mem, token) || to_be_moved(mem, token));
        requests(mem, oracle);
    }
    let as_many_free = from.is_some_and(|from| from.mem.free.len == mem.free.len);
    let spaces_changed = !same[1] || !as_many_free;
    if spaces_changed {
        // Births and expectations belong to the rest.
        spaces(mem, oracle, shared);
    }
    if !simple {
        oracle.sort();
    }
    let address_spaces =
        same[1] && (!spaces_changed || from.is_some_and(|from| mem.same_spaces(&from.mem)));
    let is_rest =
        |from: &World| mem.same_rest(&from.mem) && *oracle == from.oracle && *shared == from.shared;
    let touched = in_slots || !simple && changed || spaces_changed;
    let rest = same[2] && (!touched || from.is_some_and(is_rest));
    [pages, address_spaces, rest]
}

/// An anonymous page outside the swap cache: `add_to_swap` makes it dirty and up to date,
/// and until then nobody asks.
fn to_be_written(mem: &mut Memory) {
    const ASKED: u32 =
        PG_SWAPCACHE | PG_LOCKED | PG_FREE | PG_PAGECACHE | PG_RESERVED | PG_REPLACED | PG_AGAIN;
    for page in &mut mem.pages {
        if page.flags & (ASKED | PG_ANON) == PG_ANON {
            page.flags |= PG_UPTODATE | PG_DIRTY;
        }
    }
}

/// Nobody can look at what free frames and slots hold, nor at pages of the swap cache and
/// slots that no pte and no task leads to; and the search for a slot may begin at the lowest
/// one that is free. Whether any of these held something, or it began elsewhere.
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
        slots |= mem.areas[area].raise_lowest_bit();
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
        let Io { kind, state, first, pages, sectors, .. } = mem.ios[io];
        let mut remembered = false;
        for place in first as usize..(first + pages) as usize {
            let mut holder = mem.holders[place];
            for sector in 0..SECTORS {
                let token = holder.token[sector];
                let over = state == IoState::Done
                    && !(kind == IoKind::DirectRead
                        && mentioned(mem, oracle, token)
                        && asked_about(mem, oracle, io, token));
                if sectors >> sector & 1 == 0 {
                    holder.start[sector] = Token::ZERO;
                }
                if sectors >> sector & 1 == 0 || over {
                    holder.token[sector] = Token::ZERO;
                }
            }
            if state == IoState::Done {
                let Holder { token, held, .. } = holder;
                holder = Holder { token, held, ..Holder::BLANK };
            }
            remembered |= holder.token != [Token::ZERO; SECTORS];
            mem.holders[place] = holder;
        }
        if state == IoState::Done {
            let Io { path, mm, completed, .. } = mem.ios[io];
            mem.ios[io] = match remembered {
                true => Io { kind, path, state, mm, pages, sectors, first, completed, ..Io::BLANK },
                false => Io::BLANK,
            };
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
    oracle.keep_tokens(
        |token| in_memory(mem, token) || in_requests(mem, token),
        |owner, since| tells(mem, owner, since),
    );
}

/// Whether it can still be asked whose direct read a token came from, or since when the
/// request, which is over, had had the page.
fn asked_about(mem: &Memory, oracle: &Oracle, io: usize, token: Token) -> bool {
    let Io { mm, first, pages, completed, .. } = mem.ios[io];
    let holders = first as usize..(first + pages) as usize;
    mem.holders[holders].iter().any(|holder| tells(mem, mm, holder.held))
        || oracle.raced(token)
        || submissions(mem).any(|submitted| submitted <= completed)
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
pub(in crate::explore) fn spaces(mem: &mut Memory, oracle: &mut Oracle, shared: &mut Shared) {
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
