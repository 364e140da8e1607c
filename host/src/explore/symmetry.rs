//! Chooses names: for machines that differ in names alone, the same ones, mostly.
//!
//! Whatever names are chosen, the machine stays the machine that it was, as long as nobody
//! goes by the order of the names; who may is said at [`Symmetric`]. So a bad choice costs
//! states and never hides one. Frames and slots are numbered in the order in which they
//! are met on a walk from the page tables; processes and requests by what can be seen of
//! them without names. It is made for machines of a few frames: loops are nested without
//! shame, and nothing is allocated but in rare states.

use crate::mm::{
    Holder, Io, IoId, List, Memory, MmId, PG_ACTIVE, PG_ANON, PG_FREE, PG_LRU, PG_OFFLINE, Pfn,
    Pte, SWAP_MAP_BAD, SwpEntry, TaskId, VmaId, Which, ZERO_PAGE,
};
use crate::oracle::Oracle;
use crate::rename::{Rename, Renaming};
use crate::task::Task;
use std::cmp::Ordering;

/// What may get other names. Vmas, anon_vmas and pte indexes always may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symmetric {
    /// Frames, within their memory section and zone. Not where a section goes offline, which
    /// takes frames in their order, or where a step names one.
    pub frames: bool,
    /// Swap slots, within their area. Not with swapoff, which takes them in their order, or
    /// readahead, which knows neighbours.
    pub slots: bool,
    /// Requests. Not where a step to come names one, unless the name follows.
    pub requests: bool,
    /// Processes that may change places, ascending. None: no process may.
    pub processes: Vec<MmId>,
    /// The tasks of each of them, in the same order; equally many each.
    pub tasks_of: Vec<Vec<TaskId>>,
}

/// What names are chosen by.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The memory.
    pub mem: &'a Memory,
    /// The reference memory.
    pub oracle: &'a Oracle,
    /// The tasks; empty: unknown.
    pub tasks: &'a [Task],
    /// What else tells the interchangeable processes apart, in their order; empty: nothing.
    pub ranks: &'a [u64],
}

/// Chooses names by the memory alone.
pub fn choose(mem: &Memory, oracle: &Oracle, what: &Symmetric, by: &mut Renaming) {
    choose_by(&Seen { mem, oracle, tasks: &[], ranks: &[] }, what, by);
}

/// Chooses names by all that is known.
///
/// Chosen again on the machine that got the names (its ranks having followed the
/// processes), everything keeps its name.
pub fn choose_by(seen: &Seen<'_>, what: &Symmetric, by: &mut Renaming) {
    let last = what.tasks_of.iter().flatten().map(|task| task.index() + 1).max();
    by.reset(seen.mem, seen.tasks.len().max(last.unwrap_or(0)));
    name_processes(seen, what, by);
    if what.requests {
        name_requests(seen.mem, by);
    }
    Names::new(seen, what, by).walk();
}

/// The free list, ascending. Sound where frames are interchangeable.
pub fn sort_free(mem: &mut Memory) {
    mem.free = List::EMPTY;
    relist(mem, Which::Free, |flags| flags & (PG_FREE | PG_OFFLINE) == PG_FREE);
}

/// The LRU lists and the pagevecs, ascending: for explorations in which nobody reads their
/// order.
pub fn forget_lru_order(mem: &mut Memory) {
    for pvec in [&mut mem.lru_add, &mut mem.lru_add_active] {
        pvec.pages[..usize::from(pvec.nr)].sort_unstable();
    }
    mem.active = List::EMPTY;
    mem.inactive = List::EMPTY;
    relist(mem, Which::Active, |flags| flags & (PG_LRU | PG_ACTIVE) == PG_LRU | PG_ACTIVE);
    relist(mem, Which::Inactive, |flags| flags & (PG_LRU | PG_ACTIVE) == PG_LRU);
}

fn relist(mem: &mut Memory, which: Which, is_on: impl Fn(u32) -> bool) {
    for pfn in (1..mem.pages.len()).rev() {
        if is_on(mem.pages[pfn].flags) {
            mem.list_add(which, Pfn(pfn as u32));
        }
    }
}

/// `init_mm.mmlist`, ascending: for explorations in which swapoff, who alone reads its order,
/// is not there, or comes to the same in any.
pub fn forget_mmlist_order(mem: &mut Memory) {
    mem.mmlist.sort_unstable();
}

/// Makes equal what nobody looks at: what a free frame or slot held, vmas and page tables
/// that are gone. Best after the renaming, which puts those last.
pub fn forget_unused(mem: &mut Memory, oracle: &mut Oracle) {
    mem.forget_unused();
    let used = mem.vmas.iter().filter(|vma| vma.len > 0);
    let end = used.map(|vma| vma.ptes + vma.len).max().unwrap_or(0);
    mem.forget_ptes(end);
    oracle.forget_ptes(end);
}

/// Interchangeable processes in the order of what can be seen of them.
fn name_processes(seen: &Seen<'_>, what: &Symmetric, by: &mut Renaming) {
    debug_assert!(what.processes.is_sorted(), "interchangeable processes, ascending");
    let there = what.processes.iter().take_while(|mm| mm.index() < seen.mem.mms.len()).count();
    if there < 2 {
        return;
    }
    for place in 0..there {
        let before = |&other: &usize| {
            let order = compare(seen, what, other, place);
            order.then(other.cmp(&place)) == Ordering::Less
        };
        let new = (0..there).filter(before).count();
        by.mms[what.processes[place].index()] = what.processes[new];
        let Some(tasks) = what.tasks_of.get(place) else { continue };
        for (task, &name) in tasks.iter().zip(&what.tasks_of[new]) {
            by.tasks[task.index()] = name;
        }
    }
}

/// Two interchangeable processes, by their places: by nothing that is a name.
fn compare(seen: &Seen<'_>, what: &Symmetric, one: usize, other: usize) -> Ordering {
    if one == other {
        return Ordering::Equal;
    }
    let mem = seen.mem;
    let (a, b) = (what.processes[one], what.processes[other]);
    let rank = |place: usize| seen.ranks.get(place).copied();
    rank(one)
        .cmp(&rank(other))
        .then_with(|| of_mm(mem, a).cmp(&of_mm(mem, b)))
        .then_with(|| tasks(seen, what, one).cmp(tasks(seen, what, other)))
        .then_with(|| compare_vmas(seen, mem.mms[a.index()].mmap, mem.mms[b.index()].mmap))
        .then_with(|| requests(mem, a).cmp(&requests(mem, b)))
        .then_with(|| {
            let vmas = |mm: MmId| vmas(mem, mm).map(|vma| behind(mem, vma));
            vmas(a).cmp(vmas(b))
        })
        .then_with(|| {
            let place = |mm: MmId| mem.mmlist.iter().position(|&listed| listed == mm);
            place(a).cmp(&place(b))
        })
}

/// What a mm is beside its vmas.
fn of_mm(mem: &Memory, mm: MmId) -> impl Ord + use<> {
    let mm = &mem.mms[mm.index()];
    (
        (mm.alive, mm.exiting, mm.has_pinned, mm.born),
        (mm.users, mm.readers, mm.writer.is_some(), mm.ptl.is_some()),
        (mm.rss, mm.anon_rss),
    )
}

/// Where the tasks of a process are.
fn tasks<'a>(
    seen: &Seen<'a>,
    what: &'a Symmetric,
    place: usize,
) -> impl Iterator<Item = impl Ord + use<>> + use<'a> {
    let tasks = seen.tasks;
    let of = what.tasks_of.get(place).into_iter().flatten();
    of.filter_map(|task| tasks.get(task.index())).map(|task| {
        let held = (task.pages().len(), task.entries().len(), task.locks().len());
        (task.stack().len(), task.stack().last().map(|top| top.stage()), held)
    })
}

/// The address spaces that begin with these vmas.
fn compare_vmas(seen: &Seen<'_>, mut a: VmaId, mut b: VmaId) -> Ordering {
    let mem = seen.mem;
    let mut order = Ordering::Equal;
    while a.is_some() && b.is_some() && order == Ordering::Equal {
        let (one, other) = (&mem.vmas[a.index()], &mem.vmas[b.index()]);
        let key = |vma: &crate::mm::Vma| {
            (vma.start, vma.len, vma.flags, vma.pgoff, vma.file, vma.anon_vma.is_some())
        };
        order = key(one).cmp(&key(other));
        for page in 0..one.len {
            if order != Ordering::Equal {
                return order;
            }
            let at = [one.ptes + page, other.ptes + page].map(|index| index as usize);
            let [this, that] = at.map(|index| of_pte(mem, mem.ptes[index]));
            let [expected, other] = at.map(|index| seen.oracle.expected(index).map(|t| t.seq()));
            order = this.cmp(&that).then(expected.cmp(&other));
        }
        (a, b) = (one.next, other.next);
    }
    order.then(a.is_some().cmp(&b.is_some()))
}

/// The vmas of a mm, by address.
fn vmas(mem: &Memory, mm: MmId) -> impl Iterator<Item = VmaId> + use<'_> {
    let some = |vma: VmaId| Some(vma).filter(|vma| vma.is_some());
    std::iter::successors(some(mem.mms[mm.index()].mmap), move |vma| {
        some(mem.vmas[vma.index()].next)
    })
}

/// How many vmas come behind this one on the anon_vma's list.
fn behind(mem: &Memory, mut vma: VmaId) -> usize {
    let mut number = 0;
    while mem.vmas[vma.index()].anon_next.is_some() {
        vma = mem.vmas[vma.index()].anon_next;
        number += 1;
    }
    number
}

/// A pte and what is behind it.
fn of_pte(mem: &Memory, pte: Pte) -> impl Ord + use<> {
    let bits = (pte.present(), pte.write(), pte.dirty(), pte.young());
    let swap = pte.entry().map(|entry| {
        let disk = mem.areas[usize::from(entry.area())].data[entry.offset()].map(|t| t.seq());
        (entry.area(), mem.swap_map(entry), disk, pte.marked_exclusive())
    });
    let page = pte.pfn().or_else(|| pte.migrating());
    let page = page.or_else(|| mem.swap_cache(pte.entry()?));
    (bits, pte.migrating().map(|_| pte.migrating_young()), swap, page.map(|pfn| of_page(mem, pfn)))
}

/// A page without names.
fn of_page(mem: &Memory, pfn: Pfn) -> impl Ord + use<> {
    let page = mem.page(pfn);
    let data = page.data.map(|token| token.seq());
    (
        (pfn == ZERO_PAGE, page.flags, page.counts, page.index, data),
        (page.gup, page.tasks, page.pagevec),
    )
}

/// The requests of a mm, in any order. No numbers of events, of which only the order counts.
fn requests(mem: &Memory, mm: MmId) -> u64 {
    let ios = mem.ios.iter().filter(|io| io.mm == mm);
    let mix =
        |sum: u64, part: u64| (sum ^ part).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
    let one = |io: &Io| {
        let words = [io.kind as u64, io.path as u64, io.state as u64, io.forked.into()];
        let more = [io.address.into(), io.pages.into(), io.sectors.into()];
        words.into_iter().chain(more).fold(1, mix)
    };
    ios.fold(0, |sum, io| sum.wrapping_add(one(io)))
}

/// Requests in the order of what can be seen of them.
fn name_requests(mem: &Memory, by: &mut Renaming) {
    if mem.ios.len() < 2 {
        return;
    }
    for io in 0..mem.ios.len() {
        let before = |&other: &usize| {
            let order = of_request(mem, by, other).cmp(&of_request(mem, by, io));
            order.then(other.cmp(&io)) == Ordering::Less
        };
        let new = (0..mem.ios.len()).filter(before).count();
        by.ios[io] = new as IoId;
    }
}

/// A request without its name, and with the new one of its mm.
fn of_request<'a>(mem: &'a Memory, by: &Renaming, io: usize) -> impl Ord + use<'a> {
    let Io { mut mm, kind, path, state, address, pages, sectors, .. } = mem.ios[io];
    let Io { pinned, first, forked, submitted, completed, .. } = mem.ios[io];
    mm.rename(by);
    let holders = &mem.holders[first as usize..(first + pages) as usize];
    let key = |h: &Holder| (h.pfn.is_some(), h.held, h.token.map(|token| token.seq()));
    let (first, last) = (holders.first().map(key), holders.last().map(key));
    let place = (mm, address, pages, sectors);
    ((state, kind, path, pinned, forked), place, (submitted, completed), first, last)
}

/// Names that are given out on a walk, in the order in which things are met.
struct Names<'a> {
    seen: &'a Seen<'a>,
    what: &'a Symmetric,
    by: &'a mut Renaming,
    vmas: u16,
    anon_vmas: u16,
    ptes: u32,
}

/// Not yet met.
const UNMET: u32 = u32::MAX;

impl<'a> Names<'a> {
    fn new(seen: &'a Seen<'a>, what: &'a Symmetric, by: &'a mut Renaming) -> Self {
        by.frames[1..].fill(Pfn::NONE);
        for (slots, area) in by.slots.iter_mut().zip(&seen.mem.areas) {
            for (slot, &count) in slots.iter_mut().zip(&area.swap_map) {
                // The header and bad slots keep their names.
                if count != SWAP_MAP_BAD {
                    *slot = UNMET;
                }
            }
        }
        by.anon_vmas.fill(crate::mm::AnonVmaId::NONE);
        by.ptes.fill(UNMET);
        // Who walks through the mappings of a file goes by the order of vmas.
        if seen.mem.files.is_empty() {
            by.vmas.fill(VmaId::NONE);
        }
        Self { seen, what, by, vmas: 0, anon_vmas: 0, ptes: 0 }
    }

    fn walk(mut self) {
        let mem = self.seen.mem;
        self.page_tables(Self::vma, |names, pte| {
            if let Some(pfn) = pte.pfn().or_else(|| pte.migrating()) {
                names.frame(pfn);
            } else if let Some(entry) = pte.entry() {
                names.slot(entry);
            }
        });
        self.page_tables(
            |_, _| {},
            |names, pte| {
                if let Some(pfn) = pte.entry().and_then(|entry| mem.swap_cache(entry)) {
                    names.frame(pfn);
                }
            },
        );
        for &pfn in mem.files.iter().flat_map(|file| &file.pages) {
            self.frame(pfn);
        }
        for io in &mem.swap_io {
            self.frame(io.pfn);
            self.slot(io.entry);
        }
        self.requests();
        self.tasks();
        for pvec in [&mem.lru_add, &mem.lru_add_active] {
            pvec.pages[..usize::from(pvec.nr)].iter().for_each(|&pfn| self.frame(pfn));
        }
        self.others();
        self.rest();
    }

    /// Every vma and pte, in the order of mm, vma, address.
    fn page_tables(
        &mut self,
        each_vma: impl Fn(&mut Self, VmaId),
        each_pte: impl Fn(&mut Self, Pte),
    ) {
        let mem = self.seen.mem;
        for mm in 0..mem.mms.len() {
            let mut id = mem.mms[mm_called(&self.by.mms, mm)].mmap;
            while id.is_some() {
                let vma = &mem.vmas[id.index()];
                each_vma(self, id);
                for &pte in &mem.ptes[vma.ptes as usize..(vma.ptes + vma.len) as usize] {
                    if !pte.none() {
                        each_pte(self, pte);
                    }
                }
                id = vma.next;
            }
        }
    }

    fn vma(&mut self, id: VmaId) {
        let vma = &self.seen.mem.vmas[id.index()];
        let name = &mut self.by.vmas[id.index()];
        if !name.is_some() {
            *name = VmaId(self.vmas);
            self.vmas += 1;
        }
        for index in &mut self.by.ptes[vma.ptes as usize..(vma.ptes + vma.len) as usize] {
            *index = self.ptes;
            self.ptes += 1;
        }
        if vma.anon_vma.is_some() {
            self.anon_vma(vma.anon_vma.index());
        }
    }

    fn anon_vma(&mut self, id: usize) {
        let Some(name) = self.by.anon_vmas.get_mut(id).filter(|name| !name.is_some()) else {
            return;
        };
        name.0 = self.anon_vmas;
        self.anon_vmas += 1;
    }

    fn frame(&mut self, pfn: Pfn) {
        if !pfn.is_some() || self.by.frames[pfn.index()].is_some() {
            return;
        }
        let mut name = pfn;
        if self.what.frames {
            let (first, end) = alike(self.seen.mem, pfn);
            let names = &self.by.frames[first as usize..end as usize];
            name.0 = first + names.iter().filter(|name| name.is_some()).count() as u32;
        }
        self.by.frames[pfn.index()] = name;
        let page = self.seen.mem.page(pfn);
        if page.has(PG_ANON) {
            self.anon_vma(page.mapping as usize);
        }
        self.slot(page.private);
    }

    fn slot(&mut self, entry: SwpEntry) {
        if entry == SwpEntry::NONE {
            return;
        }
        let (area, offset) = (usize::from(entry.area()), entry.offset());
        let slots = &mut self.by.slots[area];
        if slots[offset] != UNMET {
            return;
        }
        if !self.what.slots {
            slots[offset] = offset as u32;
            return;
        }
        // The first name that nobody has; those of bad slots are their own.
        let swap_map = &self.seen.mem.areas[area].swap_map;
        let good = |offset: &usize| swap_map[*offset] != SWAP_MAP_BAD;
        let given = (0..slots.len()).filter(good).filter(|&slot| slots[slot] != UNMET).count();
        let name = (0..slots.len()).filter(good).nth(given);
        slots[offset] = name.expect("as many names as slots") as u32;
    }

    /// What requests hold, in the order of their new names.
    fn requests(&mut self) {
        let mem = self.seen.mem;
        for new in 0..mem.ios.len() {
            let called = |name: &IoId| usize::from(*name) == new;
            let io = self.by.ios.iter().position(called).expect("a permutation");
            let Io { first, pages, .. } = mem.ios[io];
            for holder in &mem.holders[first as usize..(first + pages) as usize] {
                self.frame(holder.pfn);
            }
        }
    }

    /// What tasks hold, in the order of their new names.
    fn tasks(&mut self) {
        let tasks = self.seen.tasks;
        for new in 0..tasks.len() {
            let called = |name: &TaskId| name.index() == new;
            let Some(task) = self.by.tasks.iter().position(called).and_then(|i| tasks.get(i))
            else {
                continue;
            };
            task.pages().iter().for_each(|&pfn| self.frame(pfn));
            task.entries().iter().for_each(|&entry| self.slot(entry));
        }
    }

    /// Frames and slots in use that were not met yet: by what can be seen of them, then in
    /// the order of the LRU lists.
    fn others(&mut self) {
        let mem = self.seen.mem;
        let unmet = |names: &Self, pfn: Pfn| !names.by.frames[pfn.index()].is_some();
        let in_use = (1..mem.pages.len()).filter(|&pfn| !mem.pages[pfn].has(PG_FREE));
        let in_use = in_use.map(|pfn| Pfn(pfn as u32));
        let mut frames: Vec<Pfn> = Vec::new();
        if in_use.clone().any(|pfn| unmet(self, pfn)) {
            let lists = [mem.active, mem.inactive].into_iter();
            let listed = lists.flat_map(|list| on_list(mem, list));
            frames.extend(listed.filter(|&pfn| unmet(self, pfn)));
            frames.extend(in_use.filter(|&pfn| !mem.page(pfn).has(PG_LRU) && unmet(self, pfn)));
        }
        frames.sort_by_cached_key(|&pfn| {
            let mut locker = mem.page(pfn).locker;
            locker.rename(self.by);
            (of_page(mem, pfn), locker)
        });
        frames.into_iter().for_each(|pfn| self.frame(pfn));
        for (number, area) in mem.areas.iter().enumerate() {
            let unmet = |&offset: &usize| {
                area.swap_map[offset] != 0 && self.by.slots[number][offset] == UNMET
            };
            let mut slots: Vec<_> = (0..area.swap_map.len()).filter(unmet).collect();
            slots.sort_by_key(|&offset| {
                let disk = area.data[offset].map(|token| token.seq());
                (area.swap_map[offset], area.refs[offset], disk, offset)
            });
            slots.into_iter().for_each(|slot| self.slot(SwpEntry::new(number as u8, slot as u32)));
        }
    }

    /// All that is free or gone: frames in the order in which they will be used.
    fn rest(&mut self) {
        let mem = self.seen.mem;
        on_list(mem, mem.free).for_each(|pfn| self.frame(pfn));
        (1..mem.pages.len()).for_each(|pfn| self.frame(Pfn(pfn as u32)));
        for (number, area) in mem.areas.iter().enumerate() {
            for offset in 1..area.swap_map.len() {
                self.slot(SwpEntry::new(number as u8, offset as u32));
            }
        }
        for name in self.by.vmas.iter_mut().filter(|name| !name.is_some()) {
            *name = VmaId(self.vmas);
            self.vmas += 1;
        }
        (0..mem.anon_vmas.len()).for_each(|id| self.anon_vma(id));
        for index in self.by.ptes.iter_mut().filter(|index| **index == UNMET) {
            *index = self.ptes;
            self.ptes += 1;
        }
    }
}

/// The old id of the mm that is called this from now on.
fn mm_called(names: &[MmId], new: usize) -> usize {
    if names[new].index() == new {
        return new;
    }
    names.iter().position(|name| name.index() == new).expect("a permutation")
}

/// Frames that are like this one, `first..end`: of its section and zone.
fn alike(mem: &Memory, pfn: Pfn) -> (u32, u32) {
    let (first, end) = mem.section_frames((pfn.0 - 1) / mem.section);
    if mem.movable(pfn) {
        (first, end.min(mem.movable + 1))
    } else {
        (first.max(mem.movable + 1), end)
    }
}

/// The frames of a list, from its head.
fn on_list(mem: &Memory, list: List) -> impl Iterator<Item = Pfn> + use<'_> {
    let next = |pfn: &Pfn| Some(Pfn(mem.page(*pfn).next)).filter(|next| next.is_some());
    std::iter::successors(Some(list.head).filter(|head| head.is_some()), next)
}
