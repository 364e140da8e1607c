//! The hooks: which kernel function asks, at which point, and what it may answer.
//!
//! Each change that a COW patch makes is one hook, named by the kernel function
//! that the hunk is in. A hook is a pure function of its [`crate::PageView`].
//! A hook with several questions tells them apart by `view.at`.

/// A hook, named by the kernel function that asks it.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(non_camel_case_types, reason = "the names are the kernel's functions")]
pub enum Hook {
    /// `mm/memory.c:do_wp_page`: what a write fault on a read-only pte does next.
    do_wp_page = 0,
    /// `mm/swapfile.c:can_share_swap_page` (later `reuse_swap_page`); page locked.
    can_share_swap_page = 1,
    /// `mm/swapfile.c:exclusive_swap_page`; page locked.
    exclusive_swap_page = 2,
    /// `mm/swapfile.c:remove_exclusive_swap_page` (later `try_to_free_swap`); page locked.
    remove_exclusive_swap_page = 3,
    /// `mm/swapfile.c:free_swap_and_cache`, once the swap pte's reference is gone.
    free_swap_and_cache = 4,
    /// `mm/rmap.c:try_to_unmap_one`: the veto, before the pte is cleared.
    try_to_unmap_one = 5,
    /// `mm/memory.c:do_swap_page`: the decisions made at steps of its order.
    do_swap_page = 6,
    /// `mm/vmscan.c:shrink_page_list`, before `add_to_swap`: may reclaim give the page a slot?
    add_to_swap = 7,
    /// `mm/vmscan.c:shrink_page_list`, once no pte maps the page any more.
    shrink_list = 8,
    /// `mm/memory.c:copy_one_pte`: does fork share an anonymous page, or copy it at once?
    copy_one_pte = 9,
    /// `mm/gup.c:get_user_pages`: what has to happen before a reference is taken.
    get_user_pages = 10,
    /// `mm/mprotect.c:change_pte_range`: is a pte of an area made writable writable at once?
    change_pte_range = 11,
}

/// Hooks of version 1.0 of the contract; later ones are appended, and a policy that does
/// not define one of those is not asked: what 2.6.11 does is done, which is
/// [`Hook::default_answer`].
pub const HOOKS_1_0: usize = 7;

/// Every hook, in ABI order.
pub const HOOKS: [Hook; 12] = [
    Hook::do_wp_page,
    Hook::can_share_swap_page,
    Hook::exclusive_swap_page,
    Hook::remove_exclusive_swap_page,
    Hook::free_swap_and_cache,
    Hook::try_to_unmap_one,
    Hook::do_swap_page,
    Hook::add_to_swap,
    Hook::shrink_list,
    Hook::copy_one_pte,
    Hook::get_user_pages,
    Hook::change_pte_range,
];

/// `view.at` of `do_wp_page`: the fault has just found the pte read-only; page not locked.
pub const WP_ENTRY: u32 = 0;
/// `view.at` of `do_wp_page`: the page lock is held.
pub const WP_LOCKED: u32 = 1;
/// `view.at` of `do_wp_page`: locked, and `WP_FREE_SWAP` was carried out.
pub const WP_SWAP_FREED: u32 = 2;
/// `view.at` of `do_wp_page`: not locked, and `WP_DRAIN` was carried out.
pub const WP_DRAINED: u32 = 3;

/// Answer of `do_wp_page`: copy the page.
pub const WP_COPY: u8 = 0;
/// Answer of `do_wp_page`: make the pte writable.
pub const WP_REUSE: u8 = 1;
/// Answer of `do_wp_page` (not locked): `TestSetPageLocked`; busy means copy, else ask `WP_LOCKED`.
pub const WP_TRYLOCK: u8 = 2;
/// Answer of `do_wp_page` (not locked): as `WP_TRYLOCK`, but when busy hold the page, drop
/// page_table_lock, sleep for the page lock, retake page_table_lock; a changed pte repeats the fault.
pub const WP_LOCK: u8 = 3;
/// Answer of `do_wp_page` (locked): reuse exactly if `can_share_swap_page` says so.
pub const WP_CAN_SHARE: u8 = 4;
/// Answer of `do_wp_page` (locked): run `remove_exclusive_swap_page`, then ask `WP_SWAP_FREED`.
pub const WP_FREE_SWAP: u8 = 5;
/// Answer of `do_wp_page` (not locked): drain the LRU-add pagevec, then ask `WP_DRAINED`.
pub const WP_DRAIN: u8 = 6;

/// Answer of the yes-or-no hooks: no.
pub const NO: u8 = 0;
/// Answer of the yes-or-no hooks: yes.
pub const YES: u8 = 1;
/// Answer of `can_share_swap_page`: exactly if `exclusive_swap_page` says so.
pub const SHARE_IF_EXCLUSIVE: u8 = 2;
/// Answer of `can_share_swap_page`: yes, and delete the page from the swap cache and dirty it.
pub const SHARE_AND_DELETE: u8 = 3;

/// `view.at` of `exclusive_swap_page` and `remove_exclusive_swap_page`: `swap_map`
/// is read under `swap_device_lock`.
pub const AT_SWAP_MAP: u32 = 0;
/// `view.at` of the same two: counts are read again under `swapper_space.tree_lock`
/// (or without it, if [`crate::Rules::exclusive_without_tree_lock`]).
pub const AT_RECHECK: u32 = 1;
/// `view.at` of `remove_exclusive_swap_page`: the tests before any lock is taken.
pub const AT_ENTRY: u32 = 2;

/// `view.at` of `try_to_unmap_one`: before the pte is cleared.
pub const UNMAP_ENTRY: u32 = 0;
/// `view.at` of `try_to_unmap_one`: the pte is cleared and nobody can find the page by it
/// any more. Asked only of kernels that have [`EXCLUSIVE_BIT`].
pub const UNMAP_CLEARED: u32 = 1;
/// Answer of `try_to_unmap_one`: unmap.
pub const UNMAP: u8 = 0;
/// Answer of `try_to_unmap_one`: `SWAP_FAIL`, the pte stays, or is put back.
pub const UNMAP_FAIL: u8 = 1;

/// `view.at` of `do_swap_page` at [`SwapInStep::FreeSwap`]: run `remove_exclusive_swap_page`? (yes or no)
pub const SWAPIN_FREE_SWAP: u32 = 0;
/// `view.at` of `do_swap_page` at [`SwapInStep::Decide`]: how to map the page.
pub const SWAPIN_DECIDE: u32 = 1;
/// Answer of `do_swap_page` at `Decide`: read-only.
pub const MAP_READ_ONLY: u8 = 0;
/// Answer of `do_swap_page` at `Decide`: writable and dirty; a write fault is done.
pub const MAP_WRITABLE: u8 = 1;
/// Answer of `do_swap_page` at `Decide`: as `can_share_swap_page` says.
pub const MAP_IF_SHARED: u8 = 2;
/// Answer of `do_swap_page` at `Decide`: read-only, and the page is `PG_anon_exclusive`.
pub const MAP_EXCLUSIVE: u8 = 3;
/// Answer of `do_swap_page` at `Decide`: writable if the area is, dirty only for a write
/// fault, and the page is `PG_anon_exclusive`.
pub const MAP_EXCLUSIVE_WRITABLE: u8 = 4;

/// Answer of `add_to_swap`: give it a slot.
pub const SWAP_ADD: u8 = 0;
/// Answer of `add_to_swap`: the page stays, neither swapped nor activated.
pub const SWAP_KEEP: u8 = 1;

/// Answer of `shrink_list`: write it out.
pub const SHRINK_PAGEOUT: u8 = 0;
/// Answer of `shrink_list`: activate it; it stays in the swap cache.
pub const SHRINK_ACTIVATE: u8 = 1;

/// Answer of `copy_one_pte`: parent and child share the page, read-only.
pub const FORK_SHARE: u8 = 0;
/// Answer of `copy_one_pte`: the child gets a copy now, the parent's pte stays as it is.
pub const FORK_COPY: u8 = 1;

/// `view.at` of `get_user_pages`: for each page asked for, before it is looked up. The
/// view shows no page.
pub const GUP_BEGIN: u32 = 0;
/// `view.at` of `get_user_pages`: the page is there, its pte is read-only, and the
/// reference is wanted for reading.
pub const GUP_FOUND: u32 = 1;
/// Answer of `get_user_pages` at `GUP_BEGIN`: look the page up as was asked.
pub const GUP_AS_ASKED: u8 = 0;
/// Answer of `get_user_pages` at `GUP_BEGIN`: as if it was asked for writing.
pub const GUP_AS_WRITE: u8 = 1;
/// Answer of `get_user_pages` at `GUP_FOUND`: take the reference.
pub const GUP_TAKE: u8 = 0;
/// Answer of `get_user_pages` at `GUP_FOUND`: an unshare fault first.
pub const GUP_UNSHARE: u8 = 1;

impl Hook {
    /// The kernel function's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::do_wp_page => "do_wp_page",
            Self::can_share_swap_page => "can_share_swap_page",
            Self::exclusive_swap_page => "exclusive_swap_page",
            Self::remove_exclusive_swap_page => "remove_exclusive_swap_page",
            Self::free_swap_and_cache => "free_swap_and_cache",
            Self::try_to_unmap_one => "try_to_unmap_one",
            Self::do_swap_page => "do_swap_page",
            Self::add_to_swap => "add_to_swap",
            Self::shrink_list => "shrink_list",
            Self::copy_one_pte => "copy_one_pte",
            Self::get_user_pages => "get_user_pages",
            Self::change_pte_range => "change_pte_range",
        }
    }

    /// The answers that the hook may give at a point, with the word a report prints
    /// for each; empty for a point that the hook is never asked at.
    #[must_use]
    pub const fn answers(self, at: u32) -> &'static [(u8, &'static str)] {
        const YES_NO: &[(u8, &str)] = &[(NO, "no"), (YES, "yes")];
        match self {
            Self::do_wp_page => match at {
                WP_ENTRY => &[
                    (WP_COPY, "copy"),
                    (WP_REUSE, "reuse"),
                    (WP_TRYLOCK, "trylock"),
                    (WP_LOCK, "lock"),
                    (WP_DRAIN, "drain"),
                ],
                WP_DRAINED => &[
                    (WP_COPY, "copy"),
                    (WP_REUSE, "reuse"),
                    (WP_TRYLOCK, "trylock"),
                    (WP_LOCK, "lock"),
                ],
                WP_LOCKED => &[
                    (WP_COPY, "copy"),
                    (WP_REUSE, "reuse"),
                    (WP_CAN_SHARE, "can_share"),
                    (WP_FREE_SWAP, "free_swap"),
                ],
                WP_SWAP_FREED => {
                    &[(WP_COPY, "copy"), (WP_REUSE, "reuse"), (WP_CAN_SHARE, "can_share")]
                }
                _ => &[],
            },
            Self::can_share_swap_page => match at {
                0 => &[
                    (NO, "no"),
                    (YES, "yes"),
                    (SHARE_IF_EXCLUSIVE, "if exclusive"),
                    (SHARE_AND_DELETE, "yes, delete from cache"),
                ],
                _ => &[],
            },
            Self::exclusive_swap_page => match at {
                AT_SWAP_MAP | AT_RECHECK => YES_NO,
                _ => &[],
            },
            Self::remove_exclusive_swap_page => match at {
                AT_ENTRY | AT_SWAP_MAP | AT_RECHECK => YES_NO,
                _ => &[],
            },
            Self::free_swap_and_cache => match at {
                0 => YES_NO,
                _ => &[],
            },
            Self::try_to_unmap_one => match at {
                UNMAP_ENTRY | UNMAP_CLEARED => &[(UNMAP, "unmap"), (UNMAP_FAIL, "SWAP_FAIL")],
                _ => &[],
            },
            Self::do_swap_page => match at {
                SWAPIN_FREE_SWAP => YES_NO,
                SWAPIN_DECIDE => &[
                    (MAP_READ_ONLY, "read-only"),
                    (MAP_WRITABLE, "writable"),
                    (MAP_IF_SHARED, "if can_share"),
                    (MAP_EXCLUSIVE, "exclusive, read-only"),
                    (MAP_EXCLUSIVE_WRITABLE, "exclusive, writable"),
                ],
                _ => &[],
            },
            Self::add_to_swap => match at {
                0 => &[(SWAP_ADD, "add"), (SWAP_KEEP, "keep")],
                _ => &[],
            },
            Self::shrink_list => match at {
                0 => &[(SHRINK_PAGEOUT, "pageout"), (SHRINK_ACTIVATE, "activate")],
                _ => &[],
            },
            Self::copy_one_pte => match at {
                0 => &[(FORK_SHARE, "share"), (FORK_COPY, "copy")],
                _ => &[],
            },
            Self::get_user_pages => match at {
                GUP_BEGIN => &[(GUP_AS_ASKED, "as asked"), (GUP_AS_WRITE, "as for writing")],
                GUP_FOUND => &[(GUP_TAKE, "take"), (GUP_UNSHARE, "unshare")],
                _ => &[],
            },
            Self::change_pte_range => match at {
                0 => YES_NO,
                _ => &[],
            },
        }
    }
}

/// One step of `do_swap_page` between the pte check and the end, all under page_table_lock.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SwapInStep {
    /// `swap_free(entry)`: the swap pte's reference to the entry goes.
    SwapFree = 1,
    /// Ask `do_swap_page` at `SWAPIN_FREE_SWAP`; yes: `remove_exclusive_swap_page`.
    FreeSwap = 2,
    /// `mm->rss++`.
    Rss = 3,
    /// Make the pte value; ask `do_swap_page` at `SWAPIN_DECIDE`.
    Decide = 4,
    /// `unlock_page(page)`.
    UnlockPage = 5,
    /// `set_pte`.
    SetPte = 6,
    /// `page_add_anon_rmap`.
    AddRmap = 7,
    /// Still a write and not writable: `do_wp_page`.
    WpPage = 8,
}

impl SwapInStep {
    /// Every step, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::SwapFree,
        Self::FreeSwap,
        Self::Rss,
        Self::Decide,
        Self::UnlockPage,
        Self::SetPte,
        Self::AddRmap,
        Self::WpPage,
    ];
}

/// Data rules of a policy: what cannot be said as an answer. A minor version may append fields.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, abi_stable::StableAbi)]
pub struct Rules {
    /// Order of operations in `do_swap_page`: [`SwapInStep`] numbers, each exactly once.
    pub do_swap_page: [u8; 8],
    /// Where swapoff activates the page it restores ptes to: `ACTIVATE_*` bits.
    pub unuse_process: u32,
    /// 1 if `exclusive_swap_page` re-reads the counts without `tree_lock`.
    pub exclusive_without_tree_lock: u32,
    /// What else the kernel does that 2.6.11 does not: bits of [`MECHANISMS`]. Since 1.1.
    pub mechanisms: u32,
}

/// What a kernel does beside its decisions: a bit of [`Rules::mechanisms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanism {
    /// The bit.
    pub bit: u32,
    /// The word that a graft uses.
    pub word: &'static str,
    /// What a kernel that has it does, for a human.
    pub title: &'static str,
}

macro_rules! mechanisms {
    ($($(#[doc = $doc:literal])+ $name:ident = $bit:expr, $word:literal, $title:literal;)*) => {
        $($(#[doc = $doc])+ pub const $name: u32 = 1 << $bit;)*

        /// Every bit of [`Rules::mechanisms`].
        pub const MECHANISMS: &[Mechanism] =
            &[$(Mechanism { bit: $name, word: $word, title: $title }),*];
    };
}

mechanisms! {
    /// Pages carry `PG_anon_exclusive`: set on a new anonymous page, cleared when fork shares it.
    EXCLUSIVE_BIT = 0, "exclusive_bit",
        "pages carry PG_anon_exclusive until fork shares them";
    /// A swap pte remembers that its page was exclusive; else reclaim forgets it.
    EXCLUSIVE_MARK = 1, "exclusive_mark",
        "swap ptes remember that their page was exclusive";
    /// Direct IO to block devices takes `FOLL_PIN` references.
    PIN_DIRECT_IO = 2, "pin_direct_io",
        "direct IO to block devices pins its pages";
    /// FUSE's direct IO does.
    PIN_FUSE = 3, "pin_fuse",
        "direct IO of FUSE pins its pages";
    /// io_uring's fixed buffers are `FOLL_PIN` references.
    PIN_IO_URING = 4, "pin_io_uring",
        "fixed buffers of io_uring are pinned";
    /// `pin_user_pages` exists; else it takes what `get_user_pages` takes.
    PIN_USER_PAGES = 5, "pin_user_pages",
        "pin_user_pages exists, and its references can be told apart";
    /// A read fault on untouched anonymous memory allocates a page: there is no `ZERO_PAGE`.
    NO_ZERO_PAGE = 6, "no_zero_page",
        "a read fault on untouched memory allocates a page, not ZERO_PAGE";
    /// A read by `get_user_pages` faults untouched memory in (2.6.11 gives out `ZERO_PAGE`).
    GUP_FAULTS_IN = 7, "gup_faults_in",
        "get_user_pages for reading faults untouched memory in";
    /// `try_to_unmap_one` does not look whether the pte is young.
    UNMAP_YOUNG = 8, "unmap_young",
        "reclaim unmaps without a last look whether the pte is young";
    /// `do_swap_page`: once it is locked, the page must still be the swap cache's for the entry.
    SWAPIN_RECHECK = 9, "swapin_recheck",
        "do_swap_page looks again, once the page is locked, whether it is the right one";
    /// `do_swap_page`: a write fault on a page that is not on the LRU drains the pagevecs
    /// before page_table_lock is taken.
    SWAPIN_DRAIN = 10, "swapin_drain",
        "a write fault in do_swap_page drains the pagevecs";
    /// swapoff goes through each address space and keeps the page locked from the pte to
    /// the end of its swap slot (`try_to_unuse` since 5.1).
    SWAPOFF_BY_MM = 11, "swapoff_by_mm",
        "swapoff goes through address spaces, and keeps the page locked to the end of its slot";
    /// Mainline migration leaves migration entries instead of swap entries (since 2.6.18).
    MIGRATION_ENTRIES = 12, "migration_entries",
        "migration leaves migration entries instead of swap entries";
    /// A page that loses a pte is tried for its swap slot only if no other pte maps it
    /// (`free_swap_cache` since 2.6.29).
    ZAP_UNMAPPED = 13, "zap_unmapped",
        "a page that loses a pte is tried for its swap slot only if no other pte maps it";
    /// fork leaves out areas that have no anon_vma: faults fill them in again (since 2.6.14).
    LAZY_FORK = 14, "lazy_fork",
        "fork leaves out areas that have no anon_vma";
    /// Reclaim leaves pages of `VM_LOCKED` areas alone from the start, and gives them no swap
    /// slot (the unevictable list, since 2.6.28).
    UNEVICTABLE = 15, "unevictable",
        "reclaim leaves pages of mlocked areas alone from the start";
    /// A `FOLL_LONGTERM` reference is taken only once the page was moved out of memory that
    /// is to stay movable (`check_and_migrate_movable_pages`, `ZONE_MOVABLE` since 5.13).
    LONGTERM_UNMOVABLE = 16, "longterm_unmovable",
        "a long-term pin moves the page out of ZONE_MOVABLE first";
    /// `activate_locked` of `shrink_page_list`: when swap runs short, the page is tried for its
    /// swap slot (by 2.6.29).
    ACTIVATE_FREES_SWAP = 17, "activate_frees_swap",
        "reclaim tries to free the slot of a page that it activates, if swap is full";
    /// `wp_page_copy`: the page that lost a pte is tried for its swap slot if no other pte
    /// maps it (since 5.14).
    COPY_FREES_SWAP = 18, "copy_frees_swap",
        "do_wp_page tries to free the slot of the page that it has copied";
    /// A migration entry remembers whether its pte was young and dirty; else what it becomes
    /// is old and clean (since 6.1, on architectures with room for it).
    MIGRATION_YOUNG_DIRTY = 19, "migration_young_dirty",
        "migration entries remember young and dirty ptes";
    /// munmap, MADV_DONTNEED and exit do not drain the pagevecs (after 6.12, by 6.19).
    ZAP_NO_DRAIN = 20, "zap_no_drain",
        "munmap, MADV_DONTNEED and exit do not drain the pagevecs";
    /// `do_swap_page`: when it backs out, the page is tried for its swap slot (since 7.0).
    BACKOUT_FREES_SWAP = 21, "backout_frees_swap",
        "do_swap_page tries to free the slot when it backs out";
}

/// `mm/swapfile.c:unuse_pmd`: activate after a pte was restored.
pub const ACTIVATE_AFTER_PTE: u32 = 1;
/// `unuse_process`: activate before anything else.
pub const ACTIVATE_AT_START: u32 = 2;
/// `unuse_process`: mmap_sem is busy: activate before the page lock is dropped.
pub const ACTIVATE_BEFORE_UNLOCK: u32 = 4;

/// An answer: the low byte is the answer, the next byte is a reason number
/// (0: none; n: entry n-1 of the policy's reason list), as [`answer`] packs them.
pub type RawAnswer = u32;

/// What the export macro returns when a hook panicked.
pub const PANICKED: RawAnswer = 0xffff_ffff;

/// Packs an answer with a reason number.
#[must_use]
pub const fn answer(code: u8, reason: u8) -> RawAnswer {
    code as u32 | (reason as u32) << 8
}

/// What a hook answers, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Answer {
    /// One of the codes that [`Hook::answers`] lists for the point asked at.
    pub code: u8,
    /// 0: no reason given; n: entry n-1 of the policy's reason list.
    pub reason: u8,
}

impl Answer {
    /// An answer with its reason, one of the names under `reasons` of [`crate::export_policy!`].
    #[must_use]
    pub const fn because(code: u8, reason: u8) -> Self {
        Self { code, reason }
    }

    /// The answer as it crosses the boundary.
    #[must_use]
    pub const fn raw(self) -> RawAnswer {
        answer(self.code, self.reason)
    }
}

/// An answer that speaks for itself.
impl From<u8> for Answer {
    fn from(code: u8) -> Self {
        Self { code, reason: 0 }
    }
}

impl Hook {
    /// The answer at a point that comes to what 2.6.11 does, where a policy may be one
    /// that is not asked: for the hooks of version 1.1, and for what it added to
    /// `try_to_unmap_one`. None where every policy is asked.
    #[must_use]
    pub const fn default_answer(self, at: u32) -> Option<u8> {
        match self {
            Self::do_wp_page
            | Self::can_share_swap_page
            | Self::exclusive_swap_page
            | Self::remove_exclusive_swap_page
            | Self::free_swap_and_cache
            | Self::do_swap_page => None,
            Self::try_to_unmap_one => match at {
                UNMAP_CLEARED => Some(UNMAP),
                _ => None,
            },
            Self::add_to_swap => Some(SWAP_ADD),
            Self::shrink_list => Some(SHRINK_PAGEOUT),
            Self::copy_one_pte => Some(FORK_SHARE),
            Self::get_user_pages => match at {
                GUP_BEGIN => Some(GUP_AS_ASKED),
                _ => Some(GUP_TAKE),
            },
            Self::change_pte_range => Some(NO),
        }
    }

    /// The hook with this kernel function's name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        HOOKS.into_iter().find(|hook| hook.name() == name)
    }
}

/// A hook as it crosses the boundary; every hook has this signature.
pub type HookFn = extern "C" fn(&crate::PageView) -> RawAnswer;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_has_a_default_answer_and_it_is_legal() {
        for hook in HOOKS {
            for at in (0..4).filter(|at| !hook.answers(*at).is_empty()) {
                let appended = hook as usize >= HOOKS_1_0
                    || (hook, at) == (Hook::try_to_unmap_one, UNMAP_CLEARED);
                // Zero: what a plugin gets by leaving memory as it is.
                assert_eq!(hook.default_answer(at), appended.then_some(0), "{hook:?} at {at}");
            }
        }
    }

    #[test]
    fn mechanisms_are_one_bit_each_with_words_of_their_own() {
        for (index, one) in MECHANISMS.iter().enumerate() {
            assert_eq!(one.bit, 1 << index, "{one:?}");
            assert!(MECHANISMS[..index].iter().all(|other| other.word != one.word), "{one:?}");
            assert!(!one.title.is_empty() && !one.title.ends_with('.'), "{one:?}");
        }
    }
}
