//! Parts of states, each kept once and known by a number.
//!
//! Most transitions change one part of a state and leave the others what they were, so a
//! state is a few numbers. Numbers depend on who came first; nothing that is printed does.

use super::rows::Rows;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard};

/// Shards of a pool, so that threads rarely wait for each other.
const SHARDS: usize = 16;

/// A fixed hash: the same on every run.
pub(super) fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    foldhash::quality::FixedState::with_seed(0).hash_one(value)
}

/// Rows of bytes, each once.
#[derive(Debug)]
pub(super) struct Pool {
    shards: [Shard; SHARDS],
}

/// Rows that have something of their hash in common. Whoever looks for one that is there
/// takes no lock and writes nothing.
#[derive(Debug, Default)]
struct Shard {
    rows: Rows,
    /// The newest: whoever adds a row has it to himself.
    index: Mutex<Arc<Index>>,
}

/// Where rows are found: of those that were there when it was made, and later ones as far as
/// there was room. Each slot is 0, or the number of a row in its shard, counted from 1, with
/// some of the row's hash above it.
#[derive(Debug)]
struct Index(Box<[AtomicU32]>);

/// What one thread knows of a pool: each shard's index, perhaps not the newest.
#[derive(Debug, Default)]
pub(super) struct Finder([Arc<Index>; SHARDS]);

/// Bits of a number in a slot.
const NUMBER: u32 = 27;

impl Default for Index {
    fn default() -> Self {
        Self::new(1 << 4)
    }
}

impl Index {
    fn new(slots: usize) -> Self {
        Self((0..slots).map(|_| AtomicU32::new(0)).collect())
    }

    /// The slot after so many others that are not the one.
    #[inline(always)]
    fn slot(&self, hash: u64, others: usize) -> &AtomicU32 {
        &self.0[(hash as usize).wrapping_add(others) & (self.0.len() - 1)]
    }

    /// The number of a row, if it is there.
    #[inline(always)]
    fn find(&self, hash: u64, row: &[u8], rows: &Rows) -> Option<u32> {
        let mut others = 0;
        loop {
            let slot = self.slot(hash, others).load(Acquire);
            if slot == 0 {
                return None;
            }
            let number = (slot ^ mark(hash)).wrapping_sub(1);
            if number < 1 << NUMBER && rows.get(number) == Some(row) {
                return Some(number);
            }
            others += 1;
        }
    }

    /// Adds the number of a row.
    fn add(&self, hash: u64, number: u32) {
        assert!(number < (1 << NUMBER) - 1, "too many rows");
        let mut others = 0;
        while self.slot(hash, others).load(Relaxed) != 0 {
            others += 1;
        }
        self.slot(hash, others).store(mark(hash) | (number + 1), Release);
    }

    /// Whether so many rows are too many for it: then every other slot is in use.
    const fn is_full(&self, rows: u32) -> bool {
        rows as usize > self.0.len() / 2
    }
}

/// What a slot has of a row's hash.
#[inline(always)]
const fn mark(hash: u64) -> u32 {
    (hash >> 32) as u32 >> NUMBER << NUMBER
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Arc<Index>> {
        self.index.lock().expect("nobody panics with it")
    }

    /// The number of a row that an index does not have, which is the newest then.
    #[cold]
    fn number_of_new(&self, hash: u64, row: &[u8], index: &mut Arc<Index>) -> u32 {
        let mut newest = self.lock();
        if !Arc::ptr_eq(index, &newest) {
            *index = newest.clone();
        }
        if let Some(number) = index.find(hash, row, &self.rows) {
            return number;
        }
        let mut writer = self.rows.writer();
        let number = writer.len();
        writer.push(row);
        if index.is_full(number + 1) {
            *index = Arc::new(self.larger(index, number));
            *newest = index.clone();
        }
        index.add(hash, number);
        number
    }

    /// An index with twice as many slots, of so many rows.
    fn larger(&self, index: &Index, rows: u32) -> Index {
        let larger = Index::new(2 * index.0.len());
        (0..rows).for_each(|number| larger.add(hash_of(self.row(number)), number));
        larger
    }

    #[inline]
    fn row(&self, number: u32) -> &[u8] {
        self.rows.get(number).unwrap_or_else(|| {
            // Its number came here faster: whoever wrote it had the lock.
            drop(self.rows.writer());
            self.rows.get(number).unwrap_or_else(|| panic!("no row has the number {number}"))
        })
    }
}

impl Pool {
    pub fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Shard::default()) }
    }

    /// The number of a row.
    ///
    /// # Panics
    /// 2^27 rows, or 16 GiB of them, in one shard.
    #[inline]
    pub fn number(&self, finder: &mut Finder, row: &[u8]) -> u32 {
        let hash = hash_of(row);
        let at = (hash >> 32) as usize % SHARDS;
        let (shard, index) = (&self.shards[at], &mut finder.0[at]);
        let found = index.find(hash, row, &shard.rows);
        let local = found.unwrap_or_else(|| shard.number_of_new(hash, row, index));
        local * SHARDS as u32 + at as u32
    }

    /// The row of a number.
    #[inline]
    pub fn row(&self, number: u32) -> &[u8] {
        self.shards[number as usize % SHARDS].row(number / SHARDS as u32)
    }

    /// Sees every row with its number, so that adding them in this order to an empty pool
    /// gives each the same number.
    pub fn each<E>(&self, mut see: impl FnMut(u32, &[u8]) -> Result<(), E>) -> Result<(), E> {
        for (at, shard) in self.shards.iter().enumerate() {
            let rows = shard.rows.writer().len();
            for local in 0..rows {
                see(local * SHARDS as u32 + at as u32, shard.row(local))?;
            }
        }
        Ok(())
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        let of = |shard: &Shard| shard.rows.bytes() + size_of_val(&*shard.lock().0);
        self.shards.iter().map(of).sum::<usize>() as u64
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        self.shards.iter().map(|shard| u64::from(shard.rows.writer().len())).sum()
    }
}

/// Values, each once, with dense numbers.
#[derive(Debug)]
pub(super) struct Values<T> {
    inner: RwLock<Numbered<T>>,
}

/// Values by their numbers, and numbers by their values.
#[derive(Debug)]
struct Numbered<T> {
    table: HashTable<u32>,
    values: Vec<T>,
}

/// The first values, as far as one thread knows them: of these it asks nobody else.
#[derive(Debug)]
pub(super) struct Known<T>(Numbered<T>);

/// Values at most that each thread knows.
const KNOWN: usize = 1 << 16;

impl<T: Clone + Eq + Hash> Numbered<T> {
    const fn new() -> Self {
        Self { table: HashTable::new(), values: Vec::new() }
    }

    fn find(&self, hash: u64, value: &T) -> Option<u32> {
        self.table.find(hash, |&number| self.values[number as usize] == *value).copied()
    }

    /// Adds a value that is not there.
    fn push(&mut self, hash: u64, value: &T) -> u32 {
        let Self { table, values } = self;
        let number = values.len() as u32;
        values.push(value.clone());
        table.insert_unique(hash, number, |&number| hash_of(&values[number as usize]));
        number
    }
}

impl<T: Clone + Eq + Hash> Known<T> {
    pub const fn new() -> Self {
        Self(Numbered::new())
    }
}

impl<T: Clone + Eq + Hash> Values<T> {
    pub const fn new() -> Self {
        Self { inner: RwLock::new(Numbered::new()) }
    }

    /// The number of a value.
    pub fn number(&self, value: &T) -> u32 {
        self.number_of_new(hash_of(value), value)
    }

    fn number_of_new(&self, hash: u64, value: &T) -> u32 {
        let found = self.read().find(hash, value);
        found.unwrap_or_else(|| {
            let mut inner = self.inner.write().expect("nobody panics with it");
            inner.find(hash, value).unwrap_or_else(|| inner.push(hash, value))
        })
    }

    /// The value of a number.
    pub fn get(&self, number: u32) -> T {
        self.read().values[number as usize].clone()
    }

    /// The number of a value, of which this thread may know it.
    pub fn number_known(&self, known: &mut Known<T>, value: &T) -> u32 {
        let hash = hash_of(value);
        known.0.find(hash, value).unwrap_or_else(|| {
            let number = self.number_of_new(hash, value);
            self.learn(known, number);
            number
        })
    }

    /// The value of a number, of which this thread may know it.
    pub fn get_known(&self, known: &mut Known<T>, number: u32) -> T {
        if number as usize >= known.0.values.len() {
            self.learn(known, number);
        }
        known.0.values.get(number as usize).cloned().unwrap_or_else(|| self.get(number))
    }

    /// Makes a value known with all before it, if it is one of those that can be.
    #[cold]
    fn learn(&self, known: &mut Known<T>, number: u32) {
        let upto = number as usize + 1;
        if upto <= KNOWN {
            let first = known.0.values.len();
            let values = &self.read().values[first..upto.max(first)];
            values.iter().for_each(|value| _ = known.0.push(hash_of(value), value));
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Numbered<T>> {
        self.inner.read().expect("nobody panics with it")
    }

    /// Sees every value from a number on.
    pub fn each_from(&self, first: usize, mut see: impl FnMut(&T)) {
        self.read().values[first..].iter().for_each(&mut see);
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.read().values.len()
    }
}
