//! What can happen, one kernel operation at a time; reclaim in four.

use crate::policy::Policy;
use crate::state::{State, frame_of};

/// An event. A number below `NV` names a pte: `process * V + virtual page`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A store through a pte.
    Store(u8),
    /// A load through a pte that is a swap entry.
    Load(u8),
    /// A direct read into a page begins.
    GetUserPages(u8),
    /// A holder's direct read is over.
    IoComplete(u8),
    /// A process forks.
    Fork(u8),
    /// A process exits.
    Exit(u8),
    /// Reclaim takes a frame in hand.
    Isolate(u8),
    /// Reclaim goes on: swap slot, unmap, write, free or put back.
    Reclaim,
    /// A frame's page moves to another.
    Migrate(u8),
    /// A slot's entries become ptes.
    Swapoff(u8),
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
    /// All that may be possible in some state.
    pub fn events() -> impl Iterator<Item = Event> {
        let each = |n: usize, event: fn(u8) -> Event| (0..n as u8).map(event);
        each(NV, Event::Store)
            .chain(each(NV, Event::Load))
            .chain(each(NV, Event::GetUserPages))
            .chain(each(H, Event::IoComplete))
            .chain(each(N, Event::Fork))
            .chain(each(N, Event::Exit))
            .chain(each(F, Event::Isolate))
            .chain([Event::Reclaim])
            .chain(each(F, Event::Migrate))
            .chain(each(S, Event::Swapoff))
    }

    /// The state after an event, if it is possible.
    #[inline(always)]
    #[must_use]
    pub fn after<P: Policy>(mut self, event: Event) -> Option<Self> {
        let possible = match event {
            Event::Store(at) => self.store::<P>(at.into()),
            Event::Load(at) => self.load::<P>(at.into()),
            Event::GetUserPages(at) => self.get_user_pages::<P>(at.into()),
            Event::IoComplete(holder) => self.io_complete(holder.into()),
            Event::Fork(process) => self.fork(process.into()),
            Event::Exit(process) => self.exit(process.into()),
            Event::Isolate(frame) => self.isolate(frame.into()),
            Event::Reclaim => self.reclaim::<P>(),
            Event::Migrate(frame) => self.migrate::<P>(frame.into()),
            Event::Swapoff(slot) => self.swapoff(slot.into()),
        };
        possible.then_some(self)
    }

    #[inline(always)]
    fn store<P: Policy>(&mut self, at: usize) -> bool {
        if self.alive[at / Self::V] == 0 || !self.can_store(at) {
            return false;
        }
        let frame = self.store_fault::<P>(at);
        self.next_content(at, frame);
        true
    }

    #[inline(always)]
    fn load<P: Policy>(&mut self, at: usize) -> bool {
        let pte = self.pte[at];
        if self.alive[at / Self::V] == 0
            || pte < Self::SWP
            || !self.can_read((pte - Self::SWP).into())
        {
            return false;
        }
        self.do_swap_page::<P>(at, false);
        true
    }

    #[inline(always)]
    fn get_user_pages<P: Policy>(&mut self, at: usize) -> bool {
        let Some(holder) = self.holder.iter().position(|&holder| holder == 0) else { return false };
        if self.alive[at / Self::V] == 0 || !self.can_store(at) {
            return false;
        }
        let frame = self.store_fault::<P>(at);
        self.count[frame] += 1;
        self.holder[holder] = (1 + at * F + frame) as u8;
        true
    }

    #[inline(always)]
    fn io_complete(&mut self, holder: usize) -> bool {
        if self.holder[holder] == 0 {
            return false;
        }
        let held = self.holder[holder] as usize - 1;
        let (at, frame) = (held / F, held % F);
        self.next_content(at, frame);
        self.dirty[frame] = 1;
        self.holder[holder] = 0;
        self.put_page(frame);
        true
    }

    #[inline(always)]
    fn fork(&mut self, parent: usize) -> bool {
        if self.alive[parent] == 0 || self.in_io(parent) {
            return false;
        }
        let Some(child) = self.alive.iter().position(|&alive| alive == 0) else { return false };
        self.alive[child] = 1;
        for v in 0..Self::V {
            self.copy_one_pte(parent * Self::V + v, child * Self::V + v);
        }
        true
    }

    #[inline(always)]
    fn copy_one_pte(&mut self, from: usize, to: usize) {
        let pte = self.pte[from];
        if pte >= Self::SWP {
            self.swap_map[(pte - Self::SWP) as usize] += 1;
        } else if let Some(frame) = frame_of(pte, Self::SWP) {
            if (pte - 1) % 3 == 2 {
                self.pte[from] = pte - 1;
            }
            self.count[frame] += 1;
            self.mapcount[frame] += 1;
        }
        self.pte[to] = self.pte[from];
        self.expected[to] = self.expected[from];
    }

    #[inline(always)]
    fn exit(&mut self, process: usize) -> bool {
        let alive: u8 = self.alive.iter().sum();
        if self.alive[process] == 0 || self.in_io(process) || alive < 2 {
            return false;
        }
        self.alive[process] = 0;
        for v in 0..Self::V {
            self.zap_pte(process * Self::V + v);
        }
        true
    }

    #[inline(always)]
    fn zap_pte(&mut self, at: usize) {
        let pte = self.pte[at];
        if pte >= Self::SWP {
            self.free_swap_and_cache((pte - Self::SWP) as usize);
        } else if let Some(frame) = frame_of(pte, Self::SWP) {
            if (pte - 1) % 3 != 0 {
                self.dirty[frame] = 1;
            }
            self.mapcount[frame] -= 1;
            if !self.page_locked(frame) {
                self.remove_exclusive_swap_page(frame);
            }
            self.put_page(frame);
        }
        self.pte[at] = 0;
        self.expected[at] = 0;
    }

    #[inline(always)]
    fn free_swap_and_cache(&mut self, slot: usize) {
        self.swap_free(slot);
        if self.swap_map[slot] != 1 || self.cache[slot] == 0 {
            return;
        }
        let frame = self.cache[slot] as usize - 1;
        if !self.page_locked(frame) && (self.count[frame] == 1 || self.vm_swap_full()) {
            self.count[frame] += 1;
            self.delete_from_swap_cache(frame);
            self.put_page(frame);
        }
    }

    #[inline(always)]
    fn isolate(&mut self, frame: usize) -> bool {
        if self.reclaimed != 0 || !self.in_use(frame) {
            return false;
        }
        self.count[frame] += 1;
        self.reclaimed = frame as u8 + 1;
        self.phase = 1;
        true
    }

    #[inline(always)]
    fn reclaim<P: Policy>(&mut self) -> bool {
        if self.reclaimed == 0 {
            return false;
        }
        let frame = self.reclaimed as usize - 1;
        match self.phase {
            1 => self.reclaim_slot(frame),
            2 => self.reclaim_unmap::<P>(frame),
            3 => self.reclaim_write(frame),
            _ => self.reclaim_free(frame),
        }
        true
    }

    #[inline(always)]
    fn reclaim_slot(&mut self, frame: usize) {
        if self.slot[frame] == 0 {
            match self.first_free_slot() {
                Some(slot) if self.mapcount[frame] != 0 => self.add_to_swap(frame, slot),
                _ => return self.putback(frame),
            }
        }
        self.phase = 2;
    }

    #[inline(always)]
    fn reclaim_unmap<P: Policy>(&mut self, frame: usize) {
        if self.stays_mapped::<P>(frame) {
            return self.putback(frame);
        }
        self.try_to_unmap(frame);
        self.phase = 3;
    }

    #[inline(always)]
    fn reclaim_write(&mut self, frame: usize) {
        if self.dirty[frame] != 0 {
            self.disk[self.slot[frame] as usize - 1] = self.content[frame];
            self.dirty[frame] = 0;
        }
        self.phase = 4;
    }

    #[inline(always)]
    fn reclaim_free(&mut self, frame: usize) {
        if self.slot[frame] == 0 || self.count[frame] != 2 || self.dirty[frame] != 0 {
            return self.putback(frame);
        }
        let slot = self.slot[frame] as usize - 1;
        self.slot[frame] = 0;
        self.cache[slot] = 0;
        self.swap_free(slot);
        self.free_page(frame);
        self.reclaimed = 0;
        self.phase = 0;
    }

    #[inline(always)]
    fn migrate<P: Policy>(&mut self, frame: usize) -> bool {
        let in_hand = self.reclaimed == frame as u8 + 1;
        if in_hand || !self.in_use(frame) || self.free_frames() == 0 {
            return false;
        }
        if self.slot[frame] == 0 {
            let Some(slot) = self.first_free_slot() else { return false };
            self.add_to_swap(frame, slot);
        }
        self.count[frame] += 1;
        if !self.stays_mapped::<P>(frame) {
            self.try_to_unmap(frame);
            if self.count[frame] == 2 {
                self.move_page(frame);
                return true;
            }
        }
        self.count[frame] -= 1;
        true
    }

    #[inline(always)]
    fn move_page(&mut self, from: usize) {
        let to = self.alloc_page();
        self.content[to] = self.content[from];
        self.dirty[to] = self.dirty[from];
        self.slot[to] = self.slot[from];
        self.cache[self.slot[from] as usize - 1] = to as u8 + 1;
        self.slot[from] = 0;
        self.free_page(from);
    }

    #[inline(always)]
    fn swapoff(&mut self, slot: usize) -> bool {
        if self.swap_map[slot] == 0 || !self.can_read(slot) {
            return false;
        }
        let frame = self.read_swap_cache(slot);
        self.count[frame] += 1;
        for at in 0..NV {
            if self.pte[at] == Self::SWP + slot as u8 {
                self.pte[at] = 1 + 3 * frame as u8;
                self.mapcount[frame] += 1;
                self.count[frame] += 1;
                self.swap_map[slot] -= 1;
            }
        }
        self.delete_from_swap_cache(frame);
        self.put_page(frame);
        true
    }

    /// A slot's page is there and not locked, or there is a frame for it.
    #[inline(always)]
    fn can_read(&self, slot: usize) -> bool {
        match self.cache[slot] {
            0 => self.free_frames() >= 1,
            cached => !self.page_locked(cached as usize - 1),
        }
    }

    #[inline(always)]
    fn in_use(&self, frame: usize) -> bool {
        self.mapcount[frame] != 0 || self.slot[frame] != 0
    }

    #[inline(always)]
    fn stays_mapped<P: Policy>(&self, frame: usize) -> bool {
        let (count, mapcount) = (self.count[frame], self.mapcount[frame]);
        mapcount != 0 && P::vetoes(count, mapcount, self.slot[frame] != 0)
    }
}
