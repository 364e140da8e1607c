//! What one stage changed, for those who print it.
//!
//! Filled only while [`super::Memory::changes`] is set; decides nothing.

use super::ids::{Pfn, VmaId};
use super::page::Page;
use super::pte::Pte;

/// One change of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A pte.
    Pte {
        /// Its vma.
        vma: VmaId,
        /// Its address, in pages.
        address: u32,
        /// Before.
        old: Pte,
        /// After.
        new: Pte,
    },
    /// A page, with what it was before the stage.
    Page {
        /// Which.
        pfn: Pfn,
        /// Before.
        old: Page,
    },
}

/// The changes of one stage, in order; a page is listed once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(pub Vec<Change>);

impl PartialOrd for Changes {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Changes {
    /// A log is no part of the state: all logs are alike.
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl std::hash::Hash for Changes {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

impl Changes {
    pub(super) fn pte(&mut self, vma: VmaId, address: u32, old: Pte, new: Pte) {
        self.0.push(Change::Pte { vma, address, old, new });
    }

    pub(super) fn page(&mut self, pfn: Pfn, old: &Page) {
        let known = |c: &Change| matches!(c, Change::Page { pfn: p, .. } if *p == pfn);
        if !self.0.iter().any(known) {
            self.0.push(Change::Page { pfn, old: *old });
        }
    }
}
