//! Who acts in a universe, and what each may do: the operations of an actor, and how one
//! is begun on a machine.

use super::universe::{Times, Universe, Verb};
use super::world::{NO_IO, NOBODY, Shared, World};
use crate::machine::Machine;
use crate::mm::{
    Holder, Io, IoId, IoKind, IoState, Memory, Mm, MmId, PG_FREE, Path, Pfn, TaskId, ZERO_PAGE,
};
use crate::routines::{
    Access, CompleteIo, Exit, Fork, HoldPages, Migrate, Mprotect, Order, Routine, ShrinkPage,
    Swapoff, Unmap,
};
use crate::run::MAP_ALIGN;
use crate::scenario::MigrateOrder;
use crate::task::Task;
use std::hash::{Hash, Hasher};

/// The sector that processes store to.
const STORED: u8 = 2;

/// Most pages of a mapping.
pub(super) const MOST_PAGES: u8 = 8;

/// The sector that devices transfer.
const TRANSFERRED: u8 = 1;

/// What an actor can choose when it is idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// A process does something to a page of its own.
    Verb(Verb, u8),
    /// Reclaim scans the page at an address.
    Shrink(MmId, u8),
    /// The page at an address is migrated.
    Migrate(MmId, u8),
    /// swapoff.
    Swapoff,
    /// A request of direct IO completes.
    Complete,
    /// A long-lived reference is put.
    Put,
    /// A request fails.
    Fail,
    /// The holder of a long-lived reference looks at the page.
    PinRead,
    /// The holder of a long-lived reference writes to the page.
    PinWrite,
    /// The next allocation of a page fails.
    NoMemory,
    /// The next allocation of a swap slot fails.
    NoSwap,
}

/// One who acts.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    /// Its task.
    pub task: TaskId,
    /// The address space that must be there for it to act.
    pub mm: Option<MmId>,
    /// The device's number, for those that complete requests.
    pub device: Option<usize>,
    /// What it may do.
    pub ops: Vec<Op>,
    /// How many of these it can choose; the others belong to the setup.
    pub offered: u8,
    /// How often.
    pub left: u8,
}

/// How far one actor is: all that a step of it depends on beside the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Actor {
    /// Its task.
    pub task: Task,
    /// Its place in the cast.
    pub role: u8,
    /// The operation that it is at, an index of its cast's; none: idle.
    pub op: Option<u8>,
    /// Operations that it may still begin; 255: any number.
    pub left: u8,
}

impl Hash for Actor {
    /// What differs most: the innermost routines, and what the task holds.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let stack = self.task.stack();
        (self.role, self.op, self.left, stack.len()).hash(state);
        stack[stack.len().saturating_sub(2)..].hash(state);
        (self.task.ret, self.task.pages(), self.task.locks().len()).hash(state);
    }
}

/// What beginning an operation came to.
pub(super) enum Begun {
    /// It is not possible now.
    No,
    /// It takes no time and is over.
    AtOnce,
    /// The task has it.
    Routine,
}

/// Everybody, in a fixed order: processes by address space, kernel threads, devices.
pub(super) fn cast(universe: &Universe, machine: &mut Machine) -> Vec<Cast> {
    let mut cast = Vec::new();
    let Universe { processes, spaces, pages, .. } = *universe;
    let verbs = |verbs: &[Verb]| -> Vec<Op> {
        let of = |&verb: &Verb| (0..of_pages(verb, pages)).map(move |page| Op::Verb(verb, page));
        verbs.iter().flat_map(of).collect()
    };
    for mm in 0..spaces {
        let child = mm >= processes;
        let (list, times) = match child {
            true => (&universe.child_verbs, universe.child_operations),
            false => (&universe.verbs, universe.operations),
        };
        let id = MmId(mm.into());
        let task = if child { machine.add_task(id) } else { TaskId(mm.into()) };
        let (mut ops, left) = (verbs(list), times.left());
        let offered = ops.len() as u8;
        if mm == 0 {
            ops.extend(universe.setup.iter().map(|&verb| Op::Verb(verb, 0)));
        }
        cast.push(Cast { task, mm: Some(id), device: None, ops, offered, left });
    }
    let mut thread = |ops: Vec<Op>, times: Times, device| {
        if times != Times::NEVER && !ops.is_empty() {
            let task = machine.add_task(MmId::NONE);
            let offered = ops.len() as u8;
            cast.push(Cast { task, mm: None, device, ops, offered, left: times.left() });
        }
    };
    let each = |op: fn(MmId, u8) -> Op| -> Vec<Op> {
        let of = |mm: u8| (0..pages).map(move |page| op(MmId(mm.into()), page));
        (0..spaces).flat_map(of).collect()
    };
    thread(each(Op::Shrink), universe.reclaim, None);
    thread(each(Op::Migrate), universe.migrate, None);
    thread(vec![Op::Swapoff], Times::Most(universe.swapoff.into()), None);
    for device in 0..usize::from(universe.requests) {
        let has = |verb| universe.verbs.contains(&verb) || universe.child_verbs.contains(&verb);
        let direct = [Verb::DirectRead, Verb::DirectWrite].into_iter().any(has);
        let pins = [Verb::GupRead, Verb::GupWrite, Verb::Vmsplice].into_iter().any(has);
        let mut ops = Vec::new();
        ops.extend(direct.then_some(Op::Complete));
        ops.extend((direct && universe.failures.io > 0).then_some(Op::Fail));
        ops.extend(pins.then_some(Op::Put));
        ops.extend(pins.then_some(Op::PinRead));
        ops.extend(has(Verb::GupWrite).then_some(Op::PinWrite));
        thread(ops, Times::Always, Some(device));
    }
    let no_memory = Times::Most(universe.failures.no_memory);
    thread(vec![Op::NoMemory], no_memory, None);
    thread(vec![Op::NoSwap], Times::Most(universe.failures.no_swap), None);
    cast
}

/// On how many pages a verb can be used.
const fn of_pages(verb: Verb, pages: u8) -> u8 {
    match verb {
        Verb::Fork | Verb::Exit | Verb::MprotectRead | Verb::MprotectWrite | Verb::Munmap => 1,
        _ => pages,
    }
}

/// The address of a page of the one mapping that each process has.
pub(super) const fn address(page: u8) -> u32 {
    MAP_ALIGN + page as u32
}

impl Cast {
    /// Whether it could begin something, as far as the world goes.
    fn is_there(&self, mem: &Memory, shared: &Shared) -> bool {
        match (self.mm, self.device) {
            (Some(mm), _) => {
                let there = mem.mms.get(mm.index());
                there.is_some_and(|mm| mm.alive && !mm.exiting) && shared.born >> mm.0 & 1 == 1
            }
            (_, Some(device)) => {
                let io = shared.requests[device];
                io != NO_IO && mem.ios[usize::from(io)].state != IoState::Building
            }
            _ => true,
        }
    }

    /// False if it is certain that it cannot begin an operation; quickly.
    pub fn could_begin(&self, world: &World, op: Op) -> bool {
        let World { mem, shared, .. } = world;
        self.is_there(mem, shared)
            && match op {
                Op::Shrink(mm, page) | Op::Migrate(mm, page) => only(mem, mm, page).is_some(),
                Op::Swapoff => mem.areas[0].used,
                _ => true,
            }
    }

    /// Begins an operation.
    pub fn begin(
        &self,
        role: u8,
        universe: &Universe,
        on: &mut Machine,
        shared: &mut Shared,
        op: Op,
    ) -> Begun {
        if !self.is_there(&on.mem, shared) {
            return Begun::No;
        }
        let routine: Option<Routine> = match op {
            Op::Verb(verb, page) => self.verb(role, (verb, page), universe, on, shared),
            Op::Shrink(mm, page) => only(&on.mem, mm, page).map(|pfn| {
                let shrink = match universe.ignore_references {
                    true => ShrinkPage::whether_used_or_not,
                    false => ShrinkPage::new,
                };
                shrink(pfn).into()
            }),
            Op::Migrate(mm, page) => {
                let order = match universe.order {
                    MigrateOrder::ReplaceFirst => Order::ReplaceFirst,
                    MigrateOrder::UnmapFirst => Order::UnmapFirst,
                };
                only(&on.mem, mm, page).map(|pfn| Migrate::new(pfn, order).into())
            }
            Op::Swapoff => on.mem.areas[0].used.then(|| Swapoff::new(0).into()),
            Op::Complete => self.of(on, shared, true).map(|io| CompleteIo::complete(io).into()),
            Op::Put => self.of(on, shared, false).map(|io| CompleteIo::put(io).into()),
            Op::Fail => {
                let io = self.of(on, shared, true).filter(|_| shared.io_failures > 0);
                shared.io_failures -= u8::from(io.is_some());
                io.map(|io| CompleteIo::fail(io).into())
            }
            Op::PinRead | Op::PinWrite => return self.through_pin(op, on, shared),
            Op::NoMemory | Op::NoSwap => {
                let inject = &mut on.mem.inject;
                let what = match op {
                    Op::NoMemory => &mut inject.no_memory,
                    _ => &mut inject.no_swap,
                };
                if *what > 0 {
                    return Begun::No;
                }
                *what = 1;
                return Begun::AtOnce;
            }
        };
        let Some(routine) = routine else { return Begun::No };
        on.start(self.task, routine);
        Begun::Routine
    }

    /// The device's request, if it is of direct IO, or if it is not.
    fn of(&self, on: &Machine, shared: &Shared, wanted: bool) -> Option<IoId> {
        let io = shared.requests[self.device.expect("only devices complete")];
        (direct(on.mem.ios[usize::from(io)].kind) == wanted).then_some(io)
    }

    fn through_pin(&self, op: Op, on: &mut Machine, shared: &Shared) -> Begun {
        let io = shared.requests[self.device.expect("only devices hold")];
        let kind = on.mem.ios[usize::from(io)].kind;
        let Machine { mem, oracle, .. } = on;
        match (op, kind) {
            (Op::PinRead, IoKind::PinRead | IoKind::PinWrite) => {
                oracle.pin_read(mem, io, STORED | TRANSFERRED);
            }
            (Op::PinWrite, IoKind::PinWrite) => oracle.pin_write(mem, io, TRANSFERRED),
            _ => return Begun::No,
        }
        mem.audit_touched();
        Begun::AtOnce
    }

    fn verb(
        &self,
        role: u8,
        (verb, page): (Verb, u8),
        universe: &Universe,
        on: &mut Machine,
        shared: &mut Shared,
    ) -> Option<Routine> {
        let (mm, address) = (self.mm.expect("only processes do this"), address(page));
        let own = |io: &Io| io.mm == mm && io.state != IoState::Done && direct(io.kind);
        let in_flight = || on.mem.ios.iter().any(own);
        if !universe.fork_during_io && matches!(verb, Verb::Fork | Verb::Exit) && in_flight() {
            return None;
        }
        Some(match verb {
            Verb::Load => Access::load(address, STORED | TRANSFERRED).into(),
            Verb::Store => Access::store(address, STORED).into(),
            Verb::Fork => Fork::new(child(role, universe, on, shared)?).into(),
            Verb::Exit => Exit::new(mm).into(),
            Verb::DirectRead
            | Verb::DirectWrite
            | Verb::GupRead
            | Verb::GupWrite
            | Verb::Vmsplice => {
                HoldPages::new(request(on, shared, (mm, address), verb)?, false).into()
            }
            Verb::MadvisePageout => {
                let pfn = present(on, mm, address)?;
                let alone = on.mem.page_mapcount(pfn) == 1;
                alone.then(|| ShrinkPage::whether_used_or_not(pfn).into())?
            }
            Verb::MadviseDontneed => Unmap::dontneed(address, 1).into(),
            Verb::MprotectRead => Mprotect::new(address, false).into(),
            Verb::MprotectWrite => Mprotect::new(address, true).into(),
            Verb::Munmap => Unmap::munmap(address).into(),
        })
    }

    /// What is left to do when an operation is over.
    pub fn finish(&self, role: u8, on: &Machine, shared: &mut Shared) {
        for (child, by) in shared.forked_by.iter_mut().enumerate() {
            if *by == role {
                *by = NOBODY;
                let alive = on.mem.mms.get(child).is_some_and(|mm| mm.alive);
                shared.born |= u32::from(alive) << child;
            }
        }
        let over = |io: IoId| on.mem.ios[usize::from(io)].state == IoState::Done;
        for request in &mut shared.requests {
            if *request != NO_IO && over(*request) {
                *request = NO_IO;
            }
        }
    }
}

/// Whether a request's device moves data, and completes it.
pub(super) const fn direct(kind: IoKind) -> bool {
    matches!(kind, IoKind::DirectRead | IoKind::DirectWrite)
}

/// A free address space for a child. That of a process of the start is used again only
/// where everybody goes on for ever.
fn child(role: u8, universe: &Universe, on: &mut Machine, shared: &mut Shared) -> Option<MmId> {
    let first = match universe.operations {
        Times::Always => 0,
        Times::Most(_) => usize::from(universe.processes),
    };
    let mms = &mut on.mem.mms;
    let free = |index: &usize| {
        let blank = mms.get(*index).is_none_or(|mm| *mm == Mm::BLANK);
        blank && shared.forked_by[*index] == NOBODY
    };
    let index = (first..usize::from(universe.spaces)).find(free)?;
    while mms.len() <= index {
        mms.push(Mm::BLANK);
    }
    mms[index] = Mm { born: on.mem.seq, alive: true, ..Mm::BLANK };
    shared.forked_by[index] = role;
    Some(MmId(index as u16))
}

/// A new request for one page, by a device that is free.
fn request(on: &mut Machine, shared: &mut Shared, of: (MmId, u32), verb: Verb) -> Option<IoId> {
    let device = shared.requests.iter().position(|&io| io == NO_IO)?;
    let mem = &mut on.mem;
    let index = mem.ios.iter().position(|io| io.pages == 0).unwrap_or(mem.ios.len());
    let (kind, path, sectors) = match verb {
        Verb::DirectRead => (IoKind::DirectRead, Path::Block, TRANSFERRED),
        Verb::DirectWrite => (IoKind::DirectWrite, Path::Block, STORED | TRANSFERRED),
        Verb::GupWrite => (IoKind::PinWrite, Path::GetUserPages, STORED | TRANSFERRED),
        Verb::Vmsplice => (IoKind::PinRead, Path::Vmsplice, STORED | TRANSFERRED),
        _ => (IoKind::PinRead, Path::GetUserPages, STORED | TRANSFERRED),
    };
    if index == mem.ios.len() {
        mem.ios.push(Io::BLANK);
    }
    let first = mem.holders.len() as u32;
    mem.holders.push(Holder::BLANK);
    let (mm, address) = of;
    let state = IoState::Building;
    mem.ios[index] = Io { kind, path, state, mm, address, pages: 1, sectors, first, ..Io::BLANK };
    shared.requests[device] = index as IoId;
    Some(index as IoId)
}

/// The frame of a present pte.
fn present(on: &Machine, mm: MmId, address: u32) -> Option<Pfn> {
    let vma = on.mem.find_vma(mm, address)?;
    on.mem.pte(vma, address).pfn().filter(|&pfn| pfn != ZERO_PAGE)
}

/// The frame that an address leads to.
pub(super) fn frame(mem: &Memory, mm: MmId, page: u8) -> Option<Pfn> {
    let mm = (mm.index() < mem.mms.len()).then_some(mm)?;
    mem.frame_of(mem.find_vma(mm, address(page))?, address(page))
}

/// The frame that an address leads to, for those who scan it; none if an earlier address
/// leads there, too: it would be the same scan.
fn only(mem: &Memory, mm: MmId, page: u8) -> Option<Pfn> {
    let pfn = frame(mem, mm, page).filter(|&pfn| pfn != ZERO_PAGE)?;
    let before = (0..=mm.0).any(|other| {
        let pages = if other == mm.0 { 0..page } else { 0..MOST_PAGES };
        pages.into_iter().any(|page| frame(mem, MmId(other), page) == Some(pfn))
    });
    (!before && !mem.page(pfn).has(PG_FREE)).then_some(pfn)
}
