//! Locks of the modelled kernel, and what a stage waits for.
//!
//! Who holds a lock is written where the lock is (page, mm, anon_vma, area); a task
//! lists what it holds, so that nobody unlocks what he has not locked. Order,
//! outermost first: mmap_sem, page lock, anon_vma lock, page_table_lock,
//! swap_device_lock, tree_lock. Under page_table_lock the page lock is only tried.
//!
//! Simplified: mmap_sem lets readers in while a writer waits (no queue), and
//! `zone->lru_lock`, a leaf, is never held across stages and so not kept.

use crate::mm::{AnonVmaId, LOCKED_BY_IO, Memory, MmId, PG_LOCKED, PG_WRITEBACK, Pfn, TaskId};
use crate::rename::{Rename, Renaming};
use std::fmt;

/// A lock.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub enum Lock {
    /// No lock.
    #[default]
    None,
    /// `mm->mmap_sem` for reading.
    MmapRead(MmId),
    /// `mm->mmap_sem` for writing.
    MmapWrite(MmId),
    /// `PG_locked`.
    Page(Pfn),
    /// `anon_vma->lock`.
    AnonVma(AnonVmaId),
    /// `mm->page_table_lock`.
    Ptl(MmId),
    /// `swap_device_lock` (with `swap_list_lock`).
    SwapDevice(u8),
    /// `swapper_space.tree_lock`.
    Tree,
}

/// What a sleeping task waits for beside a lock.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub enum Until {
    /// Nothing.
    #[default]
    Now,
    /// `wait_on_page_locked`.
    Unlocked(Pfn),
    /// `wait_on_page_writeback`.
    NotWriteback(Pfn),
    /// `exit_aio`: no direct IO of the mm is in flight.
    NoDirectIo(MmId),
    /// Nobody but one task uses the mm any more.
    LastUser(MmId),
    /// `schedule_timeout`: a while passes. The machine lets the stage run at any time;
    /// who schedules decides what a while is.
    Tick,
}

/// What the next stage of a task needs before it can run.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Wants {
    /// Taken before the stage runs, and kept until the routine drops it.
    pub take: Lock,
    /// Held only inside the stage: must be free.
    pub free: Lock,
    /// Slept for.
    pub until: Until,
}

impl Wants {
    /// Nothing: the stage can always run.
    pub const NOTHING: Self = Self { take: Lock::None, free: Lock::None, until: Until::Now };

    /// A lock that the stage takes.
    #[must_use]
    #[inline]
    pub const fn take(lock: Lock) -> Self {
        Self { take: lock, ..Self::NOTHING }
    }

    /// A lock that is held inside the stage only.
    #[must_use]
    #[inline]
    pub const fn free(lock: Lock) -> Self {
        Self { free: lock, ..Self::NOTHING }
    }

    /// An event that is slept for.
    #[must_use]
    #[inline]
    pub const fn until(until: Until) -> Self {
        Self { until, ..Self::NOTHING }
    }

    /// Whether a stage that wants this can run now.
    #[must_use]
    #[inline]
    pub fn available(&self, mem: &Memory) -> bool {
        self.take.is_free(mem) && self.free.is_free(mem) && self.until.holds(mem)
    }
}

impl Until {
    /// Whether the wait is over.
    #[must_use]
    #[inline]
    pub fn holds(self, mem: &Memory) -> bool {
        match self {
            Self::Now | Self::Tick => true,
            Self::Unlocked(pfn) => !mem.page(pfn).has(PG_LOCKED),
            Self::NotWriteback(pfn) => !mem.page(pfn).has(PG_WRITEBACK),
            Self::LastUser(mm) => mem.mms[mm.index()].users <= 1,
            Self::NoDirectIo(mm) => !mem.has_direct_io(mm),
        }
    }
}

impl Lock {
    /// Whether nobody holds the lock in a way that excludes this.
    #[must_use]
    #[inline]
    pub fn is_free(self, mem: &Memory) -> bool {
        match self {
            Self::None => true,
            Self::MmapRead(mm) => !mem.mms[mm.index()].writer.is_some(),
            Self::MmapWrite(mm) => {
                let mm = &mem.mms[mm.index()];
                !mm.writer.is_some() && mm.readers == 0
            }
            Self::Page(pfn) => !mem.page(pfn).has(PG_LOCKED),
            Self::AnonVma(id) => !mem.anon_vmas[id.index()].lock.is_some(),
            Self::Ptl(mm) => !mem.mms[mm.index()].ptl.is_some(),
            Self::SwapDevice(area) => !mem.areas[area as usize].lock.is_some(),
            Self::Tree => !mem.tree_lock.is_some(),
        }
    }

    /// Takes the lock, which is free, for `task`.
    #[inline]
    pub fn acquire(self, mem: &mut Memory, task: TaskId) {
        debug_assert!(self.is_free(mem), "{self:?} taken while held");
        match self {
            Self::None => {}
            Self::MmapRead(mm) => mem.mms[mm.index()].readers += 1,
            Self::MmapWrite(mm) => mem.mms[mm.index()].writer = task,
            Self::Page(pfn) => {
                let page = mem.page_mut(pfn);
                page.flags |= PG_LOCKED;
                page.locker = task;
            }
            Self::AnonVma(id) => mem.anon_vmas[id.index()].lock = task,
            Self::Ptl(mm) => mem.mms[mm.index()].ptl = task,
            Self::SwapDevice(area) => mem.areas[area as usize].lock = task,
            Self::Tree => mem.tree_lock = task,
        }
    }

    /// Drops the lock, which `task` holds.
    #[inline]
    pub fn release(self, mem: &mut Memory, task: TaskId) {
        let owner = match self {
            Self::None => return,
            Self::MmapRead(mm) => {
                mem.mms[mm.index()].readers -= 1;
                return;
            }
            Self::Page(pfn) => {
                let page = mem.page_mut(pfn);
                page.flags &= !PG_LOCKED;
                std::mem::replace(&mut page.locker, TaskId::NONE)
            }
            Self::MmapWrite(mm) => std::mem::replace(&mut mem.mms[mm.index()].writer, TaskId::NONE),
            Self::AnonVma(id) => {
                std::mem::replace(&mut mem.anon_vmas[id.index()].lock, TaskId::NONE)
            }
            Self::Ptl(mm) => std::mem::replace(&mut mem.mms[mm.index()].ptl, TaskId::NONE),
            Self::SwapDevice(area) => {
                std::mem::replace(&mut mem.areas[area as usize].lock, TaskId::NONE)
            }
            Self::Tree => std::mem::replace(&mut mem.tree_lock, TaskId::NONE),
        };
        assert!(owner == task, "{self:?} dropped by {task:?}, held by {owner:?}");
    }

    /// Who holds the lock, where one task can.
    #[must_use]
    pub fn owner(self, mem: &Memory) -> Option<TaskId> {
        let owner = match self {
            Self::None => return None,
            Self::MmapRead(mm) | Self::MmapWrite(mm) => mem.mms[mm.index()].writer,
            Self::Page(pfn) => mem.page(pfn).locker,
            Self::AnonVma(id) => mem.anon_vmas[id.index()].lock,
            Self::Ptl(mm) => mem.mms[mm.index()].ptl,
            Self::SwapDevice(area) => mem.areas[area as usize].lock,
            Self::Tree => mem.tree_lock,
        };
        (owner.is_some() && owner != LOCKED_BY_IO).then_some(owner)
    }
}

impl Rename for Lock {
    #[inline]
    fn rename(&mut self, by: &Renaming) {
        match self {
            Self::MmapRead(mm) | Self::MmapWrite(mm) | Self::Ptl(mm) => mm.rename(by),
            Self::Page(pfn) => pfn.rename(by),
            Self::AnonVma(id) => id.rename(by),
            Self::None | Self::SwapDevice(_) | Self::Tree => {}
        }
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("nothing"),
            Self::MmapRead(_) | Self::MmapWrite(_) => f.write_str("mmap_sem"),
            Self::Page(pfn) => write!(f, "the lock of {pfn}"),
            Self::AnonVma(_) => f.write_str("anon_vma lock"),
            Self::Ptl(_) => f.write_str("page_table_lock"),
            Self::SwapDevice(_) => f.write_str("swap_device_lock"),
            Self::Tree => f.write_str("tree_lock"),
        }
    }
}

impl fmt::Display for Wants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Until::Now => {}
            Until::Tick => return f.write_str("a while"),
            Until::Unlocked(pfn) => return write!(f, "the lock of {pfn}"),
            Until::NotWriteback(pfn) => return write!(f, "writeback of {pfn}"),
            Until::NoDirectIo(_) => return f.write_str("its direct IO"),
            Until::LastUser(_) => return f.write_str("whoever else uses the mm"),
        }
        if self.take == Lock::None { self.free.fmt(f) } else { self.take.fmt(f) }
    }
}
