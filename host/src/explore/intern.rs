//! Parts of states, each kept once and known by a number.
//!
//! Most transitions change one part of a state and leave the others what they were, so a
//! state is a few numbers. Numbers depend on who came first; nothing that is printed does.

use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, RwLock};

/// Shards of a pool, so that threads rarely wait for each other.
const SHARDS: usize = 16;

/// A fixed hash: the same on every run.
pub(super) fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    foldhash::quality::FixedState::with_seed(0).hash_one(value)
}

/// Rows of bytes, each once.
#[derive(Debug)]
pub(super) struct Pool {
    shards: [Mutex<Shard>; SHARDS],
}

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

impl Pool {
    pub fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// The number of a row.
    ///
    /// # Panics
    /// 4 GiB of rows in one shard.
    pub fn number(&self, row: &[u8]) -> u32 {
        let hash = hash_of(row);
        let index = (hash >> 32) as usize % SHARDS;
        let mut shard = self.shards[index].lock().expect("nobody panics with it");
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
        let shard = self.shards[number as usize % SHARDS].lock().expect("nobody panics with it");
        into.clear();
        into.extend_from_slice(shard.row(number / SHARDS as u32));
    }

    /// Sees every row with its number, so that adding them in this order to an empty pool
    /// gives each the same number.
    pub fn each<E>(&self, mut see: impl FnMut(u32, &[u8]) -> Result<(), E>) -> Result<(), E> {
        for (index, shard) in self.shards.iter().enumerate() {
            let shard = shard.lock().expect("nobody panics with it");
            for local in 0..shard.ends.len() as u32 {
                see(local * SHARDS as u32 + index as u32, shard.row(local))?;
            }
        }
        Ok(())
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        let of = |shard: &Mutex<Shard>| {
            let shard = shard.lock().expect("nobody panics with it");
            let table = shard.table.capacity() * 8 / 7 * (size_of::<u32>() + 1);
            shard.bytes.capacity() + shard.ends.capacity() * size_of::<u32>() + table
        };
        self.shards.iter().map(of).sum::<usize>() as u64
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        let of = |shard: &Mutex<Shard>| shard.lock().expect("nobody panics with it").ends.len();
        self.shards.iter().map(of).sum::<usize>() as u64
    }
}

/// Values, each once, with dense numbers.
#[derive(Debug)]
pub(super) struct Values<T> {
    inner: RwLock<(HashTable<u32>, Vec<T>)>,
}

impl<T: Clone + Eq + Hash> Values<T> {
    pub const fn new() -> Self {
        Self { inner: RwLock::new((HashTable::new(), Vec::new())) }
    }

    /// The number of a value.
    pub fn number(&self, value: &T) -> u32 {
        let hash = hash_of(value);
        let find = |(table, values): &(HashTable<u32>, Vec<T>)| {
            table.find(hash, |&index| values[index as usize] == *value).copied()
        };
        if let Some(number) = find(&self.inner.read().expect("nobody panics with it")) {
            return number;
        }
        let mut inner = self.inner.write().expect("nobody panics with it");
        if let Some(number) = find(&inner) {
            return number;
        }
        let (table, values) = &mut *inner;
        let number = values.len() as u32;
        values.push(value.clone());
        table.insert_unique(hash, number, |&index| hash_of(&values[index as usize]));
        number
    }

    /// The value of a number.
    pub fn get(&self, number: u32) -> T {
        self.inner.read().expect("nobody panics with it").1[number as usize].clone()
    }

    /// Sees every value from a number on.
    pub fn each_from(&self, first: usize, mut see: impl FnMut(&T)) {
        self.inner.read().expect("nobody panics with it").1[first..].iter().for_each(&mut see);
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.inner.read().expect("nobody panics with it").1.len()
    }
}
