//! The set of states that were seen.
//!
//! Open addressing over packed states, exact: a slot holds the state itself. A state's
//! place is the upper bits of its hash scaled to the number of lines of the cache, so a table
//! is in the order of hashes, nearly, any number of lines will do, and growing is one sweep,
//! in place. Probes come in batches: the lines of a batch are fetched before the first is
//! looked at, and wait for memory together.

use super::system::{State, fetch, place_of};

/// Slots filled, of 256, before the table grows.
const FULL: u64 = 214;

/// A table grows by a quarter, so that it is always two thirds full.
const GROWTH: (u64, u64) = (5, 4);

/// So many times its size a small table can grow in place: that is reserved, and no memory
/// is taken for it.
const RESERVED: usize = 4;

/// Slots from which on so many bytes are reserved at once, if there can be so many.
const LARGE: (usize, usize) = (1 << 16, 1 << 30);

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// Slots of the smallest table.
const LEAST: u64 = 1 << 12;

/// A free slot: no state has these bits, for no world has that number.
const FREE: u64 = u64::MAX;

/// States that were seen, of one part of all hashes.
#[derive(Debug)]
pub(super) struct Visited<const W: usize> {
    slots: Vec<State<W>>,
    /// The first that begins a line of the cache, with which the table begins.
    first: usize,
    len: u64,
}

impl<const W: usize> Visited<W> {
    /// Slots in a line of the cache; 1: slots and lines do not fit.
    const IN_LINE: usize =
        if LINE.is_multiple_of(size_of::<State<W>>()) { LINE / size_of::<State<W>>() } else { 1 };

    pub fn new() -> Self {
        let (slots, first) = free(LEAST as usize, Self::IN_LINE);
        Self { slots, first, len: 0 }
    }

    #[inline]
    fn table(&self) -> &[State<W>] {
        &self.slots[self.first..]
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
        let before = self.table().len() as u64;
        let mut slots = before;
        while (self.len + more) * 256 > slots * FULL {
            slots = (slots * GROWTH.0 / GROWTH.1).next_multiple_of(Self::IN_LINE as u64);
        }
        if slots > before {
            self.grow(slots as usize);
        }
    }

    #[cold]
    fn grow(&mut self, slots: usize) {
        let before = self.table().len();
        if self.first + slots <= self.slots.capacity() {
            self.slots.resize(self.first + slots, [FREE; W]);
            self.spread(before);
            return;
        }
        let (slots, first) = free(slots, Self::IN_LINE);
        let all = std::mem::replace(&mut self.slots, slots);
        self.first = first;
        all.into_iter().filter(|state| state[0] != FREE).for_each(|state| self.settle(state));
    }

    /// Moves everything to where it is looked for in a table that has grown in place: to a
    /// larger place mostly, so the last one first.
    fn spread(&mut self, before: usize) {
        let mut aside = Vec::new();
        for place in (0..before).rev() {
            let state = std::mem::replace(&mut self.slots[self.first + place], [FREE; W]);
            if state[0] == FREE {
                continue;
            }
            let home = self.place(place_of(&state));
            // What is before this place has not been moved yet.
            let from = if home < place { self.slots.len() } else { self.first + home };
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
        while self.table()[place][0] != FREE {
            place = self.after(place);
        }
        self.slots[self.first + place] = state;
    }

    /// Where a hash is looked for: at the beginning of a line.
    #[inline]
    fn place(&self, hash: u64) -> usize {
        let lines = self.table().len() / Self::IN_LINE;
        ((u128::from(hash) * lines as u128) >> 64) as usize * Self::IN_LINE
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        if place + 1 == self.table().len() { 0 } else { place + 1 }
    }

    /// Asks for the line of a hash to be brought near: most probes end in it.
    #[inline]
    pub fn fetch(&self, hash: u64) {
        let place = self.place(hash);
        fetch(&self.table()[place]);
        if Self::IN_LINE == 1 {
            fetch(
                &self.table()[(place + LINE / size_of::<State<W>>()).min(self.table().len() - 1)],
            );
        }
    }

    /// Adds a state of that hash, for which there is room; true if it was not there.
    #[inline]
    pub fn insert(&mut self, state: &State<W>, hash: u64) -> bool {
        let mut place = self.place(hash);
        loop {
            let slot = &mut self.slots[self.first + place];
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
        while self.table()[hole] != *state {
            if self.table()[hole][0] == FREE {
                return;
            }
            hole = self.after(hole);
        }
        // Whatever would not be found behind a free slot moves up.
        let slots = self.table().len();
        let mut place = self.after(hole);
        while self.table()[place][0] != FREE {
            let home = self.place(place_of(&self.table()[place]));
            if (place + slots - home) % slots >= (place + slots - hole) % slots {
                self.slots[self.first + hole] = self.table()[place];
                hole = place;
            }
            place = self.after(place);
        }
        self.slots[self.first + hole] = [FREE; W];
        self.len -= 1;
    }

    /// Sees every state with its hash, in the order of hashes and then of the states' words,
    /// and takes out those that are not to be kept.
    pub fn retain_sorted(&mut self, mut keep: impl FnMut(u64, &State<W>) -> bool) {
        let free = self.table().iter().position(|slot| slot[0] == FREE);
        let free = free.expect("a table is never full");
        let keyed = |slots: &[State<W>]| -> Vec<_> {
            slots.iter().map(|state| (place_of(state), *state)).collect()
        };
        // States between two free slots are only nearly in order.
        let mut some = keyed(&self.table()[..free]);
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
            let Some(first) = self.table()[at..].iter().position(|slot| slot[0] != FREE) else {
                return;
            };
            let first = at + first;
            let length = self.table()[first..].iter().position(|slot| slot[0] == FREE);
            at = length.map_or(self.table().len(), |length| first + length);
            some = keyed(&self.table()[first..at]);
            if at == self.table().len() {
                some.extend(&around);
            }
            some.sort_unstable();
        }
    }

    /// Whether a state is in it.
    pub fn contains(&self, state: &State<W>) -> bool {
        let mut place = self.place(place_of(state));
        loop {
            let slot = &self.table()[place];
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

/// So many free slots, and room for more; and the first that begins a line of the cache, so
/// many slots of which fit, where that can be had.
fn free<const W: usize>(slots: usize, in_line: usize) -> (Vec<State<W>>, usize) {
    let size = size_of::<State<W>>();
    let least = slots + in_line;
    let some = least.saturating_mul(RESERVED);
    let large = LARGE.1 / size;
    // As much again is left to others.
    let fits = || Vec::<State<W>>::new().try_reserve_exact(2 * large).is_ok();
    let many = if slots >= LARGE.0 && fits() { some.max(large) } else { some };
    let mut table = Vec::new();
    let reserved = [many, some, least].iter().any(|&slots| table.try_reserve_exact(slots).is_ok());
    assert!(reserved, "no memory for {slots} states");
    super::huge::advise(table.as_ptr(), table.capacity());
    let missing = (table.as_ptr() as usize).next_multiple_of(LINE) - table.as_ptr() as usize;
    let fits = in_line > 1 && missing.is_multiple_of(size);
    let first = if fits { missing / size } else { 0 };
    table.resize(first + slots, [FREE; W]);
    (table, first)
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
