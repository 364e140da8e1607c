//! The set of states that were seen.
//!
//! Open addressing over packed states, exact: a slot holds the state itself. A state's
//! place is the upper bits of its hash scaled to the number of slots, so a table is in the
//! order of hashes, any number of slots will do, and growing is one sweep from the old
//! table to the new. Probes come in batches: the slots of a batch are fetched before the
//! first is looked at, and wait for memory together.

use super::system::{State, fetch, place_of};

/// Slots filled, of 256, before the table grows.
const FULL: u64 = 224;

/// A table grows by a quarter, so that it is never less than seven tenths full for long.
const GROWTH: (u64, u64) = (5, 4);

/// Slots of the smallest table.
const LEAST: u64 = 1 << 12;

/// A free slot: no state has these bits, for no world has that number.
const FREE: u64 = u64::MAX;

/// States that were seen, of one part of all hashes.
#[derive(Debug)]
pub(super) struct Visited<const W: usize> {
    slots: Vec<State<W>>,
    len: u64,
}

impl<const W: usize> Visited<W> {
    pub fn new() -> Self {
        Self { slots: vec![[FREE; W]; LEAST as usize], len: 0 }
    }

    /// States in it.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        (self.slots.len() * size_of::<State<W>>()) as u64
    }

    /// Every state in it, in the order of their hashes, nearly.
    pub fn iter(&self) -> impl Iterator<Item = &State<W>> {
        self.slots.iter().filter(|slot| slot[0] != FREE)
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, more: u64) {
        let mut slots = self.slots.len() as u64;
        while (self.len + more) * 256 > slots * FULL {
            slots = slots * GROWTH.0 / GROWTH.1;
        }
        if slots > self.slots.len() as u64 {
            self.grow(slots as usize);
        }
    }

    #[cold]
    fn grow(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![[FREE; W]; slots]);
        for state in old {
            if state[0] != FREE {
                let mut place = self.place(place_of(&state));
                while self.slots[place][0] != FREE {
                    place = self.after(place);
                }
                self.slots[place] = state;
            }
        }
    }

    #[inline]
    fn place(&self, hash: u64) -> usize {
        (u128::from(hash) * self.slots.len() as u128 >> 64) as usize
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        if place + 1 == self.slots.len() { 0 } else { place + 1 }
    }

    /// Asks for the slot of a hash to be brought near.
    #[inline]
    pub fn fetch(&self, hash: u64) {
        fetch(&self.slots[self.place(hash)]);
    }

    /// Adds a state of that hash, for which there is room; true if it was not there.
    #[inline]
    pub fn insert(&mut self, state: &State<W>, hash: u64) -> bool {
        let mut place = self.place(hash);
        loop {
            let slot = &mut self.slots[place];
            if slot == state {
                return false;
            }
            if slot[0] == FREE {
                *slot = *state;
                self.len += 1;
                return true;
            }
            place = self.after(place);
        }
    }

    /// Whether a state is in it.
    pub fn contains(&self, state: &State<W>) -> bool {
        let mut place = self.place(place_of(state));
        loop {
            let slot = &self.slots[place];
            if slot == state {
                return true;
            }
            if slot[0] == FREE {
                return false;
            }
            place = self.after(place);
        }
    }
}
