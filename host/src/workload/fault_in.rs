//! Phase `FaultIn`: a quarter of the pages is used again, in runs of neighbours, as
//! readahead expects it.

use super::driver::{Driver, Halted};
use super::hot_remove::{HotRemove, Lcg, Tasks};
use super::populate::{START, WHOLE};
use super::progress::Phase;
use crate::mm::TaskId;

/// Pages of a run.
const RUN: u32 = 32;

/// One run in so many is used.
const ONE_IN: u32 = 4;

/// One access in so many is a store.
const STORE_ONE_IN: u32 = 8;

/// The second sector of a page, which no direct read covers.
const SECOND: u8 = 2;

impl Driver<'_> {
    /// Loads from and stores to a quarter of the pages. Returns the number of accesses.
    pub fn fault_in(&mut self, sizes: &HotRemove, tasks: &Tasks) -> Result<u32, Halted> {
        self.begin(Phase::FaultIn, (sizes.pages / ONE_IN).into());
        let mut lcg = Lcg(1);
        let mut accesses = 0;
        for (pages, owners) in [
            (sizes.shared(), &tasks.children[..]),
            (sizes.pages - sizes.shared(), &[tasks.alone][..]),
        ] {
            for group in (0..pages).step_by((RUN * ONE_IN) as usize) {
                let first = group + lcg.below(ONE_IN) * RUN;
                let task = owners[lcg.below(owners.len() as u32) as usize];
                accesses +=
                    self.use_run(task, first.min(pages)..(first + RUN).min(pages), &mut lcg)?;
            }
        }
        self.end();
        Ok(accesses)
    }

    fn use_run(
        &mut self,
        task: TaskId,
        run: std::ops::Range<u32>,
        lcg: &mut Lcg,
    ) -> Result<u32, Halted> {
        let pages = run.len() as u32;
        for address in run.map(|page| START + page) {
            if lcg.below(STORE_ONE_IN) == 0 {
                self.store(task, address, SECOND)?;
            } else {
                self.load(task, address, WHOLE)?;
            }
        }
        self.advance(pages.into());
        Ok(pages)
    }
}
