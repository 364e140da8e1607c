//! A state, and what the kernel's small functions do to it.
//!
//! Everything that is counted is stored, as a hand-written model has it, though it follows
//! from the ptes.

use crate::policy::Policy;

/// A state; `NV` is the number of processes times that of virtual pages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct State<
    const N: usize,
    const NV: usize,
    const F: usize,
    const S: usize,
    const H: usize,
    const C: usize,
> {
    /// Whether a process exists.
    pub alive: [u8; N],
    /// 0: none; `1 + 3 * frame + x` with `x` 0: read-only, clean, 1: read-only, dirty,
    /// 2: writable, dirty; `SWP + slot`.
    pub pte: [u8; NV],
    /// What the process must see there.
    pub expected: [u8; NV],
    /// References to a frame; 0: free.
    pub count: [u8; F],
    /// Ptes of a frame.
    pub mapcount: [u8; F],
    /// `PG_dirty`.
    pub dirty: [u8; F],
    /// What a frame holds.
    pub content: [u8; F],
    /// A frame's slot in the swap cache + 1.
    pub slot: [u8; F],
    /// References to a slot.
    pub swap_map: [u8; S],
    /// What a slot holds on disk.
    pub disk: [u8; S],
    /// A slot's frame in the swap cache + 1.
    pub cache: [u8; S],
    /// The page of a direct read in flight: `1 + pte * F + frame`.
    pub holder: [u8; H],
    /// The frame that reclaim has in hand + 1.
    pub reclaimed: u8,
    /// What reclaim does next, 1 to 4; it holds the page lock up to 3.
    pub phase: u8,
}

/// A pte's frame, or `None`: no pte, or swapped out.
#[inline(always)]
pub(crate) fn frame_of(pte: u8, swp: u8) -> Option<usize> {
    (pte != 0 && pte < swp).then(|| (pte - 1) as usize / 3)
}

impl<
    const N: usize,
    const NV: usize,
    const F: usize,
    const S: usize,
    const H: usize,
    const C: usize,
> State<N, NV, F, S, H, C>
{
    /// Virtual pages of a process.
    pub const V: usize = NV / N;
    /// The first pte that is a swap entry.
    pub const SWP: u8 = 1 + 3 * F as u8;

    /// One process, which has touched nothing.
    #[must_use]
    pub const fn initial() -> Self {
        let mut state = Self {
            alive: [0; N],
            pte: [0; NV],
            expected: [0; NV],
            count: [0; F],
            mapcount: [0; F],
            dirty: [0; F],
            content: [0; F],
            slot: [0; F],
            swap_map: [0; S],
            disk: [0; S],
            cache: [0; S],
            holder: [0; H],
            reclaimed: 0,
            phase: 0,
        };
        state.alive[0] = 1;
        state
    }

    #[inline(always)]
    pub(crate) fn free_frames(&self) -> usize {
        self.count.iter().map(|&count| usize::from(count == 0)).sum()
    }

    #[inline(always)]
    fn free_slots(&self) -> usize {
        self.swap_map.iter().map(|&map| usize::from(map == 0)).sum()
    }

    #[inline(always)]
    pub(crate) fn first_free_slot(&self) -> Option<usize> {
        self.swap_map.iter().position(|&map| map == 0)
    }

    #[inline(always)]
    pub(crate) fn page_locked(&self, frame: usize) -> bool {
        self.reclaimed == frame as u8 + 1 && self.phase <= 3
    }

    /// A direct read into this process's memory is in flight.
    #[inline(always)]
    pub(crate) fn in_io(&self, process: usize) -> bool {
        self.holder.iter().any(|&h| h != 0 && (h as usize - 1) / F / Self::V == process)
    }

    #[inline(always)]
    pub(crate) fn alloc_page(&mut self) -> usize {
        let mut frame = 0;
        while self.count[frame] != 0 {
            frame += 1;
        }
        self.count[frame] = 1;
        frame
    }

    #[inline(always)]
    pub(crate) fn free_page(&mut self, frame: usize) {
        self.count[frame] = 0;
        self.dirty[frame] = 0;
        self.content[frame] = 0;
    }

    #[inline(always)]
    pub(crate) fn put_page(&mut self, frame: usize) {
        self.count[frame] -= 1;
        if self.count[frame] == 0 {
            self.free_page(frame);
        }
    }

    #[inline(always)]
    pub(crate) fn swap_free(&mut self, slot: usize) {
        self.swap_map[slot] -= 1;
        if self.swap_map[slot] == 0 {
            self.disk[slot] = 0;
        }
    }

    #[inline(always)]
    pub(crate) fn delete_from_swap_cache(&mut self, frame: usize) {
        let slot = self.slot[frame] as usize - 1;
        self.slot[frame] = 0;
        self.cache[slot] = 0;
        self.swap_free(slot);
        self.count[frame] -= 1;
        self.dirty[frame] = 1;
    }

    #[inline(always)]
    pub(crate) fn vm_swap_full(&self) -> bool {
        self.free_slots() * 2 < S
    }

    #[inline(always)]
    pub(crate) fn remove_exclusive_swap_page(&mut self, frame: usize) {
        let slot = self.slot[frame];
        if slot != 0 && self.count[frame] == 2 && self.swap_map[slot as usize - 1] == 1 {
            self.delete_from_swap_cache(frame);
        }
    }

    #[inline(always)]
    fn can_share_swap_page<P: Policy>(&self, frame: usize) -> bool {
        let slot = self.slot[frame];
        let swap_map = if slot == 0 { 0 } else { self.swap_map[slot as usize - 1] };
        P::shares(self.count[frame], slot != 0, swap_map)
    }

    #[inline(always)]
    fn do_wp_page<P: Policy>(&mut self, at: usize, frame: usize) {
        if !self.page_locked(frame) && self.can_share_swap_page::<P>(frame) {
            self.pte[at] = 1 + 3 * frame as u8 + 2;
            return;
        }
        let copy = self.alloc_page();
        self.content[copy] = self.content[frame];
        self.mapcount[frame] -= 1;
        self.mapcount[copy] = 1;
        self.pte[at] = 1 + 3 * copy as u8 + 2;
        self.put_page(frame);
    }

    #[inline(always)]
    pub(crate) fn read_swap_cache(&mut self, slot: usize) -> usize {
        if self.cache[slot] != 0 {
            return self.cache[slot] as usize - 1;
        }
        let frame = self.alloc_page();
        self.content[frame] = self.disk[slot];
        self.slot[frame] = slot as u8 + 1;
        self.cache[slot] = frame as u8 + 1;
        self.swap_map[slot] += 1;
        frame
    }

    #[inline(always)]
    pub(crate) fn do_swap_page<P: Policy>(&mut self, at: usize, write: bool) {
        let slot = (self.pte[at] - Self::SWP) as usize;
        let frame = self.read_swap_cache(slot);
        self.count[frame] += 1;
        self.swap_free(slot);
        if self.vm_swap_full() {
            self.remove_exclusive_swap_page(frame);
        }
        let writable = write && self.can_share_swap_page::<P>(frame);
        self.pte[at] = 1 + 3 * frame as u8 + if writable { 2 } else { 0 };
        self.mapcount[frame] += 1;
        if write && !writable {
            self.do_wp_page::<P>(at, frame);
        }
    }

    /// Whether a store there finds the memory and the lock that it may need.
    #[inline(always)]
    pub(crate) fn can_store(&self, at: usize) -> bool {
        let pte = self.pte[at];
        if pte == 0 {
            return self.free_frames() >= 1;
        }
        if pte < Self::SWP {
            return (pte - 1) % 3 == 2 || self.free_frames() >= 1;
        }
        match self.cache[(pte - Self::SWP) as usize] {
            0 => self.free_frames() >= 2,
            cached => !self.page_locked(cached as usize - 1) && self.free_frames() >= 1,
        }
    }

    /// What a store does before it stores; gives the frame.
    #[inline(always)]
    pub(crate) fn store_fault<P: Policy>(&mut self, at: usize) -> usize {
        let pte = self.pte[at];
        if pte == 0 {
            let frame = self.alloc_page();
            self.mapcount[frame] = 1;
            self.pte[at] = 1 + 3 * frame as u8 + 2;
        } else if pte < Self::SWP {
            if (pte - 1) % 3 != 2 {
                self.do_wp_page::<P>(at, (pte - 1) as usize / 3);
            }
        } else {
            self.do_swap_page::<P>(at, true);
        }
        (self.pte[at] - 1) as usize / 3
    }

    /// The process must see something else there from now on.
    #[inline(always)]
    pub(crate) fn next_content(&mut self, at: usize, frame: usize) {
        self.expected[at] = (self.expected[at] + 1) % C as u8;
        self.content[frame] = self.expected[at];
    }

    #[inline(always)]
    pub(crate) fn add_to_swap(&mut self, frame: usize, slot: usize) {
        self.swap_map[slot] = 1;
        self.cache[slot] = frame as u8 + 1;
        self.slot[frame] = slot as u8 + 1;
        self.count[frame] += 1;
        self.dirty[frame] = 1;
    }

    #[inline(always)]
    pub(crate) fn try_to_unmap(&mut self, frame: usize) {
        let slot = self.slot[frame] - 1;
        for at in 0..NV {
            let pte = self.pte[at];
            if frame_of(pte, Self::SWP) == Some(frame) {
                if (pte - 1) % 3 != 0 {
                    self.dirty[frame] = 1;
                }
                self.swap_map[slot as usize] += 1;
                self.pte[at] = Self::SWP + slot;
                self.mapcount[frame] -= 1;
                self.count[frame] -= 1;
            }
        }
    }

    #[inline(always)]
    pub(crate) fn putback(&mut self, frame: usize) {
        self.reclaimed = 0;
        self.phase = 0;
        self.put_page(frame);
    }
}
