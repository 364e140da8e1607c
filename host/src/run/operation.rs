//! Operations: what an act comes to, page by page, and the routine of each.

use super::Runner;
use super::judge::Scanned;
use super::result::Wording;
use super::saw::Saw;
use crate::mm::{
    IoId, IoKind, IoState, MmId, PG_ANON, PG_FREE, PG_SWAPCACHE, Path, Pfn, SWAP_MAP_BAD,
    SectorMask, TaskId, ZERO_PAGE,
};
use crate::routines::{
    Access, CompleteIo, Exit, Fork, HoldPages, Migrate, Mlock, Mprotect, Offline, Order,
    RefillInactive, Routine, ShrinkCache, ShrinkPage, Swapoff, Unmap,
};
use crate::scenario::{Act, MigrateOrder, Over, Range, Sectors};

/// An operation of an actor: a routine, made when its turn comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Operation {
    pub make: Make,
    /// What its result is called.
    pub word: Wording,
}

/// How to make the routine of an operation when its turn comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Make {
    Load {
        address: u32,
        sectors: SectorMask,
    },
    Store {
        address: u32,
        sectors: SectorMask,
    },
    Hold {
        kind: IoKind,
        path: Path,
        address: u32,
        pages: u32,
        sectors: SectorMask,
        force: bool,
        name: String,
    },
    Fork {
        child: String,
    },
    Exit,
    Munmap {
        address: u32,
    },
    Dontneed {
        address: u32,
        pages: u32,
    },
    Mprotect {
        address: u32,
        write: bool,
    },
    Mlock {
        address: u32,
        lock: bool,
    },
    Shrink {
        mm: MmId,
        address: u32,
        ignore_references: bool,
    },
    /// MADV_PAGEOUT of one page: only what one process maps.
    Pageout {
        mm: MmId,
        address: u32,
    },
    /// Reclaim of a frame, if a process maps it by then.
    Reclaim(Pfn),
    /// Reclaim of a frame that the swap cache alone has by then, once it is written.
    ReclaimWritten(Pfn),
    ShrinkCache(u32),
    Refill(u32),
    Swapoff(u32),
    Migrate {
        mm: MmId,
        address: u32,
        order: Order,
    },
    /// move_pages of one page: only what is present.
    MovePages {
        mm: MmId,
        address: u32,
    },
    Offline {
        section: u32,
        order: Order,
    },
    Io(CompleteIo),
}

pub(super) const fn mask(sectors: Sectors) -> SectorMask {
    match sectors {
        Sectors::Lo => 1,
        Sectors::Hi => 2,
        Sectors::All => 3,
    }
}

const fn order(order: MigrateOrder) -> Order {
    match order {
        MigrateOrder::ReplaceFirst => Order::ReplaceFirst,
        MigrateOrder::UnmapFirst => Order::UnmapFirst,
    }
}

const fn path(over: Over) -> Path {
    match over {
        Over::Block => Path::Block,
        Over::Fuse => Path::Fuse,
        Over::Nfs => Path::Nfs,
    }
}

const fn pin(write: bool) -> IoKind {
    if write { IoKind::PinWrite } else { IoKind::PinRead }
}

impl Runner<'_> {
    /// The operations that an act comes to, page by page where the kernel's are.
    pub(super) fn operations(&self, task: TaskId, act: &Act) -> Vec<Operation> {
        let each = |range: &Range, make: &dyn Fn(MmId, u32) -> (Make, Wording)| {
            let mm = self.mm_of(task, range);
            let (first, pages) = self.pages(mm, range);
            let one = |address| {
                let (make, word) = make(mm, address);
                Operation { make, word }
            };
            (first..first + pages).map(one).collect::<Vec<_>>()
        };
        let one = |make: Make, word: Wording| vec![Operation { make, word }];
        let done = self.scans.completed();
        let whole = |range: &Range| self.pages(self.mm_of(task, range), range);
        match act {
            Act::Store(range) => {
                let sectors = mask(range.sectors);
                each(range, &|mm, address| {
                    let place = self.names.address(mm, address);
                    (Make::Store { address, sectors }, Wording::Store(place))
                })
            }
            Act::Load(range) => {
                let sectors = mask(range.sectors);
                each(range, &|_, address| {
                    (Make::Load { address, sectors }, Wording::Load(address, sectors))
                })
            }
            Act::DirectRead(range, over, name) => {
                self.hold(task, (IoKind::DirectRead, path(*over)), range, false, name)
            }
            Act::DirectWrite(range, over, name) => {
                self.hold(task, (IoKind::DirectWrite, path(*over)), range, false, name)
            }
            Act::GetUserPages { range, write, force, name } => {
                self.hold(task, (pin(*write), Path::GetUserPages), range, *force, name)
            }
            Act::PinUserPages { range, write, name } => {
                self.hold(task, (pin(*write), Path::PinUserPages), range, false, name)
            }
            Act::Vmsplice(range, name) => {
                self.hold(task, (IoKind::PinRead, Path::Vmsplice), range, false, name)
            }
            Act::IoUringRegister(range, name) => {
                self.hold(task, (IoKind::PinWrite, Path::IoUring), range, false, name)
            }
            Act::Fork(child) => {
                one(Make::Fork { child: child.clone() }, Wording::Fork(child.clone()))
            }
            Act::Exit => one(Make::Exit, Wording::Plain("exited")),
            Act::Munmap(range) => {
                one(Make::Munmap { address: whole(range).0 }, Wording::Plain("unmapped"))
            }
            Act::MadviseDontneed(range) => {
                let (address, pages) = whole(range);
                one(Make::Dontneed { address, pages }, Wording::Plain("zapped"))
            }
            Act::Mprotect(range, write) => {
                let make = Make::Mprotect { address: whole(range).0, write: *write };
                one(make, Wording::Plain("done"))
            }
            Act::Mlock(range) => {
                let make = Make::Mlock { address: whole(range).0, lock: true };
                one(make, Wording::Plain("locked"))
            }
            Act::Munlock(range) => {
                let make = Make::Mlock { address: whole(range).0, lock: false };
                one(make, Wording::Plain("unlocked"))
            }
            Act::Shrink { range, ignore_references } => each(range, &|mm, address| {
                let ignore_references = *ignore_references;
                let make = Make::Shrink { mm, address, ignore_references };
                (make, Wording::Scan(Scanned::Page(mm, address), 0, done))
            }),
            Act::MadvisePageout(range) => each(range, &|mm, address| {
                (Make::Pageout { mm, address }, Wording::Scan(Scanned::Page(mm, address), 0, done))
            }),
            Act::MemoryReclaim => {
                let frames = || (1..self.machine.mem.pages.len() as u32).map(Pfn);
                let makes = frames().map(Make::Reclaim).chain(frames().map(Make::ReclaimWritten));
                makes.map(|make| Operation { make, word: Wording::Reclaimed }).collect()
            }
            Act::ShrinkCache(nr) => one(Make::ShrinkCache(*nr), Wording::Reclaim),
            Act::RefillInactive(nr) => one(Make::Refill(*nr), Wording::Plain("done")),
            Act::Swapoff(area) => one(Make::Swapoff(*area), Wording::Plain("off")),
            Act::Migrate(range, how) => each(range, &|mm, address| {
                let make = Make::Migrate { mm, address, order: order(*how) };
                (make, Wording::Scan(Scanned::Page(mm, address), 0, done))
            }),
            Act::MovePages(range) => each(range, &|mm, address| {
                let make = Make::MovePages { mm, address };
                (make, Wording::Scan(Scanned::Page(mm, address), 0, done))
            }),
            Act::Offline(section, how) => {
                let make = Make::Offline { section: *section, order: order(*how) };
                let migrations = self.machine.mem.costs.migrations;
                one(make, Wording::Scan(Scanned::Section(*section), migrations, done))
            }
            Act::Transfer => {
                one(Make::Io(CompleteIo::transfer(self.io(task))), Wording::Plain("transferred"))
            }
            Act::Complete => one(Make::Io(CompleteIo::complete(self.io(task))), Wording::Completed),
            Act::Fail => one(Make::Io(CompleteIo::fail(self.io(task))), Wording::Completed),
            Act::PinPut => one(Make::Io(CompleteIo::put(self.io(task))), Wording::Plain("put")),
            Act::Online(_)
            | Act::Interrupt
            | Act::LruAddDrain
            | Act::PinRead(_)
            | Act::PinWrite(_)
            | Act::Hold
            | Act::Release
            | Act::NoMemory(_)
            | Act::NoSwap(_)
            | Act::Lock(_)
            | Act::Unlock(_)
            | Act::MmapSem(_)
            | Act::UpWrite(_)
            | Act::Continue
            | Act::Check(_) => Vec::new(),
        }
    }

    fn hold(
        &self,
        task: TaskId,
        (kind, path): (IoKind, Path),
        range: &Range,
        force: bool,
        name: &str,
    ) -> Vec<Operation> {
        let (address, pages) = self.pages(self.mm_of(task, range), range);
        let (sectors, name) = (mask(range.sectors), name.to_string());
        let make = Make::Hold { kind, path, address, pages, sectors, force, name };
        vec![Operation { make, word: Wording::Held(pages) }]
    }

    fn io(&self, task: TaskId) -> IoId {
        self.names.io_id(&self.names.task(task)).expect("is_there was asked")
    }

    /// Makes the routine of an operation; or says why there is nothing to do.
    pub(super) fn make(&mut self, task: TaskId, make: &Make) -> Result<Routine, String> {
        let mm = self.machine.tasks[task.index()].mm;
        self.scans.vetoed = false;
        self.saw[task.index()] = Saw::default();
        Ok(match make {
            Make::Load { address, sectors } => Access::load(*address, *sectors).into(),
            Make::Store { address, sectors } => Access::store(*address, *sectors).into(),
            Make::Hold { kind, path, address, pages, sectors, force, name } => {
                let io = self.machine.mem.add_io(*kind, *path, mm, *address, *pages, *sectors);
                self.names.add_io(name);
                HoldPages::new(io, *force).into()
            }
            Make::Fork { child } => self.fork(mm, child).into(),
            Make::Exit => Exit::new(mm).into(),
            Make::Munmap { address } => Unmap::munmap(*address).into(),
            Make::Dontneed { address, pages } => Unmap::dontneed(*address, *pages).into(),
            Make::Mprotect { address, write } => Mprotect::new(*address, *write).into(),
            Make::Mlock { address, lock } => Mlock::new(*address, *lock).into(),
            Make::Shrink { mm, address, ignore_references } => {
                let page = self.frame(*mm, *address)?;
                match ignore_references {
                    true => ShrinkPage::whether_used_or_not(page),
                    false => ShrinkPage::new(page),
                }
                .into()
            }
            Make::Pageout { mm, address } => {
                let pfn = self.present(*mm, *address)?;
                if self.machine.mem.page_mapcount(pfn) != 1 {
                    return Err("kept".to_string());
                }
                ShrinkPage::whether_used_or_not(pfn).into()
            }
            Make::Reclaim(pfn) => {
                let mem = &self.machine.mem;
                let mapped = mem.page(*pfn).has(PG_ANON) && mem.page_mapcount(*pfn) > 0;
                if !mapped {
                    return Err(String::new());
                }
                ShrinkPage::whether_used_or_not(*pfn).into()
            }
            Make::ReclaimWritten(pfn) => {
                let mem = &self.machine.mem;
                let left = mem.page(*pfn).has(PG_SWAPCACHE) && mem.page_mapcount(*pfn) == 0;
                if !left {
                    return Err(String::new());
                }
                ShrinkPage::once_written(*pfn).into()
            }
            Make::ShrinkCache(nr) => ShrinkCache::new(*nr).into(),
            Make::Refill(nr) => RefillInactive::new(*nr).into(),
            Make::Swapoff(area) => {
                let in_use = |count: &&u16| **count != 0 && **count != SWAP_MAP_BAD;
                let swap_map = &self.machine.mem.areas[*area as usize].swap_map;
                self.to_unuse += swap_map.iter().filter(in_use).count() as u64;
                Swapoff::new(*area as u8).into()
            }
            Make::Migrate { mm, address, order } => {
                Migrate::new(self.frame(*mm, *address)?, *order).into()
            }
            Make::MovePages { mm, address } => {
                Migrate::new(self.present(*mm, *address)?, Order::UnmapFirst).into()
            }
            Make::Offline { section, order } => {
                Offline::new(&self.machine.mem, *section, *order).into()
            }
            Make::Io(complete) => self.complete(task, *complete)?,
        })
    }

    fn complete(&mut self, task: TaskId, complete: CompleteIo) -> Result<Routine, String> {
        let io = self.io(task);
        match self.machine.mem.ios[io as usize].state {
            IoState::InFlight | IoState::Transferred => Ok(complete.into()),
            _ => Err("not in flight".to_string()),
        }
    }

    /// The frame that an address leads to, for those who scan it.
    pub(super) fn frame(&self, mm: MmId, address: u32) -> Result<Pfn, String> {
        let mem = &self.machine.mem;
        let vma = mem.find_vma(mm, address).ok_or("not mapped")?;
        let pfn = mem.frame_of(vma, address).ok_or("not in memory")?;
        if mem.page(pfn).has(PG_FREE) { Err("not in memory".to_string()) } else { Ok(pfn) }
    }

    /// The frame of a present pte.
    fn present(&self, mm: MmId, address: u32) -> Result<Pfn, String> {
        let mem = &self.machine.mem;
        let vma = mem.find_vma(mm, address).ok_or("not mapped")?;
        Ok(mem.pte(vma, address).pfn().filter(|&pfn| pfn != ZERO_PAGE).ok_or("not present")?)
    }

    fn fork(&mut self, parent: MmId, child: &str) -> Fork {
        let mm = self.machine.mem.add_mm();
        self.names.add_process(child);
        self.names.inherit(parent, mm);
        let task = self.machine.add_task(mm);
        self.names.add_task(child, task, mm);
        self.grow();
        self.work[task.index()].unborn = true;
        Fork::new(mm)
    }
}
