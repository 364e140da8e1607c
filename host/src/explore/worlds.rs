//! Worlds, each once and known by a number: rows of the numbers of their parts. Odd numbers
//! are those of worlds with swap IO under way, so that nobody has to ask for it in others.

use super::intern::{Finder, Pool};
use super::system::ERRORS;
use super::world::{PARTS, Shared, World, pack};
use crate::machine::Machine;

/// Worlds.
pub(super) struct Worlds {
    /// Rows of bytes, of each part.
    pub parts: [Pool; PARTS],
    /// Rows of numbers: of the parts, and of what else there is.
    pub rows: Pool,
}

/// A world that one thread has at hand, unpacked.
pub(super) struct Base {
    pub world: World,
    /// Its number; none: it is nothing's yet.
    pub is: Option<u32>,
    /// What else there is in its row.
    pub also: Option<u32>,
    numbers: [u32; PARTS],
    /// Room for a part, and for a row of numbers.
    bytes: Vec<u8>,
    row: Vec<u8>,
    /// Where rows are found: of each part, and of worlds.
    finders: [Finder; PARTS],
    finder: Finder,
}

impl Base {
    /// Room for worlds of this one's layout.
    pub fn new(world: World) -> Self {
        Self {
            world,
            is: None,
            also: None,
            numbers: [0; PARTS],
            bytes: Vec::new(),
            row: Vec::new(),
            finders: Default::default(),
            finder: Finder::default(),
        }
    }
}

impl Worlds {
    pub fn new() -> Self {
        Self { parts: std::array::from_fn(|_| Pool::new()), rows: Pool::new() }
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().chain([&self.rows]).map(Pool::bytes).sum()
    }

    /// Brings a world to hand: unpacks those of its parts that are not at hand already. Which
    /// parts of `same`, which are those of some machine, still are.
    pub fn look_up(&self, world: u32, base: &mut Base, same: &mut [bool; PARTS]) {
        if base.is == Some(world) {
            return;
        }
        let Base { world: unpacked, is, also, numbers, .. } = base;
        let row = self.rows.row(world >> 1);
        let mut all = row.as_chunks::<4>().0.iter().map(|&number| u32::from_le_bytes(number));
        for (part, pool) in self.parts.iter().enumerate() {
            let number = all.next().expect("one for each part");
            if is.is_none() || numbers[part] != number {
                numbers[part] = number;
                unpacked.unpack(part, pool.row(number));
                same[part] = false;
            }
        }
        *also = all.next();
        *is = Some(world);
    }

    /// The number of the world that a machine has come to, parts of which are known to be
    /// those of the base; and what else belongs to it.
    ///
    /// # Panics
    /// 2^31 worlds.
    pub fn number(
        &self,
        machine: &mut Machine,
        shared: &mut Shared,
        (base, known): (&mut Base, [bool; PARTS]),
        also: Option<u32>,
    ) -> u32 {
        let Base { numbers, bytes, row, finders, finder, .. } = base;
        row.clear();
        for part in 0..PARTS {
            let number = if known[part] {
                numbers[part]
            } else {
                pack(machine, shared, part, bytes);
                self.parts[part].number(&mut finders[part], bytes)
            };
            row.extend_from_slice(&number.to_le_bytes());
        }
        row.extend(also.iter().flat_map(|number| number.to_le_bytes()));
        let number = self.rows.number(finder, row);
        assert!(number < ERRORS >> 1, "too many worlds");
        number << 1 | u32::from(!machine.mem.swap_io.is_empty())
    }
}

/// Whether swap IO is under way in a world.
#[inline]
pub(super) const fn has_swap_io(world: u32) -> bool {
    world & 1 != 0
}
