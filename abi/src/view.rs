//! What a hook may see: one page, as plain integers.
//!
//! A view does not know pfns, addresses, tasks or the memory behind them, so a
//! hook can only be a function of what the kernel's own code reads there.

use abi_stable::StableAbi;

/// One page as the kernel sees it at the place where a hook is asked.
///
/// Passed by reference, so that a later minor version may append fields: plugins
/// of the C entry point go on working, those of the root module are built anew.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, StableAbi)]
pub struct PageView {
    /// `page_count(page)`: references of every kind.
    pub count: u32,
    /// `page_mapcount(page)`: ptes that map the page.
    pub mapcount: u32,
    /// `swap_map[offset]` of the page's swap entry, the swap cache's own
    /// reference included; 0 for a page that is not in the swap cache.
    pub swap_map: u32,
    /// `PG_*` bits, see the constants of this module.
    pub flags: u32,
    /// `VM_*` bits of the vma concerned; 0 where the hook has no vma.
    pub vm_flags: u32,
    /// Circumstances: `VM_SWAP_FULL`, `WRITE_FAULT` and those after it.
    pub env: u32,
    /// Which question of the hook this is; see [`crate::Hook`].
    pub at: u32,
    /// References taken with `FOLL_PIN`; `count` includes 1024 for each.
    pub pins: u32,
}

/// `GUP_PIN_COUNTING_BIAS`: what a `FOLL_PIN` reference adds to the count.
pub const GUP_PIN_COUNTING_BIAS: u32 = 1024;

impl PageView {
    /// Whether every bit of `mask` is set in `flags`.
    #[must_use]
    pub const fn has(&self, mask: u32) -> bool {
        self.flags & mask == mask
    }

    /// Whether the page is in the swap cache.
    #[must_use]
    pub const fn swap_cache(&self) -> bool {
        self.has(PG_SWAPCACHE)
    }

    /// References to the page's swap entry other than the swap cache's own;
    /// 0 for a page that is not in the swap cache.
    #[must_use]
    pub const fn swapcount(&self) -> u32 {
        if self.swap_cache() { self.swap_map.saturating_sub(1) } else { 0 }
    }

    /// `page_maybe_dma_pinned` of an order-0 page: `count >= 1024`. So many other
    /// references look the same.
    #[must_use]
    pub const fn maybe_pinned(&self) -> bool {
        self.count >= GUP_PIN_COUNTING_BIAS
    }

    /// Whether `vm_swap_full()` holds: fewer than half of the swap slots are free.
    #[must_use]
    pub const fn swap_full(&self) -> bool {
        self.env & VM_SWAP_FULL != 0
    }

    /// Whether the fault that asks is a write fault.
    #[must_use]
    pub const fn write_fault(&self) -> bool {
        self.env & WRITE_FAULT != 0
    }
}

macro_rules! bits {
    ($($(#[$doc:meta])* $name:ident = $bit:expr;)*) => {
        $($(#[$doc])* pub const $name: u32 = 1 << $bit;)*
    };
}

bits! {
    /// `PG_locked`.
    PG_LOCKED = 0;
    /// `PG_referenced`.
    PG_REFERENCED = 1;
    /// `PG_uptodate`.
    PG_UPTODATE = 2;
    /// `PG_dirty`.
    PG_DIRTY = 3;
    /// `PG_lru`.
    PG_LRU = 4;
    /// `PG_active`.
    PG_ACTIVE = 5;
    /// `PG_reserved`.
    PG_RESERVED = 6;
    /// `PG_private`: the page carries buffers.
    PG_PRIVATE = 7;
    /// `PG_writeback`.
    PG_WRITEBACK = 8;
    /// `PG_swapcache`.
    PG_SWAPCACHE = 9;
    /// `PG_reclaim`.
    PG_RECLAIM = 10;
    /// `PG_error`.
    PG_ERROR = 11;
    /// `PageAnon`: `page->mapping` is an anon_vma.
    PG_ANON = 12;
    /// `PG_anon_exclusive`, of kernels that have [`crate::EXCLUSIVE_BIT`].
    PG_ANON_EXCLUSIVE = 13;
}

bits! {
    /// `VM_READ`.
    VM_READ = 0;
    /// `VM_WRITE`.
    VM_WRITE = 1;
    /// `VM_SHARED`.
    VM_SHARED = 3;
    /// `VM_MAYWRITE`.
    VM_MAYWRITE = 5;
    /// `VM_LOCKED`.
    VM_LOCKED = 13;
    /// `VM_RESERVED`.
    VM_RESERVED = 19;
}

bits! {
    /// `vm_swap_full()`: `nr_swap_pages * 2 < total_swap_pages`.
    VM_SWAP_FULL = 0;
    /// The fault is a write fault.
    WRITE_FAULT = 1;
    /// `do_wp_page`: an unshare fault: a copy if need be, and no write.
    UNSHARE_FAULT = 2;
    /// `do_swap_page`: the swap pte carried the exclusive mark.
    EXCLUSIVE_ENTRY = 3;
    /// `copy_one_pte`: `mm->has_pinned`: the parent has ever had a `FOLL_PIN` reference.
    MM_HAS_PINNED = 4;
    /// `get_user_pages`: for writing.
    GUP_WRITE = 5;
    /// `get_user_pages`: a `FOLL_PIN` reference; else `FOLL_GET`.
    GUP_PIN = 6;
    /// `change_pte_range`: the pte is dirty.
    PTE_DIRTY = 7;
    /// `try_to_unmap_one`: for migration.
    FOR_MIGRATION = 8;
}
