//! Page frames: `struct page`, 48 bytes.
//!
//! Beside what the kernel keeps, a page carries a ledger: how many of its
//! references are get_user_pages', tasks' and the pagevec's. With the flags that
//! imply a reference it must add up to the count; the audit compares them, and a
//! trace names the holders from it.

use super::counts::PageCounts;
use super::ids::{SwpEntry, TaskId, Token};
use cowpath_abi as abi;

pub use abi::{
    PG_ACTIVE, PG_ANON, PG_ANON_EXCLUSIVE, PG_DIRTY, PG_ERROR, PG_LOCKED, PG_LRU, PG_PRIVATE,
    PG_RECLAIM, PG_REFERENCED, PG_RESERVED, PG_SWAPCACHE, PG_UPTODATE, PG_WRITEBACK,
};

/// The page is in a file's page cache, which holds a reference. Ours: the kernel
/// has `page->mapping` for it.
pub const PG_PAGECACHE: u32 = 1 << 24;
/// Reclaim or migration took the page off the LRU and holds a reference. Ours.
pub const PG_ISOLATED: u32 = 1 << 25;
/// The frame is on the free list. Ours: the buddy allocator's `PG_private` and order.
pub const PG_FREE: u32 = 1 << 26;
/// The frame belongs to a section that is going or gone offline: never allocated. Ours.
pub const PG_OFFLINE: u32 = 1 << 27;
/// Migration gave this page back: who finds it looks it up again. The memory-hotplug
/// tree's `PG_again`.
pub const PG_AGAIN: u32 = 1 << 28;
/// Migration has put another page in this one's place in the swap cache and keeps
/// its reference to undo that. Ours.
pub const PG_REPLACED: u32 = 1 << 29;

/// Sectors of a page that contents are kept for.
///
/// Simplified: a page has two sectors, `lo` and `hi`; the races need a store to
/// one part of a page while a device writes another, and no more.
pub const SECTORS: usize = 2;

/// Bits of sectors: `lo` is 1, `hi` is 2.
pub type SectorMask = u8;

/// `struct page`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Page {
    /// `_count` and `_mapcount`.
    pub counts: PageCounts,
    /// `PG_*` bits.
    pub flags: u32,
    /// `page->private`: the swap entry while in the swap cache.
    pub private: SwpEntry,
    /// `page->mapping`: an anon_vma id (`PG_ANON`) or a file id; `u32::MAX`: NULL.
    pub mapping: u32,
    /// `page->index`: page offset in the vma's address space or the file.
    pub index: u32,
    /// `page->lru.next`, also the free list's and a reclaim batch's.
    pub next: u32,
    /// `page->lru.prev`.
    pub prev: u32,
    /// Contents, a token per sector.
    pub data: [Token; SECTORS],
    /// Ledger: references of get_user_pages.
    pub gup: Gup,
    /// Who holds the page lock: a task, [`LOCKED_BY_IO`], or none.
    pub locker: TaskId,
    /// Ledger: references held by tasks in the middle of a routine.
    pub tasks: u8,
    /// Ledger: references of the LRU-add pagevecs.
    pub pagevec: u8,
}

/// References of get_user_pages to one page, by flavour.
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
pub struct Gup {
    /// `FOLL_GET`: 1 of the count each.
    pub got: u16,
    /// `FOLL_PIN`: 1024 of the count each.
    pub pinned: u16,
}

impl Gup {
    /// Nobody's.
    pub const NONE: Self = Self { got: 0, pinned: 0 };

    /// What they add to the count.
    #[must_use]
    #[inline]
    pub const fn count(self) -> u32 {
        self.got as u32 + self.pinned as u32 * abi::GUP_PIN_COUNTING_BIAS
    }

    /// How many there are of one flavour.
    pub const fn of(&mut self, pinned: bool) -> &mut u16 {
        if pinned { &mut self.pinned } else { &mut self.got }
    }
}

/// The page lock was handed to a swap read, whose completion unlocks the page.
pub const LOCKED_BY_IO: TaskId = TaskId(u16::MAX - 1);

/// No `page->mapping`.
pub const NO_MAPPING: u32 = u32::MAX;

impl Page {
    /// A free frame, on no list.
    pub const FREE: Self = Self {
        counts: ZERO_COUNTS,
        flags: PG_FREE,
        private: SwpEntry::NONE,
        mapping: NO_MAPPING,
        index: 0,
        next: u32::MAX,
        prev: u32::MAX,
        data: [Token::ZERO; SECTORS],
        gup: Gup::NONE,
        locker: TaskId::NONE,
        tasks: 0,
        pagevec: 0,
    };

    /// Whether every bit of `mask` is set.
    #[must_use]
    #[inline]
    pub const fn has(&self, mask: u32) -> bool {
        self.flags & mask == mask
    }
}

const ZERO_COUNTS: PageCounts = PageCounts::ZERO;

const _: () = assert!(size_of::<Page>() == 48);
