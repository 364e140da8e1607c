//! The set of states that were seen.
//!
//! States of one world are together, in a table of their own: open addressing over what a
//! state is besides, the numbers of its actors; exact. Worlds are numbered in the order in
//! which they come up, and what follows a state was mostly found before from others not long
//! ago, so most of what is asked for is still in the cache; and a world's number is kept once.

use super::blocks::{Blocks, words};
use super::huge::fetch;
use super::line::{self, pairs};
use super::system::{ERRORS, State, mixed, set_world, world_of};

/// States of two words are kept as one, as long as the first word has fewer bits than this
/// besides the world's number, and the second fewer than what is left of a word.
const SHORT: u32 = 22;

/// Of so many slots, so many are filled before a table of more than one line grows.
const FULL: (usize, usize) = (3, 4);

/// States that were seen, of one part of all worlds.
#[derive(Debug)]
pub(super) struct Visited<const W: usize> {
    /// Of each world, by its number without the bits that are the same for all of a part,
    /// and one that follows from the others.
    tables: Vec<Table>,
    /// How many bits these are.
    bits: u32,
    /// What stands for an error, and is nothing besides.
    errors: Vec<State<W>>,
    blocks: Blocks,
    short: bool,
    len: u64,
    /// What was in a table, while it grows.
    aside: Vec<u32>,
    /// How many slots of each of its lines are filled again.
    filled: Vec<u8>,
}

/// The states of one world.
#[derive(Clone, Copy, Debug, Default)]
struct Table {
    at: u32,
    slots: u32,
    len: u32,
    world: u32,
}

/// What a slot holds of a state: all but its world, each bit the other way round, so that
/// zero is a free slot; in no actor's number are all bits set. Slots are searched line by
/// line of the cache: those of a line are filled from the first one on, without a gap.
type Slot<const S: usize> = [u32; S];

/// The first word of a slot that is free.
const FREE: u32 = 0;

/// Slots in a line, as many as are looked at together.
#[inline(always)]
const fn in_line(words: usize) -> usize {
    if words < line::WORDS { line::WORDS / words } else { 1 }
}

/// Calls a method for slots of as many words as they have.
macro_rules! by_words {
    ($self:ident . $method:ident ( $($argument:expr),* )) => {
        match (W, $self.short) {
            (2, true) => $self.$method::<2>($($argument),*),
            (2, false) => $self.$method::<3>($($argument),*),
            (3, _) => $self.$method::<5>($($argument),*),
            (4, _) => $self.$method::<7>($($argument),*),
            (6, _) => $self.$method::<11>($($argument),*),
            (12, _) => $self.$method::<23>($($argument),*),
            _ => unreachable!("no state has {W} words"),
        }
    };
}

impl<const W: usize> Visited<W> {
    /// None of one of so many parts, a power of two.
    pub fn new(parts: usize) -> Self {
        debug_assert!(parts.is_power_of_two());
        Self {
            tables: Vec::new(),
            bits: 1 + parts.trailing_zeros(),
            errors: Vec::new(),
            blocks: Blocks::new(),
            short: W == 2,
            len: 0,
            aside: Vec::new(),
            filled: Vec::new(),
        }
    }

    /// None of the same part.
    pub fn anew(&self) -> Self {
        Self::new(1 << (self.bits - 1))
    }

    #[inline(always)]
    const fn index(&self, world: u32) -> usize {
        (world >> self.bits) as usize
    }

    /// States in it.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        (self.tables.capacity() * size_of::<Table>()) as u64 + self.blocks.bytes()
    }

    /// Every state in it, ordered by worlds.
    pub fn iter(&self) -> impl Iterator<Item = State<W>> {
        let mut of_one = Vec::new();
        let states = (0..self.tables.len()).flat_map(move |index| {
            of_one.clear();
            by_words!(self.collect(index, &mut of_one));
            std::mem::take(&mut of_one)
        });
        states.chain(self.errors.iter().copied())
    }

    /// Asks for the table of a state's world to be brought near.
    #[inline]
    pub fn fetch_table(&self, state: &State<W>) {
        if let Some(table) = self.tables.get(self.index(world_of(state))) {
            fetch(table);
        }
    }

    /// Asks for the line of a state to be brought near: most probes end in it.
    #[inline]
    pub fn fetch(&self, state: &State<W>) {
        by_words!(self.fetch_as(state));
    }

    /// Adds a state; true if it was not there.
    #[inline(always)]
    pub fn insert(&mut self, state: &State<W>) -> bool {
        if self.short && is_short(state) {
            self.insert_short(state)
        } else {
            self.insert_wide(state)
        }
    }

    #[inline(never)]
    fn insert_wide(&mut self, state: &State<W>) -> bool {
        if self.short {
            self.widen();
        }
        by_words!(self.insert_as(state))
    }

    /// Whether a state is in it.
    pub fn contains(&self, state: &State<W>) -> bool {
        if world_of(state) >= ERRORS {
            return self.errors.contains(state);
        }
        (!self.short || is_short(state)) && by_words!(self.place(state)).is_some()
    }

    /// Takes a state out, if it is in it.
    pub fn remove(&mut self, state: &State<W>) {
        if world_of(state) >= ERRORS {
            let before = self.errors.len();
            self.errors.retain(|error| error != state);
            self.len -= (before - self.errors.len()) as u64;
        } else if !self.short || is_short(state) {
            by_words!(self.remove_as(state));
        }
    }

    /// Sees every state in the order of worlds and then of the states' words, and takes out
    /// those that are not to be kept.
    pub fn retain_sorted(&mut self, mut keep: impl FnMut(&State<W>) -> bool) {
        let mut states = Vec::new();
        for index in 0..self.tables.len() {
            states.clear();
            by_words!(self.collect(index, &mut states));
            states.sort_unstable();
            states.retain(|state| !keep(state));
            states.iter().for_each(|state| self.remove(state));
        }
        self.errors.sort_unstable();
        for state in self.errors.clone() {
            if !keep(&state) {
                self.remove(&state);
            }
        }
    }

    /// From now on, slots have room for all words of a state.
    #[cold]
    fn widen(&mut self) {
        let states = std::mem::replace(self, Self { short: false, ..self.anew() });
        for state in states.iter() {
            self.insert(&state);
        }
    }

    #[inline]
    fn slots<const S: usize>(&self, table: &Table) -> &[Slot<S>] {
        self.blocks.block(table.at, table.slots as usize * S).as_chunks().0
    }

    #[inline]
    fn slots_mut<const S: usize>(&mut self, table: &Table) -> &mut [Slot<S>] {
        self.blocks.block_mut(table.at, table.slots as usize * S).as_chunks_mut().0
    }

    #[inline(always)]
    fn fetch_as<const S: usize>(&self, state: &State<W>) {
        if let Some(table) = self.tables.get(self.index(world_of(state))) {
            let home = home(table.slots as usize, &slot_of::<W, S>(state));
            self.blocks.fetch(table.at, home * S);
        }
    }

    /// Adds a state that is kept short. Mostly it is in its first line, or it was not seen
    /// and there is room; all else is another's.
    #[inline(always)]
    fn insert_short(&mut self, state: &State<W>) -> bool {
        let index = self.index(world_of(state));
        let Some(table) = self.tables.get_mut(index) else {
            return self.insert_first(state);
        };
        let (slots, slot) = (table.slots as usize, slot_of::<W, 2>(state));
        let (line, word) = self.blocks.line_mut(table.at, home(slots, &slot) * 2);
        // The line's other words are of other worlds.
        let words = ((1 << (2 * slots.min(in_line(2)))) - 1) << word;
        let (here, free) = pairs(line, slot);
        if here & words != 0 {
            return false;
        }
        if free & words == 0 || table.len as usize >= most::<2>(slots) {
            return self.insert_as::<2>(state);
        }
        let place = (free & words).trailing_zeros() as usize;
        line[place..place + 2].copy_from_slice(&slot);
        table.len += 1;
        self.len += 1;
        true
    }

    /// Adds a state, whatever there is to be done.
    #[inline(never)]
    fn insert_as<const S: usize>(&mut self, state: &State<W>) -> bool {
        let (world, slot) = (world_of(state), slot_of::<W, S>(state));
        let index = self.index(world);
        let Some(table) = self.tables.get_mut(index) else {
            return self.insert_first(state);
        };
        let slots = self.blocks.block_mut(table.at, table.slots as usize * S).as_chunks_mut().0;
        match find(slots, &slot) {
            Found::Here => return false,
            Found::Free(place) if (table.len as usize) < most::<S>(slots.len()) => {
                slots[place] = slot;
                table.len += 1;
            }
            _ => self.grow(world, &slot),
        }
        self.len += 1;
        true
    }

    /// The same, of a world that has no table, or of an error.
    #[cold]
    fn insert_first(&mut self, state: &State<W>) -> bool {
        let world = world_of(state);
        if world >= ERRORS {
            return self.insert_error(state);
        }
        self.tables.resize(self.index(world) + 1, Table::default());
        self.insert(state)
    }

    fn insert_error(&mut self, state: &State<W>) -> bool {
        let new = !self.errors.contains(state);
        if new {
            self.errors.push(*state);
            self.len += 1;
        }
        new
    }

    /// Makes room in a world's table, and puts one state more into it.
    #[cold]
    fn grow<const S: usize>(&mut self, world: u32, slot: &Slot<S>) {
        let index = self.index(world);
        let table = self.tables[index];
        let mut before = std::mem::take(&mut self.aside);
        before.clear();
        before.extend_from_slice(self.slots::<S>(&table).as_flattened());
        if table.slots > 0 {
            self.blocks.give_back(table.at, class_of::<S>(table.slots as usize));
        }
        let class = class_of::<S>(table.slots as usize + 1);
        let (at, slots) = (self.blocks.take(class), slots_in::<S>(class) as u32);
        let table = Table { at, slots, len: table.len + 1, world };
        self.tables[index] = table;
        let slots = self.blocks.block_mut(at, table.slots as usize * S).as_chunks_mut().0;
        self.filled.clear();
        self.filled.resize(slots.len().div_ceil(in_line(S)), 0);
        let seen = before.as_chunks().0.iter().filter(|slot| slot[0] != FREE);
        if self.filled.len() == 1 {
            seen.chain([slot]).zip(slots).for_each(|(seen, slot)| *slot = *seen);
        } else {
            for slot in seen.chain([slot]) {
                let mut line = home(slots.len(), slot) / in_line(S);
                while usize::from(self.filled[line]) == in_line(S) {
                    line = if line + 1 == self.filled.len() { 0 } else { line + 1 };
                }
                slots[line * in_line(S) + usize::from(self.filled[line])] = *slot;
                self.filled[line] += 1;
            }
        }
        self.aside = before;
    }

    /// The table of a state and its place there, if it is in it.
    fn place<const S: usize>(&self, state: &State<W>) -> Option<(Table, usize)> {
        let table = *self.tables.get(self.index(world_of(state)))?;
        let (slots, slot) = (self.slots::<S>(&table), slot_of(state));
        match find(slots, &slot) {
            Found::Here => Some((table, slots.iter().position(|one| *one == slot)?)),
            _ => None,
        }
    }

    fn remove_as<const S: usize>(&mut self, state: &State<W>) {
        let Some((table, mut hole)) = self.place::<S>(state) else { return };
        let slots = self.slots_mut::<S>(&table);
        let (count, first) = (slots.len(), hole);
        let behind = (1..count).map(|further| (first + further) % count);
        // Whatever would not be found behind a free slot moves up.
        for place in behind {
            if slots[place][0] == FREE {
                break;
            }
            let home = home(count, &slots[place]);
            if (place + count - home) % count >= (place + count - hole) % count {
                slots[hole] = slots[place];
                hole = place;
            }
        }
        slots[hole] = [FREE; S];
        let index = self.index(table.world);
        self.tables[index].len -= 1;
        self.len -= 1;
    }

    /// The states of one table.
    fn collect<const S: usize>(&self, index: usize, into: &mut Vec<State<W>>) {
        let table = &self.tables[index];
        let filled = self.slots::<S>(table).iter().filter(|slot| slot[0] != FREE);
        into.extend(filled.map(|slot| state_of::<W, S>(table.world, slot)));
    }
}

/// Whether a slot is there, or where it could be.
#[derive(Clone, Copy, Debug)]
enum Found {
    Here,
    Free(usize),
    Nowhere,
}

/// Looks for a slot from where its hash says on, line by line.
#[inline]
fn find<const S: usize>(slots: &[Slot<S>], slot: &Slot<S>) -> Found {
    let mut place = home(slots.len(), slot);
    for _ in (0..slots.len()).step_by(in_line(S)) {
        let line = &slots[place..slots.len().min(place + in_line(S))];
        if is_there(line, slot) {
            return Found::Here;
        }
        if line.last().is_some_and(|last| last[0] == FREE) {
            return Found::Free(place + filled(line));
        }
        place += in_line(S);
        place = if place >= slots.len() { 0 } else { place };
    }
    Found::Nowhere
}

/// Whether a slot is in a line. All of it is looked at: nobody can tell where that would end.
#[inline(always)]
fn is_there<const S: usize>(line: &[Slot<S>], slot: &Slot<S>) -> bool {
    line.iter().fold(false, |is, one| is | (one == slot))
}

/// How many slots of a line are filled: the first ones.
#[inline(always)]
fn filled<const S: usize>(line: &[Slot<S>]) -> usize {
    line.iter().fold(0, |filled, slot| filled + usize::from(slot[0] != FREE))
}

/// The first slot in which a state is looked for, in the first line. The order of hashes is
/// another one for each number of slots: states come from tables in the order in which they
/// are there, and would all go to one end of a smaller one.
#[inline]
fn home<const S: usize>(slots: usize, slot: &Slot<S>) -> usize {
    let lines = slots / in_line(S);
    let words = slot.chunks(2);
    let hash = words.fold(0, |hash, words| {
        let word = words.iter().rev().fold(0, |all, &word| all << 32 | u64::from(word));
        mixed(hash ^ word)
    });
    let upper = hash.wrapping_mul(2 * lines as u64 + 1) >> 32;
    ((upper * lines as u64) >> 32) as usize * in_line(S)
}

/// How many slots of a table are filled before it grows.
#[inline]
const fn most<const S: usize>(slots: usize) -> usize {
    if slots <= in_line(S) { slots } else { slots * FULL.0 / FULL.1 }
}

/// Slots in a block: a few, or whole lines.
const fn slots_in<const S: usize>(class: u32) -> usize {
    let slots = words(class) / S;
    if slots < in_line(S) { slots } else { slots / in_line(S) * in_line(S) }
}

/// The class of blocks with at least so many slots.
fn class_of<const S: usize>(slots: usize) -> u32 {
    (0..).find(|&class| slots_in::<S>(class) >= slots).expect("there is always a larger one")
}

/// The part of so many, a power of two, that a state belongs to: with all of its world.
#[inline(always)]
pub(super) const fn part_of<const W: usize>(state: &State<W>, parts: usize) -> usize {
    (world_of(state) >> 1) as usize & (parts - 1)
}

/// Whether a state can be kept as one word besides its world's number.
#[inline]
const fn is_short<const W: usize>(state: &State<W>) -> bool {
    state[0] >> 32 < (1 << SHORT) - 1 && state[W - 1] >> (64 - SHORT) == 0
}

#[inline]
fn slot_of<const W: usize, const S: usize>(state: &State<W>) -> Slot<S> {
    if S == 2 {
        let bits = !(state[0] >> 32 | state[W - 1] << SHORT);
        return std::array::from_fn(|word| (bits >> (32 * word)) as u32);
    }
    std::array::from_fn(|word| !(state[word.div_ceil(2)] >> (32 * ((word + 1) % 2))) as u32)
}

fn state_of<const W: usize, const S: usize>(world: u32, slot: &Slot<S>) -> State<W> {
    let mut state = [0; W];
    if S == 2 {
        let bits = !(u64::from(slot[0]) | u64::from(slot[1]) << 32);
        state[0] = (bits & ((1 << SHORT) - 1)) << 32;
        state[W - 1] = bits >> SHORT;
    } else {
        for (word, &half) in slot.iter().enumerate() {
            state[word.div_ceil(2)] |= u64::from(!half) << (32 * ((word + 1) % 2));
        }
    }
    set_world(&mut state, world);
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Worlds with few states and with many; some cannot be kept short.
    fn states<const W: usize>(most: u64) -> impl Iterator<Item = State<W>> {
        (0..60_000u64).map(move |number| {
            let world = number % 7 * (number % 13) * (number % 101);
            let world = (world << 1) | (world % 3 % 2);
            let actor = (number * number) % most;
            let mut state = [0; W];
            state[W - 1] = (number / 3) << 20;
            state[0] = state[0] & !0xffff_ffff | actor << 32 | world;
            state
        })
    }

    fn is_a_set<const W: usize>(most: u64) {
        let mut visited = Visited::<W>::new(1);
        let mut known = HashSet::new();
        let errors = (0..3).map(|error| {
            let mut state = [0; W];
            set_world(&mut state, ERRORS + error);
            state
        });
        let all: Vec<_> = states(most).chain(errors).collect();
        for (number, state) in all.iter().chain(&all[..100]).enumerate() {
            visited.fetch(state);
            assert_eq!(visited.contains(state), known.contains(state), "{state:x?}");
            assert_eq!(visited.insert(state), known.insert(*state));
            if number % 9973 == 0 {
                assert!(known.iter().all(|state| visited.contains(state)));
            }
        }
        assert!(all.iter().all(|state| visited.contains(state)));
        assert_eq!(visited.len(), known.len() as u64);
        assert_eq!(visited.iter().collect::<HashSet<_>>(), known);
        assert_eq!(visited.iter().count(), known.len());
        assert!(visited.bytes() > visited.len() * 8);

        let goes = |state: &State<W>| state[W - 1].is_multiple_of(3) || state[W - 1] == 0;
        let mut seen = Vec::new();
        visited.retain_sorted(|state| {
            seen.push((world_of(state), *state));
            !goes(state)
        });
        assert!(seen.is_sorted());
        assert_eq!(seen.len(), known.len());
        for state in &known {
            assert_eq!(visited.contains(state), !goes(state), "{state:x?}");
        }
        let kept = known.iter().filter(|state| !goes(state)).count();
        assert_eq!(visited.len(), kept as u64);
        assert_eq!(visited.iter().count(), kept);
    }

    #[test]
    fn states_are_found_however_often_tables_grew() {
        is_a_set::<2>(1 << 10);
        is_a_set::<2>(1 << 24);
        is_a_set::<3>(1 << 24);
        is_a_set::<6>(1 << 24);
    }

    #[test]
    fn states_come_back_in_any_order() {
        let numbers = 0..200_000u64;
        let mut visited = Visited::<2>::new(1);
        let state = |number| [(number % 2000) << 32, number / 2000];
        numbers.for_each(|number| assert!(visited.insert(&state(number))));
        let mut again = Visited::<2>::new(1);
        let mut steps = 0;
        for state in visited.iter() {
            let slots = again.tables.first().map_or(&[][..], |table| again.slots::<2>(table));
            let slot = slot_of::<2, 2>(&state);
            if let Found::Free(place) = find(slots, &slot) {
                steps += (place + slots.len() - home(slots.len(), &slot)) % slots.len();
            }
            assert!(again.insert(&state));
        }
        assert_eq!(again.len(), 200_000);
        assert!(steps < 20 * 200_000, "{steps} steps");
    }
}
