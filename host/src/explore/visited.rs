//! The set of states that were seen.
//!
//! Open addressing over packed states, exact: a slot holds the state itself. A state's
//! place is the upper bits of its hash scaled to the number of slots, so a table is in the
//! order of hashes, any number of slots will do, and growing is one sweep, in place mostly.
//! Probes come in batches: the slots of a batch are fetched before the first is looked at,
//! and wait for memory together.

use super::system::{State, fetch, place_of};

/// Slots filled, of 256, before the table grows.
const FULL: u64 = 198;

/// A table grows by a seventh, so that it is never less than two thirds full for long.
const GROWTH: (u64, u64) = (8, 7);

/// So many times its size a table can grow in place: that is reserved, and no memory is
/// taken for it.
const RESERVED: usize = 4;

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
        Self { slots: free(LEAST as usize), len: 0 }
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

    /// Bytes of a table that has just room for so many.
    pub const fn bytes_of(len: u64) -> u64 {
        len * 256 / FULL * GROWTH.0 / GROWTH.1 * size_of::<State<W>>() as u64
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
        if slots <= self.slots.capacity() {
            let before = self.slots.len();
            self.slots.resize(slots, [FREE; W]);
            self.spread(before);
            return;
        }
        for state in std::mem::replace(&mut self.slots, free(slots)) {
            if state[0] != FREE {
                self.settle(state);
            }
        }
    }

    /// Moves everything to where it is looked for in a table that has grown in place: to a
    /// larger place mostly, so the last one first.
    fn spread(&mut self, before: usize) {
        let mut aside = Vec::new();
        for place in (0..before).rev() {
            let state = std::mem::replace(&mut self.slots[place], [FREE; W]);
            if state[0] == FREE {
                continue;
            }
            let home = self.place(place_of(&state));
            // What is before this place has not been moved yet.
            let from = if home < place { self.slots.len() } else { home };
            match self.slots[from..].iter_mut().find(|slot| slot[0] == FREE) {
                Some(free) => *free = state,
                None => aside.push(state),
            }
        }
        aside.into_iter().for_each(|state| self.settle(state));
    }

    /// Puts a state that is in no slot into one.
    fn settle(&mut self, state: State<W>) {
        let mut place = self.place(place_of(&state));
        while self.slots[place][0] != FREE {
            place = self.after(place);
        }
        self.slots[place] = state;
    }

    #[inline]
    fn place(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.slots.len() as u128) >> 64) as usize
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        if place + 1 == self.slots.len() { 0 } else { place + 1 }
    }

    /// Asks for the slot of a hash to be brought near.
    #[inline]
    pub fn fetch(&self, hash: u64) {
        // Most probes end in the line that they begin in, or in the next one.
        let place = self.place(hash);
        fetch(&self.slots[place]);
        fetch(&self.slots[(place + 64 / size_of::<State<W>>()).min(self.slots.len() - 1)]);
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

    /// Takes a state of that hash out, if it is in it.
    pub fn remove(&mut self, state: &State<W>, hash: u64) {
        let mut hole = self.place(hash);
        while self.slots[hole] != *state {
            if self.slots[hole][0] == FREE {
                return;
            }
            hole = self.after(hole);
        }
        // Whatever would not be found behind a free slot moves up.
        let slots = self.slots.len();
        let mut place = self.after(hole);
        while self.slots[place][0] != FREE {
            let home = self.place(place_of(&self.slots[place]));
            if (place + slots - home) % slots >= (place + slots - hole) % slots {
                self.slots[hole] = self.slots[place];
                hole = place;
            }
            place = self.after(place);
        }
        self.slots[hole] = [FREE; W];
        self.len -= 1;
    }

    /// Sees every state with its hash, in the order of hashes and then of the states' words,
    /// and takes out those that are not to be kept.
    pub fn retain_sorted(&mut self, mut keep: impl FnMut(u64, &State<W>) -> bool) {
        let free = self.slots.iter().position(|slot| slot[0] == FREE);
        let free = free.expect("a table is never full");
        let keyed = |slots: &[State<W>]| -> Vec<_> {
            slots.iter().map(|state| (place_of(state), *state)).collect()
        };
        // States between two free slots are only nearly in order.
        let mut some = keyed(&self.slots[..free]);
        some.sort_unstable();
        let around = some.partition_point(|&(hash, _)| self.place(hash) < free);
        let around = some.split_off(around);
        let mut at = free;
        loop {
            for (hash, state) in &some {
                if !keep(*hash, state) {
                    self.remove(state, *hash);
                }
            }
            let Some(first) = self.slots[at..].iter().position(|slot| slot[0] != FREE) else {
                return;
            };
            let first = at + first;
            let length = self.slots[first..].iter().position(|slot| slot[0] == FREE);
            at = length.map_or(self.slots.len(), |length| first + length);
            some = keyed(&self.slots[first..at]);
            if at == self.slots.len() {
                some.extend(&around);
            }
            some.sort_unstable();
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

/// So many free slots, and room for more.
fn free<const W: usize>(slots: usize) -> Vec<State<W>> {
    let mut table = Vec::new();
    if table.try_reserve_exact(slots * RESERVED).is_err() {
        table.reserve_exact(slots);
    }
    super::huge::advise(table.as_ptr(), table.capacity());
    table.resize(slots, [FREE; W]);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many of them at the very end, so that some go round.
    fn states() -> Vec<State<2>> {
        let all = (0..60_000u64).map(|number| [number << 20, number * number]);
        let (end, others): (Vec<_>, Vec<_>) =
            all.partition(|state| place_of(state) > u64::MAX - (u64::MAX >> 8));
        others.into_iter().take(3000).chain(end).collect()
    }

    #[test]
    fn states_are_found_however_often_it_grew() {
        let mut visited = Visited::new();
        // Some at the very end, before it has grown and after.
        let all = || states().into_iter().chain((1..60_000u64).map(|number| [number, number]));
        for (number, state) in all().enumerate() {
            visited.reserve(1);
            assert!(visited.insert(&state, place_of(&state)));
            if number % 997 == 0 {
                assert!(all().take(number + 1).all(|state| visited.contains(&state)));
            }
        }
        assert!(all().all(|state| visited.contains(&state)));
        assert_eq!(visited.len(), visited.iter().count() as u64);
        assert!(visited.len() > (LEAST * RESERVED as u64) * 2, "it moved, too");
    }

    #[test]
    fn states_are_seen_in_order_and_taken_out() {
        let mut visited = Visited::new();
        let states = states();
        for state in &states {
            visited.reserve(1);
            assert!(visited.insert(state, place_of(state)));
        }
        let goes = |state: &State<2>| state[1].is_multiple_of(3);
        let mut seen = Vec::new();
        visited.retain_sorted(|hash, state| {
            seen.push((hash, *state));
            !goes(state)
        });
        assert!(seen.is_sorted());
        assert_eq!(seen.len(), states.len());
        for state in &states {
            assert_eq!(visited.contains(state), !goes(state), "{state:x?}");
        }
        let kept = states.iter().filter(|state| !goes(state)).count();
        assert_eq!(visited.len(), kept as u64);
        assert_eq!(visited.iter().count(), kept);
    }
}
