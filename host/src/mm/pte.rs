//! Page table entries: 32 bits, present, swap, migration or none.
//!
//! A pte does not know which mm or address it stands for.

use super::ids::{Pfn, SwpEntry};
use crate::rename::{Rename, Renaming};
use std::fmt;

/// `pte_t`.
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
pub struct Pte(u32);

const PRESENT: u32 = 1;
const WRITE: u32 = 2;
const DIRTY: u32 = 4;
const YOUNG: u32 = 8;
const SWAP: u32 = 16;
/// With `SWAP`: the exclusive mark. Without `SWAP` and `PRESENT`: a migration entry, whose
/// `WRITE` and `YOUNG` tell its kind.
const OTHER: u32 = 32;
const SHIFT: u32 = 6;
/// A migration entry, whose `YOUNG` tells its kind: the pte was young.
const WAS_YOUNG: u32 = 1 << 31;

impl Pte {
    /// `pte_none`.
    pub const NONE: Self = Self(0);

    /// `mk_pte`: present, read-only, clean and young (the protection of a private
    /// mapping on i386: `PAGE_COPY` or `PAGE_READONLY`, both with the accessed bit).
    #[must_use]
    pub const fn mk(pfn: Pfn) -> Self {
        Self(pfn.0 << SHIFT | PRESENT | YOUNG)
    }

    /// `swp_entry_to_pte`.
    #[must_use]
    pub const fn swap(entry: SwpEntry) -> Self {
        Self(entry.0 << SHIFT | SWAP)
    }

    /// The flag bits and what they stand beside, each a small number.
    pub(super) const fn parts(self) -> (u32, u32) {
        (self.0 & ((1 << SHIFT) - 1), self.0 >> SHIFT)
    }

    pub(super) const fn of_parts(flags: u32, number: u32) -> Self {
        Self(number << SHIFT | flags)
    }

    /// `pte_swp_mkexclusive`: a swap pte whose page was exclusive.
    #[must_use]
    pub const fn mkexclusive(self) -> Self {
        Self(self.0 | OTHER)
    }

    /// `pte_swp_clear_exclusive`.
    #[must_use]
    pub const fn clear_exclusive(self) -> Self {
        Self(self.0 & !OTHER)
    }

    /// `pte_swp_exclusive`: a swap pte that carries the mark.
    #[must_use]
    pub const fn marked_exclusive(self) -> bool {
        self.0 & (SWAP | OTHER) == SWAP | OTHER
    }

    /// A migration entry for a page: writable, readable-exclusive or readable.
    #[must_use]
    pub const fn migration(pfn: Pfn, writable: bool, exclusive: bool) -> Self {
        let kind = if writable { WRITE | YOUNG } else { 0 } | if exclusive { YOUNG } else { 0 };
        assert!(pfn.0 < WAS_YOUNG >> SHIFT);
        Self(pfn.0 << SHIFT | OTHER | kind)
    }

    /// A migration entry that remembers the accessed and dirty bits of its pte.
    #[must_use]
    pub const fn remember_young_dirty(self, pte: Self) -> Self {
        let young = if pte.young() { WAS_YOUNG } else { 0 };
        Self(self.0 | young | pte.0 & DIRTY)
    }

    /// Whether a migration entry remembers that its pte was young.
    #[must_use]
    pub const fn migrating_young(self) -> bool {
        self.0 & WAS_YOUNG != 0
    }

    /// The page of a migration entry.
    #[must_use]
    #[inline]
    pub const fn migrating(self) -> Option<Pfn> {
        let migration = self.0 & (PRESENT | SWAP | OTHER) == OTHER;
        if migration { Some(Pfn((self.0 & !WAS_YOUNG) >> SHIFT)) } else { None }
    }

    /// Whether a migration entry is not merely readable: its page was exclusive.
    #[must_use]
    pub const fn migrating_exclusive(self) -> bool {
        self.0 & YOUNG != 0
    }

    /// `make_readable_migration_entry`: fork shares it.
    #[must_use]
    pub const fn migration_shared(self) -> Self {
        Self(self.0 & !(WRITE | YOUNG))
    }

    /// `pte_present`.
    #[must_use]
    #[inline]
    pub const fn present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// `pte_none`.
    #[must_use]
    #[inline]
    pub const fn none(self) -> bool {
        self.0 == 0
    }

    /// `pte_pfn` of a present pte.
    #[must_use]
    #[inline]
    pub const fn pfn(self) -> Option<Pfn> {
        if self.present() { Some(Pfn(self.0 >> SHIFT)) } else { None }
    }

    /// Whether this is present and maps `pfn`.
    #[must_use]
    #[inline]
    pub const fn maps(self, pfn: Pfn) -> bool {
        self.present() && self.0 >> SHIFT == pfn.0
    }

    /// `pte_to_swp_entry` of a swap pte.
    #[must_use]
    #[inline]
    pub const fn entry(self) -> Option<SwpEntry> {
        if self.0 & SWAP != 0 { Some(SwpEntry(self.0 >> SHIFT)) } else { None }
    }

    /// `pte_write`.
    #[must_use]
    #[inline]
    pub const fn write(self) -> bool {
        self.0 & WRITE != 0
    }

    /// `pte_dirty`.
    #[must_use]
    #[inline]
    pub const fn dirty(self) -> bool {
        self.0 & DIRTY != 0
    }

    /// `pte_young`.
    #[must_use]
    #[inline]
    pub const fn young(self) -> bool {
        self.0 & YOUNG != 0
    }

    /// `pte_mkdirty`.
    #[must_use]
    pub const fn mkdirty(self) -> Self {
        Self(self.0 | DIRTY)
    }

    /// `pte_mkyoung`.
    #[must_use]
    pub const fn mkyoung(self) -> Self {
        Self(self.0 | YOUNG)
    }

    /// `pte_mkold`.
    #[must_use]
    pub const fn mkold(self) -> Self {
        Self(self.0 & !YOUNG)
    }

    /// `pte_wrprotect`.
    #[must_use]
    pub const fn wrprotect(self) -> Self {
        Self(self.0 & !WRITE)
    }

    /// `maybe_mkwrite`: writable if the vma is `VM_WRITE`.
    #[must_use]
    pub const fn maybe_mkwrite(self, vm_write: bool) -> Self {
        if vm_write { Self(self.0 | WRITE) } else { self }
    }
}

impl Rename for Pte {
    #[inline]
    fn rename(&mut self, by: &Renaming) {
        let flags = self.0 & ((1 << SHIFT) - 1);
        if let Some(mut pfn) = self.pfn() {
            pfn.rename(by);
            self.0 = pfn.0 << SHIFT | flags;
        } else if let Some(mut entry) = self.entry() {
            entry.rename(by);
            self.0 = entry.0 << SHIFT | flags;
        } else if let Some(mut pfn) = self.migrating() {
            pfn.rename(by);
            self.0 = self.0 & WAS_YOUNG | pfn.0 << SHIFT | flags;
        }
    }
}

impl fmt::Display for Pte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entry) = self.entry() {
            let mark = if self.marked_exclusive() { " exclusive" } else { "" };
            return write!(f, "{entry}{mark}");
        }
        if let Some(pfn) = self.migrating() {
            let kind = match (self.write(), self.migrating_exclusive()) {
                (true, _) => "writable",
                (false, true) => "exclusive",
                (false, false) => "readable",
            };
            return write!(f, "migration of {pfn}, {kind}");
        }
        let Some(pfn) = self.pfn() else {
            return f.write_str("none");
        };
        if pfn == super::ids::ZERO_PAGE {
            f.write_str("ZERO_PAGE")?;
        } else {
            write!(f, "{pfn}")?;
        }
        f.write_str(if self.write() { " rw" } else { " ro" })?;
        f.write_str(if self.dirty() { " dirty" } else { "" })?;
        f.write_str(if self.young() { " young" } else { "" })
    }
}
