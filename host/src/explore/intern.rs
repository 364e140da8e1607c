//! Parts of states, each kept once and known by a number.
//!
//! Most transitions change one part of a state and leave the others what they were, so a
//! state is a few numbers. Numbers depend on who came first; nothing that is printed does.

use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard};

/// Shards of a pool, so that threads rarely wait for each other.
const SHARDS: usize = 16;

/// A fixed hash: the same on every run.
pub(super) fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    foldhash::quality::FixedState::with_seed(0).hash_one(value)
}

/// Rows of bytes, each once.
#[derive(Debug)]
pub(super) struct Pool {
    shards: [Apart; SHARDS],
}

/// Nothing that another thread writes is in a line of the cache with it, or in the one that
/// processors bring along.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart(Mutex<Shard>);

#[derive(Debug, Default)]
struct Shard {
    table: HashTable<u32>,
    /// Rows one after the other.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Shard {
    fn row(&self, local: u32) -> &[u8] {
        let end = self.ends[local as usize] as usize;
        let start = local.checked_sub(1).map_or(0, |before| self.ends[before as usize] as usize);
        &self.bytes[start..end]
    }
}

impl Apart {
    #[inline]
    fn lock(&self) -> MutexGuard<'_, Shard> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl Pool {
    pub fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Apart::default()) }
    }

    /// The number of a row.
    ///
    /// # Panics
    /// 4 GiB of rows in one shard.
    pub fn number(&self, row: &[u8]) -> u32 {
        let hash = hash_of(row);
        let index = (hash >> 32) as usize % SHARDS;
        let mut shard = self.shards[index].lock();
        let Shard { table, bytes, ends } = &mut *shard;
        let start = |local: u32| local.checked_sub(1).map_or(0, |n| ends[n as usize] as usize);
        let same = |&local: &u32| &bytes[start(local)..ends[local as usize] as usize] == row;
        if let Some(&local) = table.find(hash, same) {
            return local * SHARDS as u32 + index as u32;
        }
        let local = ends.len() as u32;
        bytes.extend_from_slice(row);
        ends.push(u32::try_from(bytes.len()).expect("less than 4 GiB"));
        let shard = &mut *shard;
        let (bytes, ends) = (&shard.bytes, &shard.ends);
        let rehash = |&local: &u32| {
            let start = local.checked_sub(1).map_or(0, |n| ends[n as usize] as usize);
            hash_of(&bytes[start..ends[local as usize] as usize])
        };
        shard.table.insert_unique(hash, local, rehash);
        local * SHARDS as u32 + index as u32
    }

    /// The row of a number.
    pub fn row(&self, number: u32, into: &mut Vec<u8>) {
        let shard = self.shards[number as usize % SHARDS].lock();
        into.clear();
        into.extend_from_slice(shard.row(number / SHARDS as u32));
    }

    /// Sees every row with its number, so that adding them in this order to an empty pool
    /// gives each the same number.
    pub fn each<E>(&self, mut see: impl FnMut(u32, &[u8]) -> Result<(), E>) -> Result<(), E> {
        for (index, shard) in self.shards.iter().enumerate() {
            let shard = shard.lock();
            for local in 0..shard.ends.len() as u32 {
                see(local * SHARDS as u32 + index as u32, shard.row(local))?;
            }
        }
        Ok(())
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        let of = |shard: &Apart| {
            let shard = shard.lock();
            let table = shard.table.capacity() * 8 / 7 * (size_of::<u32>() + 1);
            shard.bytes.capacity() + shard.ends.capacity() * size_of::<u32>() + table
        };
        self.shards.iter().map(of).sum::<usize>() as u64
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lock().ends.len()).sum::<usize>() as u64
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
