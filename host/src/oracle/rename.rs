//! The reference memory under other names.

use super::{Also, Finding, Oracle};
use crate::mm::{SECTORS, Token};
use crate::rename::{Rename, Renaming, permute, renames};

renames!(Finding { mm, seen, expected; kind, address, sector });

impl Rename for Also {
    fn rename(&mut self, by: &Renaming) {
        let Self { index, sector: _, token, during } = self;
        *index = by.pte_index(*index);
        token.rename(by);
        *during = during.map(|io| by.io(io));
    }
}

impl Rename for Oracle {
    /// Beside the names, it holds something for each pte: what it was taken to hold before.
    fn rename(&mut self, by: &Renaming) {
        let Self { expect, also, raced, pinned, findings } = self;
        if expect.len() < by.ptes.len() {
            expect.resize(by.ptes.len(), [Token::ZERO; SECTORS]);
        }
        expect.iter_mut().for_each(|tokens| tokens.rename(by));
        permute(expect, &by.ptes);
        also.rename(by);
        raced.rename(by);
        for (token, mm, _) in pinned {
            token.rename(by);
            mm.rename(by);
        }
        findings.rename(by);
    }
}

impl Oracle {
    /// What a pte index is expected to hold.
    pub(crate) fn expected(&self, index: usize) -> [Token; SECTORS] {
        self.expect.get(index).copied().unwrap_or([Token::ZERO; SECTORS])
    }

    /// Forgets the ptes from an index on, none of which is a vma's.
    pub(crate) fn forget_ptes(&mut self, from: u32) {
        self.expect.truncate(from as usize);
        self.also.retain(|also| also.index < from);
    }
}
