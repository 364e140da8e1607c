//! What a stage works with: memory, its task, the policy, the oracle, the log.
//!
//! The only place where a routine meets a policy.

use crate::lock::Lock;
use crate::mm::{Memory, Page, Pfn, SwpEntry, TaskId, VmaId};
use crate::oracle::Oracle;
use crate::policy::{Answer, Policy, PolicyFault};
use crate::task::{Ret, Task};
use cowpath_abi::{EXCLUSIVE_BIT, Hook, PG_ANON_EXCLUSIVE, PageView, VM_SWAP_FULL};

/// A question that a stage asked the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The hook.
    pub hook: Hook,
    /// What it saw.
    pub view: PageView,
    /// What it answered.
    pub answer: Answer,
    /// The page.
    pub pfn: Pfn,
    /// The page as it was, with its ledger.
    pub page: Page,
}

/// What a stage works with.
pub struct Cx<'a> {
    /// The memory.
    pub mem: &'a mut Memory,
    /// The task that runs.
    pub task: &'a mut Task,
    /// Its id.
    pub id: TaskId,
    /// The policy.
    pub policy: &'a Policy,
    /// The reference memory.
    pub oracle: &'a mut Oracle,
    /// Questions asked in this stage, if somebody records them.
    pub asked: Option<&'a mut Vec<Asked>>,
    /// The first thing that the policy did which no policy may do.
    pub fault: &'a mut Option<PolicyFault>,
}

impl Cx<'_> {
    /// What the routine that was called handed back.
    #[must_use]
    #[inline]
    pub const fn ret(&self) -> Ret {
        self.task.ret
    }

    /// Whether the kernel has a mechanism.
    #[must_use]
    #[inline]
    pub fn has(&self, mechanism: u32) -> bool {
        self.policy.has(mechanism)
    }

    /// Marks a page as its only mapping's own, in a kernel that does so.
    #[inline]
    pub fn set_exclusive(&mut self, pfn: Pfn) {
        if self.has(EXCLUSIVE_BIT) {
            self.mem.page_mut(pfn).flags |= PG_ANON_EXCLUSIVE;
        }
    }

    /// Asks the policy about a page. `vm_flags` and `env` as in [`PageView`].
    #[inline]
    pub fn ask(&mut self, hook: Hook, at: u32, pfn: Pfn, vm_flags: u32, env: u32) -> u8 {
        let page = *self.mem.page(pfn);
        let full = u32::from(self.mem.vm_swap_full()) * VM_SWAP_FULL;
        let cached = page.has(cowpath_abi::PG_SWAPCACHE);
        let view = PageView {
            count: self.mem.page_count(pfn),
            mapcount: self.mem.page_mapcount(pfn),
            swap_map: if cached { self.mem.swap_map(page.private).into() } else { 0 },
            flags: page.flags & PUBLIC_FLAGS,
            vm_flags,
            env: env | full,
            at,
            pins: page.gup.pinned.into(),
        };
        self.put(hook, &view, pfn, page)
    }

    /// Asks the policy about a place that has no page yet.
    pub fn ask_without_page(&mut self, hook: Hook, at: u32, vm_flags: u32, env: u32) -> u8 {
        let view = PageView { vm_flags, env, at, ..PageView::default() };
        self.put(hook, &view, Pfn::NONE, Page::FREE)
    }

    #[inline]
    fn put(&mut self, hook: Hook, view: &PageView, pfn: Pfn, page: Page) -> u8 {
        match self.policy.ask(hook, view) {
            Ok(answer) => {
                if let Some(asked) = &mut self.asked {
                    asked.push(Asked { hook, view: *view, answer, pfn, page });
                }
                answer.code
            }
            Err(fault) => {
                self.fault.get_or_insert(fault);
                0
            }
        }
    }

    /// Drops a lock.
    #[inline]
    pub fn unlock(&mut self, lock: Lock) {
        self.task.forget_lock(lock);
        lock.release(self.mem, self.id);
    }

    /// Takes a lock if it is free.
    #[inline]
    pub fn trylock(&mut self, lock: Lock) -> bool {
        let free = lock.is_free(self.mem);
        if free {
            lock.acquire(self.mem, self.id);
            self.task.note_lock(lock);
        }
        free
    }

    /// `get_page`.
    #[inline]
    pub fn get_page(&mut self, pfn: Pfn) {
        if self.mem.page(pfn).has(cowpath_abi::PG_RESERVED) {
            return;
        }
        self.mem.get_page(pfn);
        self.task.note_page(pfn);
    }

    /// `put_page`, `page_cache_release`.
    #[inline]
    pub fn put_page(&mut self, pfn: Pfn) {
        if self.mem.page(pfn).has(cowpath_abi::PG_RESERVED) {
            return;
        }
        self.task.forget_page(pfn);
        self.mem.put_page(pfn);
    }

    /// `alloc_page`.
    pub fn alloc_page(&mut self) -> Option<Pfn> {
        let pfn = self.mem.alloc_page()?;
        self.task.note_page(pfn);
        Some(pfn)
    }

    /// `alloc_page` outside `ZONE_MOVABLE`.
    pub fn alloc_unmovable_page(&mut self) -> Option<Pfn> {
        let pfn = self.mem.alloc_unmovable_page()?;
        self.task.note_page(pfn);
        Some(pfn)
    }

    /// `alloc_zeroed_user_highpage`.
    pub fn alloc_zeroed_page(&mut self) -> Option<Pfn> {
        let pfn = self.mem.alloc_zeroed_page()?;
        self.task.note_page(pfn);
        Some(pfn)
    }

    /// `page_add_anon_rmap`, for a reference that the task holds.
    #[inline]
    pub fn page_add_anon_rmap(&mut self, pfn: Pfn, vma: VmaId, address: u32) {
        self.task.forget_page(pfn);
        self.mem.page_add_anon_rmap(pfn, vma, address);
    }

    /// `page_remove_rmap`: the reference becomes the task's.
    #[inline]
    pub fn page_remove_rmap(&mut self, pfn: Pfn) {
        self.mem.page_remove_rmap(pfn);
        self.task.note_page(pfn);
    }

    /// `swap_duplicate`, by the task itself.
    pub fn hold_entry(&mut self, entry: SwpEntry) {
        self.task.note_entry(entry);
    }

    /// `swap_free` of a reference that the task holds.
    pub fn free_entry(&mut self, entry: SwpEntry) -> u16 {
        self.task.forget_entry(entry);
        self.mem.swap_free(entry)
    }

    /// `delete_from_swap_cache` without its `swap_free` and put: both become the task's.
    pub fn delete_from_swap_cache(&mut self, pfn: Pfn) -> SwpEntry {
        let page = *self.mem.page(pfn);
        let function = "__delete_from_swap_cache";
        let cached = page.has(cowpath_abi::PG_SWAPCACHE);
        self.mem.bug_on(!page.has(cowpath_abi::PG_LOCKED), function, "!PageLocked", pfn);
        self.mem.bug_on(!cached, function, "!PageSwapCache", pfn);
        self.mem.bug_on(page.has(cowpath_abi::PG_WRITEBACK), function, "PageWriteback", pfn);
        let elsewhere = cached && self.mem.swap_cache(page.private) != Some(pfn);
        self.mem.bug_on(elsewhere, function, "not the page of its entry", pfn);
        let entry = self.mem.delete_from_swap_cache(pfn);
        self.task.note_page(pfn);
        self.task.note_entry(entry);
        entry
    }
}

/// Flags that policies know; the others are the host's own.
const PUBLIC_FLAGS: u32 = (PG_ANON_EXCLUSIVE << 1) - 1;
