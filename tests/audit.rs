//! Every assertion of the audit, broken on purpose.
//!
//! Each test builds a sound state, breaks one thing, and names the violation that
//! must be found; a sound state must pass. A violation nobody can provoke would be
//! an assertion that asserts nothing.

use cowpath::machine::Machine;
use cowpath::mm::audit::Violation;
use cowpath::mm::{
    AnonVmaId, Counters, FileId, IoKind, LOCKED_BY_IO, Layout, Memory, MmId, PG_ACTIVE, PG_ANON,
    PG_ANON_EXCLUSIVE, PG_ISOLATED, PG_LOCKED, PG_LRU, PG_PAGECACHE, PG_PRIVATE, PG_RECLAIM,
    PG_RESERVED, PG_SWAPCACHE, PG_WRITEBACK, Path, Pfn, Pte, SwapIo, SwpEntry, TaskId, VM_MAYWRITE,
    VM_READ, VM_WRITE, Vma, VmaId, ZERO_PAGE,
};
use cowpath::policy::{Policy, resolve};
use cowpath::routines::{
    Access, AddToSwap, CanShare, Cx, HoldPages, RemoveExclusive, Routine, ShrinkList, TryToUnmap,
    Zap,
};

const ADDRESS: u32 = 0x400;

struct World {
    machine: Machine,
    policy: Policy,
    task: TaskId,
    vma: VmaId,
}

/// A process with one page stored to (page 1), drained to the LRU.
fn world() -> World {
    world_with(Counters::Two)
}

fn world_with(counters: Counters) -> World {
    let layout = Layout { pages: 8, section: 0, movable: 0, page_cluster: 0, counters };
    let mut mem = Memory::new(layout);
    mem.swapon(8, -1, &[]);
    let mut machine = Machine::new(mem);
    let mm = machine.mem.add_mm();
    let vma = machine.mem.add_vma(Vma {
        mm,
        next: VmaId::NONE,
        anon_vma: AnonVmaId::NONE,
        anon_next: VmaId::NONE,
        start: ADDRESS,
        len: 4,
        pgoff: ADDRESS,
        flags: VM_READ | VM_WRITE | VM_MAYWRITE,
        file: FileId::NONE,
        ptes: 0,
    });
    let task = machine.add_task(mm);
    let policy = resolve("vanilla").expect("a bundled policy");
    let mut world = World { machine, policy, task, vma };
    world.run(Access::store(ADDRESS, 3));
    world.machine.mem.lru_add_drain();
    world.machine.mem.audit_touched();
    assert_eq!(world.found(), None, "the world is sound");
    world
}

impl World {
    /// Runs a routine to its end or to the first violation.
    fn run(&mut self, routine: impl Into<Routine>) {
        self.machine.start(self.task, routine);
        while !self.machine.tasks[self.task.index()].idle() && !self.machine.halted() {
            assert!(self.machine.try_step(self.task, &self.policy, None), "nothing to wait for");
        }
    }

    /// The page of the world, in the swap cache.
    fn add_to_swap(&mut self) -> (Pfn, SwpEntry) {
        let page = self.page();
        self.lock(page);
        self.run(AddToSwap::new(page));
        self.unlock(page);
        let entry = self.machine.mem.page(page).private;
        assert_eq!(self.found(), None);
        (page, entry)
    }

    fn page(&self) -> Pfn {
        self.machine.mem.pte(self.vma, ADDRESS).pfn().expect("present")
    }

    fn lock(&mut self, page: Pfn) {
        let page = self.machine.mem.page_mut(page);
        page.flags |= PG_LOCKED;
        page.locker = LOCKED_BY_IO;
    }

    fn unlock(&mut self, page: Pfn) {
        let page = self.machine.mem.page_mut(page);
        page.flags &= !PG_LOCKED;
        page.locker = TaskId::NONE;
    }

    fn set(&mut self, page: Pfn, flag: u32) {
        self.machine.mem.page_mut(page).flags |= flag;
    }

    /// What a recount of everything finds, or the last stages found.
    fn found(&mut self) -> Option<Violation> {
        self.machine.mem.audit_touched();
        self.machine.mem.violation.or_else(|| self.machine.audit(&self.policy))
    }

    fn bug(&mut self) -> (&'static str, &'static str) {
        match self.found() {
            Some(Violation::Bug { function, what, .. }) => (function, what),
            other => panic!("expected a BUG_ON, found {other:?}"),
        }
    }
}

#[test]
fn a_sound_world_passes_in_both_representations() {
    for counters in [Counters::Two, Counters::Packed] {
        let mut world = world_with(counters);
        world.add_to_swap();
        assert_eq!(world.found(), None);
    }
}

#[test]
fn a_reference_that_nobody_holds_is_found() {
    let mut w = world();
    let page = w.page();
    w.machine.mem.page_mut(page).gup.got += 1;
    assert_eq!(w.found(), Some(Violation::Count { pfn: page, count: 1, holders: 2 }));
}

#[test]
fn a_pte_without_a_mapcount_is_found() {
    let mut w = world();
    let page = w.page();
    w.machine.mem.set_pte(w.vma, ADDRESS + 1, Pte::mk(page));
    assert_eq!(w.found(), Some(Violation::Mapcount { pfn: page, mapcount: 1, ptes: 2 }));
}

#[test]
fn each_ledger_is_recounted() {
    let mut w = world();
    let page = w.page();
    w.machine.mem.get_page(page);
    let found = w.found();
    assert_eq!(found, Some(Violation::Ledger { pfn: page, ledger: "tasks", says: 1, is: 0 }));

    let mut w = world();
    w.machine.mem.get_page(page);
    w.machine.mem.task_ref_to_gup(page, false);
    let found = w.found();
    assert_eq!(found, Some(Violation::Ledger { pfn: page, ledger: "gup", says: 1, is: 0 }));

    let mut w = world();
    w.machine.mem.get_page(page);
    let p = w.machine.mem.page_mut(page);
    p.tasks -= 1;
    p.pagevec += 1;
    let found = w.found();
    assert_eq!(found, Some(Violation::Ledger { pfn: page, ledger: "pagevec", says: 1, is: 0 }));
}

#[test]
fn a_holder_of_a_request_without_its_reference_is_found() {
    let mut w = world();
    let page = w.page();
    let io = w.machine.mem.add_io(IoKind::DirectRead, Path::Block, MmId(0), ADDRESS, 1, 1);
    let holder = w.machine.mem.holders_of(io).next().expect("one page");
    w.machine.mem.holders[holder.index()].pfn = page;
    let found = w.found();
    assert_eq!(found, Some(Violation::Ledger { pfn: page, ledger: "gup", says: 0, is: 1 }));
}

#[test]
fn swap_map_is_held_against_ptes_and_cache() {
    let mut w = world();
    let (_, entry) = w.add_to_swap();
    w.machine.mem.areas[0].swap_map[entry.offset()] = 2;
    assert_eq!(w.found(), Some(Violation::SwapMap { entry, swap_map: 2, references: 1 }));

    // A swap pte whose reference nobody took.
    let mut w = world();
    let (_, entry) = w.add_to_swap();
    w.machine.mem.set_pte(w.vma, ADDRESS + 1, Pte::swap(entry));
    assert_eq!(w.found(), Some(Violation::SwapMap { entry, swap_map: 1, references: 2 }));

    // The same, found by the stage's own audit through the ledger.
    let mut w = world();
    let (_, entry) = w.add_to_swap();
    w.machine.mem.swap_duplicate(entry);
    w.machine.mem.areas[0].refs[entry.offset()] = 0;
    w.machine.mem.audit_touched();
    let found = w.machine.mem.violation;
    assert_eq!(found, Some(Violation::SwapMap { entry, swap_map: 2, references: 1 }));
}

#[test]
fn page_swap_cache_and_radix_tree_must_agree() {
    let mut w = world();
    let (page, entry) = w.add_to_swap();
    w.machine.mem.areas[0].cache[entry.offset()] = Pfn(2);
    w.machine.mem.page_mut(page);
    assert_eq!(w.found(), Some(Violation::SwapCache { pfn: page, entry }));

    let mut w = world();
    let (page, entry) = w.add_to_swap();
    w.machine.mem.page_mut(page).private = SwpEntry::new(0, 3);
    w.machine.mem.swap_duplicate(entry);
    w.machine.mem.audit_touched();
    let found = w.machine.mem.violation;
    assert_eq!(found, Some(Violation::SwapCache { pfn: page, entry: SwpEntry::new(0, 3) }));
}

#[test]
fn the_page_lock_has_one_holder() {
    let mut w = world();
    let page = w.page();
    w.set(page, PG_LOCKED);
    assert_eq!(w.found(), Some(Violation::PageLock { pfn: page }));
}

#[test]
fn zero_page_is_never_counted() {
    let mut w = world();
    let counters = w.machine.mem.counters;
    counters.get(&mut w.machine.mem.page_mut(ZERO_PAGE).counts).expect("room");
    let what = "ZERO_PAGE is counted";
    assert_eq!(w.found(), Some(Violation::FreeInUse { pfn: ZERO_PAGE, what }));
}

#[test]
fn a_frame_is_free_exactly_if_nobody_holds_it() {
    let mut w = world();
    let page = w.page();
    w.set(page, cowpath::mm::PG_FREE);
    let what = "its count says otherwise";
    assert_eq!(w.found(), Some(Violation::FreeInUse { pfn: page, what }));
}

#[test]
fn a_free_frame_is_not_taken_hold_of_or_mapped() {
    let mut w = world();
    w.machine.mem.get_page(Pfn(5));
    assert_eq!(w.found(), Some(Violation::UseAfterFree { pfn: Pfn(5) }));

    let mut w = world();
    w.machine.mem.page_dup_rmap(Pfn(5));
    assert_eq!(w.found(), Some(Violation::UseAfterFree { pfn: Pfn(5) }));
}

#[test]
fn a_count_without_room_is_found_and_24_bits_have_less() {
    let mut w = world_with(Counters::Packed);
    let page = w.page();
    let counters = Counters::Packed;
    while counters.get(&mut w.machine.mem.pages[page.index()].counts).is_ok() {}
    w.machine.mem.get_page(page);
    assert_eq!(w.found(), Some(Violation::CounterOverflow { pfn: page }));
    assert_eq!(w.machine.mem.page_count(page), (1 << 24) - 1 + 1, "24 bits and one mapping");
}

#[test]
fn frames_and_slots_left_over_are_found() {
    let w = world();
    let found = w.machine.mem.audit_end();
    assert_eq!(found, Some(Violation::Leaked { what: "page frames", number: 1 }));

    let mut mem = Memory::new(Layout {
        pages: 2,
        section: 0,
        movable: 0,
        page_cluster: 0,
        counters: Counters::Two,
    });
    mem.swapon(2, 0, &[2]);
    assert_eq!(mem.audit_end(), None, "a bad slot is not in use");
    mem.get_swap_page().expect("a slot");
    let found = mem.audit_end();
    assert_eq!(found, Some(Violation::Leaked { what: "swap slots", number: 1 }));
}

#[test]
fn bug_ons_of_the_swap_cache() {
    let mut w = world();
    let page = w.page();
    w.run(AddToSwap::new(page));
    assert_eq!(w.bug(), ("add_to_swap", "!PageLocked"));

    let mut w = world();
    w.run(CanShare::new(page));
    assert_eq!(w.bug(), ("can_share_swap_page", "!PageLocked"));

    let mut w = world();
    w.run(RemoveExclusive::new(page));
    assert_eq!(w.bug(), ("remove_exclusive_swap_page", "!PageLocked"));

    let mut w = world();
    w.lock(page);
    w.set(page, PG_PRIVATE);
    w.run(RemoveExclusive::new(page));
    assert_eq!(w.bug(), ("remove_exclusive_swap_page", "PagePrivate"));
}

#[test]
fn bug_on_freeing_swap_of_a_page_with_buffers() {
    let mut w = world();
    let (page, entry) = w.add_to_swap();
    w.machine.mem.swap_duplicate(entry);
    w.machine.mem.set_pte(w.vma, ADDRESS + 1, Pte::swap(entry));
    w.set(page, PG_PRIVATE);
    w.machine.mem.get_page(page);
    w.machine.mem.page_mut(page).tasks -= 1;
    w.run(Zap::new(w.vma, ADDRESS + 1, ADDRESS + 2));
    assert_eq!(w.bug(), ("free_swap_and_cache", "PagePrivate"));
}

/// Deletes a page from the swap cache under the given flags, as no routine would.
fn delete_with(flags: u32, spoil: impl Fn(&mut World, Pfn)) -> (&'static str, &'static str) {
    let mut w = world();
    let (page, _) = w.add_to_swap();
    w.set(page, flags);
    spoil(&mut w, page);
    let World { machine, policy, task, .. } = &mut w;
    let mut cx = Cx {
        mem: &mut machine.mem,
        task: &mut machine.tasks[task.index()],
        id: *task,
        policy,
        oracle: &mut machine.oracle,
        asked: None,
        fault: &mut machine.fault,
    };
    cx.delete_from_swap_cache(page);
    w.bug()
}

#[test]
fn bug_ons_of_deleting_from_the_swap_cache() {
    let function = "__delete_from_swap_cache";
    assert_eq!(delete_with(0, |_, _| ()), (function, "!PageLocked"));
    let writeback = delete_with(PG_LOCKED | PG_WRITEBACK, |_, _| ());
    assert_eq!(writeback, (function, "PageWriteback"));
    let not_cached = delete_with(PG_LOCKED, |w, page| {
        w.machine.mem.page_mut(page).flags &= !PG_SWAPCACHE;
    });
    assert_eq!(not_cached, (function, "!PageSwapCache"));
    let elsewhere = delete_with(PG_LOCKED, |w, page| {
        let entry = w.machine.mem.page(page).private;
        w.machine.mem.areas[0].cache[entry.offset()] = Pfn(3);
    });
    assert_eq!(elsewhere, (function, "not the page of its entry"));
}

#[test]
fn bug_ons_of_adding_to_the_swap_cache() {
    let mut w = world();
    let (page, _) = w.add_to_swap();
    let entry = w.machine.mem.get_swap_page().expect("a slot");
    w.machine.mem.add_to_swap_cache(page, entry);
    assert_eq!(w.bug(), ("__add_to_swap_cache", "PageSwapCache"));

    let mut w = world();
    let page = w.page();
    w.set(page, PG_PRIVATE);
    let entry = w.machine.mem.get_swap_page().expect("a slot");
    w.machine.mem.add_to_swap_cache(page, entry);
    assert_eq!(w.bug(), ("__add_to_swap_cache", "PagePrivate"));
}

#[test]
fn bug_ons_of_the_pagevecs() {
    let mut w = world();
    let page = w.page();
    w.machine.mem.lru_cache_add(page);
    w.machine.mem.lru_add_drain();
    assert_eq!(w.bug(), ("__pagevec_lru_add", "PageLRU"));

    let mut w = world();
    w.machine.mem.lru_cache_add_active(page);
    w.machine.mem.lru_add_drain();
    assert_eq!(w.bug(), ("__pagevec_lru_add_active", "PageLRU"));

    let mut w = world();
    w.machine.mem.del_page_from_lru(page);
    w.machine.mem.lru_cache_add_active(page);
    w.machine.mem.lru_add_drain();
    assert_eq!(w.bug(), ("__pagevec_lru_add_active", "PageActive"));
}

#[test]
fn rss_is_the_number_of_present_ptes() {
    let mut w = world();
    w.machine.mem.mms[0].rss += 1;
    let (rss, ptes) = ((2, 1), (1, 1));
    assert_eq!(w.found(), Some(Violation::Rss { mm: MmId(0), rss, ptes }));
}

#[test]
fn whoever_has_swap_ptes_is_on_the_mmlist() {
    let mut w = world();
    let (_, entry) = w.add_to_swap();
    w.machine.mem.swap_duplicate(entry);
    w.machine.mem.set_pte(w.vma, ADDRESS + 1, Pte::swap(entry));
    assert_eq!(w.found(), Some(Violation::NotOnMmlist { mm: MmId(0) }));
}

#[test]
fn the_lru_holds_the_pages_that_say_so() {
    let mut w = world();
    let page = w.page();
    w.machine.mem.page_mut(page).flags &= !PG_LRU;
    assert_eq!(w.found(), Some(Violation::Lru { pfn: page }));

    let mut w = world();
    w.machine.mem.page_mut(page).flags &= !PG_ACTIVE;
    assert_eq!(w.found(), Some(Violation::Lru { pfn: page }));

    let mut w = world();
    w.machine.mem.active = cowpath::mm::List::EMPTY;
    assert_eq!(w.found(), Some(Violation::Lru { pfn: page }));
}

#[test]
fn nobody_waits_for_io_that_nobody_does() {
    let mut w = world();
    let (page, _) = w.add_to_swap();
    w.set(page, PG_WRITEBACK);
    assert_eq!(w.found(), Some(Violation::NoIo { pfn: page }));

    let mut w = world();
    w.lock(page);
    assert_eq!(w.found(), Some(Violation::NoIo { pfn: page }));
}

#[test]
fn a_page_that_migration_keeps_aside_has_a_locked_stand_in() {
    let mut w = world();
    let (page, entry) = w.add_to_swap();
    w.set(page, cowpath::mm::PG_REPLACED);
    assert_eq!(w.found(), Some(Violation::SwapCache { pfn: page, entry }));
}

#[test]
fn bug_on_ending_a_writeback_that_is_not() {
    let mut w = world();
    let (page, entry) = w.add_to_swap();
    w.machine.mem.swap_io.push(SwapIo { pfn: page, entry, write: true });
    w.machine.complete_swap_io(0, true);
    assert_eq!(w.bug(), ("end_page_writeback", "!PageWriteback"));
}

#[test]
fn bug_ons_of_rmap() {
    let mut w = world();
    let page = w.page();
    w.machine.mem.get_page(page);
    w.set(page, PG_RESERVED);
    w.machine.mem.page_add_anon_rmap(page, w.vma, ADDRESS + 1);
    assert_eq!(w.bug(), ("page_add_anon_rmap", "PageReserved"));

    let mut w = world();
    w.machine.mem.get_page(page);
    w.machine.mem.anon_vma_unlink(w.vma);
    w.machine.mem.page_add_anon_rmap(page, w.vma, ADDRESS + 1);
    assert_eq!(w.bug(), ("page_add_anon_rmap", "no anon_vma"));

    let mut w = world();
    w.machine.mem.get_page(page);
    w.machine.mem.page_add_file_rmap(page);
    assert_eq!(w.bug(), ("page_add_file_rmap", "PageAnon"));

    let mut w = world();
    w.set(page, PG_RESERVED);
    w.machine.mem.page_remove_rmap(page);
    assert_eq!(w.bug(), ("page_remove_rmap", "PageReserved"));
}

#[test]
fn bug_ons_of_reclaim() {
    let mut w = world();
    let page = w.page();
    w.run(TryToUnmap::new(page));
    assert_eq!(w.bug(), ("try_to_unmap", "!PageLocked"));

    let mut w = world();
    let old = w.machine.mem.pte(w.vma, ADDRESS).mkold();
    w.machine.mem.set_pte(w.vma, ADDRESS, old);
    w.lock(page);
    w.run(TryToUnmap::new(page));
    assert_eq!(w.bug(), ("try_to_unmap_one", "!PageSwapCache"));

    let mut w = world();
    w.machine.mem.isolate_lru_page(page);
    assert!(w.machine.mem.page(page).has(PG_ACTIVE));
    w.run(ShrinkList::new(page));
    assert_eq!(w.bug(), ("shrink_list", "PageActive"));
}

#[test]
fn a_page_is_not_freed_while_its_flags_say_that_it_is_in_use() {
    let flags = [
        (PG_PRIVATE, "PagePrivate"),
        (PG_LOCKED, "PageLocked"),
        (PG_RECLAIM, "PageReclaim"),
        (PG_SWAPCACHE, "PageSwapCache"),
        (PG_WRITEBACK, "PageWriteback"),
        (PG_PAGECACHE, "in the page cache"),
        (PG_ISOLATED, "isolated"),
    ];
    for (flag, name) in flags {
        let mut w = world();
        let page = w.machine.mem.alloc_page().expect("memory");
        w.set(page, flag);
        w.machine.mem.put_page(page);
        assert_eq!(w.bug(), ("free_pages_check", name));
    }
}

/// The world of a kernel that marks exclusive pages: its page carries the bit.
fn exclusive_world() -> (World, Pfn) {
    let mut w = world();
    w.policy = resolve("6.12").expect("a bundled policy");
    let page = w.page();
    w.set(page, PG_ANON_EXCLUSIVE);
    assert_eq!(w.found(), None);
    (w, page)
}

#[test]
fn an_exclusive_page_is_anonymous_and_mapped_once() {
    let (mut w, page) = exclusive_world();
    w.machine.mem.page_mut(page).flags &= !PG_ANON;
    let what = "it is not anonymous";
    assert_eq!(w.found(), Some(Violation::Exclusive { pfn: page, what }));

    // Found by the stage's own audit through the count.
    let what = "it has other mappings";
    let (mut w, page) = exclusive_world();
    w.machine.mem.get_page(page);
    w.machine.mem.page_dup_rmap(page);
    w.machine.mem.audit_touched();
    assert_eq!(w.machine.mem.violation, Some(Violation::Exclusive { pfn: page, what }));

    // A swap pte leads to it too.
    let (mut w, page) = exclusive_world();
    let (_, entry) = w.add_to_swap();
    w.machine.mem.swap_duplicate(entry);
    w.machine.mem.add_to_mmlist(MmId(0));
    w.machine.mem.set_pte(w.vma, ADDRESS + 1, Pte::swap(entry));
    assert_eq!(w.found(), Some(Violation::Exclusive { pfn: page, what }));
}

#[test]
fn a_page_that_must_be_exclusive_is_marked_in_kernels_that_do_so() {
    let what = "a pte of it is writable";
    let (mut w, page) = exclusive_world();
    w.machine.mem.page_mut(page).flags &= !PG_ANON_EXCLUSIVE;
    assert_eq!(w.found(), Some(Violation::NotExclusive { pfn: page, what }));
    w.policy = resolve("5.18").expect("a bundled policy");
    assert_eq!(w.found(), None, "a kernel without the bit");

    let (mut w, page) = exclusive_world();
    let io = w.machine.mem.add_io(IoKind::PinRead, Path::PinUserPages, MmId(0), ADDRESS, 1, 1);
    w.run(HoldPages::new(io, false));
    assert_eq!(w.found(), None);
    let read_only = w.machine.mem.pte(w.vma, ADDRESS).wrprotect();
    w.machine.mem.set_pte(w.vma, ADDRESS, read_only);
    w.machine.mem.page_mut(page).flags &= !PG_ANON_EXCLUSIVE;
    let what = "it is held by FOLL_PIN";
    assert_eq!(w.found(), Some(Violation::NotExclusive { pfn: page, what }));
}

/// The page of the world, its pte replaced by a swap pte with the exclusive mark.
fn marked_world() -> (World, Pfn, SwpEntry) {
    let (mut w, _) = exclusive_world();
    let (page, entry) = w.add_to_swap();
    w.lock(page);
    w.run(TryToUnmap::new(page));
    w.unlock(page);
    assert!(w.machine.mem.pte(w.vma, ADDRESS).marked_exclusive());
    assert_eq!(w.found(), None);
    (w, page, entry)
}

#[test]
fn a_marked_swap_pte_is_the_only_mapping() {
    let (mut w, _, entry) = marked_world();
    w.machine.mem.swap_duplicate(entry);
    w.machine.mem.set_pte(w.vma, ADDRESS + 1, Pte::swap(entry));
    assert_eq!(w.found(), Some(Violation::Mark { entry }));

    let (mut w, page, entry) = marked_world();
    w.machine.mem.get_page(page);
    w.machine.mem.set_pte(w.vma, ADDRESS + 1, Pte::mk(page));
    w.machine.mem.page_add_anon_rmap(page, w.vma, ADDRESS + 1);
    w.machine.mem.mms[0].rss += 1;
    assert_eq!(w.found(), Some(Violation::Mark { entry }));
}

#[test]
fn a_migration_entry_has_a_locked_page_and_is_alone_if_exclusive() {
    // Under migration, up to the pte.
    let migrating = || {
        let (mut w, page) = exclusive_world();
        w.machine.mem.isolate_lru_page(page);
        w.lock(page);
        w.run(TryToUnmap::migrate(page));
        let request = SwapIo { pfn: page, entry: SwpEntry::new(0, 1), write: false };
        w.machine.mem.swap_io.push(request);
        assert_eq!(w.machine.mem.pte(w.vma, ADDRESS).migrating(), Some(page));
        assert_eq!(w.found(), None);
        (w, page)
    };
    let (mut w, page) = migrating();
    let other = w.machine.mem.pte(w.vma, ADDRESS).migration_shared();
    w.machine.mem.set_pte(w.vma, ADDRESS + 1, other);
    w.machine.mem.mms[0].rss += 1;
    w.machine.mem.mms[0].anon_rss += 1;
    let what = "has other mappings";
    assert_eq!(w.found(), Some(Violation::Migration { pfn: page, what }));

    let (mut w, page) = migrating();
    w.unlock(page);
    w.machine.mem.swap_io.clear();
    let what = "is not locked";
    assert_eq!(w.found(), Some(Violation::Migration { pfn: page, what }));
}

#[test]
fn a_mapped_page_is_anonymous_or_a_files() {
    let mut w = world();
    let page = w.page();
    w.machine.mem.page_mut(page).flags &= !PG_ANON;
    assert_eq!(w.found(), Some(Violation::Mapped { pfn: page }));
}
