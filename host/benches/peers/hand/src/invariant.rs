//! What must hold in every state.

use crate::state::{State, frame_of};

impl<
    const N: usize,
    const NV: usize,
    const F: usize,
    const S: usize,
    const H: usize,
    const C: usize,
> State<N, NV, F, S, H, C>
{
    /// Every process sees what it must see, and every count is that of what it counts.
    #[inline(always)]
    #[must_use]
    pub fn holds(&self) -> bool {
        self.contents_hold() & self.counts_hold()
    }

    #[inline(always)]
    fn contents_hold(&self) -> bool {
        (0..NV).all(|at| self.seen(self.pte[at]) == self.expected[at])
    }

    #[inline(always)]
    fn seen(&self, pte: u8) -> u8 {
        if pte == 0 {
            return 0;
        }
        if let Some(frame) = frame_of(pte, Self::SWP) {
            return self.content[frame];
        }
        let slot = (pte - Self::SWP) as usize;
        match self.cache[slot] {
            0 => self.disk[slot],
            cached => self.content[cached as usize - 1],
        }
    }

    #[inline(always)]
    fn counts_hold(&self) -> bool {
        let mut mapcount = [0; F];
        let mut swap_map = [0; S];
        for pte in self.pte {
            if pte >= Self::SWP {
                swap_map[(pte - Self::SWP) as usize] += 1;
            } else if let Some(frame) = frame_of(pte, Self::SWP) {
                mapcount[frame] += 1;
            }
        }
        let mut count = mapcount;
        for holder in self.holder.into_iter().filter(|&holder| holder != 0) {
            count[(holder as usize - 1) % F] += 1;
        }
        if self.reclaimed != 0 {
            count[self.reclaimed as usize - 1] += 1;
        }
        let mut cached = true;
        for (slot, cache) in self.cache.into_iter().enumerate().filter(|&(_, cache)| cache != 0) {
            let frame = cache as usize - 1;
            cached &= self.slot[frame] == slot as u8 + 1;
            swap_map[slot] += 1;
            count[frame] += 1;
        }
        cached & (swap_map == self.swap_map) & (mapcount == self.mapcount) & (count == self.count)
    }
}
