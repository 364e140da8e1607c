//! Phase `Reclaim`: passes over both LRU lists until nothing more comes of it.

use super::driver::{Driver, Halted};
use super::hot_remove::{HotRemove, Tasks};
use super::progress::Phase;
use crate::routines::{RefillInactive, ShrinkCache};
use crate::task::Ret;

/// `SWAP_CLUSTER_MAX`: pages scanned before the swap writes among them complete.
const BATCH: u32 = 32;

/// The first pass finds every page referenced; a second one in vain is the last.
const PASSES_IN_VAIN: u32 = 2;

impl Driver<'_> {
    /// Reclaims all it can. Returns the number of pages freed.
    pub fn reclaim(&mut self, sizes: &HotRemove, tasks: &Tasks) -> Result<u32, Halted> {
        self.begin(Phase::Reclaim, sizes.pages.into());
        let (mut freed, mut in_vain) = (0, 0);
        while in_vain < PASSES_IN_VAIN {
            let writes = self.machine.mem.costs.swap_writes;
            let more = self.pass(tasks)?;
            freed += more;
            let progress = more > 0 || self.machine.mem.costs.swap_writes > writes;
            in_vain = if progress { 0 } else { in_vain + 1 };
        }
        self.end();
        Ok(freed)
    }

    /// Each page of the active list once, then each of the inactive list.
    fn pass(&mut self, tasks: &Tasks) -> Result<u32, Halted> {
        self.run(tasks.kswapd, RefillInactive::new(self.machine.mem.active.len))?;
        let mut freed = 0;
        let mut left = self.machine.mem.inactive.len;
        while left > 0 {
            let batch = left.min(BATCH);
            let ret = self.run(tasks.kswapd, ShrinkCache::new(batch))?;
            let Ret::Pages(more) = ret else { unreachable!("shrink_cache returned {ret:?}") };
            self.complete_swap_io();
            self.advance(more.into());
            freed += more;
            left -= batch;
        }
        Ok(freed)
    }
}
